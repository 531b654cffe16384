"""Policies that runs of the tests name."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ludus.core.protocols import Choice, WorldSpec


class Telling:
    """Does nothing, and says that its value is the number of the step."""

    def init(self, lanes: int) -> npt.NDArray[np.int64]:
        return np.zeros(lanes, np.int64)

    def act(self, frames: npt.NDArray[Any], carry: npt.NDArray[np.int64]) -> tuple[Any, npt.NDArray[np.int64]]:
        choice, carry = self.choose(frames, carry)
        return choice.actions, carry

    def choose(self, frames: npt.NDArray[Any], carry: npt.NDArray[np.int64]) -> tuple[Choice, npt.NDArray[np.int64]]:
        value = carry.astype(np.float32)
        return Choice(np.zeros_like(carry), value=value, log_prob=np.full_like(value, -0.5)), carry + 1


def telling(spec: WorldSpec) -> Telling:
    return Telling()
