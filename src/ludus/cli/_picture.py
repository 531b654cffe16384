"""Pictures in a terminal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from rich.text import Text

from ludus.gameboy.pictures import half_blocks


def draw(picture: npt.NDArray[np.uint8], columns: int) -> Text:
    """Give a grey picture `uint8[H, W]` for the terminal: two rows of pixels to a line, by half blocks."""
    text = Text()
    for row in half_blocks(picture, columns=columns):
        for upper, lower in row:
            text.append("▀", f"rgb({upper},{upper},{upper}) on rgb({lower},{lower},{lower})")
        text.append("\n")
    return text
