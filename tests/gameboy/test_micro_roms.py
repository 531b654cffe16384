"""Every micro-ROM runs to its breakpoint and leaves what a DMG leaves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gameboy.micro_roms import MICRO_ROMS, MicroRom, pixels

gameboy = pytest.importorskip("ludus.gameboy")


def run(rom: MicroRom) -> tuple[Any, bool]:
    """The console after `rom` with its scripted buttons, and whether it reached `LD B, B`."""
    gb = gameboy.GameBoy(rom.image())
    frame = 0
    for event in rom.inputs:
        gb.tick(event.frame - frame)
        frame = event.frame
        (gb.press if event.pressed else gb.release)(event.button)
    return gb, gb.run_to_breakpoint(max_frames=rom.max_frames - frame)


def differences(rom: MicroRom, gb: Any, stopped: bool) -> list[str]:
    """One line for every expectation that does not hold."""
    found = [] if stopped == rom.breaks else [f"LD B, B reached: expected {rom.breaks}, got {stopped}"]
    for name, value in rom.registers.items():
        got = getattr(gb.registers, name)
        if got != value:
            found.append(f"register {name}: expected {value:02X}, got {got:02X}")
    for address, expected in rom.memory.items():
        got = bytes(gb.memory[address : address + len(expected)])
        if got != expected:
            first = next(i for i, (a, b) in enumerate(zip(expected, got, strict=True)) if a != b)
            shown = slice(first // 16 * 16, first // 16 * 16 + 16)
            found.append(
                f"memory ${address + shown.start:04X}: expected {expected[shown].hex(' ')}, got {got[shown].hex(' ')}"
            )
    if rom.rows:
        gb.tick(3)
    for line, text in rom.rows.items():
        row = bytes(gb.screen[line].tolist())
        if row != pixels(text):
            shades = "".join(map(str, row))
            found.append(f"screen line {line}: expected {''.join(map(str, pixels(text)))}\n{'got':>24} {shades}")
    return found


def test_names_are_unique_and_every_pitfall_is_covered() -> None:
    names = [rom.name for rom in MICRO_ROMS]
    assert len(set(names)) == len(names)
    assert {rom.pitfall for rom in MICRO_ROMS} == set(range(1, 21))


@pytest.mark.parametrize("rom", MICRO_ROMS, ids=lambda rom: f"{rom.pitfall:02}-{rom.name}")
def test_micro_rom(rom: MicroRom) -> None:
    gb, stopped = run(rom)
    wrong = differences(rom, gb, stopped)
    assert not wrong, "\n".join([f"pitfall {rom.pitfall}: {rom.fact}", f"source: {rom.document}", *wrong])
