"""Random programs: skipping idle loops, drawing, lanes and threads change nothing that can be seen."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ludus.core import digest, rng
from ludus.gameboy._native import Batch
from tests.gameboy.micro_roms import MICRO_ROMS
from tests.gameboy.roms import frame_by_bytes

# Registers that games write, each as likely as plain memory.
IO = (0x00, 0x01, 0x02, 0x04, 0x05, 0x06, 0x07, 0x0F, 0x40, 0x41, 0x42, 0x43, 0x45, 0x47, 0x4A, 0x4B, 0xFF)
WAITS = (  # the loops that are skipped, with holes for a value and a condition
    "f0 44 fe {line} 20 fa",  # ldh a,[rLY]; cp line; jr nz
    "f0 41 e6 03 20 fa",  # ldh a,[rSTAT]; and 3; jr nz
    "f3 f0 0f e6 04 28 fa fb",  # di; ldh a,[rIF]; and 4; jr z; ei
    "f0 04 fe {v} 20 fa",  # ldh a,[rDIV]; cp v; jr nz
    "06 {v} 05 20 fd",  # ld b,v; dec b; jr nz
    "af ea 00 c0 fa 00 c0 a7 28 fa",  # xor a; ld [$C000],a; ld a,[$C000]; and a; jr z
    "76 00",  # halt; nop
    "18 00",
)
HANDLER = "f5 3e 01 ea 00 c0 f1 d9"  # push af; ld a,1; ld [$C000],a; pop af; reti
PROGRAMS = 120
FRAMES = 12


def program(seed: int) -> bytes:
    """A 32 KB ROM of random straight code, waits and register writes, with interrupts on."""
    words = rng.bits(seed, "fuzz", 0, words=4000).tolist()
    draw = iter(words)
    code = bytearray.fromhex("f3 31 fe df 3e 1f e0 ff 3e 05 e0 07 3e f0 e0 06 fb")
    while len(code) < 900:
        kind, value, register = (next(draw) % n for n in (6, 256, len(IO)))
        if kind == 0:
            code += bytes.fromhex(WAITS[next(draw) % len(WAITS)].format(v=f"{value:02x}", line=f"{value % 154:02x}"))
        elif kind == 1:
            code += bytes([0x3E, value | (0x80 if IO[register] == 0x40 else 0), 0xE0, IO[register]])
        elif kind == 2:
            code += bytes([0x21, value, 0xC0 + next(draw) % 0x1F, 0x34, 0x7E])
        elif kind == 3:
            code += bytes([0x21, value, 0x80 + next(draw) % 0x1F, 0x77, 0xFB])
        else:
            code += bytes([0x80 + next(draw) % 0x40])  # any ALU operation
    code += bytes([0xC3, 0x50, 0x01])
    rom = bytearray(0x8000)
    for vector in range(0x40, 0x68, 8):
        rom[vector : vector + 8] = bytes.fromhex(HANDLER)
    rom[0x100:0x104] = bytes([0x00, 0xC3, 0x50, 0x01])
    rom[0x150 : 0x150 + len(code)] = code
    return bytes(rom)


def histories(rom: bytes, *, lanes: int, threads: int = 1, skip: bool = True, draw: bool = True) -> list[list[str]]:
    """The digest of every lane's state and picture after each frame."""
    batch = Batch(
        rom=rom,
        boot=b"",
        rom_banks=2,
        ram_bytes=0,
        mapper=0,
        rtc=False,
        model=1,
        lanes=lanes,
        threads=threads,
        skip=skip,
    )
    pictures = np.zeros((lanes, 144, 160), np.uint8)
    seen: list[list[str]] = [[] for _ in range(lanes)]
    for frame in range(FRAMES):
        buttons = rng.integers(np.arange(lanes), "buttons", frame, high=256).astype(np.uint8)
        batch.step(buttons, None, 1, 1, 0, pictures if draw else None)
        for lane in range(lanes):
            seen[lane].append(digest.of_bytes(batch.save(lane) + (pictures[lane].tobytes() if draw else b"")))
    return seen


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_skipping_changes_nothing(seed: int) -> None:
    rom = program(seed)
    assert histories(rom, lanes=1) == histories(rom, lanes=1, skip=False)


def consoles(rom: bytes) -> list[Batch]:
    """Two consoles with the same cartridge."""
    return [
        Batch(rom=rom, boot=b"", rom_banks=2, ram_bytes=0, mapper=0, rtc=False, model=1, lanes=1, threads=1, skip=True)
        for _ in range(2)
    ]


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_decoded_rom_runs_as_its_bytes_do(seed: int) -> None:
    decoded, plain = consoles(program(seed))
    for frame in range(FRAMES):
        for console in (decoded, plain):
            console.set_buttons(0, frame)
        decoded.watch(1, False, None)
        frame_by_bytes(plain)
        assert decoded.save(0) == plain.save(0), f"frame {frame}"


def test_decoded_micro_roms_run_as_their_bytes_do() -> None:
    for rom in (rom for rom in MICRO_ROMS if rom.cart == 0 and rom.rom_kb == 32):
        decoded, plain = consoles(rom.image())
        for frame in range(FRAMES):
            decoded.watch(1, False, None)
            frame_by_bytes(plain)
            assert decoded.save(0) == plain.save(0), f"{rom.name}, frame {frame}"


@pytest.mark.parametrize("seed", range(0, PROGRAMS, 4))
def test_drawing_changes_no_state(seed: int) -> None:
    batches = consoles(program(seed))
    picture = np.zeros((1, 144, 160), np.uint8)
    for frame in range(FRAMES):
        for batch, out in zip(batches, (picture, None), strict=True):
            batch.step(np.array([frame], np.uint8), None, 1, 1, 0, out)
        assert batches[0].save(0) == batches[1].save(0)


@pytest.mark.parametrize("seed", range(0, PROGRAMS, 4))
def test_lanes_and_threads_change_nothing(seed: int) -> None:
    rom = program(seed)
    many = histories(rom, lanes=5)
    assert many[:1] == histories(rom, lanes=1)
    assert many == histories(rom, lanes=5, threads=2)


def test_calls_from_several_threads_take_turns() -> None:
    rom = program(3)
    shared, alone = consoles(rom)
    nothing = np.zeros(1, np.uint8)

    def work(number: int) -> int:
        if number % 3 == 0:
            return len(shared.save(0)) + len(shared.peek(0, 0xC000, 0xD000))
        shared.step(nothing, None, 2, 0, 0, None)
        return 0

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(300)))
    for _ in range(200):
        alone.step(nothing, None, 2, 0, 0, None)
    assert shared.save(0) == alone.save(0)


def test_the_programs_are_not_trivial() -> None:
    """They run different code, wait, and show something: otherwise the tests above would prove little."""
    ends = {histories(program(seed), lanes=1)[0][-1] for seed in range(20)}
    assert len(ends) == 20
