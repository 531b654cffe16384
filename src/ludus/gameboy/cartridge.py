"""Cartridges: reads a ROM's header and refuses, with a reason, what cannot be played.

The header is 0100-014F of the ROM (Pan Docs, "The Cartridge Header").
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ludus.core import digest, files
from ludus.core.errors import RomError

KB = 1024
BANK = 16 * KB
HEADER_END = 0x150
LOGO = slice(0x104, 0x134)
CGB_ONLY = 0xC0


@dataclass(frozen=True, slots=True)
class Mapper:
    """A bank controller: its name, its number in the core, and the most ROM that it can address."""

    name: str
    number: int
    max_kb: int


ROM_ONLY = Mapper("ROM only", 0, 32)
MBC1 = Mapper("MBC1", 1, 2048)
MBC1_MULTICART = Mapper("MBC1 multicart", 2, 1024)
MBC2 = Mapper("MBC2", 3, 256)
MBC3 = Mapper("MBC3", 4, 2048)
MBC30 = Mapper("MBC30", 4, 4096)
MBC5 = Mapper("MBC5", 5, 8192)

MAPPERS = {
    **dict.fromkeys((0x00, 0x08, 0x09), ROM_ONLY),
    **dict.fromkeys((0x01, 0x02, 0x03), MBC1),
    **dict.fromkeys((0x05, 0x06), MBC2),
    **dict.fromkeys((0x0F, 0x10, 0x11, 0x12, 0x13), MBC3),
    **dict.fromkeys((0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E), MBC5),
}
UNSUPPORTED = {
    **dict.fromkeys((0x0B, 0x0C, 0x0D), "MMM01"),
    **dict.fromkeys((0x15, 0x16, 0x17), "MBC4"),
    0x20: "MBC6",
    0x22: "MBC7",
    0xFC: "Pocket Camera",
    0xFD: "TAMA5",
    0xFE: "HuC3",
    0xFF: "HuC1",
}
WITH_BATTERY = {0x03, 0x06, 0x09, 0x0D, 0x0F, 0x10, 0x13, 0x1B, 0x1E}
WITH_RTC = {0x0F, 0x10}
RAM_KB = {0: 0, 1: 2, 2: 8, 3: 32, 4: 128, 5: 64}
MBC2_RAM = 512
ROM_CODES = range(9)


@dataclass(frozen=True, slots=True)
class Cartridge:
    """A ROM that the core can play, and what its header says."""

    name: str
    """Where it comes from: a path, or "ROM" for bytes."""
    title: str
    mapper: Mapper
    rom_bytes: int
    """Bytes in the file, a multiple of 16 KiB."""
    ram_bytes: int
    battery: bool
    rtc: bool
    """Whether it holds a clock, which runs on emulated time."""
    cgb: bool
    """Whether it knows the Game Boy Color; it is played as a Game Boy plays it."""
    sha256: str
    rom: bytes = field(repr=False)

    @property
    def banks(self) -> int:
        """ROM banks of 16 KiB as the core takes them: a power of two, at least 2."""
        return max(2, 1 << (self.rom_bytes // BANK - 1).bit_length())

    @property
    def padded(self) -> bytes:
        """The ROM filled up with FF to whole `banks`, as on an empty bus."""
        return self.rom.ljust(self.banks * BANK, b"\xff")


Rom = str | os.PathLike[str] | bytes | Cartridge
"""What a ROM can be given as: a path, the bytes themselves, or a cartridge already read."""


def read_cartridge(rom: Rom) -> Cartridge:
    """Give the cartridge of a ROM. Raises `RomError` on what cannot be played, `InputError` on an unreadable file."""
    if isinstance(rom, Cartridge):
        return rom
    if isinstance(rom, bytes):
        return _parse(rom, "ROM")
    return _parse(files.read_bytes(Path(rom)), str(rom))


def read_boot(boot: str | os.PathLike[str] | bytes | None) -> bytes:
    """Give the 256 bytes of a boot ROM, none for None. Raises `RomError`."""
    if boot is None:
        return b""
    data = boot if isinstance(boot, bytes) else files.read_bytes(Path(boot))
    if len(data) != 256:
        where = "boot ROM" if isinstance(boot, bytes) else str(boot)
        raise RomError(f"{where}: {len(data)} bytes, expected the 256 of a Game Boy's boot ROM; or leave it out.")
    return data


def _parse(rom: bytes, name: str) -> Cartridge:
    _check_file(rom, name)
    kind = rom[0x147]
    mapper = _mapper(kind, name)
    ram_bytes = _ram_bytes(rom, mapper, name)
    if mapper is MBC3 and (ram_bytes == 64 * KB or len(rom) > MBC3.max_kb * KB):
        mapper = MBC30
    if mapper is MBC1 and _is_multicart(rom):
        mapper = MBC1_MULTICART
    _check_size(rom, mapper, name)
    return Cartridge(
        name=name,
        title=_title(rom),
        mapper=mapper,
        rom_bytes=len(rom),
        ram_bytes=ram_bytes,
        battery=kind in WITH_BATTERY,
        rtc=kind in WITH_RTC,
        cgb=bool(rom[0x143] & 0x80),
        sha256=digest.of_file_bytes(rom),
        rom=rom,
    )


def _check_file(rom: bytes, name: str) -> None:
    """Refuse what is no Game Boy ROM at all, and what only a Game Boy Color can play."""
    if len(rom) < HEADER_END:
        raise RomError(
            f"{name}: {len(rom)} bytes, but a cartridge header ends at 0x014F; give the path of a Game Boy ROM."
        )
    checksum = -sum(byte + 1 for byte in rom[0x134:0x14D]) & 0xFF
    if rom[0x14D] != checksum:
        raise RomError(
            f"{name}: header checksum at 0x014D is 0x{rom[0x14D]:02X}, expected 0x{checksum:02X} for the bytes from "
            "0x0134 to 0x014C; it is damaged or no Game Boy ROM: get a clean copy."
        )
    if rom[0x143] == CGB_ONLY:
        raise RomError(
            f"{name}: the byte at 0x0143 is 0xC0, a game for the Game Boy Color alone, expected one that a Game Boy "
            "plays; choose another ROM."
        )


def _mapper(kind: int, name: str) -> Mapper:
    if kind in MAPPERS:
        return MAPPERS[kind]
    what = f"a {UNSUPPORTED[kind]} cartridge" if kind in UNSUPPORTED else "no known kind of cartridge"
    raise RomError(
        f"{name}: the byte at 0x0147 is 0x{kind:02X}, {what}, expected ROM only, MBC1, MBC2, MBC3 or MBC5; "
        "choose another ROM."
    )


def _ram_bytes(rom: bytes, mapper: Mapper, name: str) -> int:
    if mapper is MBC2:
        return MBC2_RAM
    if rom[0x149] not in RAM_KB:
        raise RomError(
            f"{name}: the RAM size at 0x0149 is 0x{rom[0x149]:02X}, expected 0x00 to 0x05; get a clean copy."
        )
    return 0 if rom[0x147] == 0x00 else RAM_KB[rom[0x149]] * KB


def _check_size(rom: bytes, mapper: Mapper, name: str) -> None:
    """Refuse a file shorter than its header says, or of a size that no such cartridge has; longer ones do exist."""
    code = rom[0x148]
    if code not in ROM_CODES:
        raise RomError(f"{name}: the ROM size at 0x0148 is 0x{code:02X}, expected 0x00 to 0x08; get a clean copy.")
    told_kb = 32 << code
    if len(rom) < told_kb * KB:
        raise RomError(
            f"{name}: truncated: the header says {told_kb} KB at 0x0148, the file has {_kb(len(rom))} KB; "
            "get a whole copy."
        )
    if len(rom) % BANK:
        raise RomError(
            f"{name}: {len(rom)} bytes, expected a multiple of {BANK}: {len(rom) % BANK} bytes are too many; "
            "cut off what a copier added before or behind the ROM."
        )
    if len(rom) > mapper.max_kb * KB:
        raise RomError(
            f"{name}: {_kb(len(rom))} KB, but {mapper.name} (0x{rom[0x147]:02X} at 0x0147) addresses "
            f"{mapper.max_kb} KB at most; get a clean copy."
        )


def _is_multicart(rom: bytes) -> bool:
    """Say whether an MBC1 cartridge holds several games: 1 MiB, and another 256 KiB block has the first one's logo."""
    logo = rom[LOGO]
    if len(rom) != 1024 * KB or len(set(logo)) == 1:
        return False
    return any(rom[block + LOGO.start : block + LOGO.stop] == logo for block in range(256 * KB, 1024 * KB, 256 * KB))


def _title(rom: bytes) -> str:
    """Give the title at 0134, which shares its last byte with the Game Boy Color's flag."""
    raw = rom[0x134 : 0x143 if rom[0x143] & 0x80 else 0x144].split(b"\0")[0]
    return "".join(char for char in raw.decode("ascii", "replace") if char.isprintable()).strip()


def _kb(size: int) -> str:
    return f"{size / KB:g}"
