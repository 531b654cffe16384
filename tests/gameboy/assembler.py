"""A small two-pass assembler for the SM83, the Game Boy's CPU, that our own test programs are written with.

One statement a line, `;` starts a comment. Labels end in a colon; `.x:` belongs to the last full label.

    main:   ld   a, HIGH(table) | 1     ; expressions: + - * & | ^ << >> ~ ( ) HIGH() LOW(), @ is this address
            ldh  [rLCDC], a             ; [ ] is memory; rP1 .. rIE are known; $FF 0xFF %1010 'A' are numbers
    .wait:  jr   .wait
    table:  db   1, "text", 2
    SIZE    EQU  4                      ; also SIZE = 4

Directives: `db`, `dw`, `ds count[, fill]` (so `ds 3` is three NOPs), `org address`, `bank number`, `EQU` and `=`.
After `bank N` (N >= 1) code is placed in 4000-7FFF of that ROM bank; with no `bank`, the address is the place in
the file. Operand sizes never change by themselves: `ld a, [$FF44]` is three bytes, `ldh a, [$FF44]` is two.
The opcode table is built from the structure of the instruction set (Pan Docs, "CPU Instruction Set").
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field

IO_REGISTERS: dict[str, int] = {
    "rP1": 0xFF00, "rSB": 0xFF01, "rSC": 0xFF02, "rDIV": 0xFF04, "rTIMA": 0xFF05, "rTMA": 0xFF06, "rTAC": 0xFF07,
    "rIF": 0xFF0F, "rNR10": 0xFF10, "rNR11": 0xFF11, "rNR12": 0xFF12, "rNR13": 0xFF13, "rNR14": 0xFF14,
    "rNR21": 0xFF16, "rNR22": 0xFF17, "rNR23": 0xFF18, "rNR24": 0xFF19, "rNR30": 0xFF1A, "rNR31": 0xFF1B,
    "rNR32": 0xFF1C, "rNR33": 0xFF1D, "rNR34": 0xFF1E, "rNR41": 0xFF20, "rNR42": 0xFF21, "rNR43": 0xFF22,
    "rNR44": 0xFF23, "rNR50": 0xFF24, "rNR51": 0xFF25, "rNR52": 0xFF26, "rWAVE": 0xFF30, "rLCDC": 0xFF40,
    "rSTAT": 0xFF41, "rSCY": 0xFF42, "rSCX": 0xFF43, "rLY": 0xFF44, "rLYC": 0xFF45, "rDMA": 0xFF46, "rBGP": 0xFF47,
    "rOBP0": 0xFF48, "rOBP1": 0xFF49, "rWY": 0xFF4A, "rWX": 0xFF4B, "rBOOT": 0xFF50, "rIE": 0xFFFF,
}  # fmt: skip

R8 = ("b", "c", "d", "e", "h", "l", "[hl]", "a")
R16 = ("bc", "de", "hl", "sp")
STACKED = ("bc", "de", "hl", "af")
CONDITIONS = ("nz", "z", "nc", "c")
ALU = ("add", "adc", "sub", "sbc", "and", "xor", "or", "cp")
SHIFTS = ("rlc", "rrc", "rl", "rr", "sla", "sra", "swap", "srl")
ACCUMULATOR = ("rlca", "rrca", "rla", "rra", "daa", "cpl", "scf", "ccf")
POINTERS = ("[bc]", "[de]", "[hl+]", "[hl-]")
SPELLINGS = {"[hli]": "[hl+]", "[hld]": "[hl-]", "[$ff00+c]": "[c]", "[0xff00+c]": "[c]"}
WORDS = {*R8, *R16, *STACKED, *CONDITIONS, *POINTERS, "[c]"}


class AssemblyError(ValueError):
    """A source line that cannot be assembled; the message starts with its line number."""


@dataclass(frozen=True, slots=True)
class Form:
    """How one shape of an instruction is encoded: its opcode bytes and what its `*` operand becomes."""

    opcode: bytes
    operand: str = ""  # "", "byte", "word", "high", "signed", "relative", "bit" or "restart"


def _forms() -> dict[str, Form]:
    """Every legal instruction, keyed by its shape, for example `ld a,[*]`; `*` stands for an expression."""
    table: dict[str, Form] = {}

    def add(shape: str, opcode: int, operand: str = "", prefix: bytes = b"") -> None:
        assert shape not in table, shape
        table[shape] = Form(prefix + bytes([opcode]), operand)

    for name, opcode in {"nop": 0x00, "halt": 0x76, "ret": 0xC9, "reti": 0xD9, "di": 0xF3, "ei": 0xFB}.items():
        add(name, opcode)
    for i, name in enumerate(ACCUMULATOR):
        add(name, 0x07 + 8 * i)
    add("stop", 0x00, prefix=b"\x10")
    for i, reg in enumerate(R8):
        add(f"inc {reg}", 0x04 + 8 * i)
        add(f"dec {reg}", 0x05 + 8 * i)
        add(f"ld {reg},*", 0x06 + 8 * i, "byte")
        for j, source in enumerate(R8):
            if not reg == source == "[hl]":  # that place is HALT
                add(f"ld {reg},{source}", 0x40 + 8 * i + j)
        for j, name in enumerate(ALU):
            add(f"{name} a,{reg}", 0x80 + 8 * j + i)
            add(f"{name} {reg}", 0x80 + 8 * j + i)
        for j, name in enumerate(SHIFTS):
            add(f"{name} {reg}", 8 * j + i, prefix=b"\xcb")
        for j, name in enumerate(("bit", "res", "set")):
            add(f"{name} *,{reg}", 0x40 * (j + 1) + i, "bit", b"\xcb")
    for j, name in enumerate(ALU):
        add(f"{name} a,*", 0xC6 + 8 * j, "byte")
        add(f"{name} *", 0xC6 + 8 * j, "byte")
    for i, pair in enumerate(R16):
        add(f"ld {pair},*", 0x01 + 16 * i, "word")
        add(f"inc {pair}", 0x03 + 16 * i)
        add(f"dec {pair}", 0x0B + 16 * i)
        add(f"add hl,{pair}", 0x09 + 16 * i)
        add(f"push {STACKED[i]}", 0xC5 + 16 * i)
        add(f"pop {STACKED[i]}", 0xC1 + 16 * i)
        add(f"ld {POINTERS[i]},a", 0x02 + 16 * i)
        add(f"ld a,{POINTERS[i]}", 0x0A + 16 * i)
    for i, condition in enumerate(CONDITIONS):
        add(f"jr {condition},*", 0x20 + 8 * i, "relative")
        add(f"ret {condition}", 0xC0 + 8 * i)
        add(f"jp {condition},*", 0xC2 + 8 * i, "word")
        add(f"call {condition},*", 0xC4 + 8 * i, "word")
    for name in ("ldh", "ld"):
        add(f"{name} [c],a", 0xE2)
        add(f"{name} a,[c]", 0xF2)
    for shape, opcode, operand in (
        ("ldh [*],a", 0xE0, "high"), ("ldh a,[*]", 0xF0, "high"), ("ld [*],a", 0xEA, "word"),
        ("ld a,[*]", 0xFA, "word"), ("ld [*],sp", 0x08, "word"), ("ld sp,hl", 0xF9, ""), ("jp hl", 0xE9, ""),
        ("add sp,*", 0xE8, "signed"), ("ld hl,sp+*", 0xF8, "signed"), ("jr *", 0x18, "relative"),
        ("jp *", 0xC3, "word"), ("call *", 0xCD, "word"), ("rst *", 0xC7, "restart"),
    ):  # fmt: skip
        add(shape, opcode, operand)
    return table


FORMS = _forms()
MNEMONICS = {shape.split()[0] for shape in FORMS}
DIRECTIVES = {"db", "dw", "ds", "org", "bank"}

_TEXT = r"\"[^\"]*\"|'[^']'"
_LABEL = re.compile(r"\s*(\.?[A-Za-z_]\w*):")
_CONSTANT = re.compile(r"\s*([A-Za-z_]\w*)\s*(?:=|\bEQU\b)\s*(.+)", re.IGNORECASE)
_TOKEN = re.compile(rf"{_TEXT}|\$[0-9A-Fa-f]+|%[01]+|@|0[xX][0-9A-Fa-f]+|\d+|\.?[A-Za-z_]\w*(?:\.\w+)?")
_BINARY: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_, ast.BitXor: operator.xor, ast.LShift: operator.lshift, ast.RShift: operator.rshift,
}  # fmt: skip


@dataclass(slots=True)
class _Pass:
    """One walk over the source; the first learns the labels, the second has them all."""

    symbols: dict[str, int]
    final: bool
    pc: int
    bank: int | None = None
    scope: str = ""
    here: int = 0
    written: dict[int, int] = field(default_factory=dict)  # place in the file -> byte
    defined: set[str] = field(default_factory=set)

    def full_name(self, name: str) -> str:
        return self.scope + name if name.startswith(".") else name

    def define(self, name: str, value: int) -> None:
        name = self.full_name(name)
        if name in self.defined or name in IO_REGISTERS or name.lower() in WORDS | MNEMONICS | DIRECTIVES:
            raise AssemblyError(f"the name {name!r} is taken")
        self.defined.add(name)
        self.symbols[name] = value

    def value(self, text: str, *, known: bool = False) -> int:
        """The value of an expression; a label still to come counts 0 in the first pass unless `known` is asked."""

        def translate(match: re.Match[str]) -> str:
            token = match[0]
            if token[0] in "'\"":
                return str(ord(token[1])) if len(token) == 3 else "?"
            if token[0] in "$%":
                return str(int(token[1:], 16 if token[0] == "$" else 2))
            if token == "@":
                return str(self.here)
            if token[0].isdigit():
                return str(int(token, 0) if token[:2].lower() == "0x" else int(token))
            if token in ("HIGH", "LOW"):
                return token
            name = self.full_name(token)
            if name in self.symbols:
                return f"({self.symbols[name]})"
            if self.final or known:
                raise AssemblyError(f"unknown name {token!r}")
            return "0"

        def walk(node: ast.expr) -> int:
            match node:
                case ast.Constant(value=int(number)):
                    return number
                case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                    return _BINARY[type(op)](walk(left), walk(right))
                case ast.UnaryOp(op=ast.USub(), operand=operand):
                    return -walk(operand)
                case ast.UnaryOp(op=ast.Invert(), operand=operand):
                    return ~walk(operand) & 0xFF
                case ast.Call(func=ast.Name(id=name), args=[argument]):
                    return walk(argument) >> 8 & 0xFF if name == "HIGH" else walk(argument) & 0xFF
            raise AssemblyError(f"cannot read the expression {text!r}")

        try:
            return walk(ast.parse(_TOKEN.sub(translate, text.strip()), mode="eval").body)
        except SyntaxError:
            raise AssemblyError(f"cannot read the expression {text!r}") from None

    def emit(self, data: bytes) -> None:
        for byte in data:
            if self.bank is None or self.bank == 0:
                place, fits = self.pc, self.pc < (0x8000 if self.bank is None else 0x4000)
            else:
                place, fits = self.bank * 0x4000 + self.pc - 0x4000, 0x4000 <= self.pc < 0x8000
            if not fits:
                raise AssemblyError(f"address ${self.pc:04X} is outside ROM{'' if not self.bank else ' bank'}")
            if place in self.written:
                raise AssemblyError(f"address ${self.pc:04X} is written twice")
            self.written[place] = byte
            self.pc += 1

    def statement(self, mnemonic: str, operands: list[str]) -> None:
        match mnemonic, operands:
            case "db", [_, *_]:
                for item in operands:
                    text = item[0] == item[-1] == '"' and len(item) != 3
                    self.emit(item[1:-1].encode("ascii") if text else _fit(self.value(item), 1))
            case "dw", [_, *_]:
                self.emit(b"".join(_fit(self.value(item), 2) for item in operands))
            case "ds", [count, *fill] if len(fill) < 2:
                self.emit(_fit(self.value(fill[0]) if fill else 0, 1) * self.value(count, known=True))
            case "org", [address]:
                self.pc = self.value(address, known=True)
            case "bank", [number]:
                self.bank = self.value(number, known=True)
                self.pc = 0x4000 if self.bank else self.pc
            case _ if mnemonic in DIRECTIVES:
                raise AssemblyError(f"{mnemonic} does not take {len(operands)} operands")
            case _:
                self.emit(self.encode(mnemonic, operands))

    def encode(self, mnemonic: str, operands: list[str]) -> bytes:
        if mnemonic not in MNEMONICS:
            raise AssemblyError(f"unknown instruction {mnemonic!r}")
        shapes, expressions = [], []
        for operand in operands:
            shape = re.sub(r"\s", "", operand).lower()
            shape = SPELLINGS.get(shape, shape)
            if shape not in WORDS:
                memory = shape[:1] == "[" and shape[-1:] == "]"
                offset = re.match(r"(sp)\s*(?=[+-])", operand, re.IGNORECASE)
                expressions.append(operand[1:-1] if memory else operand[offset.end() :] if offset else operand)
                shape = "[*]" if memory else "sp+*" if offset else "*"
            shapes.append(shape)
        form = FORMS.get(f"{mnemonic} {','.join(shapes)}".strip())
        if form is None:
            raise AssemblyError(f"no such instruction: {mnemonic} {', '.join(operands)}")
        if not form.operand:
            return form.opcode
        value = self.value(re.sub(r"^\s*\+", "", expressions[0]))
        match form.operand:
            case "byte" | "word":
                return form.opcode + _fit(value, 1 if form.operand == "byte" else 2)
            case "high":
                return form.opcode + _fit(value - 0xFF00 if value >= 0xFF00 else value, 1, low=0)
            case "signed":
                return form.opcode + _fit(value, 1, high=127)
            case "relative":
                return form.opcode + (_fit(value - self.pc - 2, 1, high=127) if self.final else b"\0")
            case "bit":
                _fit(value, 1, low=0, high=7)
                return form.opcode[:1] + bytes([form.opcode[1] | value << 3])
            case _:
                if value & ~0x38:
                    raise AssemblyError(f"rst takes 0, 8, .. $38, not ${value:X}")
                return bytes([form.opcode[0] | value])

    def line(self, text: str) -> None:
        self.here = self.pc
        while label := _LABEL.match(text):
            self.define(label[1], self.pc)
            if not label[1].startswith("."):
                self.scope = label[1]
            text = text[label.end() :]
        if constant := _CONSTANT.fullmatch(text):
            self.define(constant[1], self.value(constant[2], known=True))
        elif text.strip():
            mnemonic, _, rest = text.strip().partition(" ")
            operands = [item.strip() for item in re.findall(rf"(?:{_TEXT}|\([^()]*\)|[^,])+", rest.strip())]
            self.statement(mnemonic.lower(), operands)


def _fit(value: int, size: int, *, low: int | None = None, high: int | None = None) -> bytes:
    bits = 8 * size
    low, high = -(1 << bits - 1) if low is None else low, (1 << bits) - 1 if high is None else high
    if not low <= value <= high:
        raise AssemblyError(f"{value} does not fit: {low} to {high}")
    return (value & (1 << bits) - 1).to_bytes(size, "little")


def _walk(source: str, origin: int) -> _Pass:
    symbols, walk = dict(IO_REGISTERS), None
    for final in (False, True):
        walk = _Pass(symbols, final, origin)
        for number, raw in enumerate(source.splitlines(), 1):
            text = re.sub(rf"({_TEXT})|;.*", lambda match: match[1] or "", raw).replace("\t", " ").rstrip()
            try:
                walk.line(text)
            except AssemblyError as error:
                raise AssemblyError(f"line {number}: {error}: {raw.strip()}") from None
    assert walk is not None
    return walk


def assemble_code(source: str, origin: int = 0) -> bytes:
    """The bytes of `source` from its lowest to its highest address, gaps zero, with no cartridge header."""
    written = _walk(source, origin).written
    return bytes(written.get(place, 0) for place in range(min(written), max(written) + 1)) if written else b""


def assemble(
    source: str, *, cart: int = 0x00, rom_kb: int = 32, ram_code: int = 0, title: str = "MICRO", fill: int = 0x00
) -> bytes:
    """A ROM image of `source`: code starts at $0150, the entry point jumps to `main` (or to $0150 without one).

    The header has valid checksums. The logo area stays as `source` or `fill` leave it, so a console's own boot ROM
    would refuse the image; our core starts after the boot ROM and needs none. Header bytes that `source` writes
    itself (other than the checksums) are kept.
    """
    walk = _walk(source, 0x150)
    size = rom_kb * 1024
    if rom_kb < 32 or rom_kb & (rom_kb - 1):
        raise AssemblyError(f"rom_kb is {rom_kb}: it must be 32, 64, 128, ..")
    if walk.written and max(walk.written) >= size:
        raise AssemblyError(f"the code reaches ${max(walk.written):X}, past the {rom_kb} KB of the ROM")
    rom = bytearray([fill]) * size
    rom[0x100:0x150] = bytes(0x50)
    rom[0x100:0x104] = b"\x00\xc3" + walk.symbols.get("main", 0x150).to_bytes(2, "little")
    rom[0x134:0x144] = title.encode("ascii")[:15].ljust(16, b"\0")
    rom[0x147:0x14A] = bytes([cart, (rom_kb // 32).bit_length() - 1, ram_code])
    for place, byte in walk.written.items():
        rom[place] = byte
    rom[0x14D] = -sum(byte + 1 for byte in rom[0x134:0x14D]) & 0xFF
    rom[0x14E:0x150] = b"\0\0"
    rom[0x14E:0x150] = (sum(rom) & 0xFFFF).to_bytes(2, "big")
    return bytes(rom)
