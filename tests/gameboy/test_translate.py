"""Translated code gives what the byte reader gives: random programs of every instruction, interrupted at any moment."""

from collections.abc import Iterator

import numpy as np
import pytest

from ludus.core import rng
from ludus.gameboy._native import Batch
from tests.gameboy.micro_roms import MICRO_ROMS
from tests.gameboy.roms import frame_by_bytes

PROGRAMS = 80
FRAMES = 8
LEFT_OUT = {
    0x10,
    0x76,
    0xF3,
    0xFB,
    0xD9,
    0x18,
    0xC3,
    0xCD,
    0xC9,
    0xE9,
    0xD3,
    0xDB,
    0xDD,
    0xE3,
    0xE4,
    0xEB,
    0xEC,
    0xED,
    0xF4,
    0xFC,
    0xFD,
}
PLAIN = [
    op for op in range(256) if op not in LEFT_OUT and op & 0xE7 not in (0x20, 0xC0, 0xC2, 0xC4) and op & 0xC7 != 0xC7
]
PLAIN += [0xCB] * 40  # 256 more
BRANCHES = (0x18, 0x20, 0x28, 0x30, 0x38)
CALLS = (0xCD, 0xC4, 0xCC, 0xD4, 0xDC)
REGISTERS = (0x04, 0x05, 0x06, 0x0F, 0x41, 0x42, 0x43, 0x44, 0x45, 0x47, 0x4A)
WAITS = (
    "fb 76 00",
    "06 09 05 20 fd",
    "f0 44 fe 60 20 fa",
    "f0 44 fe 91 38 fa",
    "f0 44 fe 99 20 fa",
    "f0 44 fe 00 20 fa",
    "f0 41 e6 03 20 fa",
    "f3 00 fb",
)
HANDLER = "f5 f1 d9"  # push af; pop af; reti: the flags of any moment are in memory
CODE, ROUTINES = 0x150, 0x3E00


def length(op: int) -> int:
    """Bytes of an instruction that is not a jump."""
    if op in (0x01, 0x11, 0x21, 0x31, 0x08, 0xEA, 0xFA):
        return 3
    return 2 if op & 0xC7 in (0x06, 0xC6) or op in (0xCB, 0xE0, 0xE8, 0xF0, 0xF8) else 1


def pointed(op: int, cb: int) -> int:
    """The opcode that loads the pair which an instruction reaches memory through; 0: none."""
    if op == 0xCB:
        return 0x21 if cb & 7 == 6 else 0
    if op in (0x02, 0x0A, 0x12, 0x1A):
        return 0x01 if op < 0x10 else 0x11
    hl = op in (0x22, 0x2A, 0x32, 0x3A, 0x34, 0x35, 0x36) or (0x40 <= op < 0xC0 and (op & 7 == 6 or 0x70 <= op < 0x78))
    return 0x21 if hl else 0x31 if op & 0xCB == 0xC1 else 0


def address(draw: Iterator[int]) -> list[int]:
    """Mostly of work RAM, its pages' ends too; else of HRAM, chips, video RAM, the ROM, OAM or the echo."""
    kind, low, high = (next(draw) % n for n in (14, 256, 0x1E))
    chip = ((0x04, 0x05, 0x41, 0x44)[low % 4], 0xFF)
    odd = (
        chip,
        (low & 0x3F | 0x80, 0xFF),
        (low, 0x88),
        (0xFF, 0xC0 + high),
        (low, high),
        (low & 0x7F, 0xFE),
        (low, 0xF0),
    )
    return list(odd[kind]) if kind < len(odd) else [low, 0xC0 + high]


def instruction(op: int, draw: Iterator[int]) -> bytes:
    """An instruction, and before it what makes its address one that does no harm."""
    first, second = next(draw) % 256, next(draw) % 256
    before = pointed(op, first)
    code = bytes([before, *address(draw)]) if before and next(draw) % 4 else b""
    if before == 0x31:  # or over the last page, or HRAM
        usual, odd = [first, 0xD0 + second % 8], ([0x01, 0xE0], [0x90 + first % 0x6F, 0xFF])
        code = bytes([0x31, *(usual if second % 9 > 1 else odd[second % 9])])
    operand = (
        [first | 0x80, 0] if op in (0xE0, 0xF0) else address(draw) if op in (0x08, 0xEA, 0xFA) else [first, second]
    )
    return code + bytes([op, *operand])[: length(op)] if first != 0xFF or op != 0xE0 else code


