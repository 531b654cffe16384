"""The gate of a goal, on Pot Yard's own: who passes, who does not, and what a failure leaves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ludus.core.errors import InputError
from ludus.gameboy import GameBoyWorld
from ludus.gameboy.lane import LaneSettings
from ludus.gameboy.library import open_game
from ludus.gameboy.trace import load_actions, save_actions
from ludus.goals.artefact import META, TRACE, load_goal
from ludus.goals.match import distance, to_tensor
from ludus.run.goal import CODEC, _open, read_trace, replay
from ludus.run.goal_gate import Gate, replay_rows, try_gate, write_receipt
from tests.goals.record import GOALS
from tests.potyard.memory import FOLDER

NAMES = ("desert", "crypt")
STAGE = GOALS / NAMES[0]
ROM = FOLDER / "potyard.gb"
UP, DOWN = 3, 4


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The goal of the desert and its ROM, to be spoilt."""
    shutil.copytree(STAGE, tmp_path / "potyard" / "goals" / STAGE.name)
    shutil.copy(ROM, tmp_path / "potyard" / "potyard.gb")
    return tmp_path / "potyard" / "goals" / STAGE.name


def wrong_route(folder: Path, steps: int = 20) -> Path:
    """A trace that walks up and down instead."""
    path = folder / "wrong.jsonl"
    save_actions(path, [[UP], [DOWN]] * (steps // 2), codec=CODEC)
    return path


# Who passes


@pytest.mark.parametrize("name", NAMES)
def test_the_gate_lets_a_shipped_trace_pass_alike_each_time(name: str) -> None:
    gate = try_gate(load_goal(GOALS / name), repeat=20)
    assert gate.failure is None
    assert len(gate.replays) == 20
    assert len({(one.frames_digest, one.dist_digest) for one in gate.replays}) == 1
    assert gate.replays[0].reached is not None


def test_distances_are_those_of_the_frames(copy: Path) -> None:
    goal = load_goal(copy)
    rows = read_trace(goal)
    seen = replay(goal, rows)
    world = GameBoyWorld(ROM, 1, codec=CODEC, starts=[goal.start_state], view="half")
    frames = [world.reset(seeds=0).frames, *(world.step(row).frames for row in rows)]
    expected = distance(to_tensor(np.concatenate(frames)), to_tensor(goal.templates))
    np.testing.assert_array_equal(seen.dist[:, 0], expected.numpy())
    np.testing.assert_array_equal(seen.last, np.stack(frames[-16:]))
    assert seen.tick.tolist() == [24 * step for step in range(len(rows) + 1)]


@pytest.mark.parametrize("lanes", [1, 3])
def test_any_lane_that_gets_there_passes(lanes: int, tmp_path: Path) -> None:
    rows = load_actions(STAGE / TRACE, codec=CODEC)
    wrong = np.repeat(np.array([[UP], [DOWN]]), [1, len(rows) - 1], axis=0)
    save_actions(tmp_path / "wide.jsonl", np.concatenate([*[wrong] * (lanes - 1), rows], axis=1), codec=CODEC)
    gate = try_gate(load_goal(STAGE), actions=tmp_path / "wide.jsonl")
    assert gate.failure is None
    assert gate.replays[0].reached == (42, lanes - 1)


def test_a_wrong_route_fails_with_what_it_came_near_to(tmp_path: Path) -> None:
    gate = try_gate(load_goal(STAGE), actions=wrong_route(tmp_path))
    step, lane = gate.replays[0].nearest
    assert gate.failure is not None
    assert f"not done within 20 steps: nearest at step {step} in lane {lane}" in gate.failure


def test_a_start_that_shows_the_goal_already_fails(copy: Path) -> None:
    told = json.loads((copy / META).read_text())
    (copy / META).write_text(json.dumps(told | {"tau": 0.5}))
    failure = try_gate(load_goal(copy)).failure
    assert failure is not None and "the first frame, at 0.4308, is the goal already, for tau is 0.5" in failure


def test_replays_that_differ_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    goal = load_goal(STAGE)
    other = load_actions(STAGE / TRACE, codec=CODEC)
    other[0] = DOWN
    plays = iter([read_trace(goal), other])
    monkeypatch.setattr("ludus.run.goal_gate.replay", lambda goal, _, device: replay(goal, next(plays), device=device))
    assert try_gate(goal, repeat=2).failure == "2 replays are not alike: their frames_digests differ."


def test_repeat_is_at_least_one() -> None:
    with pytest.raises(InputError, match="repeat is 0"):
        try_gate(load_goal(STAGE), repeat=0)


def test_a_gpu_that_is_not_there_is_an_error() -> None:
    if torch.cuda.is_available():
        gates = [try_gate(load_goal(STAGE), device=device).replays[0] for device in ("cpu", "cuda")]
        assert gates[0].dist_digest == gates[1].dist_digest
    else:
        with pytest.raises(InputError, match="no GPU here"):
            try_gate(load_goal(STAGE), device="cuda")


# Logs and receipts


def test_a_log_tells_every_step_of_every_replay() -> None:
    gate = try_gate(load_goal(STAGE), repeat=2)
    rows = list(replay_rows(gate))
    assert len(rows) == 2 * 44
    assert rows[0].keys() == {"goal", "step", "tick", "actions", "dist", "consec", "done", "done_any", "repeat"}
    assert (rows[0]["step"], rows[0]["actions"], rows[0]["tick"]) == (0, None, 0)
    assert (rows[42]["consec"], rows[42]["done"], rows[42]["done_any"]) == ([2], [True], True)
    assert rows[42]["actions"] == [1]
    assert [row["repeat"] for row in rows] == [0] * 44 + [1] * 44


def failed(tmp_path: Path) -> tuple[Gate, Path]:
    gate = try_gate(load_goal(STAGE), actions=wrong_route(tmp_path))
    return gate, write_receipt(gate, tmp_path / "receipts")


def test_a_receipt_holds_all_that_is_needed_to_look_into_a_failure(tmp_path: Path) -> None:
    gate, path = failed(tmp_path)
    seen = gate.replays[0]
    told = json.loads((path / "receipt.json").read_text())
    assert told["failure"] == gate.failure
    assert told["trace_id"] == seen.frames_digest
    assert told["nearest"]["dist"] == float(seen.dist[1:].min())
    assert json.loads((path / "dist_curve.json").read_text()) == seen.dist[1:].tolist()
    assert (path / META).read_bytes() == (STAGE / META).read_bytes()
    np.testing.assert_array_equal(load_actions(path / TRACE, codec=CODEC), gate.rows)
    last = np.load(path / "last_frames.npy")
    assert last.shape == (16, 1, 72, 80)
    np.testing.assert_array_equal(last, seen.last)
    with Image.open(path / "last_frames.png") as strip:
        assert strip.size == (2 * (16 * 81 - 1), 2 * 72)
    assert (path / "reproduce.sh").read_text() == told["command"] + "\n"


def test_the_same_failure_leaves_the_same_receipt(tmp_path: Path) -> None:
    gate, path = failed(tmp_path)
    before = {file.name: file.read_bytes() for file in path.iterdir()}
    assert write_receipt(gate, tmp_path / "receipts") == path
    assert {file.name: file.read_bytes() for file in path.iterdir()} == before
    assert len(list((tmp_path / "receipts").iterdir())) == 1


def test_the_gate_reads_no_memory_of_the_game() -> None:
    """The World of a replay has no card: no watches, events or rewards."""
    world = _open(open_game(ROM)[1], 1, LaneSettings("half", CODEC, 24, 8), [STAGE / "start.state"])
    assert world.values.shape == (1, 0)
