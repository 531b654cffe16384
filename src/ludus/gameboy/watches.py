"""Watches: the numbers of a game's memory that a card names, read for all lanes at once as `int64[N, W]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from ludus.core.config import Settings
from ludus.gameboy._native import Batch
from ludus.gameboy.expression import RESERVED, Column, Values

TYPE = re.compile(r"u8|u16le|u16be|u32le|bcd[1-4]|bit:[0-7]")
NAME = re.compile(r"[a-z_][a-z0-9_]*")
_SIZES = {"u8": 1, "u16le": 2, "u16be": 2, "u32le": 4}


class Watch(Settings):
    """A number in memory. A counter only grows while a run lasts; a gauge may go either way."""

    address: int
    """8000 to FFFF: video, cartridge and work RAM, OAM, IO."""
    type: str
    """u8, u16le, u16be, u32le, bcd1 to bcd4 (bytes, most significant first, two digits each), bit:0 to bit:7."""
    role: Literal["counter", "gauge"] = "gauge"
    names: dict[int, str] = Field(default_factory=dict)
    """Words for values, used in payloads and expressions."""
    about: str = ""

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return int(self.type[3:]) if self.type.startswith("bcd") else _SIZES.get(self.type, 1)

    @field_validator("type")
    @classmethod
    def _check_type(cls, value: str) -> str:
        if not TYPE.fullmatch(value):
            raise PydanticCustomError("type", "expected u8, u16le, u16be, u32le, bcd1 to bcd4 or bit:0 to bit:7")
        return value

    @field_validator("names")
    @classmethod
    def _check_names(cls, value: dict[int, str]) -> dict[int, str]:
        wrong = [name for name in value.values() if not NAME.fullmatch(name) or name in RESERVED]
        if wrong or len(set(value.values())) < len(value):
            raise PydanticCustomError(
                "names", "expected different words such as 'forest' or 'bone_king', one per value"
            )
        return value

    @property
    def kind(self) -> str:
        """Its type; of a bit, whichever it is, `bit`."""
        return self.type.partition(":")[0]

    def word(self, value: int) -> int | str:
        """Give the word for a value, or the value itself where it has none."""
        return self.names.get(value, value)


class Reader:
    """Reads watches of all lanes from the core."""

    def __init__(self, watches: Mapping[str, Watch]) -> None:
        self.columns = {
            name: Column(index, {word: value for value, word in watch.names.items()})
            for index, (name, watch) in enumerate(watches.items())
        }
        listed = list(watches.values())
        self._addresses = np.array([watch.address for watch in listed], np.uint16)
        self._sizes = np.array([watch.size for watch in listed], np.uint8)
        self._others = [
            (index, watch.type) for index, watch in enumerate(listed) if not watch.type.endswith(("u8", "le"))
        ]

    def read(self, core: Batch) -> Values:
        """Give the values `int64[N, W]`, new at every call."""
        raw = np.empty((core.lanes, len(self._sizes)), np.uint32)
        if raw.size:
            core.read_numbers(self._addresses, self._sizes, raw)
        values = raw.astype(np.int64)
        for index, kind in self._others:
            values[:, index] = _decode(raw[:, index], kind)
        return values


def _decode(raw: npt.NDArray[np.uint32], kind: str) -> npt.NDArray[np.uint32]:
    """Give what little-endian numbers mean in another type."""
    if kind.startswith("bit:"):
        return raw >> np.uint32(int(kind[4:])) & np.uint32(1)
    if kind == "u16be":
        return raw.astype(np.uint16).byteswap().astype(np.uint32)
    total = np.zeros_like(raw)
    for byte in range(int(kind[3:])):
        pair = raw >> np.uint32(8 * byte) & np.uint32(0xFF)
        total = total * np.uint32(100) + (pair >> np.uint32(4)) * np.uint32(10) + (pair & np.uint32(15))
    return total
