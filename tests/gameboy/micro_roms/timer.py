"""DIV, TIMA and the state after boot: pitfalls 5 to 7."""

from __future__ import annotations

from tests.gameboy.micro_roms.rom import DONE, MicroRom, results

# The timer ticks every 4 M-cycles (TAC = 5) and TIMA = $FF is written 5 M-cycles after the DIV write, so it overflows
# in the third M-cycle from here, cycle A, when TIMA reads 0; the next is cycle B, when TMA is loaded and IF set.
OVERFLOW = """
        xor  a
        ldh  [rIF], a
        ld   a, 5
        ldh  [rTAC], a
        ld   a, $23
        ldh  [rTMA], a
        ld   hl, rTIMA
        ld   b, $40
        ld   c, LOW(rTMA)
        xor  a
        ldh  [rDIV], a
        ld   a, $FF
        ldh  [rTIMA], a
"""


def _overflow(*bodies: str) -> str:
    """Runs each body from an armed overflow, storing the A it leaves from $C000 on."""
    source = "main:   ld   de, $C000\n"
    for body in bodies:
        source += OVERFLOW + "".join(f"        {line.strip()}\n" for line in body.split("\\"))
        source += "        ld   [de], a\n        inc  de\n"
    return source + DONE


def _edge(tac: int, before: str, change: str, after: str = "ldh a, [rTIMA]") -> str:
    """DIV reset and TIMA = 0 under `tac`; then `before`, `change` and `after`, whose A is stored at HL."""
    return f"""
        ld   a, {tac}
        ldh  [rTAC], a
        xor  a
        ldh  [rDIV], a
        ldh  [rTIMA], a         ; 3 M-cycles after the DIV write
        {before}
        {change}
        {after}
        ld   [hl+], a
"""


def _boot_div() -> str:
    """Reads DIV in the 13th, 14th + 63 and 14th + 128 M-cycle after $0100 is fetched.

    The counter starts as $ABCC, 13 M-cycles below $AC00.
    """
    return f"""
main:   ds   5
        ldh  a, [rDIV]          ; the 13th M-cycle
        ld   b, a
        ds   60
        ldh  a, [rDIV]          ; the 77th
        ld   c, a
        ds   61
        ldh  a, [rDIV]          ; the 142nd
        ld   d, a
{DONE}
"""


def _boot_stat(*cycles: int) -> str:
    """Reads STAT into B, C, D and E in the given M-cycles after $0100 is fetched (NOP and JP take the first 5)."""
    source, elapsed = "main:\n", 5
    for cycle, register in zip(cycles, "bcde", strict=True):
        source += f"        ds   {cycle - 3 - elapsed}\n        ldh  a, [rSTAT]\n        ld   {register}, a\n"
        elapsed = cycle + 1
    return source + DONE


# FF00-FF7F at hand-over without the moving ones (DIV, STAT, LY), wave RAM and OBP0/1.
BOOT_IO = {
    0x00: "CF 00 7E FF", 0x05: "00 00 F8 FF FF FF FF FF FF FF E1",
    0x10: "80 BF F3 FF BF FF 3F 00 FF BF 7F FF 9F FF BF FF",
    0x20: "FF 00 00 BF 77 F3 F1 FF FF FF FF FF FF FF FF FF", 0x40: "91", 0x42: "00 00", 0x45: "00 FF FC",
    0x4A: "00 00" + " FF" * 52,
}  # fmt: skip

