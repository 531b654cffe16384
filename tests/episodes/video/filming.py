"""Worlds to film, without a World: specs, steps of known pictures, and what is decoded from a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Discrete

from ludus.core.protocols import WorldSpec
from ludus.core.types import Frames
from ludus.episodes.video import Shot, Studio, VideoRecord, VideoSettings
from ludus.episodes.video.source import luma_of

GREYS = (255, 170, 85, 0)
NEVER = 1e9
"""Nothing here plays, so films are dear beside it."""
SIM = VideoSettings(enabled=True, renderer="sim-view", stop_over=NEVER)
SYNTHETIC = VideoSettings(enabled=True, stop_over=NEVER)


def spec_of(shape: tuple[int, ...], *, fps: float = 30, shades: tuple[int, ...] | None = GREYS) -> WorldSpec:
    """Give the spec of a World of four actions whose frames have a shape."""
    return WorldSpec("test:film", shape, shades if len(shape) == 2 else None, Discrete(4), fps, 1)


def pictures(count: int, shape: tuple[int, ...], *, seed: int = 0, lanes: int = 1) -> Iterator[Frames]:
    """Give pictures `uint8[lanes, *shape]` in which a square of noise moves over noise that stays."""
    noise = np.random.default_rng(seed)
    top = 256 if len(shape) == 3 else 4
    frames = noise.integers(0, top, (lanes, *shape), np.uint8)
    for _ in range(count):
        frames = frames.copy()
        y, x = (int(noise.integers(0, size)) for size in shape[:2])
        patch = frames[:, y : y + 9, x : x + 9]
        patch[:] = noise.integers(0, top, patch.shape, np.uint8)
        yield frames


def shot(frames: npt.NDArray[Any], number: int, **more: Any) -> Shot:
    """Give step `number`, from 0, of lanes that all do the same."""
    lanes = len(frames)
    reward = np.full(lanes, (number % 5) - 1, np.float32)
    return Shot(frames, np.full(lanes, number % 4), reward, np.full(lanes, number + 1, np.int64), **more)


def film(
    folder: Path, shape: tuple[int, ...], shots: Sequence[Shot], *, fps: float = 30, settings: VideoSettings = SIM
) -> VideoRecord:
    """Film one episode, `episode`, of one lane."""
    studio = Studio(folder, spec_of(shape, fps=fps), 1, settings)
    studio.begin(0, "episode")
    for each in shots:
        studio.add(each, np.ones(1, np.bool_))
    record = studio.finish(0, len(shots))
    studio.close()
    return record


def decode(path: Path, pix_fmt: str = "gray8") -> list[npt.NDArray[np.uint8]]:
    """Give the pictures that PyAV decodes: luma as it is stored, or another format's pixels."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    if pix_fmt == "gray8":
        return [np.asarray(frame.to_ndarray()[: frame.height, : frame.width]) for frame in frames]
    return [np.asarray(frame.to_ndarray(format=pix_fmt)) for frame in frames]


def luma(frame: npt.NDArray[np.uint8], greys: Sequence[int] = GREYS) -> npt.NDArray[np.uint8]:
    """Give the luma that a picture in shades is to be stored as."""
    return np.array([luma_of(grey) for grey in greys], np.uint8)[frame]
