"""What can be told of lanes by looking now and then: black, frozen and stuck ones, without knowing the game.

The play only leaves what is newest, and two sums; everything else is done at a look, about once a second, in the thread
that tells the orchestrator how the worker is. So what lies between two looks is not seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ludus.core import digest
from ludus.core.protocols import WorldSpec
from ludus.core.types import Frames
from ludus.run.loop import Turn

BLACK_MEAN, BLACK_P99 = 8.0, 20.0
"""Luma below which a picture counts as black."""
FROZEN_LOOKS, FROZEN_STEPS = 5, 100
"""Looks in a row, and steps of the lane meanwhile, in which a picture is the same though actions are not."""
STUCK_S = 120.0
"""Of game time in which a lane shows no picture that is new to its episode, and earns and loses nothing."""
MOST_LANES = 256
"""That are told of each flag, the first ones; a status has to fit its limit."""
WEIGHTS = np.array([0.299, 0.587, 0.114])

Integers = npt.NDArray[np.int64]


class Sight:
    """Looks at the newest pictures of N lanes. One thread may `follow` while another one looks."""

    def __init__(self, spec: WorldSpec, lanes: int) -> None:
        self._spec = spec
        self._frames: Frames | None = None
        self._actions: Any = None
        self.played, self._episodes = np.zeros((2, lanes), np.int64)
        """Steps of each lane, and episodes that it has begun, since the worker began."""
        self.earned = np.zeros(lanes)
        """By each lane since the worker began."""
        self._before: tuple[Frames | None, Any, Integers, Integers, npt.NDArray[np.float64]]
        self._before = (None, None, self.played.copy(), self._episodes.copy(), self.earned.copy())
        self._black = np.zeros(lanes, np.bool_)
        self._same, self._still, self._idle = np.zeros((3, lanes), np.int64)
        """Looks and steps for which the picture is the same; steps without anything new."""
        self._varied = np.zeros(lanes, np.bool_)
        self._known: list[set[str]] = [set() for _ in range(lanes)]
        """Digests of the pictures of each lane's episode that were looked at."""

    def follow(self, turn: Turn) -> None:
        """Take one more turn of the play."""
        self._frames = turn.step.frames
        for lane, _ in turn.began:
            self._episodes[lane] += 1
        if turn.moved is not None:
            self._actions = None if turn.choice is None else turn.choice.actions
            self.played += turn.moved
            self.earned += turn.step.reward

    def look(self) -> None:
        """Look once more."""
        frames, actions = self._frames, self._actions
        then, acted, played, episodes, earned = self._before
        now = (frames, actions, self.played.copy(), self._episodes.copy(), self.earned.copy())
        if frames is None or not self._spec.pictures or frames is then:
            return
        self._before = now
        pixels = frames.reshape(len(frames), -1)
        luma = _luma(frames, self._spec).reshape(len(frames), -1)
        dark = (luma.mean(1) < BLACK_MEAN) & (np.percentile(luma, 99, axis=1) < BLACK_P99)
        self._black = dark | (luma.min(1) == luma.max(1))
        steps, begun = now[2] - played, now[3] != episodes
        if then is not None:
            same = (pixels == then.reshape(len(then), -1)).all(1) & ~begun
            self._same = np.where(same, self._same + (steps > 0), 0)
            self._still = np.where(same, self._still + steps, 0)
            self._varied = same & (self._varied | _differ(actions, acted, len(frames)))
        news = np.array([self._is_new(lane, pixels[lane], bool(begun[lane])) for lane in range(len(frames))])
        self._idle = np.where(news | begun | (now[4] != earned), 0, self._idle + steps)

    def to_json(self) -> dict[str, Any]:
        """Give the lanes of each kind, and the flags that are up."""
        found = {
            "black": self._black,
            "frozen": (self._same >= FROZEN_LOOKS) & (self._still >= FROZEN_STEPS) & self._varied,
            "stuck": self._idle >= STUCK_S * self._spec.step_hz,
        }
        lanes = {flag: np.flatnonzero(up)[:MOST_LANES].tolist() for flag, up in found.items()}
        return {"flags": [flag for flag, which in lanes.items() if which], **lanes}

    def _is_new(self, lane: int, pixels: Frames, begun: bool) -> bool:
        if begun:
            self._known[lane].clear()
        before = len(self._known[lane])
        self._known[lane].add(digest.of_array(pixels))
        return len(self._known[lane]) > before


def _differ(actions: Any, others: Any, lanes: int) -> npt.NDArray[np.bool_]:
    """Say of each lane whether two actions differ."""
    if actions is None or others is None:
        return np.zeros(lanes, np.bool_)
    return np.asarray((np.asarray(actions) != np.asarray(others)).reshape(lanes, -1).any(1))


def _luma(frames: Frames, spec: WorldSpec) -> npt.NDArray[np.float64]:
    """Give the luma of pictures, `float64[N, H, W]`, 0 to 255."""
    if spec.shades is None:
        return np.asarray(frames @ WEIGHTS)
    return np.array(spec.shades, np.float64)[frames]
