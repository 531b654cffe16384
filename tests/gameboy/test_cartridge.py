from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ludus import cli
from ludus.core.errors import InputError, RomError
from ludus.gameboy.cartridge import BANK, read_boot, read_cartridge
from tests.gameboy.assembler import assemble
from tests.gameboy.roms import header, scroller

LOGO = bytes(n * 37 % 251 + 1 for n in range(48))


def mbc1(kb: int, logos: tuple[int, ...] = ()) -> bytes:
    """An MBC1 ROM with a made-up logo in bank 0 and at the given places."""
    rom = bytearray(assemble("", cart=1, rom_kb=kb))
    for place in (0, *logos):
        rom[place + 0x104 : place + 0x134] = LOGO
    return bytes(rom)


def test_a_cartridge_tells_its_title_sizes_and_digest(tmp_path: Path) -> None:
    rom = assemble("", cart=0x10, rom_kb=64, ram_code=3, title="A CLOCK")
    path = tmp_path / "clock.gb"
    path.write_bytes(rom)
    cart = read_cartridge(path)
    assert (cart.name, cart.title, cart.mapper.name) == (str(path), "A CLOCK", "MBC3")
    assert (cart.rom_bytes, cart.ram_bytes, cart.banks) == (65536, 32768, 4)
    assert (cart.battery, cart.rtc, cart.cgb) == (True, True, False)
    assert cart.sha256 == hashlib.sha256(rom).hexdigest()
    assert read_cartridge(cart) is cart
    assert read_cartridge(rom).name == "ROM"


@pytest.mark.parametrize(
    ("kind", "name", "number"),
    [(0, "ROM only", 0), (3, "MBC1", 1), (6, "MBC2", 3), (0x0F, "MBC3", 4), (0x13, "MBC3", 4), (0x1E, "MBC5", 5)],
)
def test_the_kind_at_0147_names_the_mapper(kind: int, name: str, number: int) -> None:
    mapper = read_cartridge(assemble("", cart=kind)).mapper
    assert (mapper.name, mapper.number) == (name, number)


def test_mbc2_has_its_own_ram_whatever_the_header_says() -> None:
    assert read_cartridge(assemble("", cart=6, ram_code=0)).ram_bytes == 512


def test_an_mbc3_with_64_kb_of_ram_or_4_mb_of_rom_is_an_mbc30() -> None:
    assert read_cartridge(assemble("", cart=0x13, ram_code=5)).mapper.name == "MBC30"
    assert read_cartridge(assemble("", cart=0x13, rom_kb=4096)).mapper.name == "MBC30"


def test_a_second_logo_in_a_megabyte_makes_a_multicart() -> None:
    assert read_cartridge(mbc1(1024, (0x10 * BANK,))).mapper.name == "MBC1 multicart"
    assert read_cartridge(mbc1(1024)).mapper.name == "MBC1"
    assert read_cartridge(mbc1(2048, (0x10 * BANK,))).mapper.name == "MBC1"
    assert read_cartridge(assemble("", cart=1, rom_kb=1024)).mapper.name == "MBC1"  # its logos are all blank


def test_a_rom_of_an_odd_number_of_banks_is_filled_up_with_ff() -> None:
    cart = read_cartridge(assemble("", cart=0x19, rom_kb=64) + bytes(BANK))
    assert (cart.banks, len(cart.padded)) == (8, 8 * BANK)
    assert cart.padded[5 * BANK :] == b"\xff" * 3 * BANK


def test_a_color_flag_shortens_the_title() -> None:
    cart = read_cartridge(header(scroller(), {0x143: 0x80, 0x13F: ord("!")}))
    assert (cart.title, cart.cgb) == ("SCROLLER", True)


def test_a_title_keeps_only_what_can_be_printed() -> None:
    assert read_cartridge(header(scroller(), {0x136: 7})).title == "SCOLLER"


REFUSED = {
    "no ROM": (b"hello", "5 bytes, but a cartridge header ends at 0x014F"),
    "noise": (bytes(range(256)) * 128, "header checksum at 0x014D is 0x4D, expected 0x"),
    "wrong checksum": (scroller()[:0x14D] + b"\x12" + scroller()[0x14E:], "checksum at 0x014D is 0x12, expected 0x"),
    "truncated": (assemble("", cart=1, rom_kb=64)[: 40 * 1024], "header says 64 KB at 0x0148, the file has 40 KB"),
    "copier header": (scroller() + bytes(512), "33280 bytes, expected a multiple of 16384: 512 bytes are too many"),
    "too large": (scroller() + bytes(BANK), "48 KB, but ROM only (0x00 at 0x0147) addresses 32 KB at most"),
    "ROM size": (header(scroller(), {0x148: 0x52}), "ROM size at 0x0148 is 0x52, expected 0x00 to 0x08"),
    "RAM size": (header(scroller(), {0x149: 6}), "RAM size at 0x0149 is 0x06, expected 0x00 to 0x05"),
    "Color only": (header(scroller(), {0x143: 0xC0}), "byte at 0x0143 is 0xC0, a game for the Game Boy Color alone"),
    "unknown": (assemble("", cart=0x77), "byte at 0x0147 is 0x77, no known kind of cartridge, expected ROM only"),
} | {
    name: (assemble("", cart=kind), f"byte at 0x0147 is 0x{kind:02X}, a {name} cartridge, expected ROM only, MBC1")
    for kind, name in {
        0x0B: "MMM01", 0x20: "MBC6", 0x22: "MBC7", 0xFC: "Pocket Camera", 0xFD: "TAMA5", 0xFE: "HuC3", 0xFF: "HuC1",
    }.items()
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_played_is_refused_in_one_sentence(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rom, message = REFUSED[case]
    path = tmp_path / "game.gb"
    path.write_bytes(rom)
    with pytest.raises(RomError) as caught:
        read_cartridge(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert str(caught.value).endswith(".")
    assert ("; " in str(caught.value)) or (": get" in str(caught.value))
    assert cli.main(["play", str(path)]) == 2
    assert capsys.readouterr() == ("", f"ludus: {caught.value}\n")


def test_a_file_that_is_not_there_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*absent\.gb: No such file"):
        read_cartridge(tmp_path / "absent.gb")


def test_a_boot_rom_has_256_bytes(tmp_path: Path) -> None:
    assert read_boot(None) == b""
    assert read_boot(bytes(256)) == bytes(256)
    path = tmp_path / "boot.bin"
    path.write_bytes(bytes(100))
    with pytest.raises(RomError, match=r"boot\.bin: 100 bytes, expected the 256"):
        read_boot(path)
    with pytest.raises(RomError, match="boot ROM: 1 bytes"):
        read_boot(b"\0")
