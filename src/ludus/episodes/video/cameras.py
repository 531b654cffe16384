"""Cameras: what turns the steps of N lanes into packets, in shades by the native core or in colour by x264."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ludus.core.protocols import WorldSpec
from ludus.core.types import Actions, Event, Mask
from ludus.episodes._native import Film, Reel
from ludus.episodes.video.record import Code, Reason, VideoError
from ludus.episodes.video.settings import VideoSettings
from ludus.episodes.video.source import ActionScale, Source, lay_out, rate_of, timing

GOP = 30
"""Frames from one key frame to the next, in colour and where somebody may look in at any time."""
MEGABYTE = 1_000_000
NONE_FAILED: Mapping[int, Reason] = {}


class Shot(NamedTuple):
    """What was recorded in one step of all lanes: one video frame for each lane that moved."""

    frames: npt.NDArray[Any]
    """As in `Step`: what the actions led to."""
    actions: Actions
    """`[N, *action_space.shape]`."""
    reward: npt.NDArray[np.float32]
    """`float32[N]`."""
    tick: npt.NDArray[np.int64]
    """`int64[N]`, game time after the step."""
    value: npt.NDArray[np.float32] | None = None
    """`float32[N]`, the return that the policy expected, where it tells."""
    events: Sequence[Event] = ()
    """What happened in this step."""


class Camera(Protocol):
    """Films N lanes."""

    film: Film

    def begin(self, lane: int, path: bytes = b"", note: bytes = b"") -> None:
        """Begin an episode, and its file, made when there is something to write, if there is a path.

        Raises `VideoError`.
        """
        ...

    def add(self, shot: Shot, mask: Mask) -> Mapping[int, Reason]:
        """Take one frame of each lane in the mask that has begun; give the lanes that cannot go on.

        Raises `VideoError` where none of them can.
        """
        ...

    def end(self, lane: int) -> Reel:
        """End an episode; `files.develop` makes the file whole of what it gives. Raises `VideoError`."""
        ...

    def leave(self, lane: int) -> None:
        """Film this episode no further, and remove its file."""
        ...


def ring_limits(spec: WorldSpec, settings: VideoSettings) -> tuple[int, int]:
    """Give ticks and bytes that a lane's ring keeps; 0 ticks for no ring."""
    return round(settings.ring_s * spec.tick_hz), round(settings.ring_mb * MEGABYTE)


def check_frames(frames: npt.NDArray[Any], shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse frames that are not as the World's spec has them. Raises `VideoError`."""
    if frames.shape != shape or frames.dtype != dtype:
        found = f"{frames.dtype}{list(frames.shape)}"
        raise VideoError(Reason(Code.FRAME_SHAPE_CHANGED, f"frames are {found}, the World's are {dtype}{list(shape)}"))


class ShadeCamera:
    """Pictures in shades, and panels: all lanes of a step in one call of the native core."""

    def __init__(self, source: Source, spec: WorldSpec, lanes: int, settings: VideoSettings) -> None:
        layout = lay_out(source, spec)
        self._panel = layout.bands > 0
        self._shape = (lanes, *spec.frame_shape)
        self._dtype = spec.frame_dtype
        self._pictures = spec.pictures
        self._scale = ActionScale(spec.action_space)
        self.film = Film(
            lanes=lanes,
            width=layout.width,
            height=layout.height,
            luma=layout.luma,
            rate=timing(rate_of(spec)),
            gop=settings.gop,
            burst=settings.burst,
            ring=ring_limits(spec, settings),
            frame=layout.frame,
            bands=layout.bands,
            inks=layout.inks,
        )

    def begin(self, lane: int, path: bytes = b"", note: bytes = b"") -> None:
        """Begin an episode."""
        self.film.begin(lane, path, note)

    def add(self, shot: Shot, mask: Mask) -> Mapping[int, Reason]:
        """Take one frame of each lane in the mask that has begun. Raises `VideoError`."""
        check_frames(shot.frames, self._shape, self._dtype)
        frames = np.ascontiguousarray(shot.frames) if self._pictures else None
        if not self._panel:
            self.film.add(frames, mask, shot.tick, None, None, None, None)
            return NONE_FAILED
        marks = None
        if shot.events:
            marks = np.zeros(len(mask), np.uint8)
            for event in shot.events:
                marks[event.lane] = 1
        self.film.add(frames, mask, shot.tick, self._scale.positions(shot.actions), shot.reward, shot.value, marks)
        return NONE_FAILED

    def end(self, lane: int) -> Reel:
        """End an episode."""
        return self.film.end(lane)

    def leave(self, lane: int) -> None:
        """Film this episode no further."""
        self.film.leave(lane)
