"""What became of an episode's video: its file, or the reason why there is none."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from ludus.core.errors import LudusError

Status = Literal["ok", "skipped", "failed", "recovered"]


class Code(StrEnum):
    """Every reason that there is."""

    DISABLED = "disabled"
    """Video was not asked for."""
    RENDERER_NONE = "renderer-none"
    """The renderer asked for is none."""
    RENDERER_UNAVAILABLE = "renderer-unavailable"
    """The World has nothing that the renderer could show; synthetic took its place."""
    ENCODER_MISSING = "encoder-missing"
    """No library with an H.264 encoder is installed."""
    ENCODER_OPEN_FAILED = "encoder-open-failed"
    """The encoder refuses to begin."""
    NO_FRAMES = "no-frames"
    """The episode had no step."""
    FRAME_SHAPE_CHANGED = "frame-shape-changed"
    """A frame came in another shape or dtype than the World's spec tells."""
    ENCODE_FAILED = "encode-failed"
    """The encoder raised."""
    UNWRITABLE_PATH = "unwritable-path"
    """The folder or the file cannot be written."""
    DISK_FULL = "disk-full"
    """No room is left, or the file may not be so large."""
    NAME_TAKEN = "name-taken"
    """Another process is writing this episode's video."""
    VERIFY_MISMATCH = "verify-mismatch"
    """The finished file does not hold one frame for every step."""
    BUDGET_EXCEEDED = "budget-exceeded"
    """The video of earlier episodes cost too much time."""
    WORKER_CRASHED = "worker-crashed"
    """The process that filmed ended before the episode did; what had reached the file is kept."""
    CANCELLED = "cancelled"
    """The episode was given up."""


SKIPS = frozenset(
    {
        Code.DISABLED,
        Code.RENDERER_NONE,
        Code.ENCODER_MISSING,
        Code.NO_FRAMES,
        Code.BUDGET_EXCEEDED,
        Code.CANCELLED,
    }
)
"""Reasons for which nothing was tried; after the others something had gone wrong."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, for a program and for people."""

    code: Code
    detail: str

    def to_json(self) -> dict[str, str]:
        """Give it as a JSON object."""
        return {"code": self.code.value, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Overhead:
    """What filming took of the time of play while the episode lasted, all lanes together."""

    ratio: float
    """Time in the film's hands over all other time."""
    budget: float
    blocked_ms: float
    """Milliseconds that this episode's file was waited for."""

    def to_json(self) -> dict[str, float | str]:
        """Give it as a JSON object."""
        return {
            "ratio": round(self.ratio, 4),
            "budget": self.budget,
            "verdict": "over" if self.ratio > self.budget else "within",
            "blocked_ms": round(self.blocked_ms, 3),
            "method": "wall time while the episode lasted",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFile:
    """A finished file, as it was read back."""

    path: str
    """Below the run's folder, with slashes."""
    filesize_bytes: int
    frames: int
    """Counted in the file."""
    fps: str
    """Exact, as in `32768/13167`."""
    width: int
    height: int
    codec: str
    """As in RFC 6381: `avc1.42C01E`."""
    sha256: str
    frame_digest: str
    """xxh3-128 of the encoded pictures alone: equal for equal pictures whatever surrounds them."""
    encode_ms_per_frame: float

    def to_json(self) -> dict[str, Any]:
        """Give it as the fields of a JSON object; `fps` as a number, `fps_exact` as it is."""
        numerator, _, denominator = self.fps.partition("/")
        return {
            "path": self.path,
            "format": "mp4",
            "filesize_bytes": self.filesize_bytes,
            "frames": self.frames,
            "fps": round(int(numerator) / int(denominator), 6),
            "fps_exact": self.fps,
            "width": self.width,
            "height": self.height,
            "codec": self.codec,
            "sha256": self.sha256,
            "frame_digest": self.frame_digest,
            "encode_ms_per_frame": round(self.encode_ms_per_frame, 5),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRecord:
    """The `video` of a line in the manifest: a file, or the reason why there is none; a recovered file has both."""

    status: Status
    requested: str
    """The renderer asked for."""
    renderer: str
    """The one that was used, or would have been."""
    file: VideoFile | None = None
    reason: Reason | None = None
    fallback: Reason | None = None
    """Why the renderer is not the one asked for."""
    overhead: Overhead | None = None
    notes: str = ""

    def __post_init__(self) -> None:
        assert (self.file is None) == (self.status in ("skipped", "failed")), self
        assert (self.reason is None) == (self.status == "ok"), self

    def to_json(self) -> dict[str, Any]:
        """Give it as a JSON object; what is not known is left out."""
        told: dict[str, Any] = {"status": self.status, "requested": self.requested, "renderer": self.renderer}
        if self.file:
            told |= self.file.to_json()
        for name, part in (
            ("reason", self.reason),
            ("fallback_reason", self.fallback),
            ("overhead", self.overhead),
        ):
            if part:
                told[name] = part.to_json()
        return told | {"notes": self.notes} if self.notes else told


class VideoError(LudusError):
    """Filming cannot go on; it never leaves this room but as the reason in a record."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"{reason.code.value}: {reason.detail}")
        self.reason = reason


FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def reason_of(error: OSError) -> Reason:
    """Give the reason that an error of the file system stands for."""
    if isinstance(error, BlockingIOError):
        return Reason(Code.NAME_TAKEN, f"{error.filename} is being written by another process")
    code = Code.DISK_FULL if error.errno in FULL else Code.UNWRITABLE_PATH
    return Reason(code, f"{error.filename or 'writing'}: {error.strerror or error}")


def without_file(reason: Reason, *, requested: str, renderer: str, fallback: Reason | None = None) -> VideoRecord:
    """Give the record of an episode that has no video."""
    status: Status = "skipped" if reason.code in SKIPS else "failed"
    return VideoRecord(status=status, requested=requested, renderer=renderer, reason=reason, fallback=fallback)
