"""What can be told of pictures without knowing the game: lanes that are black, and lanes whose picture stands still."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ludus.core.protocols import WorldSpec
from ludus.core.types import Frames

BLACK_MEAN, BLACK_P99 = 8.0, 20.0
"""Luma below which a picture counts as black."""
FROZEN_LOOKS = 10
"""Looks in a row, about one a second, in which a picture is the same."""
WEIGHTS = np.array([0.299, 0.587, 0.114])


class Sight:
    """Looks at the newest pictures now and then."""

    def __init__(self, spec: WorldSpec) -> None:
        self.frames: Frames | None = None
        """The newest pictures of all lanes."""
        self._spec = spec
        self._before: Frames | None = None
        self._black: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._same: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    def look(self) -> None:
        """Look once more."""
        frames = self.frames
        if frames is None or not self._spec.pictures:
            return
        luma = _luma(frames, self._spec).reshape(len(frames), -1)
        self._black = (luma.mean(1) < BLACK_MEAN) & (np.percentile(luma, 99, axis=1) < BLACK_P99)
        if self._before is None or len(self._same) != len(frames):
            self._same = np.zeros(len(frames), np.int64)
        else:
            equal = (frames == self._before).reshape(len(frames), -1).all(1)
            self._same = np.where(equal & (frames is not self._before), self._same + 1, 0)
        self._before = frames

    def to_json(self) -> dict[str, Any]:
        """Give the lanes of each kind, and the flags that are up."""
        lanes = {
            "black": np.flatnonzero(self._black).tolist(),
            "frozen": np.flatnonzero(self._same >= FROZEN_LOOKS).tolist(),
        }
        return {"flags": [flag for flag, found in lanes.items() if found], **lanes}


def _luma(frames: Frames, spec: WorldSpec) -> npt.NDArray[np.float64]:
    """Give the luma of pictures, `float64[N, H, W]`, 0 to 255."""
    if spec.shades is None:
        return np.asarray(frames @ WEIGHTS)
    return np.array(spec.shades, np.float64)[frames]
