"""Memory bank controllers: pitfall 15. Each ROM bank starts with its own number, low byte first."""

from __future__ import annotations

from tests.gameboy.micro_roms.rom import DONE, MicroRom, results


def banks(count: int) -> str:
    """Source that writes each bank's number to the start of its 4000-7FFF window."""
    return "".join(f"        bank {n}\n        dw   {n}\n" for n in range(1, count))


def write(address: int, value: int) -> str:
    return f"        ld   a, {value}\n        ld   [{address}], a\n"


def read(address: int) -> str:
    """Appends the byte at `address` to the results at HL."""
    return f"        ld   a, [{address}]\n        ld   [hl+], a\n"


def banked(body: str, count: int, zero: str = "") -> str:
    """`body` with HL at the results, and `count` numbered banks; bank 0 has 0 at $0000 unless `zero` says more."""
    return f"main:   ld   hl, $C000\n{body}{DONE}{zero}{banks(count)}"


def rtc(register: int, value: int) -> str:
    return write(0x4000, register) + write(0xA000, value)


LATCH = write(0x6000, 0) + write(0x6000, 1)


def rtc_read(*registers: int) -> str:
    return "".join(write(0x4000, register) + read(0xA000) for register in registers)


def wait_ms(ms: int) -> str:
    """About `ms` milliseconds, by counting; uses BC. 28 T-cycles a turn."""
    turns = ms * 4194304 // 28000
    source = ""
    while turns > 0:
        count = min(turns, 65535)
        source += (
            f"        ld   bc, {count}\n        dec  bc\n        ld   a, b\n        or   c\n        jr   nz, @-3\n"
        )
        turns -= count
    return source


RTC_ON = write(0x0000, 0x0A)
STOPPED = RTC_ON + rtc(0x0C, 0x40)
CLOCK = (0x08, 0x09, 0x0A, 0x0B, 0x0C)


def set_clock(s: int, m: int, h: int, low: int, high: int) -> str:
    """Stops the clock, sets it, and lets it run unless bit 6 of `high` is set."""
    return STOPPED + "".join(rtc(*pair) for pair in zip(CLOCK, (s, m, h, low, high), strict=True))


# A made-up pattern where a logo would be, the same in the header of bank 0 and of bank $10: that, and 1 MB, is how a
# multicart is told apart.
LOGO = f"        db   {', '.join(str(n * 37 % 251 + 1) for n in range(48))}\n"

PLAIN = f"        org  $0104\n{LOGO}"  # in bank 0 only: no multicart

