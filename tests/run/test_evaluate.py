"""Evaluation batches: the same record for any lanes, workers and sessions. Seed 002: FR-004, FR-009, FR-012, FR-013."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ludus
from ludus.core import files
from ludus.core.errors import InputError
from ludus.core.types import Episode
from ludus.episodes import manifest
from ludus.episodes.steps import read_steps
from ludus.episodes.trace import unpack
from ludus.gameboy.library import shipped
from ludus.run.evaluate import Evaluation, evaluate
from tests.run.seats import seats

POTYARD: dict[str, Any] = {"episodes": 6, "max_steps": 40, "seed": 3}
GAMES = {
    "Dots-v0": {"game": "tests.gym_games:Dots-v0"},
    "DotsForces-v0": {"game": "tests.gym_games:DotsForces-v0"},
    "DotsParts-v0": {"game": "tests.gym_games:DotsParts-v0", "show": "vector"},
    "CartPole-v1": {"game": "CartPole-v1", "show": "vector"},
}


def lines(out: Path) -> list[dict[str, Any]]:
    told = files.read_jsonl(out / "episodes.jsonl")
    assert [problem for line in told for problem in manifest.problems(line)] == []
    return [manifest.untimed(line) for line in told]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one worker and one lane, with judges."""
    out = tmp_path_factory.mktemp("whole")
    evaluate("potyard", out=out, lanes=1, judges=seats(), **POTYARD)
    return out


def test_a_micro_batch_leaves_a_manifest_that_the_schema_takes(whole: Path) -> None:
    """Acceptance scenario 5 of seed 002."""
    told = lines(whole)
    assert [line["id"] for line in told] == [f"potyard__{3 + k}__{k}" for k in range(6)]
    assert all(line["video"]["reason"]["code"] == "disabled" for line in told)
    assert not (whole / "videos").exists()


@pytest.mark.parametrize("more", [{"lanes": 4}, {"lanes": 16}, {"lanes": 2, "workers": 2}], ids=str)
def test_the_manifest_is_the_same_for_any_lanes_and_workers(whole: Path, tmp_path: Path, more: dict[str, Any]) -> None:
    evaluate("potyard", out=tmp_path, judges=seats(), **POTYARD, **more)
    assert lines(tmp_path) == lines(whole)


def test_verdicts_and_films_are_in_the_manifest(whole: Path) -> None:
    told = lines(whole)
    named = [verdict["name"] for line in told for verdict in line["verdicts"]]
    assert {"third", "dark"} <= set(named)
    for line in told:
        for clip in line["clips"]:
            assert (clip["tag"], clip["path"], clip["skipped"]) == ("third", None, "disabled")
            assert 0 <= clip["start"] < clip["end"] <= line["steps"]
    assert any(line["clips"] for line in told)


@pytest.mark.parametrize("name", GAMES)
def test_games_of_every_kind_of_action_are_recorded_exactly(name: str, tmp_path: Path) -> None:
    runs = [tmp_path / lanes for lanes in "13"]
    for out in runs:
        evaluate(episodes=3, seed=5, max_steps=25, out=out, lanes=int(out.name), **GAMES[name])  # type: ignore[arg-type] # as told
    assert lines(runs[0]) == lines(runs[1])
    for episode in manifest.read(runs[0] / "episodes.jsonl"):
        trace = unpack((runs[0] / episode.files["trace"].path).read_bytes(), "trace")
        steps = read_steps((runs[0] / episode.files["steps"].path).read_bytes())
        assert steps.actions.tobytes() == trace.trace.actions[:, 0].tobytes()
        assert len(steps) == episode.steps == trace.steps > 0
    assert ludus.verify(runs[1]).faults == {}


def test_ale_is_recorded(tmp_path: Path) -> None:
    pytest.importorskip("ale_py", reason="ale-py is not installed: pip install 'ludus[games]'")
    found = evaluate("ALE/Breakout-v5", episodes=1, max_steps=12, out=tmp_path)
    assert found.episodes[0].steps == 12
    assert ludus.verify(tmp_path).faults == {}


def test_what_is_played_by_a_checkpoint_can_tell_its_values(tmp_path: Path) -> None:
    found = evaluate("potyard", policy="tests.run.policies:telling", episodes=2, max_steps=9, out=tmp_path)
    for episode in found.episodes:
        steps = read_steps((tmp_path / episode.files["steps"].path).read_bytes())
        assert steps.value is not None and steps.value.tolist() == list(range(9))
        assert steps.log_prob is not None and np.isclose(steps.log_prob, -0.5).all()


# Going on


def halted(count: int) -> Callable[[Episode], None]:
    """Give a reader that stops the run after so many episodes."""
    seen = []

    def read(episode: Episode) -> None:
        seen.append(episode)
        if len(seen) == count:
            raise KeyboardInterrupt

    return read


def played(out: Path, **more: Any) -> Evaluation:
    return evaluate("potyard", out=out, lanes=1, judges=seats(), **POTYARD, **more)


