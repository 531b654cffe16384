"""The conformance suite has to fail on a World that breaks a promise: each of these breaks one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from _pytest.outcomes import Failed

from ludus.core.errors import LudusError
from ludus.core.types import Event, Step
from tests.walk_world import WalkWorld
from tests.world_conformance import WorldConformance


class SharedRandomness(WalkWorld):
    """A lane's play depends on its neighbours."""

    def reset(self, *, seeds: int | Sequence[int] | None = None, mask: npt.ArrayLike | None = None) -> Step:
        super().reset(seeds=seeds, mask=mask)
        self._place = (self._place + self.lanes) % 7
        return self._show(np.zeros(self.lanes, np.float32))


class ReusedBuffer(WalkWorld):
    """Every step is shown in the same array."""

    def _show(self, reward: npt.NDArray[np.float32]) -> Step:
        step = super()._show(reward)
        if not hasattr(self, "buffer"):
            self.buffer = np.empty_like(step.frames)
        self.buffer[:] = step.frames
        return Step(self.buffer, step.reward, step.terminated, step.truncated, step.tick)


class SelfResetting(WalkWorld):
    """An ended episode's last frame is lost."""

    def step(self, actions: npt.ArrayLike, *, mask: npt.ArrayLike | None = None) -> Step:
        step = super().step(actions, mask=mask)
        shown = self.reset(mask=step.done)
        return Step(shown.frames, step.reward, step.terminated, step.truncated, step.tick)


class ForgetfulSave(WalkWorld):
    """The saved state lacks the episode."""

    def load(self, lane: int, state: bytes) -> None:
        episode = self._episode[lane]
        super().load(lane, state)
        self._episode[lane] = episode


class DeafMask(WalkWorld):
    """A masked reset touches every lane."""

    def reset(self, *, seeds: int | Sequence[int] | None = None, mask: npt.ArrayLike | None = None) -> Step:
        return super().reset(seeds=seeds, mask=None if np.any(mask or False) else mask)


class RepeatedEvents(WalkWorld):
    """Events are told again and again."""

    def events(self) -> tuple[Event, ...]:
        return tuple(self._events)


class Immortal(WalkWorld):
    """A closed World plays on."""

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (SharedRandomness, "test_a_batch_equals_its_lanes_played_alone"),
        (ReusedBuffer, "test_what_was_shown_is_never_overwritten"),
        (SelfResetting, "test_the_last_frame_of_an_episode_stays_until_the_reset"),
        (SelfResetting, "test_an_ended_lane_refuses_a_step_until_it_is_reset"),
        (ForgetfulSave, "test_saving_and_loading_at_any_step_changes_nothing"),
        (DeafMask, "test_a_masked_reset_touches_only_its_lanes"),
        (RepeatedEvents, "test_events_are_drained_and_bear_their_lane_and_tick"),
        (Immortal, "test_a_closed_world_refuses_everything_but_close"),
    ],
)
def test_a_world_that_breaks_a_promise_fails_its_test(broken: type[WalkWorld], test: str) -> None:
    class Suite(WorldConformance):
        def make(self, lanes: int, threads: int = 1) -> WalkWorld:
            return broken(lanes)

    with pytest.raises((AssertionError, Failed, LudusError)):
        getattr(Suite(), test)()
