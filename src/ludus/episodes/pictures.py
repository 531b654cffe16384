"""Small pictures as PNG, for thumbnails, with nothing but zlib (PNG specification, third edition, W3C 2025)."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, COLOUR = 0, 2
ROWS = 160
"""A thumbnail has at most so many rows; of a larger picture it takes every second, third, ... row and column."""


def thumbnail(frame: npt.NDArray[Any], shades: tuple[int, ...] | None) -> bytes | None:
    """Give a frame `uint8[H, W]` in shades, or `uint8[H, W, 3]`, as a small PNG; None for a vector.

    No picture is blurred: rows and columns are kept or left out.
    """
    if frame.ndim < 2:
        return None
    stride = -(-len(frame) // ROWS)
    small = frame[::stride, ::stride]
    return png(small if shades is None else np.array(shades, np.uint8)[small])


def png(picture: npt.NDArray[np.uint8]) -> bytes:
    """Give `uint8[H, W]` in grey or `uint8[H, W, 3]` as PNG."""
    height, width = picture.shape[:2]
    rows = np.zeros((height, 1 + picture[0].size), np.uint8)  # every row begins with its filter, 0 for none
    rows[:, 1:] = picture.reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 8, GREY if picture.ndim == 2 else COLOUR, 0, 0, 0)
    body = zlib.compress(rows.tobytes(), 1)
    return SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
