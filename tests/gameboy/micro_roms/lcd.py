"""PPU timing and the STAT interrupt: pitfalls 9 to 12."""

from __future__ import annotations

from tests.gameboy.micro_roms.rom import DONE, LCD_OFF, ROUTINES, MicroRom, fill, results, wait_ly

# Leaves the LCD off with empty tiles, maps and OAM; then `on` with the given LCDC.
CLEAR = f"""
        ld   sp, $DFFE
        xor  a
        ldh  [rIE], a
{LCD_OFF}
{fill(0x8000, 0x2000, 0)}
{fill(0xFE00, 160, 0)}
"""


def _stat_count(select: int, lyc: int = 66) -> str:
    """Stores how many STAT interrupts one frame brings."""
    return f"""
{wait_ly(150)}
        ld   a, {lyc}
        ldh  [rLYC], a
        ld   a, {select}
        ldh  [rSTAT], a
        ld   bc, 0
        xor  a
        ldh  [rIF], a
        ei
{wait_ly(152)}
{wait_ly(150)}
        di
        ld   [hl], c
        inc  hl
"""


def _in_mode(mode: int) -> str:
    """Polls STAT until it shows `mode`."""
    return f"        ldh  a, [rSTAT]\n        and  3\n        cp   {mode}\n        jr   nz, @-6\n"


# Writes 0 to STAT (which was 0) and stores IF's STAT bit.
WRITE_STAT = """
        xor  a
        ldh  [rIF], a
        ldh  [rSTAT], a
        ldh  a, [rIF]
        and  2
        ld   [hl+], a
"""

# DE = results, HL = slide_end - n. On the lines from 64 on: waits for mode 2, then reads STAT n + 4 M-cycles after the
# HALT has ended (JP HL 1, n NOPs, LDH 3), with one more NOP each line, until it shows mode 0; stores that n. Tries
# ten lines.
MEASURE = """
measure:
        ldh  a, [rLY]
        cp   63
        jr   nz, measure
        ld   a, 20              ; well into line 63
.skip:  dec  a
        jr   nz, .skip
        ld   a, $20
        ldh  [rSTAT], a
        ld   a, 2
        ldh  [rIE], a
retry:  xor  a
        ldh  [rIF], a
        push hl
        halt
        nop
        jp   hl
slide:  ds   120
slide_end:
        ldh  a, [rSTAT]
        and  3
        pop  hl
        jr   z, .found
        dec  hl
        jp   retry
.found: ld   a, LOW(slide_end)
        sub  l
        ld   [de], a
        inc  de
        ret
"""


def _measure(setup: str, least: int) -> str:
    return f"        {setup}\n        ld   hl, slide_end - {least}\n        call measure\n"


# Like MEASURE, but from the mode-0 interrupt of line 64 and following to the M-cycle in which LY has changed.
MEASURE_HBLANK = """
measure:
        ldh  a, [rLY]
        cp   63
        jr   nz, measure
        ld   a, 27              ; past mode 0 of line 63
.skip:  dec  a
        jr   nz, .skip
        ld   a, 8
        ldh  [rSTAT], a
        ld   a, 2
        ldh  [rIE], a
        ld   b, 63
retry:  inc  b
        ldh  a, [rLY]
        cp   b
        jr   nz, @-3
        xor  a
        ldh  [rIF], a
        push hl
        halt
        nop
        jp   hl
slide:  ds   80
slide_end:
        ldh  a, [rLY]
        cp   b
        pop  hl
        jr   nz, .found
        dec  hl
        jp   retry
.found: ld   a, LOW(slide_end)
        sub  l
        ld   [de], a
        inc  de
        ret
"""


def _sprites(*xs: int) -> str:
    """Objects at these X on lines 64 to 79, in place of all earlier ones."""
    source = f"{LCD_OFF}{fill(0xFE00, 160, 0)}        ld   hl, $FE00\n"
    for x in xs:
        source += f"        ld   [hl], 80\n        inc  l\n        ld   [hl], {x}\n" + 3 * "        inc  l\n"
    return source + "        ld   a, $97\n        ldh  [rLCDC], a\n"


