"""What is filmed: which renderer a World allows, and how its picture is laid out. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from ludus.core.protocols import WorldSpec
from ludus.core.types import Actions
from ludus.episodes.video.record import Code, Reason
from ludus.episodes.video.settings import Renderer

BLOCK = 16
"""Pixels of a macroblock."""
BANDS, BANDS_ALONE = 2, 4
"""Bands of the panel below a picture, and where there is none."""
WIDTH_ALONE = 160
PICTURE_MAX = 160
"""Pixels across of the small frame at most."""
GREYS_ALONE = (255, 170, 85, 0)
GREYS_OF_COLOUR = tuple(range(0, 256, 17))
"""The native core brings colours to these 16."""
PLACES_MAX = 4096
"""Discrete actions up to which their places are a table."""
MAX_PARTS = 6
"""Parts of an action that a band has rows for."""
RATE_MAX = 100_000
"""Denominator up to which a World's ticks a second are made exact: the Game Boy's are 262144/4389."""
TIMESCALE_MIN = 10_000

Positions = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Source:
    """What will be filmed."""

    renderer: Literal["synthetic", "sim-view"]
    coder: Literal["shades", "colour"]
    fallback: Reason | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """The picture of a film in shades, as the native core takes it."""

    width: int
    height: int
    luma: bytes
    """What each frame value is shown as, 16 black to 235 white."""
    frame: tuple[int, int, int, int]
    """Height, width and channels of a World's frame, and every how many pixels of it one is shown; 0s for none."""
    bands: int
    inks: tuple[int, int, int, int]
    """Frame values of paper, of its lines, of the second curve and of ink."""


def select(requested: Renderer, spec: WorldSpec) -> Source | Reason:
    """Give what the renderer asked for can film of a World, or why nothing is filmed.

    | requested | World shows shades | colours | vectors |
    |---|---|---|---|
    | sim-view | its picture, lossless | its picture, x264 | synthetic: renderer-unavailable |
    | synthetic | panel and small frame | panel and small frame | panel |
    | none | renderer-none | renderer-none | renderer-none |
    """
    if requested == "none":
        return Reason(Code.RENDERER_NONE, "the renderer asked for is none")
    if requested == "synthetic":
        return Source("synthetic", "shades")
    if not spec.pictures:
        detail = f"{spec.id} shows vectors of {spec.frame_shape[0]} numbers, no pictures"
        return Source("synthetic", "shades", Reason(Code.RENDERER_UNAVAILABLE, detail))
    return Source("sim-view", "colour" if spec.shades is None else "shades")


def lay_out(source: Source, spec: WorldSpec) -> Layout:
    """Give the picture of a film in shades."""
    greys = GREYS_ALONE if not spec.pictures else GREYS_OF_COLOUR if spec.shades is None else spec.shades
    luma, inks = bytes(map(luma_of, greys)), _inks(greys)
    if not spec.pictures:
        return Layout(WIDTH_ALONE, BANDS_ALONE * BLOCK, luma, (0, 0, 0, 0), BANDS_ALONE, inks)
    height, width = spec.frame_shape[:2]
    channels = 3 if spec.shades is None else 1
    if source.renderer == "sim-view":
        return Layout(width, height, luma, (height, width, channels, 1), 0, inks)
    factor = math.ceil(width / PICTURE_MAX)
    shown = -(-height // factor)
    below = -(-shown // BLOCK) * BLOCK
    across = max(-(-width // factor), WIDTH_ALONE // 2)
    return Layout(across, below + BANDS * BLOCK, luma, (height, width, channels, factor), BANDS, inks)


def luma_of(grey: int) -> int:
    """Give a grey, 0 to 255, in video's range, 16 to 235."""
    return 16 + round(grey * 219 / 255)


def rate_of(spec: WorldSpec) -> Fraction:
    """Give a World's steps in a second as an exact fraction: one frame a step."""
    return Fraction(spec.tick_hz).limit_denominator(RATE_MAX) / spec.ticks_per_step


def timing(rate: Fraction) -> tuple[int, int]:
    """Give timescale and ticks a frame, the same fraction in units fine enough for every player."""
    scale = 1
    while rate.numerator * scale < TIMESCALE_MIN:
        scale *= 2
    return rate.numerator * scale, rate.denominator * scale


class ActionScale:
    """Actions as places between 0 and 1, one for each part that the panel has room for."""

    def __init__(self, space: spaces.Space[Any]) -> None:
        low, high = _bounds(space)
        self.parts = len(low)
        self._low = low
        self._span = np.where(high > low, high - low, 1).astype(np.float32)
        self._places: Positions | None = None
        if isinstance(space, spaces.Discrete) and space.n <= PLACES_MAX:
            self._first = int(space.start)
            self._places = np.linspace(0, 1, int(space.n), dtype=np.float32)[:, None]

    def positions(self, actions: Actions) -> Positions | None:
        """Give `float32[N, parts]`, None where nothing can be drawn."""
        if self._places is not None:
            chosen = np.asarray(actions, np.int64).reshape(-1)
            return self._places.take(chosen - self._first if self._first else chosen, axis=0, mode="clip")
        if not self.parts:
            return None
        rows = actions.reshape(len(actions), -1)[:, : self.parts]
        return np.ascontiguousarray((rows - self._low) / self._span, np.float32)


def _bounds(space: spaces.Space[Any]) -> tuple[Positions, Positions]:
    match space:
        case spaces.Discrete():
            low, high = np.array([space.start]), np.array([space.start + space.n - 1])
        case spaces.MultiDiscrete():
            low, high = np.ravel(space.start), np.ravel(space.start + space.nvec - 1)
        case spaces.MultiBinary():
            low, high = np.zeros(int(np.prod(space.n))), np.ones(int(np.prod(space.n)))
        case spaces.Box():
            low, high = np.ravel(space.low), np.ravel(space.high)
        case _:
            low = high = np.zeros(0)
    return low[:MAX_PARTS].astype(np.float32), high[:MAX_PARTS].astype(np.float32)


def _inks(greys: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Give the frame values whose greys lie nearest white, light, dark and black."""
    shown = np.array(greys)
    paper, light, mid, ink = (int(np.abs(shown - wanted).argmin()) for wanted in GREYS_ALONE)
    return paper, light, mid, ink
