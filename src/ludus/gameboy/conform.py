"""Test ROMs: runs each until what is expected of it is met, contradicted, or time is up."""

from __future__ import annotations

import multiprocessing
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ludus.core.errors import InputError, RomError, nearest
from ludus.gameboy.console import GameBoy
from ludus.gameboy.pictures import read_shades

FRAMES = 3600
"""Frames after which time is up unless told otherwise: a minute of the console's time."""


class Verdict(StrEnum):
    """What came of a ROM."""

    PASSED = "passed"
    CONTRADICTED = "contradicted"
    TIME_UP = "time up"
    REFUSED = "refused"
    """The ROM cannot be played, or there is nothing to compare it with."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one ROM, and why."""

    rom: str
    verdict: Verdict
    reason: str
    frames: int
    seconds: float


Finding = tuple[Verdict, str]


class Expectation(Protocol):
    """What a ROM should do."""

    @property
    def every(self) -> int:
        """Frames between two looks; 0: look at the breakpoint LD B,B and when time is up."""
        ...

    def look(self, gb: GameBoy, rom: Path) -> Finding | None:
        """Say whether it is met or contradicted, None while that is open."""
        ...

    def at_end(self, gb: GameBoy) -> str:
        """Give what is to be seen where nothing came until time was up."""
        ...


@dataclass(frozen=True, slots=True)
class Serial:
    """Text sent over the link cable, or in cartridge RAM as blargg's later ROMs do: DE B0 61 at A001, 0 at A000."""

    text: str
    every: int = 30

    def look(self, gb: GameBoy, rom: Path) -> Finding | None:
        """Judge all that was sent so far."""
        del rom
        if self.text.encode() in gb.serial:
            return Verdict.PASSED, ""
        if b"Failed" in gb.serial:
            return Verdict.CONTRADICTED, _last_words(gb.serial)
        status = gb.memory[0xA000]
        if gb.memory[0xA001:0xA004] != b"\xde\xb0\x61" or status == 0x80:
            return None
        told = gb.memory[0xA004:0xA200].split(b"\0")[0]
        return (Verdict.CONTRADICTED, f"code {status}: {_last_words(told)}") if status else (Verdict.PASSED, "")

    def at_end(self, gb: GameBoy) -> str:
        """Give the last words."""
        return f"sent {_last_words(gb.serial)!r}"


@dataclass(frozen=True, slots=True)
class Text:
    """Text in the tile map at 9800, whose tiles are numbered as ASCII."""

    text: str
    every: int = 30

    def look(self, gb: GameBoy, rom: Path) -> Finding | None:
        """Judge the screen."""
        del rom
        shown = self._shown(gb)
        if self.text in shown:
            return Verdict.PASSED, ""
        return (Verdict.CONTRADICTED, _last_words(shown.encode())) if "Failed" in shown else None

    def at_end(self, gb: GameBoy) -> str:
        """Give the last words."""
        return f"shows {_last_words(self._shown(gb).encode())!r}"

    def _shown(self, gb: GameBoy) -> str:
        rows = (gb.memory[row : row + 32] for row in range(0x9800, 0x9C00, 32))
        return "\n".join("".join(chr(code) if 32 <= code < 127 else " " for code in row).rstrip() for row in rows)


@dataclass(frozen=True, slots=True)
class Registers:
    """B, C, D, E, H, L at LD B,B."""

    values: tuple[int, ...]
    every: int = 0

    def look(self, gb: GameBoy, rom: Path) -> Finding | None:
        """Judge the registers at the breakpoint."""
        del rom
        found = gb.registers
        values = (found.b, found.c, found.d, found.e, found.h, found.l)
        if values == self.values:
            return Verdict.PASSED, ""
        return Verdict.CONTRADICTED, f"B C D E H L are {' '.join(map(str, values))}"

    def at_end(self, gb: GameBoy) -> str:
        """Say that there was no breakpoint."""
        return f"no LD B,B, at {gb.registers.pc:04X}"


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes at an address; other bytes there may mean failure."""

    address: int
    expected: bytes
    failure: bytes | None
    every: int = 1

    def look(self, gb: GameBoy, rom: Path) -> Finding | None:
        """Judge the bytes."""
        del rom
        found = gb.memory[self.address : self.address + len(self.expected)]
        if found == self.expected:
            return Verdict.PASSED, ""
        return (Verdict.CONTRADICTED, self.at_end(gb)) if found == self.failure else None

    def at_end(self, gb: GameBoy) -> str:
        """Give the bytes."""
        found = gb.memory[self.address : self.address + len(self.expected)]
        return f"{self.address:04X} is {found.hex(' ').upper()}"


@dataclass(frozen=True, slots=True)
class Image:
    """The picture two whole frames after LD B,B, or when time is up, as a PNG beside the ROM or in a folder has it."""

    folder: Path | None
    every: int = 0

    def look(self, gb: GameBoy, rom: Path) -> Finding | None:
        """Judge the picture."""
        gb.tick(2)
        return compare(gb.screen, read_shades(self.png(rom)))

    def at_end(self, gb: GameBoy) -> str:
        """Give nothing: a picture is judged in any case."""
        raise AssertionError(gb)

    def png(self, rom: Path) -> Path:
        """Give the path of a ROM's picture."""
        return (self.folder or rom.parent) / f"{rom.stem}.png"


