"""What a data set is made of: episodes, played again from their traces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ludus.core.protocols import WorldSpec
from ludus.core.types import Frames


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """One episode with its frames."""

    id: str
    """`SCENARIO__SEED__INDEX`."""
    seed: int
    frames: Iterable[npt.NDArray[Any]]
    """T + 1 of them, each `frame_dtype[*frame_shape]`, read once: the first comes before the first action, frame t + 1
    is what action t led to."""
    actions: npt.NDArray[Any]
    """`[T, *action_space.shape]`."""
    reward: npt.NDArray[np.float32]
    """`float32[T]`."""
    terminated: npt.NDArray[np.bool_]
    """`bool[T]`."""
    truncated: npt.NDArray[np.bool_]
    """`bool[T]`."""


def picture(frame: Frames, spec: WorldSpec) -> Frames:
    """Give a frame of a World of pictures as `uint8[H, W, 3]`, shades as the greys that they stand for."""
    if spec.shades is None:
        return frame
    return np.repeat(np.array(spec.shades, np.uint8)[frame][..., None], 3, axis=-1)
