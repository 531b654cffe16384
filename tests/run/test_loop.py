from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from ludus.core import rng
from ludus.core.protocols import Choice
from ludus.core.types import Event, Step
from ludus.run.loop import Opening, Turn, play
from tests.walk_world import MAX_TICKS, WalkWorld


class Wanderer:
    """Acts by chance keyed by the episode's seed and step."""

    def __init__(self, lanes: int) -> None:
        self.seeds, self.steps = np.zeros((2, lanes), np.int64)

    def begin(self, began: Sequence[tuple[int, Opening]]) -> None:
        for lane, opening in began:
            self.seeds[lane], self.steps[lane] = opening.seed, 0

    def act(self, step: Step, /) -> Choice:
        self.steps += 1
        return Choice(rng.integers(self.seeds, "wander", self.steps, high=3))


def openings(count: int, steps: int | None = None) -> list[Opening]:
    return [Opening(f"walk__{seed}__{seed}", seed, seed, steps) for seed in range(count)]


def told(turns: Sequence[Turn]) -> dict[str, list[object]]:
    """Give what each episode was, whatever its lane."""
    playing: dict[int, str] = {}
    found: dict[str, list[object]] = {}
    for turn in turns:
        for lane, opening in turn.began:
            playing[lane] = opening.id
            found[opening.id] = [turn.step.frames[lane].tolist()]
        for lane, name in playing.items():
            if turn.moved is not None and turn.choice is not None and turn.moved[lane]:
                step = turn.step
                shown = (step.frames[lane].tolist(), float(step.reward[lane]), bool(step.done[lane]))
                found[name].append((int(turn.choice.actions[lane]), *shown))
        for event in turn.events:
            found[playing[event.lane]].append((event.kind, event.episode, event.seq, event.run, event.instance))
        for lane in turn.ended:
            found[playing.pop(lane)].append("ended")
    assert not playing
    return found


@pytest.mark.parametrize("lanes", [2, 3, 7, 20])
def test_an_episode_is_the_same_whatever_runs_beside_it(lanes: int) -> None:
    alone = told(list(play(WalkWorld(1), Wanderer(1), openings(12), run="r", instance="i")))
    together = told(list(play(WalkWorld(lanes), Wanderer(lanes), openings(12), run="r", instance="i")))
    assert alone == together
    assert len(alone) == 12
    assert any(isinstance(part, tuple) and part[0] == "arrived" for parts in alone.values() for part in parts)


def test_every_episode_ends_once_and_a_lane_that_is_free_takes_the_next() -> None:
    turns = list(play(WalkWorld(3), Wanderer(3), openings(10)))
    began = [opening.id for turn in turns for _, opening in turn.began]
    assert began == [opening.id for opening in openings(10)]
    assert sum(len(turn.ended) for turn in turns) == 10
    taken = [(before, after) for before, after in pairwise(turns) if before.ended and after.began]
    assert len(taken) > 2
    for before, after in taken:
        lanes = [lane for lane, _ in after.began]
        assert lanes == list(before.ended)[: len(lanes)]


def test_events_are_stamped_for_their_episode() -> None:
    heard: list[Event] = [
        event for turn in play(WalkWorld(4), Wanderer(4), openings(20), run="r", instance="i") for event in turn.events
    ]
    assert heard
    for event in heard:
        assert (event.run, event.instance, event.seq) == ("r", "i", 0)
        assert event.episode.startswith("walk__")
        assert event.payload["ticks"] == event.tick


def test_frames_refuse_to_be_written_to() -> None:
    for turn in play(WalkWorld(2), Wanderer(2), openings(2)):
        with pytest.raises(ValueError, match="read-only"):
            turn.step.frames[0] = 0


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_an_episode_is_cut_after_its_steps(steps: int) -> None:
    turns = list(play(WalkWorld(2), Wanderer(2), openings(4, steps)))
    lengths = [
        sum(isinstance(part, tuple) and part[0] != "arrived" for part in parts) for parts in told(turns).values()
    ]
    assert max(lengths) == steps


def test_no_episodes_are_no_turns() -> None:
    assert list(play(WalkWorld(2), Wanderer(2), [])) == []


def test_more_lanes_than_episodes_stay_idle() -> None:
    turns = list(play(WalkWorld(5), Wanderer(5), openings(2)))
    assert all(turn.moved is None or not turn.moved[2:].any() for turn in turns)
    assert len(turns) <= 1 + MAX_TICKS


class BornDead(WalkWorld):
    """A World whose episodes of even seeds are over before they begin."""

    def reset(self, **more: Any) -> Step:
        step = super().reset(**more)
        self._truncated |= self._seed % 2 == 0
        return Step(step.frames, step.reward, step.terminated, self._truncated.copy(), step.tick)


def test_an_episode_that_is_over_at_its_reset_has_no_step() -> None:
    """Edge case of seed 002: an empty episode."""
    found = told(list(play(BornDead(2), Wanderer(2), openings(6))))
    assert [len(found[f"walk__{seed}__{seed}"]) == 2 for seed in range(6)] == [True, False] * 3
