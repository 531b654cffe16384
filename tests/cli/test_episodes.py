from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import ludus
from ludus import cli
from ludus.core import files
from ludus.episodes import manifest
from ludus.run.evaluate import Evaluation
from tests.run.seats import seats


def evaluate(out: Path) -> Evaluation:
    more: dict[str, Any] = {"video_enabled": True, "video_renderer": "sim-view"}
    return ludus.evaluate("potyard", episodes=3, max_steps=60, out=out, judges=seats(), **more)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    evaluate(out)
    return out


def ids(text: str) -> list[str]:
    return [word for line in text.splitlines() for word in line.split()[:1] if word.startswith("potyard__")]


def test_a_list_has_a_row_for_every_episode(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["episodes", "list", str(run)]) == 0
    text = capsys.readouterr().out
    assert ids(text) == [f"potyard__{k}__{k}" for k in range(3)]
    assert "third" in text and "truncated" in text and "ok" in text


@pytest.mark.parametrize(("sort", "field"), [("return", "return"), ("steps", "steps"), ("index", "episode_idx")])
def test_a_list_is_sorted_and_cut(run: Path, capsys: pytest.CaptureFixture[str], sort: str, field: str) -> None:
    assert cli.main(["episodes", "list", str(run), "--sort", sort, "--reverse", "--limit", "2", "--json"]) == 0
    found = [json.loads(line)[field] for line in capsys.readouterr().out.splitlines()]
    everything = [line[field] for line in files.read_jsonl(run / "episodes.jsonl")]
    assert found == sorted(everything, reverse=True)[:2]


@pytest.mark.parametrize("name", ["potyard__1__1", "1"])
def test_one_episode_is_shown_whole(run: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert cli.main(["episodes", "show", str(run), name]) == 0
    text = capsys.readouterr().out.replace("\n", "")
    for word in (
        "random",
        "third, thirds: {",
        "videos/potyard__1__1.mp4",
        "clip of third",
        "clips/potyard__1__1__f",
        "60 steps",
    ):
        assert word in text
    assert cli.main(["episodes", "show", str(run), name, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == files.read_jsonl(run / "episodes.jsonl")[1]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["show", "RUN", "potyard__9"], "there is no episode 'potyard__9'; did you mean"),
        (["list", "nowhere"], "no episodes are there"),
        (["compact", "nowhere"], "no run is there"),
        (["compact", "RUN", "--crf", "99"], "expected 0 to 51"),
    ],
)
def test_what_is_not_there_is_exit_2(
    run: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], what: str
) -> None:
    assert cli.main(["episodes", *[str(run) if word == "RUN" else word for word in arguments]]) == 2
    assert what in capsys.readouterr().err.replace("\n", " ")


def test_compact_films_are_smaller_and_nearly_the_same(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    av = pytest.importorskip("av", reason="PyAV is not installed: pip install 'ludus[video]'")
    out = Path(shutil.copytree(run, tmp_path / "run"))

    def pictures(folder: Path, path: str) -> list[Any]:
        with av.open(str(folder / path)) as film:
            return [frame.to_ndarray(format="gray").astype(int) for frame in film.decode(video=0)]

    assert cli.main(["episodes", "compact", str(out)]) == 0
    assert "3 films made smaller, 0 left" in capsys.readouterr().out
    for before, after in zip(manifest.read(run / "episodes.jsonl"), manifest.read(out / "episodes.jsonl"), strict=True):
        assert manifest.problems(manifest.to_json(after)) == []
        assert after.video["notes"].startswith("compact: x264 crf 20")
        assert after.video["filesize_bytes"] < before.video["filesize_bytes"] / 2
        assert after.video["frames"] == before.video["frames"] == after.steps
        for ours, theirs in zip(pictures(run, before.video["path"]), pictures(out, after.video["path"]), strict=True):
            assert abs(ours - theirs).mean() < 6
    assert ludus.verify(out).faults == {}
    assert cli.main(["episodes", "compact", str(out)]) == 0
    assert "0 films made smaller, 3 left" in capsys.readouterr().out


def test_a_compact_film_that_is_deleted_is_made_anew_exactly(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="PyAV is not installed: pip install 'ludus[video]'")
    out = Path(shutil.copytree(run, tmp_path / "run"))
    assert cli.main(["episodes", "compact", str(out)]) == 0
    film = out / "videos" / "potyard__1__1.mp4"
    film.unlink()
    assert evaluate(out).filmed == 1
    assert film.read_bytes() == (run / "videos" / "potyard__1__1.mp4").read_bytes()


def test_a_run_is_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("minari")
    assert cli.main(["eval", "potyard", "--episodes", "1", "--max-steps", "3", "--out", str(tmp_path / "run")]) == 0
    assert cli.main(["episodes", "export", str(tmp_path / "run"), str(tmp_path / "set"), "--to", "minari"]) == 0
    assert capsys.readouterr().out.endswith(f"{tmp_path / 'set'}: 3 steps, for minari\n")
    assert cli.main(["episodes", "export", str(tmp_path / "run"), str(tmp_path / "set"), "--to", "minari"]) == 2
    assert "is there already" in capsys.readouterr().err
