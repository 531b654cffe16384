"""How much there is to see in a lane: hype and shame, from what is recorded of it.

Both are sums of what happened in the lane, each part halved with every minute of game time:

    hype    1 for each feat of the hall of fame, and for each look at which the lane has earned more than is usual,
            by how many standard deviations more than 2 it is, at most 3
    shame   1 for each feat of the hall of shame, and 1 for each event `death`

What is usual is the mean and the standard deviation of what all lanes of the worker earned in a step, of which one look
in a hundred is forgotten. What happened between two looks counts as of the later one; a feat, once the orchestrator has
judged it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

HALF_LIFE_S = 60.0
"""Of game time."""
USUAL, MOST_SURPRISE = 2.0, 3.0
"""Standard deviations that are no surprise, and the most that one look may count."""
KEPT = 0.99
"""Part of what was usual that a look keeps."""
DEATH = "death"
MOST_LANES = 32
"""That are told of each score, the highest ones."""

Values = npt.NDArray[np.float64]


class Regard:
    """The scores of N lanes."""

    def __init__(self, lanes: int, *, step_hz: float) -> None:
        """step_hz: steps a second of game time."""
        self._step_hz = step_hz
        self.hype, self.shame = np.zeros((2, lanes))
        self._steps, self._earned, self._squares = 0.0, 0.0, 0.0
        self._played, self._sum = np.zeros((2, lanes))

    def credit(self, lane: int, hall: str) -> None:
        """Count one thing for a hall, fame or shame."""
        scores = self.shame if hall == "shame" else self.hype
        scores[lane] += 1.0

    def look(self, played: npt.NDArray[np.int64], earned: Values) -> None:
        """Take what each lane has played and earned in all, steps and rewards."""
        steps, gain = played - self._played, earned - self._sum
        self._played, self._sum = played.astype(np.float64), earned.copy()
        fade = 0.5 ** (steps / self._step_hz / HALF_LIFE_S)
        self.hype *= fade
        self.shame *= fade
        mean = self._earned / self._steps if self._steps else 0.0
        if self._squares > 0.0:
            spread = np.sqrt(self._squares / self._steps * np.maximum(steps, 1))
            self.hype += np.clip((gain - mean * steps) / spread - USUAL, 0.0, MOST_SURPRISE)
        self._steps = KEPT * self._steps + float(steps.sum())
        self._earned = KEPT * self._earned + float(gain.sum())
        self._squares = KEPT * self._squares + float(((gain - mean * steps) ** 2).sum())

    def to_json(self) -> dict[str, Any]:
        """Give `[lane, score]` of the lanes with the highest scores, highest first; 0 is left out."""
        return {"hype": _highest(self.hype), "shame": _highest(self.shame)}


def _highest(scores: Values) -> list[tuple[int, float]]:
    order = np.argsort(-scores, kind="stable")[:MOST_LANES].tolist()
    told = [(lane, round(float(scores[lane]), 2)) for lane in order]
    return [(lane, score) for lane, score in told if score > 0.0]