def test_a_halted_run_goes_on_and_is_the_same_in_the_end(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ludus.run.recording.GROUP_S", 0.0)
    with pytest.raises(KeyboardInterrupt):
        played(tmp_path, on_episode=halted(2))
    there = len(files.read_log(tmp_path / "episodes.jsonl"))
    assert 2 <= there < 6
    assert played(tmp_path).played == 6 - there
    assert lines(tmp_path) == lines(whole)
    assert played(tmp_path).played == 0


def test_a_longer_run_begins_with_the_shorter_one(whole: Path, tmp_path: Path) -> None:
    evaluate("potyard", out=tmp_path, lanes=2, judges=seats(), **(POTYARD | {"episodes": 2}))
    assert played(tmp_path).played == 4
    assert lines(tmp_path) == lines(whole)
    assert len(json.loads((tmp_path / "run.json").read_text())["sessions"]) == 2


@pytest.mark.parametrize("part", ["traces/potyard__4__1.json", "steps/potyard__4__1.parquet"])
@pytest.mark.parametrize("how", ["gone", "cut", "flipped"])
def test_a_damaged_episode_is_played_again(whole: Path, tmp_path: Path, part: str, how: str) -> None:
    played(tmp_path)
    path = tmp_path / part
    data = path.read_bytes()
    path.unlink()
    if how != "gone":
        path.write_bytes(data[:-1] if how == "cut" else data[:-1] + bytes([data[-1] ^ 1]))
    assert played(tmp_path, verify=how == "flipped").played == 1
    assert lines(tmp_path) == lines(whole)
    assert ludus.verify(tmp_path).faults == {}


def test_overwriting_plays_everything_again(whole: Path, tmp_path: Path) -> None:
    evaluate("potyard", out=tmp_path, episodes=2, max_steps=5)
    assert played(tmp_path, overwrite=True).played == 6
    assert lines(tmp_path) == lines(whole)
    assert ludus.verify(tmp_path).faults == {}


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"seed": 4}, "seed is 3 there and 4 here"),
        ({"policy": "scripted"}, "policy.name is 'random' there and 'scripted' here"),
        ({"max_steps": 41}, "game.max_steps is 40 there and 41 here"),
        ({"role": "scout"}, "game.role is None there and 'scout' here"),
        ({"judges": ()}, "judges.darkness is"),
        ({"resume": False}, "holds 6 episodes; say --resume to go on, or --overwrite"),
    ],
)
def test_a_folder_of_another_run_is_refused_with_the_difference(whole: Path, more: dict[str, Any], what: str) -> None:
    before = lines(whole)
    with pytest.raises(InputError, match=what):
        evaluate("potyard", out=whole, **({"judges": seats()} | POTYARD | more))
    assert lines(whole) == before


def test_a_card_whose_rewards_have_changed_is_another_run(tmp_path: Path) -> None:
    game = tmp_path / "potyard"
    shutil.copytree(shipped()["potyard"].parent, game, ignore=shutil.ignore_patterns("agents"))
    card = game / "card.toml"
    evaluate(card, out=tmp_path / "run", episodes=1, max_steps=2)
    card.write_text(card.read_text().replace("[reward]\n", "[reward]\nstep = -0.5\n", 1))
    with pytest.raises(InputError, match=r"world\.rules is '\w+' there and '\w+' here"):
        evaluate(card, out=tmp_path / "run", episodes=2, max_steps=2)


# What is refused, and what is told


@pytest.mark.parametrize("name", ["episodes", "lanes", "workers"])
def test_a_number_below_one_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{name} is 0, expected 1 or more"):
        evaluate("potyard", out=tmp_path, **{name: 0})  # type: ignore[arg-type] # one of its numbers


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """Edge case of seed 002: output paths that are not writable."""
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        evaluate("potyard", out=tmp_path / "file", episodes=1, max_steps=3)


def test_run_json_tells_what_was_asked_for_and_where(whole: Path) -> None:
    told = json.loads((whole / "run.json").read_text())
    assert told["run_id"] == lines(whole)[0]["run_id"]
    assert told["facts"]["game"]["max_steps"] == 40
    assert told["facts"]["world"]["rom_sha256"]
    assert told["action_names"] == ["NOOP", "A", "B", "START", "UP", "DOWN", "LEFT", "RIGHT"]
    (session,) = told["sessions"]
    assert {"started", "argv", "versions", "git", "platform", "episodes", "lanes", "workers"} <= session.keys()


def test_workers_refuse_what_they_cannot_be_sent(tmp_path: Path) -> None:
    class Local:
        def init(self, lanes: int) -> None:
            return None

        def act(self, frames: Any, carry: None) -> tuple[Any, None]:
            return np.zeros(len(frames), np.int64), None

    with pytest.raises(InputError, match="can be pickled"):
        evaluate("potyard", policy=Local(), workers=2, episodes=2, max_steps=3, out=tmp_path)


def test_what_a_worker_refuses_is_told_by_the_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no script for seed 16"):
        evaluate("potyard", policy="scripted", seed=15, episodes=2, max_steps=3, out=tmp_path / "one")


def test_importing_ludus_imports_neither_torch_nor_the_loops() -> None:
    import subprocess
    import sys

    code = "import ludus, sys; print([name for name in ('torch', 'numpy', 'ludus.run') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
    assert ludus.evaluate is evaluate
    with pytest.raises(AttributeError, match="no attribute 'evalute'"):
        getattr(ludus, "evalu" + "te")
