"""The time that video takes: counted while it is taken, and judged after every episode."""

from __future__ import annotations

import logging
import time

from ludus.episodes.video.record import Code, Reason, VideoError

log = logging.getLogger(__name__)

WEIGHT = 0.3
"""Of the newest episode in the running mean."""
FRAMES_MIN = 200
"""Frames that must have been filmed before anything is judged: the first ones find everything cold."""


class Governor:
    """Compares the time that films take with all other time, warns over the budget, and refuses over the limit.

    No episode that has begun is touched, and no frame is dropped: a film that is slow makes the play wait.
    """

    def __init__(self, budget: float, stop_over: float) -> None:
        self.budget, self.stop_over = budget, stop_over
        self.mean: float | None = None
        self._spent_s = 0.0
        self._frames = 0
        self._warned = False

    def moment(self) -> tuple[float, float]:
        """Give what `measure` needs to know of the beginning of an episode."""
        return time.perf_counter(), self._spent_s

    def spent(self, seconds: float) -> None:
        """Count time in which the play waited for the film."""
        self._spent_s += seconds

    def measure(self, start: tuple[float, float]) -> float:
        """Give the time spent since then over all other time."""
        wall, spent = time.perf_counter() - start[0], self._spent_s - start[1]
        return spent / max(wall - spent, 1e-9)

    def judge(self, ratio: float, *, frames: int) -> None:
        """Take the ratio of one more episode, and warn once if films are over the budget."""
        self._frames += frames
        if self._frames < FRAMES_MIN:
            return
        self.mean = ratio if self.mean is None else WEIGHT * ratio + (1 - WEIGHT) * self.mean
        if self.mean > self.budget and not self._warned:
            self._warned = True
            log.warning(
                "video takes %.0f %% of the time of play, over the budget of %.0f %%", *self._percent(self.budget)
            )

    def check(self) -> None:
        """Refuse another film while the mean is over the limit. Raises `VideoError`."""
        if self.mean is not None and self.mean > self.stop_over:
            detail = "video of earlier episodes took %.0f %% of the time of play, the limit is %.0f %%"
            raise VideoError(Reason(Code.BUDGET_EXCEEDED, detail % self._percent(self.stop_over)))

    def _percent(self, limit: float) -> tuple[float, float]:
        assert self.mean is not None
        return self.mean * 100, limit * 100
