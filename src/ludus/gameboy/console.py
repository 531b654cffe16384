"""One Game Boy, with names that users of PyBoy know."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import overload

import numpy as np

from ludus.core.errors import InputError
from ludus.core.types import Frames
from ludus.gameboy import machine
from ludus.gameboy._native import Batch
from ludus.gameboy.cartridge import Rom, read_cartridge
from ludus.gameboy.state import CONSOLE, ConsoleFace, State, load_core, seal, unseal

WHITE = np.zeros(machine.VIEWS["full"], np.uint8)


@dataclass(frozen=True, slots=True)
class Registers:
    """The CPU's registers at one moment."""

    a: int
    f: int
    b: int
    c: int
    d: int
    e: int
    h: int
    l: int  # noqa: E741 - the register's name
    sp: int
    pc: int


class Memory:
    """The 64 KiB that the CPU sees, as it sees them, but that VRAM and OAM are never locked."""

    def __init__(self, core: Batch) -> None:
        self._core = core

    @overload
    def __getitem__(self, address: int) -> int: ...

    @overload
    def __getitem__(self, address: slice) -> bytes: ...

    def __getitem__(self, address: int | slice) -> int | bytes:
        """Give a byte, or the bytes of a slice."""
        if isinstance(address, slice):
            start, stop = _bounds(address)
            return self._core.peek(0, start, stop)
        return self._core.peek(0, _address(address), address + 1)[0]

    def __setitem__(self, address: int, value: int) -> None:
        """Write as the CPU would: below 8000 that is the bank controller's, not the ROM."""
        if not 0 <= value <= 0xFF:
            raise InputError(f"the value for 0x{_address(address):04X} is {value}, expected a byte, 0 to 255.")
        self._core.poke(0, _address(address), value)


class GameBoy:
    """One console with one cartridge, powered on. Deterministic: the same calls give the same frames.

    rom: a path, bytes or a `Cartridge`. boot: a boot ROM of 256 bytes; without it the console starts as the model's
    own boot ROM leaves it. model: one of `machine.MODELS`. skip: whether waiting loops are skipped, which changes
    nothing but the speed. Raises `RomError` on what cannot be played.
    """

    def __init__(
        self,
        rom: Rom,
        *,
        boot: str | os.PathLike[str] | bytes | None = None,
        model: str = "dmg",
        skip: bool = True,
    ) -> None:
        self.cartridge = read_cartridge(rom)
        self.model = model
        self._core = machine.make_batch(self.cartridge, boot=boot, model=model, skip=skip)
        self.memory = Memory(self._core)
        self._screen = WHITE
        self._serial = bytearray()
        self._held = 0
        self._releases: dict[int, int] = {}  # button bit -> frames until it is let go

    @property
    def title(self) -> str:
        """The title in the cartridge's header."""
        return self.cartridge.title

    @property
    def screen(self) -> Frames:
        """The last picture drawn, `uint8[144, 160]` shades, 0 the lightest; read-only, and never written again."""
        return self._screen

    @property
    def registers(self) -> Registers:
        """The CPU's registers now."""
        return Registers(*self._core.registers(0))

    @property
    def frame_count(self) -> int:
        """Frames since power on; a loaded state brings its own."""
        return self._core.frames(0)

    @property
    def clock(self) -> int:
        """The clock in T-cycles (4,194,304 Hz); a loaded state brings its own."""
        return self._core.clock(0)

    @property
    def serial(self) -> bytes:
        """All bytes that the game sent over the link cable so far; nobody answers there."""
        return bytes(self._serial)

    def tick(self, frames: int = 1, *, render: bool = True) -> None:
        """Run frames up to the start of VBlank; with `render` draw the last one to `screen`."""
        if frames < 0:
            raise InputError(f"frames is {frames}, expected 0 or more.")
        self._run(frames, stop=False, render=render)

    def run_to_breakpoint(self, max_frames: int = 60) -> bool:
        """Run until the instruction LD B,B, as test ROMs use it, and say whether it came within `max_frames`."""
        return self._run(max_frames, stop=True, render=True)

    def press(self, name: str) -> None:
        """Press a button (a b start select up down left right) until `release`. Raises `ActionError`."""
        self._releases.pop(machine.button_bit(name), None)
        self._hold(self._held | machine.button_bit(name))

    def release(self, name: str) -> None:
        """Let go of a button. Raises `ActionError`."""
        self._releases.pop(machine.button_bit(name), None)
        self._hold(self._held & ~machine.button_bit(name))

    def button(self, name: str, frames: int = 1) -> None:
        """Press a button now and let go of it after `frames` frames. Raises `ActionError`, `InputError` below 1."""
        if frames < 1:
            raise InputError(f"frames is {frames}, expected 1 or more.")
        self.press(name)
        self._releases[machine.button_bit(name)] = frames

    def save_state(self) -> bytes:
        """Give the whole console: machine, cartridge RAM and clock, the picture, the buttons held."""
        face = ConsoleFace(self._held, dict(self._releases), self._screen)
        return seal(State(CONSOLE, self._core.save(0), face.pack()), self.cartridge, self.model)

    def load_state(self, state: bytes) -> None:
        """Go back to a saved state of this ROM and model. Raises `StateError`, and is then unchanged."""
        opened = unseal(state, self.cartridge, self.model, core_bytes=self._core.state_bytes)
        face = ConsoleFace.unpack(opened)
        load_core(self._core, 0, opened)
        self._held, self._releases, self._screen = face.held, face.releases, face.screen

    def _hold(self, held: int) -> None:
        self._held = held
        self._core.set_buttons(0, held)

    def _run(self, frames: int, *, stop: bool, render: bool) -> bool:
        while frames > 0:
            part = min([frames, *self._releases.values()])
            frames -= part
            if self._watch(part, stop=stop, render=stop or (render and frames == 0)):
                return True
        return False

    def _watch(self, frames: int, *, stop: bool, render: bool) -> bool:
        before = self.frame_count
        screen = self._screen.copy() if render else None
        stopped, sent = self._core.watch(frames, stop, screen)
        self._serial += sent
        if screen is not None:
            screen.flags.writeable = False
            self._screen = screen
        ran = self.frame_count - before
        self._releases = {bit: left - ran for bit, left in self._releases.items()}
        for bit in [bit for bit, left in self._releases.items() if left <= 0]:
            del self._releases[bit]
            self._hold(self._held & ~bit)
        return stopped


def _address(address: int) -> int:
    if not 0 <= address <= 0xFFFF:
        raise InputError(f"the address is {address:#x}, expected 0x0000 to 0xFFFF.")
    return address


def _bounds(addresses: slice) -> tuple[int, int]:
    start = 0 if addresses.start is None else addresses.start
    stop = 0x10000 if addresses.stop is None else addresses.stop
    if addresses.step not in (None, 1) or not 0 <= start <= stop <= 0x10000:
        raise InputError(
            f"the addresses are {start:#x}:{stop:#x}, step {addresses.step or 1}, expected 0x0000 to 0x10000, upwards."
        )
    return start, stop
