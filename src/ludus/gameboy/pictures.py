"""Pictures in and out: PNG and GIF by Pillow, half blocks for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ludus.core import files
from ludus.core.errors import FileFormatError
from ludus.core.extras import from_extra
from ludus.core.types import Frames
from ludus.gameboy.machine import SHADES

if TYPE_CHECKING:
    from PIL.Image import Image


def pillow() -> ModuleType:
    """Give Pillow's `Image` module. Raises `MissingExtraError`."""
    with from_extra():
        from PIL import Image
    return Image


def read_shades(path: Path) -> Frames:
    """Give the shades of a picture file, `uint8[H, W]`: its luminance in four steps, 0 the lightest."""
    image = pillow()
    data = files.read_bytes(path)
    try:
        grey = np.asarray(image.open(BytesIO(data)).convert("L"), np.int64)
    except (OSError, SyntaxError) as error:
        raise FileFormatError(f"{path}: no picture that Pillow can read ({error}); give a PNG.") from error
    return ((255 - grey + 42) // 85).astype(np.uint8)


def grey(frames: Frames, shades: Sequence[int] = SHADES) -> npt.NDArray[np.uint8]:
    """Give the grey of every frame value."""
    return np.array(shades, np.uint8)[frames]


def contact_sheet(pictures: npt.NDArray[np.uint8], *, gap: int = 4) -> npt.NDArray[np.uint8]:
    """Give grey pictures `uint8[N, H, W]` side by side in about as many rows as columns, `uint8[H', W']`."""
    count, height, width = pictures.shape
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap), 128, np.uint8)
    for index, picture in enumerate(pictures):
        top, left = gap + index // columns * (height + gap), gap + index % columns * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def write_png(path: Path, picture: npt.NDArray[np.uint8]) -> None:
    """Write a grey picture `uint8[H, W]`, atomically. Raises `MissingExtraError`."""
    buffer = BytesIO()
    _image(picture).save(buffer, "PNG")
    files.write_atomic(path, buffer.getvalue())


def write_gif(path: Path, pictures: Sequence[npt.NDArray[np.uint8]], *, seconds_each: float) -> None:
    """Write grey pictures as an endless animation, atomically. Raises `MissingExtraError`."""
    first, *rest = map(_image, pictures)
    buffer = BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=round(1000 * seconds_each), loop=0)
    files.write_atomic(path, buffer.getvalue())


def half_blocks(picture: npt.NDArray[np.uint8], *, columns: int) -> list[list[tuple[int, int]]]:
    """Give the cells of a grey picture `uint8[H, W]` in a terminal, each the grey of its upper and its lower half."""
    height, width = picture.shape
    columns = min(columns, width)
    rows = max(2, round(height * columns / width / 2) * 2)
    y = (np.arange(rows) * height // rows)[:, None]
    x = np.arange(columns) * width // columns
    small = picture[y, x]
    return [
        list(zip(upper.tolist(), lower.tolist(), strict=True))
        for upper, lower in zip(small[::2], small[1::2], strict=True)
    ]


def _image(picture: npt.NDArray[np.uint8]) -> Image:
    made: Image = pillow().fromarray(np.ascontiguousarray(picture))
    return made
