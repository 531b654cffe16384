"""Action codecs: what the numbers of an action space press. Every artefact stores an id, so none ever changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ludus.core.errors import InputError, nearest
from ludus.gameboy.machine import BUTTONS

NOOP = "NOOP"


@dataclass(frozen=True, slots=True)
class Codec:
    """The meaning of action numbers: action i presses the button `names[i]`, or none for NOOP."""

    id: str
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def buttons(self) -> npt.NDArray[np.uint8]:
        """`uint8[A]`, the core's button bits of each action."""
        return np.array([BUTTONS.get(name.lower(), 0) for name in self.names], np.uint8)

    def number(self, name: str) -> int:
        """Give the number of an action. Raises `InputError` that names the nearest one."""
        if name not in self.names:
            raise InputError(f"codec {self.id} has no action {name!r}; {nearest(name, self.names)}")
        return self.names.index(name)


_PUFFER = ("A", "B", "START", "UP", "DOWN", "LEFT", "RIGHT")
CODECS = {
    codec.id: codec
    for codec in (
        Codec("pokemonred_puffer_v0", _PUFFER),
        Codec("pokemonred_puffer_v1", (NOOP, *_PUFFER)),
        Codec("full_v0", (NOOP, "UP", "DOWN", "LEFT", "RIGHT", "A", "B", "START", "SELECT")),
    )
}


def find_codec(codec: str) -> Codec:
    """Give the codec of an id. Raises `InputError` that names the nearest one."""
    if codec not in CODECS:
        raise InputError(f"there is no action codec {codec!r}; {nearest(codec, CODECS)}")
    return CODECS[codec]
