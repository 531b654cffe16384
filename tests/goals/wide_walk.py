"""The walk of `tests.walk_world` on a screen as wide as a goal: its row of pixels, each 10 wide and 36 high."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ludus.core.types import Step
from tests.walk_world import GOAL, WIDTH, WalkWorld

BLOCK = np.ones((1, 36, 10), np.uint8)


class WideWalk(WalkWorld):
    def __init__(self, lanes: int) -> None:
        super().__init__(lanes)
        self.spec = replace(self.spec, frame_shape=(72, 80))

    def reset(self, *, seeds: int | Sequence[int] | None = None, mask: npt.ArrayLike | None = None) -> Step:
        return _wide(super().reset(seeds=seeds, mask=mask))

    def step(self, actions: npt.ArrayLike, *, mask: npt.ArrayLike | None = None) -> Step:
        return _wide(super().step(actions, mask=mask))


def screen(place: int, tick: int) -> npt.NDArray[np.uint8]:
    """What a walk shows that is at a place, `uint8[72, 80]`."""
    small = np.zeros((1, 2, WIDTH), np.uint8)
    small[0, 0, GOAL] = 1
    small[0, 0, place] = 3
    small[0, 1] = np.arange(WIDTH) < tick % (WIDTH + 1)
    frame: npt.NDArray[np.uint8] = np.kron(small, BLOCK)[0]
    return frame


def _wide(step: Step) -> Step:
    return replace(step, frames=np.kron(step.frames, BLOCK))
