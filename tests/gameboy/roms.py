"""ROMs of ours that the tests of the Python faces play."""

from __future__ import annotations

from functools import cache

from ludus.gameboy._native import Batch
from tests.gameboy.assembler import assemble

SCROLLER = """
; Stripes that the direction keys scroll, A inverts and the passing frames (C000, C001) mark in the corner.
main:   di
        ld   sp, $DFF0
.off:   ldh  a, [rLY]
        cp   144
        jr   nz, .off
        xor  a
        ldh  [rLCDC], a
        ld   [$C000], a
        ld   [$C001], a
        ld   hl, $8010
        ld   b, 16
.tile:  ld   a, l
        rlca
        xor  $35
        ld   [hl+], a
        dec  b
        jr   nz, .tile
        ld   hl, $9800
.map:   ld   a, l
        and  1
        ld   [hl+], a
        ld   a, h
        cp   $9C
        jr   nz, .map
        ld   a, $E4
        ldh  [rBGP], a
        ld   a, $91
        ldh  [rLCDC], a
        ld   a, 1
        ldh  [rIE], a
frame:  xor  a
        ldh  [rIF], a
        halt
        nop
        ld   hl, $C000
        inc  [hl]
        jr   nz, .low
        inc  hl
        inc  [hl]
.low:   ld   a, [$C000]
        ld   [$8000], a
        ld   a, $20             ; the direction keys
        ldh  [rP1], a
        ldh  a, [rP1]
        ldh  a, [rP1]
        cpl
        ld   b, a
        bit  0, b
        jr   z, .left
        ldh  a, [rSCX]
        inc  a
        ldh  [rSCX], a
.left:  bit  1, b
        jr   z, .up
        ldh  a, [rSCX]
        dec  a
        ldh  [rSCX], a
.up:    bit  2, b
        jr   z, .down
        ldh  a, [rSCY]
        dec  a
        ldh  [rSCY], a
.down:  bit  3, b
        jr   z, .keys
        ldh  a, [rSCY]
        inc  a
        ldh  [rSCY], a
.keys:  ld   a, $10             ; the buttons
        ldh  [rP1], a
        ldh  a, [rP1]
        ldh  a, [rP1]
        cpl
        and  $0F
        ld   [$C002], a
        ld   b, $E4
        bit  0, a
        jr   z, .shade
        ld   b, $1B
.shade: ld   a, b
        ldh  [rBGP], a
        nop
        ld   a, $30
        ldh  [rP1], a
        jr   frame
"""


@cache
def scroller() -> bytes:
    """A ROM whose picture follows the buttons."""
    return assemble(SCROLLER, title="SCROLLER")


def program(body: str, **header: int) -> bytes:
    """A ROM that runs `body` and then loops for ever."""
    return assemble(f"main:\n{body}\n        jr   @\n", title="PROGRAM", **header)


def serial(text: str) -> str:
    """Sends text over the link cable."""
    return "".join(
        f"        ld   a, {ord(char)}\n        ldh  [rSB], a\n        ld   a, $81\n        ldh  [rSC], a\n"
        + "        ld   b, 0\n        dec  b\n        jr   nz, @-1\n" * 2
        for char in text
    )


def header(rom: bytes, changes: dict[int, int]) -> bytes:
    """The ROM with bytes of its header changed and the header checksum made right again."""
    changed = bytearray(rom)
    for address, value in changes.items():
        changed[address] = value
    changed[0x14D] = -sum(byte + 1 for byte in changed[0x134:0x14D]) & 0xFF
    return bytes(changed)


def frame_by_bytes(console: Batch) -> None:
    """Runs a frame without decoded ROM: looking for LD B,B, the core reads every instruction byte by byte."""
    frames = console.frames(0)
    while console.frames(0) == frames:
        console.watch(1, True, None)
