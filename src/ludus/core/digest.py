"""The only digests of the house: xxh3-128 for frames and states, which are many, sha256 for files, which travel."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from ludus.core.files import read_bytes


def of_bytes(data: bytes | memoryview) -> str:
    """Give the xxh3-128 of bytes, 32 hexadecimal digits."""
    return xxhash.xxh3_128_hexdigest(data)


def of_array(array: npt.NDArray[Any]) -> str:
    """Give the xxh3-128 of an array's raw bytes in C order; shape and dtype are not part of it."""
    return xxhash.xxh3_128_hexdigest(np.ascontiguousarray(array).data)


def of_file(path: Path) -> str:
    """Give the sha256 of a file, 64 hexadecimal digits. Raises `InputError`."""
    return of_file_bytes(read_bytes(path))


def of_file_bytes(data: bytes | memoryview) -> str:
    """Give the sha256 of a file's bytes, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def roll(digest: str, frame: npt.NDArray[Any]) -> str:
    """Give the digest of a stream one frame longer: xxh3-128 of the stream's digest so far ("" at first) and the frame.

    The digest is the whole state, so that a stream can be taken up again where it was left.
    """
    chain = xxhash.xxh3_128(bytes.fromhex(digest))
    chain.update(np.ascontiguousarray(frame).data)
    return chain.hexdigest()


class Chain:
    """The rolling digest of a stream (`roll`) in the making, for streams whose frames come quickly."""

    def __init__(self) -> None:
        self._digest = b""

    def add(self, frame: npt.NDArray[Any]) -> None:
        """Take one more frame, in C order."""
        chain = xxhash.xxh3_128(self._digest)
        chain.update(frame.data)
        self._digest = chain.digest()

    @property
    def digest(self) -> str:
        """The digest so far, 32 hexadecimal digits; "" of no frames."""
        return self._digest.hex()
