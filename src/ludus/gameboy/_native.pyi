"""The C++ core, `native/module.cpp`. It trusts its callers: everything is checked before it gets here."""

from typing import Any

import numpy as np
import numpy.typing as npt

_Bytes = npt.NDArray[np.uint8]
_Registers = tuple[int, int, int, int, int, int, int, int, int, int]

def run_flat(
    registers: _Registers, ime: bool, memory: _Bytes, /
) -> tuple[_Registers, bool, bool, list[tuple[int, int, str]]]: ...

class Batch:
    def __new__(
        cls,
        *,
        rom: bytes,
        boot: bytes,
        rom_banks: int,
        ram_bytes: int,
        mapper: int,
        rtc: bool,
        model: int,
        lanes: int,
        threads: int,
        skip: bool,
        translate: bool = True,
    ) -> Batch: ...
    @property
    def lanes(self) -> int: ...
    @property
    def state_bytes(self) -> int: ...
    @property
    def translates(self) -> bool:
        """Whether code in ROM becomes machine code of this host."""
    @property
    def translated(self) -> int:
        """Bytes of machine code so far."""
    def power_on(self, lane: int, /) -> None: ...
    def step(
        self,
        buttons: _Bytes,
        mask: npt.NDArray[np.bool_] | None,
        frames: int,
        hold: int,
        view: int,
        out: npt.NDArray[Any] | None,
    ) -> None: ...
    def watch(self, frames: int, stop: bool, out: _Bytes | None) -> tuple[bool, bytes]: ...
    def set_buttons(self, lane: int, buttons: int, /) -> None: ...
    def registers(self, lane: int, /) -> _Registers: ...
    def clock(self, lane: int, /) -> int: ...
    def frames(self, lane: int, /) -> int: ...
    def read_numbers(self, addresses: npt.NDArray[np.uint16], sizes: _Bytes, out: npt.NDArray[np.uint32]) -> None: ...
    def peek(self, lane: int, start: int, stop: int, /) -> bytes: ...
    def poke(self, lane: int, address: int, value: int, /) -> None: ...
    def save(self, lane: int, /) -> bytes: ...
    def load(self, lane: int, state: bytes, /) -> None: ...