TIMER: tuple[MicroRom, ...] = (
    MicroRom(
        name="timer_rates",
        pitfall=5,
        fact="TAC 5, 6, 7 and 4 tick every 4, 16, 64 and 256 M-cycles, counted from the DIV write",
        document="Pan Docs, Timer and Divider Registers; mooneye acceptance/timer/tim00, tim01, tim10, tim11",
        source="main:   ld   hl, $C000\n"
        + "".join(
            _edge(tac, f"ds {cycles}", "nop")
            for tac, period in ((5, 4), (6, 16), (7, 64), (4, 256))
            for cycles in (2 * period - 8, 2 * period - 7)
        )
        + DONE,
        memory=results("01 02 01 02 01 02 01 02"),
    ),
    MicroRom(
        name="timer_div_write_can_tick",
        pitfall=5,
        fact="clearing DIV while the selected bit is 1 is a falling edge: TIMA ticks; while it is 0, it does not",
        document="Pan Docs, Timer Obscure Behaviour; mooneye acceptance/timer/tim00_div_trigger .. tim11_div_trigger",
        source="main:   ld   hl, $C000\n"
        + "".join(
            _edge(tac, f"ds {2 * period + period // 2 + offset - 6}", "ldh [rDIV], a")
            for tac, period in ((5, 4), (6, 16), (7, 64), (4, 256))
            for offset in (0, -1)
        )
        + DONE,
        memory=results("03 02 03 02 03 02 03 02"),
    ),
    MicroRom(
        name="timer_disable_can_tick",
        pitfall=5,
        fact="clearing TAC's enable bit while the selected bit is 1 ticks TIMA; while it is 0, it does not",
        document="Pan Docs, Timer Obscure Behaviour; mooneye acceptance/timer/rapid_toggle",
        source="main:   ld   hl, $C000\n"
        + "".join(_edge(4, f"ds {n}\n        ld   a, 0", "ldh [rTAC], a") for n in (100, 160))
        + DONE,
        memory=results("00 01"),
    ),
    MicroRom(
        name="timer_select_can_tick",
        pitfall=5,
        fact="changing TAC from a selected 1 to a selected 0 ticks TIMA; from 1 to 1 or 0 to 1 does not",
        document="Pan Docs, Timer Obscure Behaviour (writing to TAC)",
        # TAC is written 40 M-cycles after DIV, at counter $00A0: bits 9 (TAC 4) and 3 (5) are 0, 5 (6) and 7 (7) are 1.
        source="main:   ld   hl, $C000\n"
        + "".join(
            _edge(before, f"ds 32\n        ld   a, {after}", "ldh [rTAC], a")
            for before, after in ((7, 4), (7, 6), (4, 7), (4, 6))
        )
        + DONE,
        memory=results("01 00 00 00"),
    ),
    MicroRom(
        name="timer_overflow_reads_zero_for_one_cycle",
        pitfall=5,
        fact="after an overflow TIMA reads 0 for one M-cycle (A), then TMA (B)",
        document="Pan Docs, Timer Obscure Behaviour (overflow); mooneye acceptance/timer/tima_reload",
        source=_overflow("ld a, [hl]", r"nop \ ld a, [hl]", r"ds 2 \ ld a, [hl]"),
        memory=results("FF 00 23"),
    ),
    MicroRom(
        name="timer_interrupt_comes_with_the_reload",
        pitfall=5,
        fact="IF's timer bit is set in cycle B, not in A",
        document="Pan Docs, Timer Obscure Behaviour (overflow)",
        source=_overflow("ldh a, [rIF]", r"nop \ ldh a, [rIF]"),
        memory=results("E0 E4"),
    ),
    MicroRom(
        name="timer_tima_write_in_a_cancels_the_reload",
        pitfall=5,
        fact="a value written to TIMA in cycle A stays: TMA is not loaded",
        document="Pan Docs, Timer Obscure Behaviour; mooneye acceptance/timer/tima_write_reloading",
        source=_overflow(r"nop \ ld [hl], b \ ld a, [hl]"),
        memory=results("40"),
    ),
    MicroRom(
        name="timer_tima_write_in_a_cancels_the_interrupt",
        pitfall=5,
        fact="writing TIMA in cycle A acts as if the overflow had not happened: IF stays clear",
        document="Pan Docs, Timer Obscure Behaviour (SameBoy raises the interrupt here; the document is followed)",
        source=_overflow(r"nop \ ld [hl], b \ nop \ ldh a, [rIF]"),
        memory=results("E0"),
    ),
    MicroRom(
        name="timer_tima_write_in_b_is_lost",
        pitfall=5,
        fact="writing TIMA in cycle B is ignored: TMA stays loaded, the interrupt stands",
        document="Pan Docs, Timer Obscure Behaviour; mooneye acceptance/timer/tima_write_reloading",
        source=_overflow(r"ds 2 \ ld [hl], b \ ld a, [hl]", r"ds 2 \ ld [hl], b \ ldh a, [rIF]"),
        memory=results("23 E4"),
    ),
    MicroRom(
        name="timer_tima_write_after_b_stays",
        pitfall=5,
        fact="writing TIMA in the cycle after B is an ordinary write, and the next tick counts on from it",
        document="mooneye acceptance/timer/tima_write_reloading",
        source=_overflow(r"ds 3 \ ld [hl], b \ ld a, [hl]"),
        memory=results("41"),
    ),
    MicroRom(
        name="timer_tma_write_in_b_is_forwarded",
        pitfall=5,
        fact="TMA written in A or B reaches TIMA in the same reload, written later it does not",
        document="Pan Docs, Timer Obscure Behaviour; mooneye acceptance/timer/tma_write_reloading",
        source=_overflow(
            r"ld a, b \ ldh [c], a \ ld a, [hl]",
            r"ld a, b \ nop \ ldh [c], a \ ld a, [hl]",
            r"ld a, b \ ds 2 \ ldh [c], a \ ld a, [hl]",
        ),
        memory=results("40 40 24"),
    ),
    MicroRom(
        name="timer_tma_ff_interrupts_every_tick",
        pitfall=5,
        fact="with TMA = $FF every tick overflows",
        document="Pan Docs, Timer and Divider Registers (TMA)",
        source=f"""
main:   ld   a, $FF
        ldh  [rTMA], a
        ld   a, 6
        ldh  [rTAC], a
        ld   b, 0
        ldh  [rDIV], a
        ld   a, $FF
        ldh  [rTIMA], a
        ld   hl, rIF
        ld   [hl], b
        ldh  [rDIV], a
        ds   20
        ld   c, [hl]
        ld   [hl], b
        ds   12
        ld   d, [hl]
        ldh  a, [rTIMA]
        ld   e, a
{DONE}
""",
        registers={"c": 0xE4, "d": 0xE4, "e": 0xFF},
    ),
    MicroRom(
        name="div_counts_64_cycles_and_any_write_clears_it",
        pitfall=5,
        fact="DIV is the upper byte of a counter that any write clears whole: the next step is 64 M-cycles later",
        document="Pan Docs, Timer and Divider Registers; mooneye acceptance/div_timing, timer/div_write",
        source=f"""
main:   ld   hl, rDIV
        ld   [hl], $A5
        ld   b, [hl]
        ds   50
        ld   [hl], $FF
        ds   61
        ld   c, [hl]
        ds   30
        ld   [hl], $00
        ds   62
        ld   d, [hl]
{DONE}
""",
        registers={"b": 0, "c": 0, "d": 1},
    ),
    MicroRom(
        name="boot_div_phase",
        pitfall=6,
        fact="the divider's 16 bits are $ABCC when $0100 is fetched",
        document="mooneye acceptance/boot_div-dmgABCmgb",
        source=_boot_div(),
        registers={"b": 0xAB, "c": 0xAC, "d": 0xAE},
    ),
    MicroRom(
        name="boot_registers",
        pitfall=7,
        fact="AF=01B0 BC=0013 DE=00D8 HL=014D SP=FFFE after boot, IME off",
        document="Pan Docs, Power-Up Sequence (CPU registers); mooneye acceptance/boot_regs-dmgABC",
        source=f"""
main:   ld   [$C000], sp
        ld   sp, $C00A
        push af
        push bc
        push de
        push hl
        ld   a, $1F
        ldh  [rIE], a           ; a pending VBlank would be served now if IME were on
        nop
        nop
{DONE}
        org  $40
        ld   a, 0
        ld   [$C009], a
{DONE}
""",
        memory=results("FE FF 4D 01 D8 00 13 00 B0 01"),
    ),
    MicroRom(
        name="boot_io",
        pitfall=7,
        fact="IO registers after boot, unused ones FF; DMA reads FF, IF E1",
        document="Pan Docs, Power-Up Sequence (Hardware registers); mooneye acceptance/boot_hwio-dmgABCmgb",
        source=f"""
main:   ldh  a, [rIF]           ; early, before anything moves
        ld   c, 0
        ld   h, $C0
.next:  ldh  a, [c]
        ld   l, c
        ld   [hl], a
        inc  c
        bit  7, c
        jr   z, .next
        inc  l
        ldh  a, [rIE]
        ld   [hl+], a
{DONE}
""",
        memory={0xC000 + place: bytes.fromhex(text) for place, text in BOOT_IO.items()} | {0xC080: b"\0"},
    ),
    *(
        MicroRom(
            name=f"boot_lcd_phase_{name}",
            pitfall=7,
            fact="$0100 is fetched 15 M-cycles before line 0: STAT shows 85, 84 for one cycle, 86, 87, 84, 80, 82",
            document="gbmicrotest poweron_stat_005 .. _121; Pan Docs, Power-Up Sequence (STAT 85, LY 0)",
            source=_boot_stat(*(cycle for cycle, _ in reads)),
            registers=dict(zip("bcde", (stat for _, stat in reads), strict=True)),
        )
        for name, reads in {
            "before": ((14, 0x85), (35, 0x86), (78, 0x87), (128, 0x84)),
            "after": ((15, 0x84), (36, 0x87), (79, 0x84), (129, 0x80)),
            "later": ((16, 0x86), (37, 0x87), (80, 0x84), (130, 0x82)),
        }.items()
    ),
)