def compare(shown: npt.NDArray[np.uint8], expected: npt.NDArray[np.uint8]) -> Finding:
    """Say whether two pictures are equal, or how they differ."""
    if shown.shape != expected.shape:
        height, width = expected.shape
        return Verdict.CONTRADICTED, f"the picture is {width}x{height}, a Game Boy's is 160x144"
    different = int((shown != expected).sum())
    if not different:
        return Verdict.PASSED, ""
    return Verdict.CONTRADICTED, f"{different} of {shown.size} pixels differ"


FORMS = {
    "serial": "serial:Passed",
    "text": "text:Passed",
    "registers": "registers:3,5,8,13,21,34",
    "memory": "memory:FF82=01 or memory:FF82=01!FF",
    "image": "image or image:FOLDER",
}


def parse_expectation(text: str) -> Expectation:
    """Give the expectation that a text such as `serial:Passed` means. Raises `InputError`."""
    kind, _, value = text.partition(":")
    if kind not in FORMS:
        raise InputError(f"--expect is {text!r}: there is no {kind!r}; {nearest(kind, FORMS)}")
    if kind in ("serial", "text") and value:
        return Serial(value) if kind == "serial" else Text(value)
    if kind == "registers" and re.fullmatch(r"\d+(,\d+){5}", value):
        values = tuple(map(int, value.split(",")))
        if max(values) <= 0xFF:
            return Registers(values)
    found = re.fullmatch(r"([0-9A-F]{4})=((?:[0-9A-F]{2})+)(?:!((?:[0-9A-F]{2})+))?", value, re.IGNORECASE)
    if kind == "memory" and found:
        return Memory(int(found[1], 16), bytes.fromhex(found[2]), bytes.fromhex(found[3]) if found[3] else None)
    if kind == "image":
        return Image(Path(value) if value else None)
    raise InputError(f"--expect is {text!r}, expected {FORMS[kind]}.")


def find_roms(folder: Path, expectation: Expectation) -> list[Path]:
    """Give every .gb below a folder, or the one file. With pictures in a folder, those that have one there.

    Raises `InputError` where there are none.
    """
    roms = [folder] if folder.is_file() else sorted(folder.rglob("*.gb"))
    if not roms:
        raise InputError(f"{folder}: no .gb file there or below; give a folder with test ROMs.")
    if isinstance(expectation, Image) and expectation.folder is not None:
        roms = [rom for rom in roms if expectation.png(rom).exists()]
        if not roms:
            raise InputError(f"{expectation.folder}: no PNG there is named as a ROM below {folder}.")
    return roms


def run_rom(rom: Path, expectation: Expectation, *, frames: int = FRAMES, model: str = "dmg") -> Result:
    """Run one ROM from power on. A ROM that cannot be played is a result too."""
    start = time.perf_counter()
    ran = 0
    try:
        gb = GameBoy(rom, model=model)
        verdict, reason = _judge(gb, rom, expectation, frames)
        ran = gb.frame_count
    except (RomError, InputError) as error:
        verdict, reason = Verdict.REFUSED, str(error)
    return Result(str(rom), verdict, reason, ran, round(time.perf_counter() - start, 3))


def run_roms(
    roms: Sequence[Path], expectation: Expectation, *, frames: int = FRAMES, model: str = "dmg", jobs: int = 1
) -> Iterator[Result]:
    """Give the results of ROMs in their order, `jobs` at a time, each in its own process."""
    run = partial(run_rom, expectation=expectation, frames=frames, model=model)
    if jobs == 1:
        yield from map(run, roms)
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(run, roms)


def _judge(gb: GameBoy, rom: Path, expectation: Expectation, frames: int) -> Finding:
    if expectation.every == 0:
        stopped = gb.run_to_breakpoint(frames)
        found = expectation.look(gb, rom) if stopped or isinstance(expectation, Image) else None
        return found or (Verdict.TIME_UP, expectation.at_end(gb))
    while gb.frame_count < frames:
        gb.tick(min(expectation.every, frames - gb.frame_count), render=False)
        if found := expectation.look(gb, rom):
            return found
    return Verdict.TIME_UP, expectation.at_end(gb)


def _last_words(text: bytes) -> str:
    return " ".join(text.decode("ascii", "replace").split())[-60:]
