"""OAM DMA: pitfall 8. The LCD is off throughout, so only the transfer itself can hide OAM."""

from __future__ import annotations

from tests.gameboy.micro_roms.rom import DONE, LCD_OFF, ROUTINES, MicroRom, fill, in_hram, results

# WRAM page D0 holds 00 01 .. 9F, page D1 holds $80 throughout, OAM starts as $11; HL walks through the results.
SETUP = f"""
main:   ld   sp, $DFFE
{LCD_OFF}
        ld   hl, $D000
.ramp:  ld   [hl], l
        inc  l
        jr   nz, .ramp
{fill(0xD100, 256, 0x80)}
{fill(0xFE00, 160, 0x11)}
"""


def _dma(body: str) -> str:
    """`body` runs in HRAM with HL = FE00, DE = C000, B = $D0; it stores its results through DE and returns."""
    return f"{SETUP}{in_hram(body).replace('call $FF80', START)}{DONE}{ROUTINES}"


START = "ld   hl, $FE00\n        ld   de, $C000\n        ld   b, $D0\n        call $FF80"
SAVE = "        ld   [de], a\n        inc  e\n"  # 3 M-cycles
WAIT = "        ld   a, 60\n        dec  a\n        jr   nz, @-1\n"  # more than a transfer


def _read_at(*cycles: int) -> str:
    """For each n: starts a DMA and reads FE00 in the n-th M-cycle after the write to DMA."""
    source = ""
    for n in cycles:
        loops, nops = divmod(n - 2 - 1, 4)  # `ld a, k`, `dec a`, `jr` take 4 k + 1
        source += f"        ld   a, b\n        ldh  [rDMA], a\n        ld   a, {loops}\n        dec  a\n"
        source += f"        jr   nz, @-1\n        ds   {nops}\n        ld   a, [hl]\n        ld   c, a\n"
        source += f"{WAIT}        ld   a, c\n{SAVE}        ld   [hl], $11\n"
    return source + "        ret\n"


