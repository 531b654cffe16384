from __future__ import annotations

import io

import numpy as np
import pytest

from ludus.episodes.pictures import png, thumbnail
from ludus.gameboy.pictures import pillow


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (5, 7, 3)])
def test_a_png_is_read_by_pillow_as_it_was(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    with pillow().open(io.BytesIO(png(picture))) as image:
        np.testing.assert_array_equal(np.asarray(image), picture)


def test_a_thumbnail_of_shades_shows_what_they_stand_for() -> None:
    data = thumbnail(np.array([[0, 1], [2, 3]], np.uint8), (255, 170, 85, 0))
    assert data is not None
    with pillow().open(io.BytesIO(data)) as image:
        assert np.asarray(image).tolist() == [[255, 170], [85, 0]]


def test_a_large_picture_is_thinned_not_blurred() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (400, 600, 3), np.uint8)
    data = thumbnail(picture, None)
    assert data is not None
    with pillow().open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(np.asarray(image), picture[::3, ::3])


def test_a_vector_has_no_thumbnail() -> None:
    assert thumbnail(np.zeros(4, np.float32), None) is None