CARTRIDGE: tuple[MicroRom, ...] = (
    MicroRom(
        name="mbc1_bank_1",
        pitfall=15,
        fact="MBC1's 2000-3FFF register has 5 bits and reads 0 as 1: $20 gives bank 1, $E3 gives 3",
        document="Pan Docs, MBC1; mooneye emulator-only/mbc1/bits_bank1",
        source=banked(
            "".join(
                write(a, v) + read(0x4000)
                for a, v in (
                    (0x2000, 0),
                    (0x2000, 1),
                    (0x3FFF, 2),
                    (0x2000, 0x20),
                    (0x2100, 0xE3),
                    (0x2000, 0x1F),
                    (0x1FFF, 7),
                    (0x4000, 0),
                )
            ),
            64,
            PLAIN,
        ),
        cart=0x01,
        rom_kb=1024,
        memory=results("01 01 02 01 03 1F 1F 1F"),
    ),
    MicroRom(
        name="mbc1_bank_2_extends_the_rom_bank",
        pitfall=15,
        fact="4000-5FFF gives bits 5 and 6, in both modes; $20, $40, $60 become $21, $41, $61",
        document="Pan Docs, MBC1; mooneye emulator-only/mbc1/bits_bank2",
        source=banked(
            "".join(
                write(0x4000, high) + write(0x2000, low) + read(0x4000)
                for high, low in ((1, 0), (1, 2), (2, 0), (3, 0), (3, 0x1F), (0xFD, 1), (0, 5))
            ),
            128,
            PLAIN,
        ),
        cart=0x01,
        rom_kb=2048,
        memory=results("21 22 41 61 7F 21 05"),
    ),
    MicroRom(
        name="mbc1_mode_1_moves_the_lower_half_too",
        pitfall=15,
        fact="in mode 1 the two upper bits also choose what 0000-3FFF shows; in mode 0 that is bank 0",
        document="Pan Docs, MBC1 (6000-7FFF); mooneye emulator-only/mbc1/bits_mode",
        # The code runs from WRAM, since 0000-3FFF changes under it.
        source=f"""
main:   ld   hl, body
        ld   de, $C800
        ld   b, 0
.copy:  ld   a, [hl+]
        ld   [de], a
        inc  de
        dec  b
        jr   nz, .copy
        ld   hl, $C000
        jp   $C800
body:
{write(0x4000, 1)}{write(0x2000, 3)}{read(0x0003)}{read(0x4000)}{write(0x6000, 1)}{read(0x0000)}{read(0x4000)}
{write(0x4000, 2)}{read(0x0000)}{write(0x4000, 4)}{read(0x0003)}{write(0x6000, 0xFE)}{read(0x0003)}
        ld   b, b
        jr   @
        org  3
        db   $99
{PLAIN}{banks(128)}
""",
        cart=0x01,
        rom_kb=2048,
        memory=results("99 23 20 23 40 99 99"),
    ),
    MicroRom(
        name="mbc1_rom_bank_wraps_at_the_rom_size",
        pitfall=15,
        fact="bank bits the ROM does not have are ignored, after 0 has become 1: in 128 KB bank 8 is bank 0",
        document="Pan Docs, MBC1 (2000-3FFF); mooneye emulator-only/mbc1/rom_1Mb",
        source=banked("".join(write(0x2000, n) + read(0x4000) for n in (9, 0x0F, 0x12, 0x10, 8)), 8),
        cart=0x01,
        rom_kb=128,
        memory=results("01 07 02 00 00"),
    ),
    MicroRom(
        name="mbc1_ram_enable_is_the_low_nibble",
        pitfall=15,
        fact="RAM is on when the low nibble written to 0000-1FFF is $A; off it reads FF and ignores writes",
        document="Pan Docs, MBC1 (0000-1FFF); mooneye emulator-only/mbc1/bits_ramg",
        source=banked(
            read(0xA000)
            + write(0, 0x0A)
            + write(0xA000, 0x12)
            + read(0xA000)
            + write(0x1FFF, 0x0B)
            + read(0xA000)
            + write(0xA000, 0x34)
            + write(0x1000, 0xFA)
            + read(0xA000)
            + write(0, 0)
            + read(0xA000),
            4,
        ),
        cart=0x02,
        ram_code=2,
        rom_kb=64,
        memory=results("FF 12 FF 12 FF"),
    ),
    MicroRom(
        name="mbc1_ram_banks_need_mode_1",
        pitfall=15,
        fact="with 32 KB of RAM mode 1 selects its bank, mode 0 always shows bank 0",
        document="Pan Docs, MBC1; mooneye emulator-only/mbc1/ram_256kb",
        source=banked(
            write(0, 0x0A)
            + write(0x6000, 1)
            + "".join(write(0x4000, n) + write(0xA000, 0x50 + n) for n in range(4))
            + "".join(write(0x4000, n) + read(0xA000) for n in (2, 0, 3, 1))
            + write(0x6000, 0)
            + "".join(write(0x4000, n) + read(0xA000) for n in (2, 3)),
            4,
        ),
        cart=0x03,
        ram_code=3,
        rom_kb=64,
        memory=results("52 50 53 51 50 50"),
    ),
    MicroRom(
        name="mbc1_multicart",
        pitfall=15,
        fact="on a multicart the upper bits count as bits 4 and 5, and bit 4 of the lower register is not connected",
        document="Pan Docs, MBC1 (multi-game compilation carts); mooneye emulator-only/mbc1/multicart_rom_8Mb",
        source=banked(
            "".join(
                write(0x4000, high) + write(0x2000, low) + read(0x4000)
                for high, low in ((0, 1), (1, 1), (1, 0), (2, 0x13), (3, 0x1F), (1, 0x10))
            ),
            64,
            PLAIN,
        ).replace(
            "        bank 16\n        dw   16\n", f"        bank 16\n        dw   16\n        org  $4104\n{LOGO}"
        ),
        cart=0x01,
        rom_kb=1024,
        memory=results("01 11 11 23 3F 10"),
    ),
    MicroRom(
        name="mbc2_address_bit_8_selects_the_register",
        pitfall=15,
        fact="writes to 0000-3FFF with address bit 8 set choose the bank (4 bits, 0 is 1), without it they enable RAM",
        document="Pan Docs, MBC2; mooneye emulator-only/mbc2/bits_romb, bits_ramg",
        source=banked(
            "".join(
                write(a, v) + read(0x4000)
                for a, v in ((0x2100, 3), (0x0100, 5), (0x3F00, 7), (0x3FFF, 0), (0x2100, 0x1F), (0x4100, 2))
            )
            + write(0x3E00, 0x0A)
            + write(0xA000, 5)
            + read(0xA000)
            + write(0x0100, 0)
            + read(0xA000)
            + write(0x2000, 0)
            + read(0xA000),
            16,
        ),
        cart=0x06,
        rom_kb=256,
        memory=results("03 05 07 01 0F 0F F5 F5 FF"),
    ),
    MicroRom(
        name="mbc2_ram_is_512_nibbles",
        pitfall=15,
        fact="the RAM keeps 4 bits (the rest reads 1) and repeats every 512 bytes through A000-BFFF",
        document="Pan Docs, MBC2; mooneye emulator-only/mbc2/ram, bits_unused",
        source=banked(
            write(0, 0x0A)
            + write(0xA000, 0xA3)
            + write(0xA1FF, 0x5C)
            + read(0xA000)
            + read(0xA200)
            + read(0xBE00)
            + read(0xBFFF)
            + write(0xB3FF, 0x02)
            + read(0xA1FF),
            4,
        ),
        cart=0x06,
        rom_kb=64,
        memory=results("F3 F3 F3 FC F2"),
    ),
    MicroRom(
        name="mbc3_rom_and_ram_banks",
        pitfall=15,
        fact="MBC3 has a 7-bit bank (0 is 1, $20 is $20) and four RAM banks",
        document="Pan Docs, MBC3",
        source=banked(
            "".join(write(0x2000, n) + read(0x4000) for n in (0, 0x20, 0x60, 0x7F, 0x81))
            + write(0, 0x0A)
            + "".join(write(0x4000, n) + write(0xA000, 0x70 + n) for n in range(4))
            + "".join(write(0x4000, n) + read(0xA000) for n in (3, 0, 2, 1)),
            128,
        ),
        cart=0x13,
        ram_code=3,
        rom_kb=2048,
        memory=results("01 20 60 7F 01 73 70 72 71"),
    ),
    MicroRom(
        name="mbc3_clock_registers_have_only_their_bits",
        pitfall=15,
        fact="written FF, S and M read 3F, H reads 1F, DL reads FF, DH reads C1",
        document="Pan Docs, MBC3 (Clock Counter Registers); rtc3test (basic)",
        source=banked(set_clock(0xFF, 0xFF, 0xFF, 0xFF, 0xFF) + LATCH + rtc_read(*CLOCK), 4),
        cart=0x10,
        ram_code=3,
        rom_kb=64,
        memory=results("3F 3F 1F FF C1"),
    ),
    MicroRom(
        name="mbc3_clock_halts_and_is_latched",
        pitfall=15,
        fact="a halted clock stands still; a running one shows its new time only after a latch",
        document="Pan Docs, MBC3 (Halt, Latch); rtc3test (basic)",
        source=banked(
            set_clock(10, 20, 3, 4, 0x40)
            + wait_ms(1200)
            + LATCH
            + rtc_read(0x08)
            + rtc(0x0C, 0x00)
            + wait_ms(1200)
            + rtc_read(0x08)
            + LATCH
            + rtc_read(*CLOCK),
            4,
        ),
        cart=0x10,
        ram_code=3,
        rom_kb=64,
        memory=results("0A 0A 0B 14 03 04 00"),
        max_frames=200,
    ),
    MicroRom(
        name="mbc3_clock_carries_through",
        pitfall=15,
        fact="one second after day 511, 23:59:59 all is 0 and the day carry is set, and it stays set",
        document="Pan Docs, MBC3 (The Day Counter); rtc3test (range)",
        source=banked(
            set_clock(59, 59, 23, 0xFF, 0x01)
            + wait_ms(1100)
            + LATCH
            + rtc_read(*CLOCK)
            + wait_ms(1000)
            + LATCH
            + rtc_read(0x08, 0x0C),
            4,
        ),
        cart=0x10,
        ram_code=3,
        rom_kb=64,
        memory=results("00 00 00 00 80 01 80"),
        max_frames=200,
    ),
    MicroRom(
        name="mbc3_clock_invalid_values_do_not_carry",
        pitfall=15,
        fact="S=63, M=63 or H=31 roll over to 0 without a carry; 60 counts on to 61",
        document="rtc3test (range, invalid rollovers)",
        source=banked(
            set_clock(63, 5, 1, 0, 0)
            + wait_ms(1100)
            + LATCH
            + rtc_read(*CLOCK)
            + set_clock(59, 63, 1, 0, 0)
            + wait_ms(1100)
            + LATCH
            + rtc_read(*CLOCK)
            + set_clock(60, 5, 1, 0, 0)
            + wait_ms(1100)
            + LATCH
            + rtc_read(*CLOCK),
            4,
        ),
        cart=0x10,
        ram_code=3,
        rom_kb=64,
        memory=results("00 05 01 00 00 00 00 01 00 00 3D 05 01 00 00"),
        max_frames=300,
    ),
    MicroRom(
        name="mbc3_writing_seconds_restarts_the_second",
        pitfall=15,
        fact="writing S clears the fraction of a second, writing M does not",
        document="rtc3test (sub-second writes)",
        source=banked(
            set_clock(0, 0, 0, 0, 0)
            + wait_ms(700)
            + rtc(0x08, 0)
            + wait_ms(600)
            + LATCH
            + rtc_read(0x08)
            + wait_ms(600)
            + LATCH
            + rtc_read(0x08)
            + set_clock(0, 0, 0, 0, 0)
            + wait_ms(700)
            + rtc(0x09, 9)
            + wait_ms(600)
            + LATCH
            + rtc_read(0x08, 0x09),
            4,
        ),
        cart=0x10,
        ram_code=3,
        rom_kb=64,
        memory=results("00 01 01 09"),
        max_frames=300,
    ),
    MicroRom(
        name="mbc5_bank_0_and_ninth_bit",
        pitfall=15,
        fact="MBC5 has 9 bank bits in two registers, and bank 0 is bank 0",
        document="Pan Docs, MBC5; mooneye emulator-only/mbc5/rom_64Mb",
        source=banked(
            "        xor  a\n        ld   [$2000], a\n        ld   a, [$4000]\n        ld   [hl+], a\n"
            + "".join(
                write(0x3000, high) + write(0x2000, low) + read(0x4000) + read(0x4001)
                for high, low in ((0, 0), (0, 1), (1, 0), (1, 0xFF), (0, 0xFF), (0xFE, 2))
            ),
            512,
            "        org  $00\n        db   0, 0\n",
        ),
        cart=0x19,
        rom_kb=8192,
        memory=results("00 00 00 01 00 00 01 FF 01 FF 00 02 00"),
    ),
    MicroRom(
        name="mbc5_ram_banks",
        pitfall=15,
        fact="MBC5 has up to 16 RAM banks, selected without a mode",
        document="Pan Docs, MBC5",
        source=banked(
            read(0xA000)
            + write(0, 0x0A)
            + "".join(write(0x4000, n) + write(0xA000, 0x90 + n) for n in range(16))
            + "".join(write(0x4000, n) + read(0xA000) for n in (15, 0, 8, 7))
            + write(0, 0)
            + read(0xA000),
            4,
        ),
        cart=0x1A,
        ram_code=4,
        rom_kb=64,
        memory=results("FF 9F 90 98 97 FF"),
    ),
    MicroRom(
        name="rom_only_ignores_writes",
        pitfall=15,
        fact="without a controller writes to 0000-7FFF do nothing and A000-BFFF reads FF",
        document="Pan Docs, No MBC",
        source=f"""
main:   ld   hl, $C000
{write(0x0000, 0x0A)}{write(0x2000, 5)}{write(0x4000, 1)}{read(0x4000)}{write(0xA000, 1)}{read(0xA000)}{DONE}
        org  $4000
        db   $77
""",
        memory=results("77 FF"),
    ),
)
