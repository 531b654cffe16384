"""Pot Yard's memory by name: the watches of its card, and the linker's symbols for what the card does not watch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ludus.gameboy.library import read_card, shipped

FOLDER = shipped()["potyard"].parent
CARD = read_card(shipped()["potyard"])
RAM = 0xC000

TITLE, STAGE_CARD, PLAYING, LEFT, CLEARED, DEAD = range(1, 7)
FLOOR, HEART, PORTAL, POT, SILVER, CHEST, CHEST_OPEN, ALTAR = range(8)
AWAY, RISING, WAITING, WALKING, AIMING = range(1, 6)
ABSENT, ENTERING, RESTING, TELLING, STRIKING, HIDDEN, FALLEN = range(7)
BARK_VADER, DUNE_WORM, BONE_KING = 1, 2, 3

Peek = Callable[[int, int], bytes]
"""From the first address and the one after the last to the bytes there."""


def read_symbols(path: Path) -> dict[str, int]:
    """{C name: address} of a symbol file."""
    lines = (line.split() for line in path.read_text().splitlines() if line[0] != ";")
    return {name: int(place.split(":")[1], 16) for place, name in lines}


SYMBOLS = read_symbols(FOLDER / "potyard.sym")


class Memory:
    """Work RAM at one moment: `memory.hearts`, `memory.hero_x`."""

    def __init__(self, peek: Peek) -> None:
        self._ram = peek(RAM, RAM + 0x1000)

    def __getattr__(self, name: str) -> int:
        if name in CARD.watch:
            watch = CARD.watch[name]
            return int.from_bytes(self._at(watch.address, watch.size), "little")
        if name in SYMBOLS:
            return self._at(SYMBOLS[name], 1)[0]
        raise AttributeError(name)

    def block(self, name: str, size: int) -> bytes:
        return self._at(SYMBOLS[name], size)

    def _at(self, address: int, size: int) -> bytes:
        return self._ram[address - RAM : address - RAM + size]