TO_LINE_END = 46  # NOPs from the mode-0 interrupt of a plain line to a changed LY
BASE = 59  # NOPs after which a plain line shows mode 0
SPRITES: tuple[tuple[int, tuple[int, ...]], ...] = (
    (0, ()), (2, (0,)), (16, (0,) * 10), (15, (2,) * 10), (16, (8,) * 10), (0, (168,) * 10), (2, (3,)), (1, (4,)),
    (2, (160,)), (1, (167,)), (5, (0, 8)), (3, (4, 12)), (17, (0,) * 5 + (160,) * 5), (27, tuple(range(0, 80, 8))),
    (20, tuple(range(3, 83, 8))), (25, tuple(range(73, 0, -8))),
)  # fmt: skip


def _after_lcd_on(*reads: tuple[str, int]) -> str:
    """For each register and n: LCD off, on, n NOPs, then LD A, [DE]."""
    source = f"main:\n{CLEAR}        ld   hl, $C000\n        ld   a, $FF\n        ldh  [rLYC], a\n"
    for register, n in reads:
        source += f"        ld   de, {register}\n        ld   a, $81\n        ldh  [rLCDC], a\n        ds   {n}\n"
        source += f"        ld   a, [de]\n        ld   [hl+], a\n{LCD_OFF}"
    return source + DONE + ROUTINES


