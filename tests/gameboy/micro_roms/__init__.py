"""Small Game Boy programs of our own that prove the hardware's pitfalls, each with what a DMG answers.

A program leaves its results in registers or from $C000 on, executes `LD B, B` and then loops for ever. Expectations
come from the hardware documents each program names; they have been compared with an independent emulator.
"""

from __future__ import annotations

from tests.gameboy.micro_roms.cartridge import CARTRIDGE
from tests.gameboy.micro_roms.cpu import CPU
from tests.gameboy.micro_roms.dma import DMA
from tests.gameboy.micro_roms.io import IO
from tests.gameboy.micro_roms.lcd import LCD
from tests.gameboy.micro_roms.picture import PICTURE
from tests.gameboy.micro_roms.rom import Input, MicroRom, pixels
from tests.gameboy.micro_roms.timer import TIMER

MICRO_ROMS: tuple[MicroRom, ...] = tuple(
    sorted((*CPU, *TIMER, *DMA, *LCD, *PICTURE, *CARTRIDGE, *IO), key=lambda rom: (rom.pitfall, rom.name))
)

__all__ = ["MICRO_ROMS", "Input", "MicroRom", "pixels"]
