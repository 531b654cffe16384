"""The assembler agrees with golden bytes, with the structure of the opcode map and with SDCC's assembler."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.gameboy.assembler import FORMS, AssemblyError, assemble, assemble_code

ILLEGAL = {0xD3, 0xDB, 0xDD, 0xE3, 0xE4, 0xEB, 0xEC, 0xED, 0xF4, 0xFC, 0xFD}
VALUES = {"byte": "$12", "word": "$1234", "high": "$FF12", "signed": "5", "relative": "@+2", "bit": "", "restart": ""}


def every_instruction() -> list[str]:
    """One line for every instruction form, bits and restarts in all their values."""
    lines = []
    for shape, form in FORMS.items():
        choices = [str(bit) for bit in range(8)] if form.operand == "bit" else [VALUES.get(form.operand, "")]
        if form.operand == "restart":
            choices = [f"${8 * n:02X}" for n in range(8)]
        lines += [shape.replace("*", choice) for choice in choices]
    return lines


def test_every_legal_opcode_can_be_written_and_no_illegal_one() -> None:
    codes = [assemble_code(line) for line in every_instruction()]
    assert {code[0] for code in codes} == set(range(256)) - ILLEGAL
    assert {code[1] for code in codes if code[0] == 0xCB} == set(range(256))


def test_instruction_lengths() -> None:
    rows = ["1311112131111121", "2311112121111121", "2311112121111121", "2311112121111121", *["1" * 16] * 8]
    rows += ["1133312111323321", "1130312111303021", "2110012121300021", "2111012121310021"]
    for code in map(assemble_code, every_instruction()):
        assert len(code) == int(rows[code[0] >> 4][code[0] & 15]), code.hex()


# Bytes from Pan Docs' opcode map, chosen so that every group appears.
GOLDEN = {
    "nop": "00", "ld bc, $1234": "01 34 12", "ld [bc], a": "02", "rlca": "07", "ld [$C0DE], sp": "08 DE C0",
    "add hl, sp": "39", "stop": "10 00", "jr @": "18 FE", "jr nz, @+2": "20 00", "ld [hl+], a": "22", "daa": "27",
    "ld a, [hli]": "2A", "ld [hld], a": "32", "ld a, [hl-]": "3A", "inc [hl]": "34", "ld [hl], -1": "36 FF",
    "scf": "37", "ccf": "3F", "ld b, b": "40", "ld a, [hl]": "7E", "halt": "76", "add a, b": "80", "add b": "80",
    "adc a, [hl]": "8E", "sub [hl]": "96", "sbc a, a": "9F", "and $0F": "E6 0F", "xor a": "AF", "or c": "B1",
    "cp 'A'": "FE 41", "ret nz": "C0", "pop af": "F1", "jp $0150": "C3 50 01", "jp hl": "E9", "call c, 5": "DC 05 00",
    "push de": "D5", "rst $38": "FF", "reti": "D9", "ldh [rLCDC], a": "E0 40", "ldh a, [$44]": "F0 44",
    "ldh [c], a": "E2", "ld a, [$FF00+c]": "F2", "ld [rLY], a": "EA 44 FF", "add sp, -2": "E8 FE",
    "ld hl, sp-3": "F8 FD", "ld hl, sp + 4": "F8 04", "ld sp, hl": "F9", "di": "F3", "ei": "FB", "rlc b": "CB 00",
    "swap [hl]": "CB 36", "bit 7, h": "CB 7C", "res 0, a": "CB 87", "set 3, [hl]": "CB DE",
}  # fmt: skip


@pytest.mark.parametrize(("line", "code"), GOLDEN.items())
def test_golden_bytes(line: str, code: str) -> None:
    assert assemble_code(line) == bytes.fromhex(code)


def test_labels_constants_expressions_and_data() -> None:
    source = """
        SIZE    EQU  4
        NEXT    =    SIZE << 1 | 1
        first:  jr   .end               ; forward, local
        .end:   ld   hl, second.end
        second: db   NEXT, "a;b", 'x', -1, HIGH($1234), LOW($1234), ~%1010
        .end:   dw   first, @, .end - second
                ds   2, $EE
    """
    assert assemble_code(source, 0x200) == bytes.fromhex(
        "18 00 21 0E 02 09 61 3B 62 78 FF 12 34 F5 00 02 0E 02 09 00 EE EE"
    )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nop\nld a, zork", "line 2: unknown name 'zork'"),
        ("ld [hl], [hl]", "line 1: no such instruction"),
        ("frob a", "line 1: unknown instruction 'frob'"),
        ("ld a, 300", "line 1: 300 does not fit"),
        ("jr $1000", "line 1: 3758 does not fit"),
        ("rst 3", "line 1: rst takes"),
        ("bit 8, a", "line 1: 8 does not fit"),
        ("a: nop", "line 1: the name 'a' is taken"),
        ("x: nop\nx: nop", "line 2: the name 'x' is taken"),
        ("ds later\nlater: nop", "line 1: unknown name 'later'"),
        ("ld a, 1 +", "line 1: cannot read the expression"),
        ("db", "line 1: db does not take 0 operands"),
        ("org $150\nnop\norg $150\nnop", r"line 4: address \$0150 is written twice"),
        ("org $8000\nnop", r"line 2: address \$8000 is outside ROM"),
        ("bank 1\norg $3FFF\nnop", r"line 3: address \$3FFF is outside ROM bank"),
        ("bank 2\nnop", "past the 32 KB"),
    ],
)
def test_errors_name_the_line(source: str, message: str) -> None:
    with pytest.raises(AssemblyError, match=message):
        assemble(source)


def test_image_has_a_valid_header() -> None:
    rom = assemble(
        "nop\nmain: jr @\nbank 3\ndb $77", cart=0x13, rom_kb=64, ram_code=3, title="HEADER"
    )  # fmt: skip
    assert len(rom) == 65536 and rom[0xC000] == 0x77
    assert rom[0x100:0x104] == b"\x00\xc3\x51\x01" and rom[0x134:0x144] == b"HEADER".ljust(16, b"\0")
    assert rom[0x147:0x14A] == bytes([0x13, 1, 3])
    checksum = 0
    for byte in rom[0x134:0x14D]:
        checksum = (checksum - byte - 1) & 0xFF
    assert rom[0x14D] == checksum
    assert int.from_bytes(rom[0x14E:0x150], "big") == (sum(rom) - rom[0x14E] - rom[0x14F]) & 0xFFFF
    assert not any(rom[0x104:0x134])


def _sdcc_line(line: str) -> str:
    """Our spelling of an instruction in that of SDCC's assembler."""
    mnemonic, _, rest = line.partition(" ")
    if mnemonic == "stop":
        return ".db 0x10, 0x00"  # it has only the one-byte form
    rest = re.sub(r"\$([0-9A-Fa-f]+)", r"0x\1", rest).replace("[", "(").replace("]", ")").replace("@", ".")
    if mnemonic == "ldh":
        rest = rest.replace("0xFF12", "0x12")
    if mnemonic == "ld" and "(c)" in rest:
        mnemonic = "ldh"
    rest = re.sub(r"\bsp\+5", "sp, #5", rest)
    mnemonic = "ldhl" if rest.startswith("hl,sp, #") else mnemonic
    rest = rest.removeprefix("hl,") if mnemonic == "ldhl" else rest
    rest = "(hl)" if line == "jp hl" else rest
    operands = rest.split(",") if rest else []
    if mnemonic in ("add", "adc", "sub", "sbc", "and", "xor", "or", "cp") and len(operands) == 1:
        operands = ["a", *operands]
    address = {"jr", "jp", "call", "rst"}
    for i, operand in enumerate(operands):
        if re.fullmatch(r"0x\w+|\d+", operand) and mnemonic not in address | {"bit", "res", "set"}:
            operands[i] = "#" + operand
    return f"{mnemonic} {','.join(operands)}".strip()


@pytest.mark.skipif(shutil.which("sdasgb") is None, reason="sdasgb (Debian package sdcc) is not installed")
def test_agrees_with_sdcc(tmp_path: Path) -> None:
    lines = every_instruction()
    source = tmp_path / "all.asm"
    source.write_text(".area CODE (ABS)\n.org 0\n" + "".join(f"\t{_sdcc_line(line)}\n" for line in lines))
    done = subprocess.run(["sdasgb", "-l", "-o", "all.asm"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    listed: list[bytes] = []
    for row in (tmp_path / "all.lst").read_text().splitlines():
        match = re.match(r"\s+([0-9A-F]{6}) ((?:[0-9A-F]{2} )+)\s*(?:\[\s*\d+\]\s*)?\d+", row)
        if match:
            listed.append(bytes.fromhex(match[2]))
    place, wrong = 0, []
    for line, theirs in zip(lines, listed, strict=True):
        ours = assemble_code(line, place)
        if ours != theirs:
            wrong.append(f"{line}: {ours.hex(' ')}, sdasgb has {theirs.hex(' ')}")
        place += len(ours)
    assert not wrong, "\n".join(wrong)
