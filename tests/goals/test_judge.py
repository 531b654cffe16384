"""Goals as a Judge: the same verdicts however its stream is cut, saved and taken up again."""

from __future__ import annotations

import pickle

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ludus.core.errors import InputError
from ludus.core.protocols import Judge
from ludus.core.types import Verdict
from ludus.gameboy.machine import pack
from ludus.goals.judge import GoalJudge, Memory
from ludus.run.judging import Bench, Seat
from tests.goals.folders import make

GOAL = np.full((72, 80), 3, np.uint8)


def screen(*hits: bool) -> npt.NDArray[np.uint8]:
    """The goal in the lanes that hit, white in the others."""
    return np.stack([GOAL * np.uint8(hit) for hit in hits])


def judge(k: int = 2) -> GoalJudge:
    return GoalJudge("door", GOAL, tau=0.05, k_consecutive=k)


def play(one: GoalJudge, memory: Memory, stream: list[tuple[bool, ...]]) -> tuple[Memory, list[tuple[Verdict, ...]]]:
    found = []
    for hits in stream:
        memory, verdicts = one.update(memory, screen(*hits))
        found.append(verdicts)
    return memory, found


def test_it_is_a_judge() -> None:
    assert isinstance(judge(), Judge)


def test_a_verdict_says_which_lane_and_why() -> None:
    one = judge()
    memory, found = play(one, one.init(2), [(False, True), (False, True)])
    assert found == [
        (),
        (Verdict("door", "", "", "", 1, 0, {"distance": 0.0, "tau": 0.05, "consec": 2}),),
    ]
    assert memory.consec.tolist() == [0, 2]
    assert memory.reached.tolist() == [False, True]


def test_a_verdict_comes_once_though_the_goal_is_left_and_reached_again() -> None:
    one = judge(k=1)
    _, found = play(one, one.init(1), [(True,), (True,), (False,), (True,)])
    assert [len(verdicts) for verdicts in found] == [1, 0, 0, 0]


streams = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12)


@given(streams, st.integers(0, 12), st.integers(1, 3))
def test_a_stream_may_be_cut_anywhere_and_its_memory_saved(stream: list[tuple[bool, ...]], cut: int, k: int) -> None:
    one = judge(k)
    _, straight = play(one, one.init(2), stream)
    memory, head = play(one, one.init(2), stream[:cut])
    _, tail = play(pickle.loads(pickle.dumps(one)), pickle.loads(pickle.dumps(memory)), stream[cut:])
    assert head + tail == straight


@given(streams, st.integers(1, 3))
def test_memory_that_was_given_stays_as_it_is(stream: list[tuple[bool, ...]], k: int) -> None:
    one = judge(k)
    memory, _ = play(one, one.init(2), stream)
    kept = memory.consec.clone(), memory.reached.clone()
    one.update(memory, screen(True, True))
    assert torch.equal(memory.consec, kept[0]) and torch.equal(memory.reached, kept[1])


def test_sealed_packed_and_stacked_frames_are_taken() -> None:
    one = judge(k=1)
    seen = screen(True, False)
    seen.flags.writeable = False
    for frames in (seen, pack(seen), np.stack([screen(False, True), seen], axis=1), torch.tensor(seen)):
        assert [verdict.lane for verdict in one.update(one.init(2), frames)[1]] == [0]


def test_values_are_looked_at_unless_told_not_to() -> None:
    frames = screen(True) + np.uint8(1)
    with pytest.raises(InputError, match="frames hold 4"):
        judge().update(judge().init(1), frames)
    blind = GoalJudge("door", GOAL, tau=0.05, k_consecutive=1, values=False)
    assert blind.update(blind.init(1), frames)[1] == ()


@pytest.mark.parametrize(("tau", "k", "goal"), [(0, 1, GOAL), (0.1, 0, GOAL), (0.1, 1, GOAL + 1), (0.1, 1, GOAL[1:])])
def test_a_goal_that_makes_no_sense_is_an_error(tau: float, k: int, goal: npt.NDArray[np.uint8]) -> None:
    with pytest.raises(InputError):
        GoalJudge("door", goal, tau=tau, k_consecutive=k)


def test_a_goal_that_was_loaded_has_a_judge(tmp_path: pytest.TempPathFactory) -> None:
    goal = make(tmp_path)  # type: ignore[arg-type]
    one = GoalJudge.of(goal)
    assert (one.name, one.tau, one.k_consecutive) == ("goal", 0.05, 2)
    memory, _ = one.update(one.init(1), goal.templates)
    assert [verdict.name for verdict in one.update(memory, goal.templates)[1]] == ["goal"]


def test_it_has_a_seat_in_the_loop() -> None:
    seat = pickle.loads(pickle.dumps(Seat("goal:door", judge(), "frames")))
    assert isinstance(Bench([seat], 2, "run"), Bench)
