"""Clips: pieces of what was filmed, cut out without encoding, or drawn again from frames.

A clip begins at its first frame exactly: what must be decoded before it is in the file and an edit list hides it. Its
speed is in its timestamps, so every frame stays. Overlapping clips share what the ring holds.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ludus.core import digest
from ludus.core.errors import InputError, MissingExtraError
from ludus.core.extras import from_extra
from ludus.core.files import write_atomic
from ludus.core.protocols import WorldSpec
from ludus.core.types import Clip
from ludus.episodes._native import Film, cut_file, demux
from ludus.episodes.video.cameras import Camera, ShadeCamera, Shot
from ludus.episodes.video.record import Code, Reason, VideoError, reason_of
from ludus.episodes.video.settings import Quality, VideoSettings
from ludus.episodes.video.source import rate_of, select, timing

FOLDER = "clips"
TAG_MAX = 60
DIGITS = 8
SPEED_MAX = 1000
NOTHING_HELD = 2**64 - 1
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
ALWAYS_S = 1e9
"""A ring that keeps everything."""


@dataclass(frozen=True, slots=True)
class Window:
    """What a clip is to show of an episode."""

    tick: int
    pre_s: float
    post_s: float
    speed: float = 1.0
    tag: str = "clip"

    def __post_init__(self) -> None:
        if not (self.pre_s >= 0 and self.post_s >= 0 and 1 / SPEED_MAX <= self.speed <= SPEED_MAX):
            raise InputError(
                f"pre_s is {self.pre_s}, post_s {self.post_s}, speed {self.speed}; "
                f"expected 0 or more seconds, and a speed of 1/{SPEED_MAX} to {SPEED_MAX}."
            )


@dataclass(slots=True)
class PendingClip:
    """A clip that may still wait for the frames after its moment."""

    window: Window
    first: int
    """Its first frame."""
    last_tick: int
    """Game time up to which it shows frames."""
    truncated_pre: bool
    clip: Clip | None = None
    """The clip, once it is there or is known not to come."""


class Ring:
    """The last seconds of one lane's episode, encoded, and the clips that wait in it."""

    def __init__(self, camera: Camera, lane: int, spec: WorldSpec, *, folder: Path, root: Path) -> None:
        self._film: Film = camera.film
        self._lane, self._spec = lane, spec
        self._folder, self._root = folder, root
        self._identity = ""
        self._pending: list[PendingClip] = []

    @property
    def waiting(self) -> bool:
        """A clip waits for frames."""
        return bool(self._pending)

    @property
    def bytes(self) -> int:
        """Bytes of pictures that are kept."""
        return self._film.kept_bytes(self._lane)

    def begin(self, identity: str) -> None:
        """Begin another episode; clips that still wait are cut short."""
        self.settle(ended=True)
        self._identity = identity

    def cut(self, window: Window) -> PendingClip:
        """Give a clip around a moment, as soon as all its frames have been filmed, or the episode ends."""
        film, lane, spec = self._film, self._lane, self._spec
        after = window.tick - round(window.pre_s * spec.tick_hz)
        first = min(film.frame_after(lane, after), film.frame_after(lane, window.tick - 1))
        kept = film.kept_from(lane)
        early = after < 0 if kept == 0 else first == kept and film.tick_of(lane, kept) - spec.ticks_per_step > after
        pending = PendingClip(window, first, window.tick + round(window.post_s * spec.tick_hz), truncated_pre=early)
        self._pending.append(pending)
        self._hold()
        self.settle()
        return pending

    def settle(self, *, ended: bool = False) -> None:
        """Write the clips whose frames are all there, at an episode's end all that wait."""
        film, lane = self._film, self._lane
        frames = film.frames(lane)
        newest = film.tick_of(lane, frames - 1) if frames > film.kept_from(lane) else -1
        due = [pending for pending in self._pending if ended or newest >= pending.last_tick]
        if not due:
            return
        for pending in due:
            pending.clip = self._write(pending, truncated_post=newest < pending.last_tick)
        self._pending = [pending for pending in self._pending if pending.clip is None]
        self._hold()

    def _hold(self) -> None:
        self._film.hold(self._lane, min((pending.first for pending in self._pending), default=NOTHING_HELD))

    def _write(self, pending: PendingClip, *, truncated_post: bool) -> Clip:
        film, lane, window = self._film, self._lane, pending.window
        kept, end = film.kept_from(lane), film.frame_after(lane, pending.last_tick)
        start = max(pending.first, kept)
        early = pending.truncated_pre or kept > pending.first
        clip = _clip(self._identity, window, start, end, truncated_pre=early, truncated_post=truncated_post)
        if start >= end:
            return replace(clip, skipped=Code.NO_FRAMES.value)
        data = film.cut(lane, start, end, *timing(rate_of(self._spec) * _speed(window)))
        return write(clip, data, folder=self._folder, root=self._root)


