from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ludus.core import digest
from ludus.core.errors import InputError

EMPTY_XXH3_128 = "99aa06d3014798d86001c324468d497f"  # of no bytes, from the xxHash specification's test vectors
ABC_SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4


def test_bytes_have_the_published_xxh3() -> None:
    assert digest.of_bytes(b"") == EMPTY_XXH3_128


def test_an_array_is_digested_as_its_bytes_in_c_order() -> None:
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert digest.of_array(array) == digest.of_bytes(bytes(range(12)))
    assert digest.of_array(array.T.copy().T) == digest.of_array(array)


def test_a_file_has_the_published_sha256(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert digest.of_file(path) == ABC_SHA256


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        digest.of_file(tmp_path / "nowhere")


def test_a_rolling_digest_chains_digest_and_frame() -> None:
    one, two = np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint8)
    first = digest.roll("", one)
    assert first == digest.of_array(one)
    assert digest.roll(first, two) == digest.of_bytes(bytes.fromhex(first) + two.tobytes())
    assert digest.roll(digest.roll("", two), one) != digest.roll(first, two)


def test_a_chain_is_the_rolling_digest() -> None:
    chain, rolled = digest.Chain(), ""
    assert chain.digest == rolled
    for value in range(3):
        frame = np.full((2, 3), value, np.uint8)
        chain.add(frame)
        rolled = digest.roll(rolled, frame)
        assert chain.digest == rolled
