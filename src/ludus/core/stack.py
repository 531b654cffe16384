"""The last K frames of each lane, newest last: what a policy sees. N lanes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ludus.core.types import Mask

Stack = npt.NDArray[Any]


def begin(frames: npt.NDArray[Any], size: int) -> Stack:
    """Give the stack `[N, K, *frame_shape]` of episodes that begin: K times frames `[N, *frame_shape]`."""
    return np.repeat(frames[:, None], size, axis=1)


def push(stack: Stack, frames: npt.NDArray[Any], *, first: Mask) -> Stack:
    """Give a new stack with frames as the newest, and as all K where an episode begins (`first` `bool[N]`)."""
    pushed = np.concatenate([stack[:, 1:], frames[:, None]], axis=1)
    pushed[first] = frames[first, None]
    return pushed
