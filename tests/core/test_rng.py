from __future__ import annotations

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from ludus.core import rng
from ludus.core.errors import InputError

INT64 = st.integers(-(2**63), 2**63 - 1)


# Random123's known-answer file, kat_vectors, philox4x32 with 10 rounds.
@pytest.mark.parametrize(
    ("counter", "key", "block"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_gives_the_published_blocks(counter: str, key: str, block: str) -> None:
    np.testing.assert_array_equal(rng.philox(_words(counter), _words(key)), _words(block))


def test_a_block_is_the_cipher_of_block_number_stream_and_step_under_the_seed() -> None:
    seed, step = 0x0123456789ABCDEF, 0x1122334455667788
    counter = np.array([1, xxhash.xxh32_intdigest(b"spawn"), 0x55667788, 0x11223344], np.uint32)
    expected = rng.philox(counter, np.array([0x89ABCDEF, 0x01234567], np.uint32))
    np.testing.assert_array_equal(rng.bits(seed, "spawn", step, words=8)[4:], expected)


@given(st.lists(st.tuples(INT64, INT64), min_size=1, max_size=9))
def test_a_batch_gives_what_its_members_give_alone(keys: list[tuple[int, int]]) -> None:
    seeds, steps = np.array(keys, np.int64).T
    together = rng.bits(seeds, "spawn", steps)
    for row, (seed, step) in zip(together, keys, strict=True):
        np.testing.assert_array_equal(row, rng.bits(seed, "spawn", step))


def test_seeds_and_steps_broadcast() -> None:
    table = rng.uniform(np.arange(3)[:, None], "spawn", np.arange(5))
    assert table.shape == (3, 5)
    assert table[2, 4] == rng.uniform(2, "spawn", 4)


@given(INT64, st.integers(1, 20))
def test_fewer_words_are_a_prefix_of_more(seed: int, words: int) -> None:
    np.testing.assert_array_equal(rng.bits(seed, "spawn", 0, words=words), rng.bits(seed, "spawn", 0, words=21)[:words])


def test_every_part_of_the_key_matters() -> None:
    base = rng.bits(1, "spawn", 2).tolist()
    keys = [(3, "spawn", 2), (1 + 2**32, "spawn", 2), (1, "wind", 2), (1, "spawn", 3), (1, "spawn", 2 + 2**32)]
    assert base not in [rng.bits(*key).tolist() for key in keys]


@given(INT64, INT64, st.integers(1, 2**32))
def test_integers_are_the_exact_multiply_and_shift_of_64_bits(seed: int, step: int, high: int) -> None:
    first, second = map(int, rng.bits(seed, "spawn", step, words=2))
    value = int(rng.integers(seed, "spawn", step, high=high))
    assert value == ((first << 32 | second) * high) >> 64
    assert 0 <= value < high


def test_integers_and_uniform_numbers_are_spread_evenly() -> None:
    counts = np.bincount(rng.integers(0, "spawn", np.arange(60_000), high=6), minlength=6)
    chi_squared = ((counts - 10_000) ** 2 / 10_000).sum()
    assert chi_squared < 20.5  # 99.9 % of fair dice, 5 degrees of freedom
    uniform = rng.uniform(0, "spawn", np.arange(60_000))
    assert 0 <= uniform.min() < 0.001
    assert 0.999 < uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.005


@pytest.mark.parametrize("high", [0, -1, 2**32 + 1])
def test_a_high_out_of_range_is_an_error(high: int) -> None:
    with pytest.raises(InputError, match=str(high)):
        rng.integers(0, "spawn", 0, high=high)


@pytest.mark.parametrize("seed", [2**64, 1.5])
def test_a_seed_that_is_no_64_bit_integer_is_an_error(seed: int) -> None:
    with pytest.raises(InputError, match="seed"):
        rng.bits(seed, "spawn", 0)


def _words(text: str) -> rng.Words:
    return np.array([int(word, 16) for word in text.split()], np.uint32)
