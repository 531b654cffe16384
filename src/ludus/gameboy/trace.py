"""Traces on disk: JSON Lines, each line a JSON list of action numbers, one per lane (`[3]` for one lane)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ludus.core import files
from ludus.core.errors import FileFormatError, TraceError
from ludus.core.types import Actions
from ludus.gameboy.codec import find_codec


def load_actions(path: Path, *, codec: str, lanes: int | None = None) -> Actions:
    """Give the actions `int64[T, N]` of a trace, N being `lanes` or else the width of the first line.

    Raises `TraceError` that names file and line, `InputError` on an unreadable file.
    """
    try:
        rows = files.read_jsonl(path)
    except FileFormatError as error:
        raise TraceError(str(error)) from error
    if not rows:
        raise TraceError(f"{path}: empty, expected one JSON list of actions per line; record the trace again.")
    count = len(find_codec(codec))
    width = len(rows[0]) if lanes is None and isinstance(rows[0], list) else lanes
    for number, row in enumerate(rows, start=1):
        _check_row(row, width, count, where=f"{path}, line {number}", codec=codec)
    return np.array(rows, np.int64)


def save_actions(path: Path, actions: npt.ArrayLike, *, codec: str) -> None:
    """Write actions `int[T, N]` as a trace, atomically. Raises `TraceError` on what `load_actions` would refuse."""
    rows: list[Any] = np.asarray(actions).tolist()
    if not rows:
        raise TraceError(f"{path}: there are no actions to write, expected at least one step.")
    count = len(find_codec(codec))
    width = len(rows[0]) if isinstance(rows[0], list) else None
    for number, row in enumerate(rows, start=1):
        _check_row(row, width, count, where=f"{path}, line {number}", codec=codec)
    files.write_jsonl(path, rows)


def _check_row(row: Any, width: int | None, count: int, *, where: str, codec: str) -> None:
    if not isinstance(row, list) or not row:
        raise TraceError(f"{where}: {row!r}, expected a JSON list with one action per lane; mend or cut the line.")
    if len(row) != width:
        raise TraceError(f"{where}: {len(row)} actions, expected {width}, one per lane; mend or cut the line.")
    for lane, action in enumerate(row):
        if type(action) is not int:
            raise TraceError(f"{where}: the action of lane {lane} is {action!r}, expected an integer; mend the line.")
        if not 0 <= action < count:
            raise TraceError(
                f"{where}: the action of lane {lane} is {action}, expected 0 to {count - 1} of the codec {codec}; "
                "mend the line or name the codec that it was recorded with."
            )