def without_ring(identity: str, window: Window) -> PendingClip:
    """Give the clip of a lane that keeps nothing: to be drawn later, from the trace."""
    clip = replace(_clip(identity, window, 0, 0), skipped="no-ring")
    return PendingClip(window, 0, window.tick, truncated_pre=False, clip=clip)


def cut_video(path: Path, clip: Clip, *, folder: Path, root: Path) -> Clip:
    """Cut frames `[clip.start, clip.end)` out of a finished film, without encoding.

    Raises `InputError` where the film cannot be read or does not hold them.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as film:
            (_, _, _, timescale, duration), *_ = demux(film)
            rate = Fraction(timescale, duration) * _speed(clip)
            data = cut_file(film, clip.start, clip.end, *timing(rate))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: frames {clip.start} to {clip.end} cannot be cut out: {error}.") from error
    return write(clip, data, folder=folder, root=root)


def render(
    frames: Iterable[npt.NDArray[Any]],
    spec: WorldSpec,
    clip: Clip,
    *,
    folder: Path,
    root: Path,
    quality: Quality = "fast",
) -> Clip:
    """Film frames `[clip.start, clip.end)` again, as a World of this spec shows them, for a clip that has no file.

    Where that cannot be, the clip that comes back is skipped with a reason. Raises `InputError` on other than
    `end - start` frames.
    """
    settings = VideoSettings(renderer="sim-view", quality=quality, ring_s=ALWAYS_S / spec.tick_hz, ring_mb=1e6)
    try:
        camera = camera_for(spec, settings)
        camera.begin(0)
        count = 0
        for count, frame in enumerate(frames, start=1):
            failed = camera.add(_still(frame, spec, count * spec.ticks_per_step), np.ones(1, np.bool_))
            if failed:
                raise VideoError(failed[0])
        if count != clip.end - clip.start or not count:
            raise InputError(f"there are {count} frames, expected {clip.end - clip.start}: {clip.start} to {clip.end}.")
        camera.end(0)
    except VideoError as error:
        return replace(clip, skipped=error.reason.code.value)
    data = camera.film.cut(0, 0, count, *timing(rate_of(spec) * _speed(clip)))
    return write(replace(clip, skipped=None), data, folder=folder, root=root)


def camera_for(spec: WorldSpec, settings: VideoSettings) -> Camera:
    """Give a camera of one lane for a World's own picture. Raises `VideoError`."""
    source = select("sim-view", spec)
    assert not isinstance(source, Reason), source
    if source.fallback:
        raise VideoError(source.fallback)
    if source.coder == "shades":
        return ShadeCamera(source, spec, 1, settings)
    try:
        with from_extra():
            from ludus.episodes.video.colour import ColourCamera
    except MissingExtraError as error:
        raise VideoError(Reason(Code.ENCODER_MISSING, str(error))) from error
    return ColourCamera(spec, 1, settings)


def write(clip: Clip, data: bytes, *, folder: Path, root: Path) -> Clip:
    """Write a clip's file into its folder; where that cannot be, the clip that comes back is skipped with a reason."""
    _, frames, _, _, _, _ = demux(data)
    assert frames == clip.end - clip.start, (frames, clip)
    path = folder / file_name(clip)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)
    except OSError as error:
        return replace(clip, skipped=reason_of(error).code.value)
    told = path.relative_to(root) if path.is_relative_to(root) else path.absolute()
    return replace(
        clip, path=told.as_posix(), frames=frames, filesize_bytes=len(data), sha256=digest.of_file_bytes(data)
    )


def file_name(clip: Clip) -> str:
    """Give `EPISODE__fSTART-END__TAG.mp4`; what may not stand in a name becomes '-', and a short digest follows."""
    return f"{_safe(clip.episode)}__f{clip.start}-{clip.end}__{_safe(clip.tag)}.mp4"


def _safe(text: str) -> str:
    plain = UNSAFE.sub("-", text)[:TAG_MAX].strip(".-_") or "clip"
    return plain if plain == text else f"{plain}-{digest.of_bytes(text.encode())[:DIGITS]}"


def _clip(
    episode: str, window: Window, start: int, end: int, *, truncated_pre: bool = False, truncated_post: bool = False
) -> Clip:
    return Clip(
        episode=episode,
        tag=window.tag,
        tick=window.tick,
        start=start,
        end=end,
        pre_s=window.pre_s,
        post_s=window.post_s,
        speed=window.speed,
        truncated_pre=truncated_pre,
        truncated_post=truncated_post,
    )


def _speed(of: Window | Clip) -> Fraction:
    return Fraction(of.speed).limit_denominator(SPEED_MAX)


def _still(frame: npt.NDArray[Any], spec: WorldSpec, tick: int) -> Shot:
    nothing = np.zeros((1, *(spec.action_space.shape or ())), np.int64)
    return Shot(frame[None], nothing, np.zeros(1, np.float32), np.array([tick]))
