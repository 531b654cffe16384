"""Files of films: open while an episode lasts, read back when it ends, mended after a crash.

While it is written, a film is `videos/.IDENTITY.part.mp4`, locked by the process that writes it. Its head holds a note
with all that is needed to make an ordinary MP4 of whatever has reached the disk.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ludus.core import digest
from ludus.core.errors import InputError
from ludus.episodes._native import Reel, claim, demux, mend, unfinished
from ludus.episodes.video.record import Code, Reason, VideoError, VideoFile, VideoRecord, reason_of

FOLDER = "videos"
PART = ".part.mp4"
BAD = ".bad.mp4"
CRASHED = ".crashed.mp4"
READ_MAX = 1 << 20
"""Bytes of a file up to which it is read rather than mapped."""

_thread = threading.local()


@dataclass(frozen=True, slots=True)
class OpenFile:
    """The whole file of an episode that is over, locked, and still under its name for the time before."""

    identity: str
    videos: Path
    """Its folder."""
    descriptor: int
    blocked_ms: float = 0.0
    """What its writing took."""
    encode_ms: float = 0.0

    @property
    def part(self) -> str:
        """Its path while it is written; a string, for a film is over too soon to take paths apart."""
        return _part(self.videos, self.identity)

    def named(self, ending: str) -> str:
        """Give the path beside it with the episode's name."""
        return f"{self.videos}/{self.identity}{ending}"

    def discard(self) -> None:
        """Close and remove it; on a broken disk it stays, and the next start sweeps it."""
        os.close(self.descriptor)
        with contextlib.suppress(OSError):
            os.unlink(self.part)


def part_path(videos: Path, identity: str) -> bytes:
    """Give the path of an episode's film while it is written. Raises `InputError` on a name that leaves the folder."""
    if not identity.strip(".") or not {"/", "\0"}.isdisjoint(identity):
        raise InputError(f"the episode is called {identity!r}, expected a name that stays in its folder.")
    return os.fsencode(_part(videos, identity))


def develop(reel: Reel, videos: Path, identity: str) -> OpenFile:
    """Encode and write what is left of a film that is over, in any thread. Raises `VideoError`; then it is gone."""
    descriptor, error, blocked_ns, encode_ns = reel.finish()
    if error:
        raise VideoError(reason_of(OSError(error, os.strerror(error), _part(videos, identity))))
    return OpenFile(identity, videos, descriptor, blocked_ns / 1e6, encode_ns / 1e6)


def note(*, renderer: str, requested: str, track: tuple[bytes, int, int, int, int]) -> bytes:
    """Give what the head of a film's file holds: what it shows, and what its index will need."""
    avcc, width, height, timescale, duration = track
    told = {
        "renderer": renderer,
        "requested": requested,
        "track": [avcc.hex(), width, height, timescale, duration],
    }
    return json.dumps(told, separators=(",", ":")).encode()


def seal(film: OpenFile, *, steps: int, sync: bool = False) -> VideoFile:
    """Read a finished film back and give it its name. Raises `VideoError`; then the part is gone.

    A file that does not hold one frame a step is kept as `IDENTITY.bad.mp4`. With `sync` it is on the disk when this
    returns: it is renamed before, for it is whole by then, and journals keep the two in order.
    """
    try:
        told = read_back(film.descriptor, f"{film.videos.name}/{film.identity}.mp4", encode_ms=film.encode_ms)
        if told.frames != steps:
            os.replace(film.part, film.named(BAD))
            detail = f"{film.identity}{BAD} holds {told.frames} frames, the episode has {steps} steps"
            raise VideoError(Reason(Code.VERIFY_MISMATCH, detail))
        os.replace(film.part, film.named(".mp4"))
        if sync:
            os.fsync(film.descriptor)
    except OSError as error:
        film.discard()
        raise VideoError(reason_of(error)) from error
    except VideoError:
        film.discard()
        raise
    os.close(film.descriptor)
    return told