LCD: tuple[MicroRom, ...] = (
    MicroRom(
        name="stat_interrupts_per_frame",
        pitfall=9,
        fact="a frame has 144 mode-0 and 145 mode-2 requests (one at line 144), 1 for LYC, 1 for mode 1",
        document="Pan Docs, STAT and Interrupt Sources (INT $48); mooneye acceptance/ppu/vblank_stat_intr-GS",
        source=f"""
main:   ld   sp, $DFFE
        ld   hl, $C000
        xor  a
        ldh  [rSCX], a
        ld   a, 2
        ldh  [rIE], a
{_stat_count(0x08)}{_stat_count(0x20)}{_stat_count(0x40)}{_stat_count(0x10)}{DONE}
        org  $48
        inc  bc
        reti
""",
        memory=results("90 91 01 01"),
    ),
    MicroRom(
        name="stat_blocking",
        pitfall=9,
        fact="the modes share one line and only its rise counts: 0+2 give 145, 0+1 144, 0+1+2 144, 1 and LYC=144 1",
        document="Pan Docs, Interrupt Sources (STAT blocking); mooneye acceptance/ppu/stat_irq_blocking",
        source=f"""
main:   ld   sp, $DFFE
        ld   hl, $C000
        xor  a
        ldh  [rSCX], a
        ld   a, 2
        ldh  [rIE], a
{_stat_count(0x28)}{_stat_count(0x18)}{_stat_count(0x50, 144)}{_stat_count(0x38)}{DONE}
        org  $48
        inc  bc
        reti
""",
        memory=results("91 90 01 90"),
    ),
    MicroRom(
        name="stat_mode_2_request_at_line_144",
        pitfall=9,
        fact="with mode 2 selected a request also comes when VBlank starts",
        document="mooneye acceptance/ppu/vblank_stat_intr-GS",
        source=f"""
main:   ld   hl, $C000
        ld   a, $20
        ldh  [rSTAT], a
{wait_ly(143)}
{_in_mode(0)}
        xor  a
        ldh  [rIF], a
{wait_ly(145)}
        ldh  a, [rIF]
        ld   [hl+], a
        xor  a
        ldh  [rIF], a
{wait_ly(152)}
        ldh  a, [rIF]
        ld   [hl+], a
{DONE}
""",
        memory=results("E3 E0"),
    ),
    MicroRom(
        name="stat_write_bug",
        pitfall=9,
        fact="any write to STAT acts as $FF for a moment: a request in modes 0 and 1 and on LY=LYC, not in mode 3",
        document="Pan Docs, STAT (Spurious STAT interrupts)",
        source=f"""
main:   ld   hl, $C000
        xor  a
        ldh  [rSTAT], a
        ld   a, 200
        ldh  [rLYC], a
{wait_ly(150)}{WRITE_STAT}{wait_ly(20)}{_in_mode(3)}{WRITE_STAT}{_in_mode(0)}{WRITE_STAT}
        ld   a, 40
        ldh  [rLYC], a
{wait_ly(40)}{_in_mode(3)}{WRITE_STAT}{DONE}
""",
        memory=results("02 00 02 02"),
    ),
    MicroRom(
        name="stat_lyc_compares_all_the_time",
        pitfall=9,
        fact="writing LYC updates the compare bit and requests an interrupt at once; staying equal does not repeat it",
        document="Pan Docs, STAT (LY compare)",
        source=f"""
main:   ld   hl, $C000
        ld   a, $40
        ldh  [rSTAT], a
        ld   a, 200
        ldh  [rLYC], a
{wait_ly(148)}
        xor  a
        ldh  [rIF], a
        ldh  a, [rSTAT]
        ld   [hl+], a
        ld   a, 148
        ldh  [rLYC], a
        ldh  a, [rSTAT]
        ld   [hl+], a
        ldh  a, [rIF]
        ld   [hl+], a
        xor  a
        ldh  [rIF], a
        ld   a, 148
        ldh  [rLYC], a
        ldh  a, [rIF]
        ld   [hl+], a
        ld   a, 3
        ldh  [rLYC], a
        ldh  a, [rSTAT]
        ld   [hl+], a
{DONE}
""",
        memory=results("C1 C5 E2 E0 C1"),
    ),
    MicroRom(
        name="ly_reads_0_in_line_153",
        pitfall=9,
        fact="LY shows 153 only at the start of line 153, then 0: LYC=153 and, in the same VBlank, LYC=0 both match",
        document="Pan Docs, Power-Up Sequence (LY 0 in VBlank); mooneye acceptance/ppu (line 153 behaviour)",
        source=f"""
main:   ld   hl, $C000
        ld   a, $40
        ldh  [rSTAT], a
        ld   a, 153
        ldh  [rLYC], a
        ld   a, 2
        ldh  [rIE], a
{wait_ly(152)}
        xor  a
        ldh  [rIF], a
        halt
        nop
        nop
        ldh  a, [rLY]
        ld   [hl+], a
        xor  a
        ldh  [rLYC], a
        ldh  [rIF], a
        ldh  a, [rLY]
        ld   [hl+], a
        ldh  a, [rSTAT]
        ld   [hl+], a
        ds   60
        ldh  a, [rSTAT]         ; still VBlank, half a line later
        ld   [hl+], a
        ldh  a, [rIF]           ; no second match when line 0 starts
        ld   [hl+], a
{_in_mode(3)}
        ldh  a, [rIF]
        ld   [hl+], a
{DONE}
""",
        memory=results("00 00 C5 C5 E0 E0"),
    ),
    MicroRom(
        name="lyc_compare_stops_with_the_lcd",
        pitfall=9,
        fact="with the LCD off the compare bit freezes; turning it on compares again and may request an interrupt",
        document="mooneye acceptance/ppu/stat_lyc_onoff",
        source=f"""
main:   ld   hl, $C000
        ld   a, $40
        ldh  [rSTAT], a
        ld   a, 144
        ldh  [rLYC], a
{LCD_OFF}
        ldh  [rIF], a
        ldh  a, [rSTAT]
        ld   [hl+], a
        ld   a, 1
        ldh  [rLYC], a
        ldh  a, [rSTAT]
        ld   [hl+], a
        ld   a, $80
        ldh  [rLCDC], a
        ldh  a, [rSTAT]
        ld   [hl+], a
        ldh  a, [rIF]
        ld   [hl+], a
        xor  a
        ldh  [rLYC], a
{LCD_OFF}
        ldh  [rIF], a
        ldh  a, [rSTAT]
        ld   [hl+], a
        ld   a, $80
        ldh  [rLCDC], a
        ldh  a, [rSTAT]
        ld   [hl+], a
        ldh  a, [rIF]
        ld   [hl+], a
{DONE}
""",
        memory=results("C4 C4 C0 E0 C0 C4 E2"),
    ),
    MicroRom(
        name="mode_3_length_by_scroll",
        pitfall=10,
        fact="SCX % 8 dots are added to mode 3: STAT shows mode 0 one M-cycle later from 4 on",
        document="Pan Docs, Rendering (Mode 3 length); mooneye acceptance/ppu/intr_2_mode0_timing",
        source=f"main:\n{CLEAR}        ld   a, $91\n        ldh  [rLCDC], a\n        ld   de, $C000\n"
        + "".join(_measure(f"ld   a, {scx}\n        ldh  [rSCX], a", BASE - 4) for scx in (*range(8), 8, 13))
        + f"{DONE}{MEASURE}{ROUTINES}",
        memory={0xC000: bytes(BASE + extra for extra in (0, 0, 0, 0, 1, 1, 1, 1, 0, 1))},
        max_frames=120,
    ),
    MicroRom(
        name="mode_0_interrupt_by_scroll",
        pitfall=10,
        fact="the mode-0 interrupt moves 1 M-cycle nearer to the end of the line for SCX % 8 = 1-4, 2 for 5-7",
        document="mooneye acceptance/ppu/hblank_ly_scx_timing-GS",
        source=f"main:\n{CLEAR}        ld   a, $91\n        ldh  [rLCDC], a\n        ld   de, $C000\n"
        + "".join(_measure(f"ld   a, {scx}\n        ldh  [rSCX], a", TO_LINE_END - 4) for scx in (*range(8), 8, 13))
        + f"{DONE}{MEASURE_HBLANK}{ROUTINES}",
        memory={0xC000: bytes(TO_LINE_END - less for less in (0, 1, 1, 1, 1, 2, 2, 2, 0, 2))},
        max_frames=120,
    ),
    MicroRom(
        name="mode_3_length_with_window",
        pitfall=10,
        fact="a window on the line adds 6 dots: STAT shows mode 0 one M-cycle later",
        document="Pan Docs, Rendering (Mode 3 length, Window)",
        source=f"main:\n{CLEAR}        ld   a, $B1\n        ldh  [rLCDC], a\n        ld   de, $C000\n        xor  a\n"
        + "        ldh  [rWY], a\n        ldh  [rSCX], a\n"
        + "".join(_measure(f"ld   a, {wx}\n        ldh  [rWX], a", BASE - 4) for wx in (200, 7, 20, 100))
        + f"{DONE}{MEASURE}{ROUTINES}",
        memory={0xC000: bytes(BASE + extra for extra in (0, 1, 1, 1))},
        max_frames=120,
    ),
    MicroRom(
        name="mode_3_length_with_objects",
        pitfall=10,
        fact="objects add 6 to 11 dots each, once per tile for the wait, X=0 always 11, X>=168 none",
        document="Pan Docs, Rendering (OBJ penalty algorithm); mooneye acceptance/ppu/intr_2_mode0_timing_sprites",
        source=f"main:\n{CLEAR}        xor  a\n        ldh  [rSCX], a\n        ld   de, $C000\n"
        + "        ld   a, $91\n        ldh  [rLCDC], a\n"
        + "".join(
            f"        push de\n{_sprites(*xs)}        pop  de\n" + _measure("nop", BASE - 4 + extra)
            for extra, xs in SPRITES
        )
        + f"{DONE}{MEASURE}{ROUTINES}",
        memory={0xC000: bytes(BASE + extra for extra, _ in SPRITES)},
        max_frames=200,
    ),
    MicroRom(
        name="lcd_on_first_line_stat",
        pitfall=11,
        fact="after LCD on, line 0 shows mode 0 instead of mode 2, mode 3 after 18 M-cycles, line 1 is ordinary",
        document="mooneye acceptance/ppu/lcdon_timing-GS",
        source=_after_lcd_on(*(("rSTAT", n) for n in (0, 17, 18, 60, 61, 110, 111, 112, 131, 132, 174, 175, 225, 226))),
        memory=results("80 80 83 83 80 80 80 82 82 83 83 80 80 82"),
    ),
    MicroRom(
        name="lcd_on_first_line_ly",
        pitfall=11,
        fact="LY goes to 1 at 112 M-cycles after LCD on (2 early), then every 114",
        document="mooneye acceptance/ppu/lcdon_timing-GS",
        source=_after_lcd_on(*(("rLY", n) for n in (0, 109, 110, 111, 223, 224, 225, 226))),
        memory=results("00 00 00 01 01 01 02 02"),
    ),
    MicroRom(
        name="lcd_on_first_line_locks",
        pitfall=11,
        fact="OAM is open at the start of the first line, VRAM closes with mode 3; on line 1 OAM closes with mode 2",
        document="mooneye acceptance/ppu/lcdon_timing-GS",
        source=_after_lcd_on(
            *(("$FE00", n) for n in (0, 17, 18, 60, 61, 110, 111, 174, 175)),
            *(("$8000", n) for n in (0, 17, 18, 60, 61, 111, 130, 131, 174, 175)),
        ),
        memory=results("00 00 FF FF 00 00 FF FF 00 00 00 FF FF 00 00 00 FF FF 00"),
    ),
    MicroRom(
        name="lcd_on_second_frame_is_ordinary",
        pitfall=11,
        fact="only the first line after LCD on lacks mode 2: line 0 of the next frame shows it, without any write",
        document="Pan Docs, STAT (PPU modes)",
        source=f"""
main:
{CLEAR}
        ld   hl, $C000
        ld   a, $91
        ldh  [rLCDC], a
.vblank: ldh  a, [rLY]
        cp   152
        jr   nz, .vblank
        ld   e, 1
.mode:  ldh  a, [rSTAT]         ; stores each mode that differs from the last one
        and  3
        cp   e
        jr   z, .mode
        ld   e, a
        ld   [hl+], a
        and  a
        jr   z, .mode           ; the 4 T-cycles of mode 0 before mode 2 may be seen or not
        dec  hl
        ld   [$C008], a
{DONE}
{ROUTINES}
""",
        memory={0xC008: b"\x02"},
    ),
    MicroRom(
        name="lcd_off_reads_mode_0_line_0",
        pitfall=11,
        fact="with the LCD off LY and the mode read 0, VRAM and OAM are open",
        document="Pan Docs, LCDC (LCD enable); STAT (PPU mode)",
        source=f"""
main:
{CLEAR}
        ld   hl, $C000
        ld   c, 3
.again: ds   90                 ; three reads over more than two lines
        ldh  a, [rLY]
        ld   [hl+], a
        ldh  a, [rSTAT]
        and  3
        ld   [hl+], a
        dec  c
        jr   nz, .again
{DONE}
{ROUTINES}
""",
        memory=results("00 00 00 00 00 00"),
    ),
    MicroRom(
        name="mode_3_locks_vram_and_oam",
        pitfall=12,
        fact="in mode 3 VRAM and OAM read FF and ignore writes; in mode 2 only OAM does",
        document="Pan Docs, Accessing VRAM and OAM",
        source=f"""
main:
{CLEAR}
        ld   a, $91
        ldh  [rLCDC], a
        ld   de, $C000
{wait_ly(10)}
{_in_mode(0)}
{_in_mode(3)}
        ld   a, $5A
        ld   hl, $8000
        ld   [hl], a
        ld   b, [hl]
        ld   hl, $FE00
        ld   [hl], a
        ld   c, [hl]
{_in_mode(0)}
        ld   a, [$8000]
        ld   l, a
        ld   a, [$FE00]
        ld   h, a
        push hl
        push bc
{_in_mode(2)}
        ld   hl, $FE01
        ld   [hl], $77
        ld   a, [hl]
        ld   [$C004], a
{wait_ly(150)}
        ld   a, [hl]
        ld   [$C005], a
        pop  bc
        ld   a, b
        ld   [de], a
        inc  e
        ld   a, c
        ld   [de], a
        inc  e
        pop  hl
        ld   a, l
        ld   [de], a
        inc  e
        ld   a, h
        ld   [de], a
{DONE}
{ROUTINES}
""",
        memory=results("FF FF 00 00 FF 00"),
    ),
    MicroRom(
        name="mode_2_leaves_vram_open",
        pitfall=12,
        fact="VRAM can be read and written in mode 2",
        document="Pan Docs, Accessing VRAM and OAM",
        source=f"""
main:
{CLEAR}
        ld   a, $91
        ldh  [rLCDC], a
        ld   a, $20
        ldh  [rSTAT], a
        ld   a, 2
        ldh  [rIE], a
{wait_ly(10)}
        ds   40
        xor  a
        ldh  [rIF], a
        ld   hl, $8000
        halt
        nop
        ld   [hl], $5A
        ld   b, [hl]
{DONE}
{ROUTINES}
""",
        registers={"b": 0x5A},
    ),
)
