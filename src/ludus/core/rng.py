"""Randomness as a pure function of (seed, stream, step): the same key gives the same numbers, whatever the batch.

Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011). The seed is
the 64-bit key; the 128-bit counter holds the step (64 bits), the stream (32) and the number of the block (32). A
stream is a short name such as "spawn", one per use, so that a new use never shifts the numbers of an old one.

Seeds and steps are ints or integer arrays that broadcast together to [...]; negative ones count as two's complement.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import xxhash

from ludus.core.errors import InputError

Integers = int | npt.NDArray[np.integer]
Words = npt.NDArray[np.uint32]

_MULTIPLIER = np.array([0xD2511F53, 0xCD9E8D57], np.uint64)
_WEYL = np.array([0x9E3779B9, 0xBB67AE85], np.uint32)
_ROUNDS = 10
_32 = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


def philox(counter: Words, key: Words) -> Words:
    """Give the block `uint32[..., 4]` of a counter `uint32[..., 4]` under a key `uint32[..., 2]`."""
    for _ in range(_ROUNDS):
        product = counter[..., 0::2].astype(np.uint64) * _MULTIPLIER
        high = (product >> _32).astype(np.uint32)[..., ::-1]
        low = product.astype(np.uint32)[..., ::-1]
        mixed = high ^ counter[..., 1::2] ^ key
        counter = np.stack([mixed[..., 0], low[..., 0], mixed[..., 1], low[..., 1]], axis=-1)
        key = key + _WEYL
    return counter


def bits(seed: Integers, stream: str, step: Integers, *, words: int = 4) -> Words:
    """Give `uint32[..., words]` of random bits; fewer words are a prefix of more."""
    seeds, steps = np.broadcast_arrays(_uint64(seed, "seed"), _uint64(step, "step"))
    blocks = np.arange(-(-words // 4), dtype=np.uint32)
    counter = np.empty((*seeds.shape, len(blocks), 4), np.uint32)
    counter[..., 0] = blocks
    counter[..., 1] = _stream_number(stream)
    counter[..., 2] = (steps & _LOW)[..., None]
    counter[..., 3] = (steps >> _32)[..., None]
    key = np.stack([seeds & _LOW, seeds >> _32], axis=-1).astype(np.uint32)
    return philox(counter, key[..., None, :]).reshape(*seeds.shape, -1)[..., :words]


def uniform(seed: Integers, stream: str, step: Integers) -> npt.NDArray[np.float64]:
    """Give `float64[...]` in [0, 1), each a multiple of 2^-53."""
    return (_words64(seed, stream, step) >> np.uint64(11)).astype(np.float64) * np.float64(2.0**-53)


def integers(seed: Integers, stream: str, step: Integers, *, high: int) -> npt.NDArray[np.int64]:
    """Give `int64[...]` in [0, high), for a high from 1 to 2^32.

    Multiply and shift of a 64-bit word (Lemire 2019, without rejection): no value's probability is off by more than
    2^-64, and every key costs the same.
    """
    if not 1 <= high <= 2**32:
        raise InputError(f"high is {high}, expected 1 to 2^32.")
    word, wide = _words64(seed, stream, step), np.uint64(high)
    return (((word >> _32) * wide + ((word & _LOW) * wide >> _32)) >> _32).astype(np.int64)


def _words64(seed: Integers, stream: str, step: Integers) -> npt.NDArray[np.uint64]:
    pair = bits(seed, stream, step, words=2).astype(np.uint64)
    return pair[..., 0] << _32 | pair[..., 1]


def _uint64(value: Integers, name: str) -> npt.NDArray[np.uint64]:
    array = np.asarray(value)
    if array.dtype.kind not in "iu":
        raise InputError(f"{name} is {value!r}, expected integers of at most 64 bits.")
    return array.astype(np.uint64)


@cache
def _stream_number(stream: str) -> int:
    return xxhash.xxh32_intdigest(stream.encode())
