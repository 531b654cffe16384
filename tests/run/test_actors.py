from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from ludus.core.protocols import Choice
from ludus.core.types import Step
from ludus.run.actors import PolicyActor, put_rows
from ludus.run.loop import Opening
from tests.walk_world import WalkWorld

SPEC = WalkWorld(1).spec


class Pair(NamedTuple):
    one: Any
    other: Any


@dataclass(frozen=True)
class Carry:
    rows: npt.NDArray[np.int64]
    calls: int


def test_rows_of_a_carry_are_replaced_wherever_they_lie() -> None:
    def carry(value: int, lanes: int) -> dict[str, Any]:
        rows = np.full((lanes, 2), value)
        return {"tuple": (rows, Pair(rows, [rows])), "own": Carry(rows, value), "none": None, "word": "kept"}

    before = carry(1, 3)
    after = put_rows(before, [0, 2], carry(9, 2))
    expected = [[9, 9], [1, 1], [9, 9]]
    assert (
        after["tuple"][0].tolist() == after["tuple"][1].one.tolist() == after["tuple"][1].other[0].tolist() == expected
    )
    assert after["own"].rows.tolist() == expected
    assert (after["own"].calls, after["none"], after["word"]) == (1, None, "kept")
    assert before["own"].rows.tolist() == [[1, 1]] * 3


def test_rows_of_tensors_are_replaced_too() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'ludus[learn]'")
    before = torch.zeros(3, 2)
    assert put_rows(before, [1], torch.ones(1, 2)).tolist() == [[0, 0], [1, 1], [0, 0]]
    assert not before.any()


class Remembering:
    """Gives back what it saw, and how many calls ago its episode began; it tells values."""

    stack = 3

    def __init__(self) -> None:
        self.seen: list[npt.NDArray[Any]] = []

    def init(self, lanes: int) -> npt.NDArray[np.int64]:
        return np.zeros(lanes, np.int64)

    def act(self, frames: npt.NDArray[Any], carry: npt.NDArray[np.int64]) -> tuple[Any, npt.NDArray[np.int64]]:
        choice, carry = self.choose(frames, carry)
        return choice.actions, carry

    def choose(self, frames: npt.NDArray[Any], carry: npt.NDArray[np.int64]) -> tuple[Choice, npt.NDArray[np.int64]]:
        self.seen.append(frames)
        return Choice(np.minimum(carry, 2), value=carry.astype(np.float32)), carry + 1


def shown(value: int) -> Step:
    none = np.zeros(2, np.bool_)
    return Step(np.full((2, 2, 8), value, np.uint8), np.zeros(2, np.float32), none, none, np.zeros(2, np.int64))


def test_a_policy_sees_the_last_frames_of_its_episode_and_carries_on() -> None:
    policy = Remembering()
    actor = PolicyActor(policy, SPEC, 2)
    actor.begin([(0, Opening("a", 0, 0)), (1, Opening("b", 1, 1))])
    told = [actor.act(shown(value)) for value in (1, 2)]
    actor.begin([(1, Opening("c", 2, 2))])
    told.append(actor.act(shown(3)))
    assert [frames[0, :, 0, 0].tolist() for frames in policy.seen] == [[1, 1, 1], [1, 1, 2], [1, 2, 3]]
    assert [frames[1, :, 0, 0].tolist() for frames in policy.seen] == [[1, 1, 1], [1, 1, 2], [3, 3, 3]]
    assert [choice.actions.tolist() for choice in told] == [[0, 0], [1, 1], [2, 0]]
    assert [choice.value.tolist() for choice in told if choice.value is not None] == [[0, 0], [1, 1], [2, 0]]
