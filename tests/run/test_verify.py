"""`verify` plays everything again: what was tampered with is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ludus
from ludus.core import digest, files
from ludus.core.errors import InputError

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole")
    ludus.evaluate("potyard", episodes=4, max_steps=30, out=out)
    return out


@pytest.fixture
def out(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def change_line(out: Path, number: int, change: Change) -> None:
    lines = files.read_jsonl(out / "episodes.jsonl")
    change(lines[number])
    files.write_jsonl(out / "episodes.jsonl", lines)


def rewrite(out: Path, part: str, change: Change) -> None:
    """Change the first episode's trace so that no digest of a file tells it."""
    line = files.read_jsonl(out / "episodes.jsonl")[0]
    path = out / line["files"][part]["path"]
    body = json.loads(path.read_text())
    change(body)
    path.write_text(json.dumps(body))
    told = {"filesize_bytes": path.stat().st_size, "sha256": digest.of_file(path)}
    change_line(out, 0, lambda line: line["files"][part].update(told))


def test_an_untouched_run_has_no_faults(out: Path) -> None:
    found = ludus.verify(out, lanes=3)
    assert (found.episodes, found.faults, found.notes) == (4, {}, ())
    assert found.steps == 4 * 30


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("return", 99.0, "return is 99.0, played again"),
        ("steps", 29, "steps is 29, played again 30"),
        ("ticks", 1, "ticks is 1, played again 720"),
        ("terminated", True, "terminated is True, played again False"),
        ("digest", "0" * 32, "the trace's digest is"),
        ("surprise", 1, "'surprise' was unexpected"),
    ],
)
def test_a_changed_line_is_named(out: Path, field: str, value: Any, what: str) -> None:
    change_line(out, 2, lambda line: line.update({field: value}))
    found = ludus.verify(out)
    assert list(found.faults) == ["potyard__2__2"]
    assert what in "\n".join(found.faults["potyard__2__2"])


def test_a_line_that_is_none_is_named_by_its_number(out: Path) -> None:
    change_line(out, 1, lambda line: line.pop("policy"))
    assert ludus.verify(out).faults == {"line 2": ("$: 'policy' is a required property",)}


@pytest.mark.parametrize("how", ["gone", "cut", "flipped"])
@pytest.mark.parametrize("part", ["trace", "steps", "events"])
def test_a_damaged_file_is_named(out: Path, part: str, how: str) -> None:
    line = next(line for line in files.read_jsonl(out / "episodes.jsonl") if part in line["files"])
    path = out / line["files"][part]["path"]
    data = path.read_bytes()
    path.unlink()
    if how != "gone":
        path.write_bytes(data[:-1] if how == "cut" else data[:-1] + bytes([data[-1] ^ 1]))
    found = ludus.verify(out).faults
    assert list(found) == [line["id"]]
    assert path.name in found[line["id"]][0]


def _other_action(body: dict[str, Any]) -> None:
    body["actions"] = [(action + 1) % 8 for action in body["actions"]]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (_other_action, "digest is"),
        (lambda body: body.update(start=77), "digest is"),
        (lambda body: body.update(start="a state"), "the trace's start is 'str', 'int' here"),
        (lambda body: body.update(dtype="int8"), "the trace's dtype is 'int8'"),
        (lambda body: (body["actions"].pop(), body.update(shape=[29])), "steps is 30, played again 29"),
        (lambda body: body.update(digest="0" * 32), "the manifest's"),
        (lambda body: body.update(codec="full_v0"), "the trace's codec is 'full_v0', 'pokemonred_puffer_v1' here"),
        (lambda body: body.update(shape=[31]), "do not fit"),
        (lambda body: body.update(actions=[99] * 30), "actions beyond 0 to 7"),
    ],
)
def test_a_forged_trace_is_caught_by_playing_it(out: Path, change: Change, what: str) -> None:
    rewrite(out, "trace", change)
    found = ludus.verify(out).faults
    assert list(found) == ["potyard__0__0"]
    assert what in "\n".join(found["potyard__0__0"])


def test_forged_events_are_caught_by_playing(out: Path) -> None:
    line = next(line for line in files.read_jsonl(out / "episodes.jsonl") if "events" in line["files"])
    path = out / line["files"]["events"]["path"]
    path.write_text(path.read_text() + path.read_text().splitlines()[0] + "\n")
    told = {"filesize_bytes": path.stat().st_size, "sha256": digest.of_file(path)}
    change_line(out, line["episode_idx"], lambda line: line["files"]["events"].update(told))
    (fault,) = ludus.verify(out).faults[line["id"]]
    assert fault.startswith("sha256 of events is")


def test_other_versions_are_told_where_something_is_wrong(out: Path) -> None:
    told = json.loads((out / "run.json").read_text())
    told["sessions"][-1]["versions"]["numpy"] = "0.1"
    (out / "run.json").write_text(json.dumps(told))
    assert ludus.verify(out).notes == ()
    change_line(out, 0, lambda line: line.update({"return": 9.0}))
    assert any("recorded with numpy 0.1" in note for note in ludus.verify(out).notes)


@pytest.mark.parametrize("missing", ["run.json", "episodes.jsonl", None])
def test_a_folder_without_a_run_is_refused(out: Path, missing: str | None) -> None:
    for name in [missing] if missing else ["run.json", "episodes.jsonl"]:
        (out / name).unlink()
    with pytest.raises(InputError, match="no run with episodes is there"):
        ludus.verify(out)


def test_a_run_of_an_unknown_game_is_refused(out: Path) -> None:
    told = json.loads((out / "run.json").read_text())
    told["facts"]["game"]["game"] = "potyrad"
    (out / "run.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match="did you mean 'potyard'"):
        ludus.verify(out)
    del told["facts"]["game"]
    (out / "run.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match=r"run\.json tells no game"):
        ludus.verify(out)