def read_back(descriptor: int, path: str, *, encode_ms: float = 0.0) -> VideoFile:
    """Give what an open file holds. Raises `VideoError` where that is not what its index says."""
    with _content(descriptor) as data:
        try:
            (avcc, width, height, timescale, duration), frames, _, _, begin, length = demux(data)
        except ValueError as error:
            raise VideoError(Reason(Code.VERIFY_MISMATCH, f"{path}: {error}")) from error
        fps = Fraction(timescale, duration)
        return VideoFile(
            path=path,
            filesize_bytes=len(data),
            frames=frames,
            fps=f"{fps.numerator}/{fps.denominator}",
            width=width,
            height=height,
            codec=f"avc1.{avcc[1:4].hex().upper()}",
            sha256=digest.of_file_bytes(data),
            frame_digest=digest.of_bytes(data[begin : begin + length]),
            encode_ms_per_frame=encode_ms / frames,
        )


def recover(folder: Path) -> tuple[VideoRecord, ...]:
    """Sweep what processes that were killed have left in a run's folder; give a record of each film that was saved.

    Every whole frame of an unfinished film becomes `videos/IDENTITY.crashed.mp4`; a film of no whole frame is removed,
    and so is a saved one whose episode has been filmed again since. Films that a living process is writing stay as
    they are. Raises `OSError` where the folder cannot be written.
    """
    for crashed in (folder / FOLDER).glob(f"*{CRASHED}"):
        if crashed.with_name(crashed.name.removesuffix(CRASHED) + ".mp4").exists():
            crashed.unlink(missing_ok=True)
    found = sorted((folder / FOLDER).glob(f".*{PART}"))
    return tuple(record for record in map(_recover, found) if record is not None)


def _recover(part: Path) -> VideoRecord | None:
    try:
        descriptor = claim(os.fsencode(part))
    except (FileNotFoundError, BlockingIOError):  # its process has just finished it, or still writes it
        return None
    film = OpenFile(part.name.removeprefix(".").removesuffix(PART), part.parent, descriptor)
    told = _mend(descriptor)
    if told is None:
        film.discard()
        return None
    file = read_back(descriptor, f"{FOLDER}/{film.identity}{CRASHED}")
    os.replace(part, film.named(CRASHED))
    os.fsync(descriptor)
    os.close(descriptor)
    reason = Reason(Code.WORKER_CRASHED, f"{file.frames} frames had reached the file when the process ended")
    return VideoRecord(
        status="recovered", requested=told["requested"], renderer=told["renderer"], file=file, reason=reason
    )


def _mend(descriptor: int) -> dict[str, Any] | None:
    """Make an ordinary MP4 of an unfinished film; give the note in its head, None where no frame is whole."""
    if os.fstat(descriptor).st_size == 0:
        return None
    with _content(descriptor) as data:
        begin, text = unfinished(data)
        if not begin or begin > len(data):
            return None
        try:
            told: dict[str, Any] = json.loads(text)
            avcc, width, height, timescale, duration = told["track"]
        except (ValueError, KeyError, TypeError):
            return None
        track = (bytes.fromhex(avcc), width, height, timescale, duration)
        frames, end, index, size = mend(data, begin, track)
    if not frames:
        return None
    os.ftruncate(descriptor, end)
    os.pwrite(descriptor, index, end)
    os.pwrite(descriptor, size, begin - len(size))
    return told


def _part(videos: Path, identity: str) -> str:
    return f"{videos}/.{identity}{PART}"


@contextlib.contextmanager
def _content(descriptor: int) -> Iterator[memoryview]:
    """Give a file's bytes: a small one read into memory that is at hand, which is quicker, a large one mapped."""
    size = os.fstat(descriptor).st_size
    if size > READ_MAX:
        with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as data:
            yield data
        return
    room = _room()
    with memoryview(room)[: os.preadv(descriptor, [memoryview(room)[:size]], 0)] as data:
        yield data


def _room() -> bytearray:
    if not hasattr(_thread, "room"):
        _thread.room = bytearray(READ_MAX)
    room: bytearray = _thread.room
    return room
