"""Files that are whole or absent: written beside their place, synced, and renamed into it; and logs that only grow."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

from ludus.core.errors import FileFormatError, InputError

_JSON = json.JSONEncoder(allow_nan=False, separators=(",", ":"))


def read_bytes(path: Path) -> bytes:
    """Give a file's bytes. Raises `InputError` that says why it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; give the path of a readable file.") from error


def read_text(path: Path) -> str:
    """Give a file's UTF-8 text. Raises `InputError`, or `FileFormatError` on bytes that are not UTF-8."""
    return _utf8(read_bytes(path), path)


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a crash at any moment, sees all of it or what was there before."""
    write_all_atomic({path: data})


def write_all_atomic(contents: Mapping[Path, bytes]) -> None:
    """Write files as `write_atomic` does, each whole or absent, and sync every folder only once."""
    for path, data in contents.items():
        beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            _write_synced(beside, data)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    for folder in dict.fromkeys(path.parent for path in contents):
        sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are on the disk."""
    _sync(folder)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def new_folder(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Give a folder to fill, which takes the name `path` when the block ends, whole, and vanishes if it fails.

    Raises `InputError` if there is something at `path`, unless it is an empty folder or `force` says to replace it.
    """
    if not force and path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise InputError(f"{path} is there already, expected a new folder; name another, or replace it by force.")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside, old = (path.with_name(f".{path.name}.{uuid.uuid4().hex}") for _ in range(2))
    beside.mkdir()
    try:
        yield beside
        for file in beside.rglob("*"):
            _sync(file)
        if path.exists():
            path.rename(old)
        beside.rename(path)
        sync_folder(path.parent)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def append_jsonl(path: Path, rows: Iterable[Any]) -> None:
    """Append values to a log in JSON Lines with one write, and sync it; ValueError on NaN and infinities.

    After a crash the log may end in part of a line, which `read_log` ignores and the next append cuts off.
    """
    data = _jsonl(rows)
    log = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        size = os.fstat(log).st_size
        if size and os.pread(log, 1, size - 1) != b"\n":
            os.ftruncate(log, path.read_bytes().rfind(b"\n") + 1)
        written = os.write(log, data)
        while written < len(data):  # a disk that filled up says so at the next write
            written += os.write(log, data[written:])
        os.fsync(log)
    finally:
        os.close(log)


def read_log(path: Path) -> list[Any]:
    """Give the values of a log that `append_jsonl` writes, but for a last line that is not whole; [] without a file.

    Raises `FileFormatError` that names the line.
    """
    if not path.exists():
        return []
    whole = read_bytes(path).rpartition(b"\n")[0]
    lines = whole.split(b"\n") if whole else []
    return [_parse(_utf8(line, path), path, number) for number, line in enumerate(lines, start=1)]


def read_jsonl(path: Path) -> list[Any]:
    """Give the values of a JSON Lines file. Raises `FileFormatError` that names the line."""
    return [_parse(line, path, number) for number, line in enumerate(StringIO(read_text(path)), start=1)]


def write_jsonl(path: Path, rows: Iterable[Any]) -> None:
    """Write values as JSON Lines, atomically; ValueError on NaN and infinities, which JSON does not have."""
    write_atomic(path, _jsonl(rows))


def _jsonl(rows: Iterable[Any]) -> bytes:
    return "".join(f"{_JSON.encode(row)}\n" for row in rows).encode()


def _write_synced(path: Path, data: bytes) -> None:
    """Write a new file; half the cost of Python's buffered files, which counts where files are many and small."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        written = os.write(file, data)
        while written < len(data):
            written += os.write(file, data[written:])
        os.fsync(file)
    finally:
        os.close(file)


def _utf8(data: bytes, path: Path) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8 text.") from error


def _parse(line: str, path: Path, number: int) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise FileFormatError(
            f"{path}, line {number}, column {error.colno}: {error.msg}; every line must be one JSON value."
        ) from error
