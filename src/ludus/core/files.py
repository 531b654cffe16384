"""Files that are whole or absent: written beside their place, synced, and renamed into it."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Any

from ludus.core.errors import FileFormatError, InputError


def read_bytes(path: Path) -> bytes:
    """Give a file's bytes. Raises `InputError` that says why it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; give the path of a readable file.") from error


def read_text(path: Path) -> str:
    """Give a file's UTF-8 text. Raises `InputError`, or `FileFormatError` on bytes that are not UTF-8."""
    try:
        return read_bytes(path).decode()
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8 text.") from error


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a crash at any moment, sees all of it or what was there before."""
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_jsonl(path: Path) -> list[Any]:
    """Give the values of a JSON Lines file. Raises `FileFormatError` that names the line."""
    return [_parse(line, path, number) for number, line in enumerate(StringIO(read_text(path)), start=1)]


def write_jsonl(path: Path, rows: Iterable[Any]) -> None:
    """Write values as JSON Lines, atomically; ValueError on NaN and infinities, which JSON does not have."""
    lines = (json.dumps(row, allow_nan=False, separators=(",", ":")) + "\n" for row in rows)
    write_atomic(path, "".join(lines).encode())


def _parse(line: str, path: Path, number: int) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise FileFormatError(
            f"{path}, line {number}, column {error.colno}: {error.msg}; every line must be one JSON value."
        ) from error