DMA: tuple[MicroRom, ...] = (
    MicroRom(
        name="dma_starts_after_one_cycle",
        pitfall=8,
        fact="in the M-cycle after the write OAM still reads as it was, in the next it reads FF",
        document="mooneye acceptance/oam_dma_start",
        source=f"""
main:   ld   sp, $FFFE
{LCD_OFF}
        ld   hl, $FE00
        ld   [hl], $0C          ; INC C, fetched in the first M-cycle
        inc  l
        ld   [hl], $0C          ; hidden: FF, RST $38, is fetched in its place
        ld   hl, $DDFE
        ld   [hl], $E0          ; LDH [rDMA], A at FDFE, in echo RAM, just below OAM
        inc  l
        ld   [hl], LOW(rDMA)
        ld   c, 0
        ld   a, $80             ; from VRAM, which leaves ROM readable
        jp   $FDFE
        org  $38
{DONE}
""",
        registers={"c": 1},
    ),
    MicroRom(
        name="dma_lasts_160_cycles",
        pitfall=8,
        fact="OAM reads FF up to the 161st M-cycle after the write and the copy from the 162nd",
        document="mooneye acceptance/oam_dma_timing",
        source=_dma(_read_at(8, 100, 161, 162)),
        memory=results("FF FF FF 00"),
    ),
    MicroRom(
        name="dma_copies_160_bytes",
        pitfall=8,
        fact="OAM DMA copies XX00-XX9F to FE00-FE9F",
        document="Pan Docs, OAM DMA Transfer; mooneye acceptance/oam_dma/basic",
        source=_dma(f"        ld   a, b\n        ldh  [rDMA], a\n{WAIT}        ret\n"),
        memory={0xFE00: bytes(range(160))},
    ),
    MicroRom(
        name="dma_register_reads_back",
        pitfall=8,
        fact="FF46 reads the last value written, during and after the transfer",
        document="mooneye acceptance/oam_dma/reg_read",
        source=_dma(
            f"        ld   a, b\n        ldh  [rDMA], a\n        ldh  a, [rDMA]\n        ld   c, a\n{WAIT}"
            f"        ldh  a, [rDMA]\n        ld   b, a\n        ld   a, c\n{SAVE}        ld   a, b\n{SAVE}"
            "        ret\n"
        ),
        memory=results("D0 D0"),
    ),
    MicroRom(
        name="dma_restart_keeps_oam_locked",
        pitfall=8,
        fact="writing DMA again restarts the copy from byte 0; the first one goes on through the 1 M-cycle delay",
        document="mooneye acceptance/oam_dma_restart",
        source=_dma(
            f"""
        ld   a, b
        ldh  [rDMA], a
        ld   a, 20
        dec  a
        jr   nz, @-1
        ld   a, $D1
        ldh  [rDMA], a          ; 82 M-cycles in
        nop
        ld   a, [hl]            ; still hidden: no gap between the two
        ld   b, a
        ld   a, 38
        dec  a
        jr   nz, @-1            ; well past the end of the first one, not yet of the second
        ld   a, [hl]
        ld   c, a
{WAIT}
        ld   a, b
{SAVE}
        ld   a, c
{SAVE}
        ld   a, [hl]
{SAVE}
        ret
"""
        ),
        memory=results("FF FF 80") | {0xFE9F: b"\x80"},
    ),
    MicroRom(
        name="dma_source_above_e0_is_wram",
        pitfall=8,
        fact="sources E0-FF read work RAM as C0-DF: FE copies DE00, not OAM",
        document="mooneye acceptance/oam_dma/sources-GS",
        source=_dma(
            f"""
        ld   a, $F0
        ldh  [rDMA], a
{WAIT}
        ld   l, $05
        ld   a, [hl]
{SAVE}
        ld   a, $9C
        ld   [$DE05], a
        ld   a, $9D
        ld   [$DF05], a
        ld   a, $FE
        ldh  [rDMA], a
{WAIT}
        ld   a, [hl]
{SAVE}
        ld   a, $FF
        ldh  [rDMA], a
{WAIT}
        ld   a, [hl]
{SAVE}
        ret
"""
        ),
        memory=results("05 9C 9D"),
    ),
    MicroRom(
        name="dma_bus_conflict_shows_the_copied_byte",
        pitfall=8,
        fact="while DMA reads WRAM, the CPU reads the byte in transit from ROM, WRAM and echo alike",
        document="Pan Docs, OAM DMA Transfer (bus conflicts); SameBoy (memory.c, DMG bus conflicts)",
        source=_dma(
            f"""
        ld   a, b
        ldh  [rDMA], a
        ds   10
        ld   a, [$0150]         ; read in the 14th M-cycle: the 13th byte
        ldh  [$FFF0], a
        ld   a, [$C800]
        ldh  [$FFF1], a
        ld   a, [$E800]
        ldh  [$FFF2], a
{WAIT}
        ldh  a, [$FFF0]
{SAVE}
        ldh  a, [$FFF1]
{SAVE}
        ldh  a, [$FFF2]
{SAVE}
        ret
"""
        ),
        memory=results("0C 13 1A"),
    ),
    MicroRom(
        name="dma_leaves_the_other_bus_alone",
        pitfall=8,
        fact="VRAM is on its own bus: readable during DMA from WRAM, and WRAM during DMA from VRAM",
        document="Pan Docs, OAM DMA Transfer; mooneye-gb accuracy notes (separate video bus)",
        source=_dma(
            f"""
        ld   a, $77
        ld   [$8000], a
        ld   [$C800], a
        ld   a, b
        ldh  [rDMA], a
        ds   10
        ld   a, [$8000]
        ldh  [$FFF0], a
{WAIT}
        ld   a, $80
        ldh  [rDMA], a
        ds   10
        ld   a, [$C800]
        ldh  [$FFF1], a
{WAIT}
        ldh  a, [$FFF0]
{SAVE}
        ldh  a, [$FFF1]
{SAVE}
        ret
"""
        ),
        memory=results("77 77"),
    ),
    MicroRom(
        name="dma_ignores_cpu_writes_to_oam",
        pitfall=8,
        fact="the CPU cannot write OAM during a transfer",
        document="Pan Docs, OAM DMA Transfer",
        source=_dma(
            f"""
        ld   a, $D1
        ldh  [rDMA], a
        ds   40
        ld   [hl], $22          ; FE00 has been copied, FE90 has not
        ld   l, $90
        ld   [hl], $22
{WAIT}
        ld   a, [hl]
        ld   c, a
        ld   l, $00
        ld   a, [hl]
{SAVE}
        ld   a, c
{SAVE}
        ret
"""
        ),
        memory=results("80 80"),
    ),
)
