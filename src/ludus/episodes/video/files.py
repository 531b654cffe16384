"""Files of films: open while an episode lasts, read back when it ends, mended after a crash.

While it is written, a film is `videos/.IDENTITY.part.mp4`, locked by the process that writes it. Its head holds a note
with all that is needed to make an ordinary MP4 of whatever has reached the disk.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import mmap
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from ludus.core import digest
from ludus.core.errors import InputError
from ludus.episodes._native import demux, mend, unfinished
from ludus.episodes.video.record import Code, Reason, VideoError, VideoFile, VideoRecord, reason_of

FOLDER = "videos"
PART = ".part.mp4"
BAD = ".bad.mp4"
CRASHED = ".crashed.mp4"
READ_MAX = 1 << 20
"""Bytes of a file up to which it is read rather than mapped."""
LOCK_TRIES, LOCK_WAIT_S = 50, 0.01
"""The kernel lets go of a killed process's locks a moment after it is gone."""


_thread = threading.local()


@dataclass(frozen=True, slots=True)
class OpenFile:
    """The file of an episode that is being filmed."""

    identity: str
    videos: Path
    """Its folder."""
    descriptor: int

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


def open_part(videos: Path, identity: str) -> OpenFile:
    """Open an episode's file in the folder of videos, made if need be.

    Raises `VideoError`, also where another process writes it, and `InputError` on a name that leaves the folder.
    """
    if not identity.strip(".") or os.path.basename(identity) != identity:
        raise InputError(f"the episode is called {identity!r}, expected a name that stays in its folder.")
    part = _part(videos, identity)
    try:
        try:
            descriptor = _open(part)
        except FileNotFoundError:
            videos.mkdir(parents=True, exist_ok=True)
            descriptor = _open(part)
    except OSError as error:
        raise VideoError(reason_of(error)) from error
    claimed = _claim(part, descriptor)
    if claimed is None:
        os.close(descriptor)
        raise VideoError(Reason(Code.NAME_TAKEN, f"{part} is being written by another process"))
    if claimed.st_size:
        os.ftruncate(descriptor, 0)
    return OpenFile(identity, videos, descriptor)


def note(*, renderer: str, requested: str, track: tuple[bytes, int, int, int, int]) -> bytes:
    """Give what the head of a film's file holds: what it shows, and what its index will need."""
    avcc, width, height, timescale, duration = track
    told = {
        "renderer": renderer,
        "requested": requested,
        "track": [avcc.hex(), width, height, timescale, duration],
    }
    return json.dumps(told, separators=(",", ":")).encode()


def seal(film: OpenFile, *, steps: int, encode_ms: float, sync: bool = False) -> VideoFile:
    """Read a finished film back and give it its name. Raises `VideoError`; then the part is gone.

    A file that does not hold one frame a step is kept as `IDENTITY.bad.mp4`. With `sync` it is on the disk when this
    returns: it is renamed before, for it is whole by then, and journals keep the two in order.
    """
    try:
        told = read_back(film.descriptor, f"{film.videos.name}/{film.identity}.mp4", encode_ms=encode_ms)
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
        descriptor = os.open(part, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:  # its process has just finished it
        return None
    film = OpenFile(part.name.removeprefix(".").removesuffix(PART), part.parent, descriptor)
    if _claim(film.part, descriptor) is None:
        os.close(descriptor)
        return None
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


def _open(part: str) -> int:
    return os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)


def _claim(path: str, descriptor: int) -> os.stat_result | None:
    """Lock an open file, if it is ours alone now, and still has this name: who held it may have renamed it."""
    with contextlib.suppress(FileNotFoundError):
        if _lock(descriptor) and os.path.samestat(found := os.stat(path), os.fstat(descriptor)):
            return found
    return None


def _lock(descriptor: int) -> bool:
    """Say whether the file is ours alone now; the lock goes when its process does."""
    for patience in range(LOCK_TRIES, -1, -1):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if patience:
                time.sleep(LOCK_WAIT_S)
        else:
            return True
    return False


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
