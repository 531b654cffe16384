"""Joypad, serial port and the odd corners of the memory map: pitfalls 16 to 18."""

from __future__ import annotations

from tests.gameboy.micro_roms.rom import DONE, Input, MicroRom, results, wait_ly

# Bits that always read 1, by register; all of them for the unused addresses.
ONES = {
    "P1": (0x00, 0xC0), "SC": (0x02, 0x7E), "FF03": (0x03, 0xFF), "TAC": (0x07, 0xF8), "FF08": (0x08, 0xFF),
    "FF0E": (0x0E, 0xFF), "IF": (0x0F, 0xE0), "NR10": (0x10, 0x80), "NR30": (0x1A, 0x7F), "NR32": (0x1C, 0x9F),
    "NR41": (0x20, 0xFF), "NR44": (0x23, 0xBF), "NR52": (0x26, 0x70), "FF27": (0x27, 0xFF), "STAT": (0x41, 0x80),
    "FF4C": (0x4C, 0xFF), "FF4D": (0x4D, 0xFF), "FF4F": (0x4F, 0xFF), "FF55": (0x55, 0xFF), "FF70": (0x70, 0xFF),
    "FF7F": (0x7F, 0xFF),
}  # fmt: skip
SELECT_NOTHING, SELECT_BUTTONS, SELECT_PAD = 0x30, 0x10, 0x20


def _serial_end(start: int, cycles: int) -> str:
    """Resets DIV, starts a transfer `start` M-cycles later, stores IF `cycles` M-cycles after the reset."""
    loops, nops = divmod(cycles - start - 3 - 1, 4)  # `ld a, n`, `dec a`, `jr` take 4 n + 1
    return f"""
        xor  a
        ldh  [rIF], a
        ldh  [rDIV], a
        ld   a, $81
        ds   {start - 5}
        ldh  [rSC], a
        ld   a, {loops}
        dec  a
        jr   nz, @-1
        ds   {nops}
        ldh  a, [rIF]
        ld   [hl+], a
"""