def program(seed: int) -> bytes:
    """A 32 KB ROM of random instructions in a loop, with interrupts, branches, calls and waits between them."""
    draw = iter(rng.bits(seed, "translate", 0, words=16000).tolist())

    def plain() -> bytes:
        return instruction(PLAIN[next(draw) % len(PLAIN)], draw)

    code = bytearray.fromhex("31 f0 df 3e 04 e0 ff 3e 05 e0 07 3e 91 e0 40 fb")
    while len(code) < 3000:
        kind = next(draw) % 24
        if kind == 0:
            over = plain()
            code += bytes([BRANCHES[next(draw) % 5], len(over)]) + over
        elif kind == 1:
            code += bytes([0x31, next(draw) % 256, 0xDE, CALLS[next(draw) % 5], 0, (ROUTINES >> 8) + next(draw) % 8])
        elif kind == 2:
            code += bytes([0xE0 + next(draw) % 2 * 16, REGISTERS[next(draw) % len(REGISTERS)]])
        elif kind == 3 and next(draw) % 4 == 0:
            code += bytes.fromhex(WAITS[next(draw) % len(WAITS)])
        elif kind < 8:  # the flags of this moment
            code += bytes([0x31, next(draw) % 256, 0xD8 + next(draw) % 4, 0xF5])
        else:
            code += plain()
    rom = bytearray(bytes([0xC3, CODE & 255, CODE >> 8]) * 0x2AAB)[:0x8000]  # who gets lost begins anew
    for vector in range(0x40, 0x68, 8):
        rom[vector : vector + 3] = bytes.fromhex(HANDLER)
    rom[CODE : CODE + len(code) + 3] = code + bytes([0xC3, CODE & 255, CODE >> 8])
    rom[0x147:0x14A] = bytes(3)
    for n in range(8):
        body = instruction(0x80 + next(draw) % 0x40, draw) + bytes([(0xC0, 0xC8, 0xD0, 0xD8)[next(draw) % 4], 0xC9])
        rom[ROUTINES + 256 * n : ROUTINES + 256 * n + len(body)] = body
    return bytes(rom)


def console(rom: bytes, *, translate: bool = True, skip: bool = True, rom_banks: int = 2, mapper: int = 0) -> Batch:
    """One console with a cartridge."""
    return Batch(
        rom=rom,
        boot=b"",
        rom_banks=rom_banks,
        ram_bytes=0,
        mapper=mapper,
        rtc=False,
        model=1,
        lanes=1,
        threads=1,
        skip=skip,
        translate=translate,
    )


def assert_same(rom: bytes, *, rom_banks: int = 2, mapper: int = 0) -> None:
    """Four consoles see the same after every frame."""
    translated, unskipped, decoded, plain = (
        console(rom, translate=on, skip=skip, rom_banks=rom_banks, mapper=mapper)
        for on, skip in ((True, True), (True, False), (False, True), (False, True))
    )
    for frame in range(FRAMES):
        for each in (translated, unskipped, decoded, plain):
            each.set_buttons(0, frame)
        for each in (translated, unskipped, decoded):
            each.watch(1, False, None)
        frame_by_bytes(plain)
        states = [each.save(0) for each in (translated, unskipped, decoded, plain)]
        assert states.count(states[3]) == 4, f"frame {frame}: {[state == states[3] for state in states]}"


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_translated_code_runs_as_its_bytes_do(seed: int) -> None:
    assert_same(program(seed))


def test_translated_micro_roms_run_as_their_bytes_do() -> None:
    for rom in (rom for rom in MICRO_ROMS if rom.cart == 0 and rom.rom_kb == 32):
        assert_same(rom.image())


@pytest.mark.parametrize("op", [*range(0x46, 0x80, 8), 0x06, 0x26, 0x86, 0xC6])
def test_memory_is_read_in_the_cycle_in_which_its_instruction_reads_it(op: int) -> None:
    """TIMA counts every fourth cycle, so it tells a read that comes one too early or late; its phase moves on."""
    reads = bytes([0xCB, op, 0xF5]) + bytes([0xCB, op, 0x00, 0xF5]) + bytes([0xCB, op, 0x00, 0x00, 0xF5])
    code = bytes.fromhex("3e 05 e0 07 21 05 ff") + (b"\x31\xf0\xdf" + reads * 4) * 8 + bytes([0xC3, 0x57, 0x01])
    rom = bytearray(0x8000)
    rom[0x150 : 0x150 + len(code)] = code
    rom[0x100:0x104] = bytes([0x00, 0xC3, 0x50, 0x01])
    assert_same(bytes(rom))


@pytest.mark.parametrize("mapper", [1, 5])
def test_code_that_switches_banks_under_itself_is_left(mapper: int) -> None:
    """Each bank adds its number at the same address; MBC5 can show bank 0 there, where nothing translated may run."""
    rom = bytearray(0x10000)
    loop = "21 00 c0 3e {bank} ea 00 20 00 00 cd 00 40 34"
    code = bytes.fromhex("".join(loop.format(bank=f"{bank:02x}") for bank in (1, 2, 3, 0, 2, 1)) + "c3 50 01")
    rom[0x150 : 0x150 + len(code)] = code
    for bank in range(4):
        rom[bank * 0x4000 : bank * 0x4000 + 5] = bytes([0x7E, 0xC6, 16 * bank + 5, 0x22, 0xC9])
    rom[0x100:0x104] = bytes([0x00, 0xC3, 0x50, 0x01])
    assert_same(bytes(rom), rom_banks=4, mapper=mapper)


def test_code_is_translated_at_all() -> None:
    """Otherwise the tests above would prove little."""
    many = 0
    for seed in range(10):
        translated, decoded = console(program(seed)), console(program(seed), translate=False)
        if not translated.translates:
            pytest.skip("this machine's code is not known to the translator")
        for _ in range(4):
            translated.step(np.zeros(1, np.uint8), None, 1, 0, 0, None)
            decoded.step(np.zeros(1, np.uint8), None, 1, 0, 0, None)
        assert decoded.translated == 0
        many += translated.translated > 40_000
    assert many >= 8  # some wait, or lose their way
