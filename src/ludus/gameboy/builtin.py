"""A ROM for benchmarks: a loop that never waits."""

from __future__ import annotations

from ludus.gameboy.cartridge import Cartridge, read_cartridge

_LOOP = bytes.fromhex(
    "21 00 C0"  # 0150 ld   hl, $C000
    "7E"  #      0153 ld   a, [hl]
    "80"  #           add  a, b
    "A9"  #           xor  c
    "22"  #           ld   [hl+], a
    "04"  #           inc  b
    "CB 11"  #        rl   c
    "7C"  #           ld   a, h
    "E6 1F"  #        and  $1F
    "F6 C0"  #        or   $C0
    "67"  #           ld   h, a
    "C5"  #           push bc
    "D1"  #           pop  de
    "CB 3A"  #        srl  d
    "30 ED"  #        jr   nc, $0153
    "19"  #           add  hl, de
    "18 EA"  #        jr   $0153
)


def busy_loop() -> Cartridge:
    """Give a ROM that computes without end and never waits: the least that any skipping can do for a game."""
    rom = bytearray(32 * 1024)
    rom[0x100:0x104] = b"\x00\xc3\x50\x01"
    rom[0x134:0x13D] = b"BUSY LOOP"
    rom[0x150 : 0x150 + len(_LOOP)] = _LOOP
    rom[0x14D] = -sum(byte + 1 for byte in rom[0x134:0x14D]) & 0xFF
    return read_cartridge(bytes(rom))