IO: tuple[MicroRom, ...] = (
    MicroRom(
        name="joypad_reads_the_live_state",
        pitfall=16,
        fact="P1's low bits follow the buttons while selected, 0 for down, F with nothing selected",
        document="Pan Docs, Joypad Input",
        source=f"""
main:   ld   a, {SELECT_BUTTONS}
        ldh  [rP1], a
.wait:  ldh  a, [rP1]
        ld   b, a
        and  $0F
        cp   $0F
        jr   z, .wait
        ld   a, {SELECT_PAD}
        ldh  [rP1], a
        ldh  a, [rP1]
        ldh  a, [rP1]
        ld   c, a
        ld   a, {SELECT_NOTHING}
        ldh  [rP1], a
        ldh  a, [rP1]
        ldh  a, [rP1]
        ld   d, a
        xor  a
        ldh  [rP1], a
        ldh  a, [rP1]
        ldh  a, [rP1]
        ld   e, a
{DONE}
""",
        inputs=(Input(3, "right"), Input(5, "start")),
        registers={"b": 0xD7, "c": 0xEE, "d": 0xFF, "e": 0xC6},
    ),
    MicroRom(
        name="joypad_interrupt_on_press",
        pitfall=16,
        fact="a selected button going down requests the joypad interrupt and ends HALT",
        document="Pan Docs, Interrupt Sources (INT $60)",
        source=f"""
main:   ld   a, {SELECT_BUTTONS}
        ldh  [rP1], a
        xor  a
        ldh  [rIF], a
        ld   a, $10
        ldh  [rIE], a
        halt
        nop
        ldh  a, [rIF]
        and  $10
        ld   b, a
        ldh  a, [rP1]
        ld   c, a
{DONE}
""",
        inputs=(Input(4, "b"),),
        registers={"b": 0x10, "c": 0xDD},
    ),
    MicroRom(
        name="joypad_interrupt_needs_the_row_selected",
        pitfall=16,
        fact="a button of the other row requests nothing until its row is selected, which lowers the line",
        document="Pan Docs, Interrupt Sources (INT $60: bits 0-3 changing from high to low)",
        source=f"""
main:   ld   a, {SELECT_PAD}
        ldh  [rP1], a
        xor  a
        ldh  [rIF], a
        ld   d, 10              ; frames: the button goes down in this time
.wait:
{wait_ly(144)}{wait_ly(0)}
        dec  d
        jr   nz, .wait
        ldh  a, [rIF]
        and  $10
        ld   b, a
        ld   a, {SELECT_BUTTONS}
        ldh  [rP1], a
        ds   8
        ldh  a, [rIF]
        and  $10
        ld   c, a
{DONE}
""",
        inputs=(Input(4, "a"),),
        registers={"b": 0x00, "c": 0x10},
    ),
    MicroRom(
        name="joypad_release_requests_nothing",
        pitfall=16,
        fact="letting a button go requests no interrupt",
        document="Pan Docs, Interrupt Sources (INT $60)",
        source=f"""
main:   ld   a, {SELECT_BUTTONS}
        ldh  [rP1], a
.down:  ldh  a, [rP1]
        and  1
        jr   nz, .down
        xor  a
        ldh  [rIF], a
.up:    ldh  a, [rP1]
        and  1
        jr   z, .up
        ds   20
        ldh  a, [rIF]
        and  $10
        ld   b, a
        ld   c, 1
{DONE}
""",
        inputs=(Input(3, "a"), Input(6, "a", pressed=False)),
        registers={"b": 0, "c": 1},
    ),
    MicroRom(
        name="serial_takes_eight_bits_of_128_cycles_on_divs_clock",
        pitfall=17,
        fact="bits shift as bit 8 of the divider falls: started 5 or 105 M-cycles after a DIV write, done after 1024",
        document="Pan Docs, Serial Data Transfer (Internal Clock); mooneye acceptance/serial/boot_sclk_align-dmgABCmgb",
        source="main:   ld   hl, $C000\n"
        + "".join(_serial_end(start, cycles) for start in (5, 105) for cycles in (1023, 1024))
        + DONE,
        memory=results("E0 E8 E0 E8"),
    ),
    MicroRom(
        name="serial_shifts_ones_in_with_no_partner",
        pitfall=17,
        fact="SB shifts left, taking in 1s from an open cable; SC's bit 7 clears at the end, IF's bit 3 is set",
        document="Pan Docs, Serial Data Transfer (FF01, Disconnects)",
        source=f"""
main:   ld   hl, $C000
        ld   a, $5A
        ldh  [rSB], a
        xor  a
        ldh  [rIF], a
        ldh  [rDIV], a
        ld   a, $81
        ldh  [rSC], a
        ldh  a, [rSC]
        ld   [hl+], a
        ld   b, 4
.bits:  ld   a, 126             ; 128 M-cycles a turn would be one bit: stay half a bit behind
        ld   c, 31
        dec  c
        jr   nz, @-1
        dec  b
        jr   nz, .bits
        ds   40
        ldh  a, [rSB]
        ld   [hl+], a
.end:   ldh  a, [rSC]
        bit  7, a
        jr   nz, .end
        ld   [hl+], a
        ldh  a, [rSB]
        ld   [hl+], a
        ldh  a, [rIF]
        and  8
        ld   [hl+], a
{DONE}
""",
        memory=results("FF AF 7F FF 08"),
    ),
    MicroRom(
        name="serial_external_clock_never_comes",
        pitfall=17,
        fact="with the clock from outside and no partner a transfer neither moves nor ends",
        document="Pan Docs, Serial Data Transfer (External Clock, Timeouts)",
        source=f"""
main:   ld   a, $5A
        ldh  [rSB], a
        xor  a
        ldh  [rIF], a
        ld   a, $80
        ldh  [rSC], a
        ld   c, 0
        ld   b, 0
.wait:  dec  c
        jr   nz, .wait
        dec  b
        jr   nz, .wait
        ldh  a, [rSC]
        ld   b, a
        ldh  a, [rSB]
        ld   c, a
        ldh  a, [rIF]
        and  8
        ld   d, a
{DONE}
""",
        registers={"b": 0xFE, "c": 0x5A, "d": 0},
    ),
    MicroRom(
        name="unused_io_bits_read_one",
        pitfall=18,
        fact="bits and addresses that do not exist read 1 even after 0 is written",
        document="mooneye acceptance/bits/unused_hwio-GS",
        source="main:   ld   hl, $C000\n"
        + "".join(
            f"        xor  a\n        ldh  [$FF{place:02X}], a\n        ldh  a, [$FF{place:02X}]\n"
            f"        and  ${mask:02X}\n        ld   [hl+], a\n"
            for place, mask in ONES.values()
        )
        + DONE,
        memory={0xC000: bytes(mask for _, mask in ONES.values())},
    ),
    MicroRom(
        name="if_and_ie_upper_bits",
        pitfall=18,
        fact="IF's upper three bits read 1 and do nothing; IE keeps all eight bits",
        document="mooneye acceptance/if_ie_registers; Pan Docs, Interrupts",
        source=f"""
main:   ld   hl, $C000
        xor  a
        ldh  [rIF], a
        ldh  a, [rIF]
        ld   [hl+], a
        ld   a, $E0
        ldh  [rIE], a
        ldh  [rIF], a
        ei
        nop
        nop
        di
        ldh  a, [rIE]
        ld   [hl+], a
        xor  a
        ldh  [rIE], a
        ldh  a, [rIE]
        ld   [hl+], a
        ld   a, $1F
        ldh  [rIF], a
        ldh  a, [rIF]
        ld   [hl+], a
{DONE}
""",
        memory=results("E0 E0 00 FF"),
    ),
    MicroRom(
        name="echo_ram",
        pitfall=18,
        fact="E000-FDFF is C000-DDFF, for reads and writes; FE00 is not DE00",
        document="Pan Docs, Memory Map (Echo RAM)",
        source=f"""
main:   ld   a, $12
        ld   [$C123], a
        ld   a, [$E123]
        ld   b, a
        ld   a, $34
        ld   [$FDFF], a
        ld   a, [$DDFF]
        ld   c, a
        ld   a, $56
        ld   [$E000], a
        ld   a, [$C000]
        ld   d, a
{DONE}
""",
        registers={"b": 0x12, "c": 0x34, "d": 0x56},
    ),
    MicroRom(
        name="fea0_reads_zero",
        pitfall=18,
        fact="FEA0-FEFF reads 00 on a DMG while OAM is open, and keeps nothing",
        document="Pan Docs, Memory Map (FEA0-FEFF range)",
        source=f"""
main:
{wait_ly(144)}
        ld   hl, $FEA0
        ld   [hl], $5A
        ld   b, [hl]
        ld   l, $FF
        ld   [hl], $A5
        ld   c, [hl]
        ld   a, [$FE9F]
        cpl
        ld   [$FE9F], a
        ld   d, a
        ld   a, [$FE9F]
        xor  d
        ld   d, a               ; OAM itself does keep what is written
{DONE}
""",
        registers={"b": 0, "c": 0, "d": 0},
    ),
    MicroRom(
        name="wave_and_sound_registers_read_back_masked",
        pitfall=18,
        fact="sound registers read back OR-ed with their masks; switched off they read the masks and ignore writes",
        document="Pan Docs, Audio Registers; blargg dmg_sound (01-registers)",
        source=f"""
main:   ld   hl, $C000
        ld   a, $80
        ldh  [rNR52], a
        xor  a
        ldh  [rNR50], a
        ldh  [rNR51], a
        ldh  [rNR10], a
        ldh  [rNR11], a
        ldh  [rNR12], a
        ldh  [rNR13], a
        ld   a, $5A
        ldh  [rNR50], a
        ldh  [rNR51], a
        ldh  a, [rNR50]
        ld   [hl+], a
        ldh  a, [rNR51]
        ld   [hl+], a
        ldh  a, [rNR10]
        ld   [hl+], a
        ldh  a, [rNR11]
        ld   [hl+], a
        ldh  a, [rNR12]
        ld   [hl+], a
        ldh  a, [rNR13]
        ld   [hl+], a
        xor  a
        ldh  [rNR52], a
        ld   a, $77
        ldh  [rNR50], a
        ldh  a, [rNR50]
        ld   [hl+], a
        ldh  a, [rNR51]
        ld   [hl+], a
        ldh  a, [rNR52]
        ld   [hl+], a
        ldh  [$FF30], a
        ld   a, $C3
        ldh  [$FF3F], a
        ldh  a, [$FF30]
        ld   [hl+], a
        ldh  a, [$FF3F]
        ld   [hl+], a
{DONE}
""",
        memory=results("5A 5A 80 3F 00 FF 00 00 70 70 C3"),
    ),
)
