from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ludus.core.types import Actions, Event
from ludus.episodes.steps import Steps, pack_events, pack_steps, read_steps

ACTIONS: list[Actions] = [
    np.array([3, 0, 2]),
    np.array([[1, 0], [0, 1], [-1, 1]], np.int8),
    np.array([[[0.1, -0.0]], [[1e-30, 1]], [[0, 1]]], np.float32),
]


def steps(actions: Actions, **more: object) -> Steps:
    reward = np.array([0, 0.5, -1], np.float32)
    return Steps(actions, reward, np.array([24, 48, 72]), terminated=True, truncated=False, **more)  # type: ignore[arg-type] # as given


@pytest.mark.parametrize("actions", ACTIONS, ids=["numbers", "parts", "forces"])
def test_steps_come_back(actions: Actions) -> None:
    told = steps(actions, value=np.array([1, 2, 3], np.float32))
    back = read_steps(pack_steps(told))
    for name in ("actions", "reward", "tick", "value"):
        ours, theirs = getattr(told, name), getattr(back, name)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    assert (back.terminated, back.truncated, back.log_prob) == (True, False, None)


def test_the_columns_say_what_happened_at_each_step() -> None:
    table = pq.read_table(pa.BufferReader(pack_steps(steps(ACTIONS[0]))))
    assert table.column_names == ["action", "reward", "terminated", "truncated", "tick"]
    assert table["terminated"].to_pylist() == [False, False, True]
    assert table["truncated"].to_pylist() == [False] * 3


def test_an_episode_without_steps_is_a_file_without_rows() -> None:
    empty = Steps(np.zeros((0, 2), np.int8), np.zeros(0, np.float32), np.zeros(0, np.int64), False, True)
    back = read_steps(pack_steps(empty))
    assert len(back) == 0
    assert back.actions.shape == (0, 2)


def test_events_are_json_lines_as_they_travel() -> None:
    event = Event("arrived", {"ticks": 3}, "run", "walk__7__0", "row", lane=5, tick=9, seq=4, instance="random")
    (line,) = pack_events([event]).splitlines()
    assert json.loads(line) == {
        "event_id": "run/walk__7__0/4",
        "seq": 4,
        "event_type": "arrived",
        "tick": 9,
        "run_id": "run",
        "episode_id": "walk__7__0",
        "stage_id": "row",
        "instance_id": "random",
        "payload": {"ticks": 3},
    }
