"""What a micro-ROM is, and the source snippets that many of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.gameboy.assembler import assemble

DONE = """
        ld   b, b           ; the breakpoint: results are in place
        jr   @
"""


@dataclass(frozen=True, slots=True)
class Input:
    """A button that goes down or up once `frame` frames have run."""

    frame: int
    button: str
    pressed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroRom:
    """A tiny program that shows one hardware fact, and what a DMG leaves behind after running it.

    `registers` hold at `LD B, B`; `memory` maps an address to the bytes found there; `rows` maps a screen line to its
    160 shades as text, see `pixels`. With `breaks` false the program must never reach `LD B, B`.
    """

    name: str
    pitfall: int
    fact: str
    document: str
    source: str
    cart: int = 0x00
    ram_code: int = 0
    rom_kb: int = 32
    inputs: Sequence[Input] = ()
    registers: Mapping[str, int] = field(default_factory=dict)
    memory: Mapping[int, bytes] = field(default_factory=dict)
    rows: Mapping[int, str] = field(default_factory=dict)
    max_frames: int = 60
    breaks: bool = True

    def image(self) -> bytes:
        """The assembled ROM."""
        return assemble(self.source, cart=self.cart, ram_code=self.ram_code, rom_kb=self.rom_kb)


def results(text: str, address: int = 0xC000) -> dict[int, bytes]:
    """Expected bytes from hex text, by default those stored from $C000 on."""
    return {address: bytes.fromhex(text)}


def pixels(text: str) -> bytes:
    """160 shades from text: `3*8 0123 0*148` is eight 3s, then 0, 1, 2, 3, then 148 zeros."""
    row = ""
    for part in text.split():
        shades, _, count = part.partition("*")
        row += shades * int(count or 1)
    assert len(row) == 160 and set(row) <= set("0123"), f"{len(row)} shades in {text!r}"
    return bytes(map(int, row))


def wait_ly(line: int) -> str:
    """Polls until LY is `line`; uses A."""
    return f"""
        ldh  a, [rLY]
        cp   {line}
        jr   nz, @-4
"""


LCD_OFF = f"{wait_ly(144)}        xor  a\n        ldh  [rLCDC], a\n"

# Fill: HL = first address, BC = count, D = value; uses A. Copy: HL = from, DE = to, C = count (not 0); uses A.
ROUTINES = """
fill:   ld   a, d
        ld   [hl+], a
        dec  bc
        ld   a, b
        or   c
        jr   nz, fill
        ret
copy:   ld   a, [hl+]
        ld   [de], a
        inc  de
        dec  c
        jr   nz, copy
        ret
"""


def fill(address: int, count: int, value: int) -> str:
    """Calls `fill` of ROUTINES."""
    return f"        ld   hl, {address}\n        ld   bc, {count}\n        ld   d, {value}\n        call fill\n"


def copy(source: str, address: int, count: str | int) -> str:
    """Calls `copy` of ROUTINES."""
    return f"        ld   hl, {source}\n        ld   de, {address}\n        ld   c, {count}\n        call copy\n"


def in_hram(body: str) -> str:
    """Runs `body`, which must be position independent and end in `ret`, from HRAM, as code must during OAM DMA.

    `body` may use the label `routine` for its own start in ROM. Needs ROUTINES; SP must not point into HRAM.
    """
    return f"""
{copy("routine", 0xFF80, "routine_end - routine")}
        call $FF80
        jp   routine_end
routine:
{body}
routine_end:
"""


def store(register: str = "a") -> str:
    """Appends a register to the results that HL walks through."""
    return f"        ld   [hl], {register}\n        inc  hl\n"
