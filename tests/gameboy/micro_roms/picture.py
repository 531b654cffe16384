"""What the screen shows: pitfalls 11, 13 and 14. Expected rows are read after three whole frames."""

from __future__ import annotations

from tests.gameboy.micro_roms.rom import DONE, LCD_OFF, ROUTINES, MicroRom, copy, fill, wait_ly

# Tiles: 0 is blank, 1 to 3 are solid, 4 is a ramp 0 1 2 3 3 2 1 0 in every row, 5 has row r solid 3 for even r, 6 is
# 3 in its left column, 8 + r is blank but for a solid 3 in row r.
TILES = "\n".join(
    f"        db   {', '.join(f'${byte:02X}' for byte in tile)}"
    for tile in (
        [0x00] * 16, [0xFF, 0x00] * 8, [0x00, 0xFF] * 8, [0xFF] * 16, [0x5A, 0x3C] * 8, [0xFF, 0xFF, 0, 0] * 4,
        [0x80] * 16, [0x00] * 16, *([0xFF if line // 2 == row else 0 for line in range(16)] for row in range(8)),
    )
)  # fmt: skip


HBLANK = "        ldh  a, [rSTAT]\n        and  3\n        jr   nz, @-4\n"


def picture(setup: str, *, lcdc: int, raster: str = "") -> str:
    """The LCD off, VRAM and OAM cleared, tiles in place, plain palettes; then `setup`, LCD on, `raster` each frame."""
    frames = f"frame:\n{wait_ly(144)}        ld   b, b\n{raster}        jp   frame\n"
    return f"""
main:   ld   sp, $DFFE
{LCD_OFF}
        ldh  [rIE], a
        ldh  [rSCX], a
        ldh  [rSCY], a
{fill(0x8000, 0x2000, 0)}
{fill(0xFE00, 160, 0)}
{copy("tiles", 0x8000, 0)}
        ld   a, $E4
        ldh  [rBGP], a
        ldh  [rOBP0], a
        ld   a, $1B             ; the other way round
        ldh  [rOBP1], a
{setup}
        ld   a, {lcdc}
        ldh  [rLCDC], a
{frames if raster else DONE}
{ROUTINES}
tiles:
{TILES}
"""


def at(line: int, writes: str) -> str:
    """Does `writes` in the HBlank of `line`, so that they count from the next line on."""
    return wait_ly(line) + HBLANK + writes


def put(*bytes_at: tuple[int, int]) -> str:
    """Stores each byte at its address; uses A."""
    return "".join(f"        ld   a, {value}\n        ld   [{address}], a\n" for address, value in bytes_at)


def io(**registers: int) -> str:
    """Stores into IO registers by name, for example `io(WX=7)`."""
    return "".join(f"        ld   a, {value}\n        ldh  [r{name}], a\n" for name, value in registers.items())


def objects(*entries: tuple[int, int, int, int]) -> str:
    """OAM entries (y, x, tile, attributes) from the first on."""
    return put(*((0xFE00 + 4 * i + j, byte) for i, entry in enumerate(entries) for j, byte in enumerate(entry)))


# The window map at 9C00, tile row 0: 8 ramps, then solid 1; tile row 1: solid 2; tile row 2: solid 3.
WINDOW = f"{fill(0x9C00, 32, 4)}{fill(0x9C20, 32, 2)}{fill(0x9C40, 32, 3)}"
RAMP = "0 1 2 3 3 2 1 0 "

PICTURE: tuple[MicroRom, ...] = (
    MicroRom(
        name="background_scroll_and_palette",
        pitfall=13,
        fact="SCX and SCY shift by pixels and wrap at 256; BGP maps colours to shades",
        document="Pan Docs, Scrolling; Palettes (BGP)",
        source=picture(
            put((0x9800, 4), (0x981F, 3), (0x9BE0, 2)) + io(SCX=0xFC, SCY=0xFE, BGP=0x1B),
            lcdc=0x91,
        ),
        rows={0: "3*4 1*8 3*148", 1: "3*4 1*8 3*148", 2: "0*4 3 2 1 0 0 1 2 3 3*148", 10: "3*160"},
    ),
    MicroRom(
        name="background_tile_addressing",
        pitfall=13,
        fact="LCDC.4 = 0 takes tiles as signed numbers from 9000, LCDC.3 selects the map at 9C00",
        document="Pan Docs, LCDC; Tile Data",
        source=picture(
            fill(0x9000, 16, 0) + fill(0x9010, 16, 0xFF) + fill(0x8800, 16, 0xFF) + put((0x9C01, 1), (0x9C03, 0x80)),
            lcdc=0x89,
        ),
        rows={0: "0*8 3*8 0*8 3*8 0*128", 8: "0*160"},
    ),
    MicroRom(
        name="background_off_is_white_on_dmg",
        pitfall=13,
        fact="LCDC.0 = 0 blanks background and window, objects stay",
        document="Pan Docs, LCDC (LCDC.0)",
        source=picture(fill(0x9800, 0x400, 3) + WINDOW + io(WX=87, WY=0) + objects((16, 16, 3, 0x80)), lcdc=0xF2),
        rows={0: "0*8 3*8 0*144", 8: "0*160"},
    ),
    MicroRom(
        name="lcd_first_frame_is_blank",
        pitfall=11,
        fact="the first frame after LCD on is not shown: a program that restarts the LCD each frame stays white",
        document="Pan Docs, LCDC (LCD enable)",
        source=f"""
main:   ld   sp, $DFFE
{LCD_OFF}
{fill(0x8000, 0x2000, 0xFF)}
        ld   a, $E4
        ldh  [rBGP], a
        ld   c, 4
again:  ld   a, $91
        ldh  [rLCDC], a
{LCD_OFF}
        dec  c
        jr   nz, again
        ld   b, b
        jr   again
{ROUTINES}
""",
        rows={0: "0*160", 80: "0*160", 143: "0*160"},
    ),
    MicroRom(
        name="window_position",
        pitfall=13,
        fact="the window starts at WX - 7, WY, over the background and without scrolling",
        document="Pan Docs, Window",
        source=picture(WINDOW + fill(0x9800, 0x400, 1) + io(WX=87, WY=4, SCX=3, SCY=5), lcdc=0xF1),
        rows={3: "1*160", 4: "1*80 " + RAMP * 10, 11: "1*80 " + RAMP * 10, 12: "1*80 2*80", 20: "1*80 3*80"},
    ),
    MicroRom(
        name="window_left_of_the_screen",
        pitfall=13,
        fact="WX below 7 cuts the window's first pixels",
        document="Pan Docs, Window",
        source=picture(WINDOW + fill(0x9800, 0x400, 1) + io(WX=4, WY=0), lcdc=0xF1),
        rows={0: "3 3 2 1 0 " + RAMP * 19 + "0 1 2", 8: "2*160"},
    ),
    MicroRom(
        name="window_wx_167_is_hidden_and_does_not_count",
        pitfall=13,
        fact="with WX = 167 the window is not drawn and its line counter stands still",
        document="Pan Docs, Window (Window rendering criteria)",
        source=picture(
            WINDOW + fill(0x9800, 0x400, 1), lcdc=0xF1, raster=io(WX=7, WY=0) + at(3, io(WX=167)) + at(23, io(WX=7))
        ),
        rows={3: RAMP * 20, 4: "1*160", 23: "1*160", 24: RAMP * 20, 27: RAMP * 20, 28: "2*160", 36: "3*160"},
    ),
    MicroRom(
        name="window_disabled_does_not_count",
        pitfall=13,
        fact="while LCDC.5 is 0 the window's line counter stands still; it goes on where it stopped",
        document="Pan Docs, Window (Window rendering criteria)",
        source=picture(
            WINDOW + fill(0x9800, 0x400, 1) + io(WX=12, WY=0),
            lcdc=0xF1,
            raster=io(LCDC=0xF1) + at(5, io(LCDC=0xD1)) + at(49, io(LCDC=0xF1)),
        ),
        rows={
            5: "1*5 " + RAMP * 19 + "0 1 2",
            6: "1*160",
            49: "1*160",
            50: "1*5 " + RAMP * 19 + "0 1 2",
            51: "1*5 " + RAMP * 19 + "0 1 2",
            52: "1*5 2*155",
            60: "1*5 3*155",
        },
    ),
    MicroRom(
        name="window_wy_is_latched_for_the_frame",
        pitfall=13,
        fact="once LY has met WY the window stays for the frame, whatever WY becomes",
        document="Pan Docs, Window (Y condition)",
        source=picture(WINDOW + fill(0x9800, 0x400, 1) + io(WX=7), lcdc=0xF1, raster=io(WY=2) + at(4, io(WY=200))),
        rows={1: "1*160", 2: RAMP * 20, 5: RAMP * 20, 9: RAMP * 20, 10: "2*160", 18: "3*160"},
    ),
    MicroRom(
        name="window_wy_above_the_line_is_missed",
        pitfall=13,
        fact="a WY that LY has already passed does not show the window in this frame; one still to come does",
        document="Pan Docs, Window (Y condition)",
        source=picture(
            WINDOW + fill(0x9800, 0x400, 1) + io(WX=7),
            lcdc=0xF1,
            raster=io(WY=200) + at(20, io(WY=10)) + at(40, io(WY=60)),
        ),
        rows={10: "1*160", 21: "1*160", 59: "1*160", 60: RAMP * 20, 68: "2*160"},
    ),
    MicroRom(
        name="window_line_scroll_per_line",
        pitfall=13,
        fact="SCX and SCY written in HBlank count from the next line, the window does not care",
        document="Pan Docs, Scrolling (mid-frame behaviour)",
        source=picture(
            WINDOW + fill(0x9800, 32, 4) + fill(0x9820, 0x3E0, 2) + io(WX=87, WY=0),
            lcdc=0xF1,
            raster=io(SCX=0, SCY=0) + at(2, io(SCX=2)) + at(4, io(SCX=0, SCY=8)),
        ),
        rows={2: RAMP * 20, 3: "2 3 3 2 1 0 " + RAMP * 9 + "0 1 " + RAMP * 10, 5: "2*80 " + RAMP * 10},
    ),
    MicroRom(
        name="window_wx_166",
        pitfall=13,
        fact="WX = 166 on a DMG shows the window over the whole width from the line after WY, one row ahead",
        document="Pan Docs, Window (WX = 166 on monochrome systems)",
        source=picture(WINDOW + fill(0x9800, 0x400, 1) + io(WX=166, WY=4), lcdc=0xF1),
        rows={3: "1*160", 4: "1*160", 5: RAMP * 20, 10: RAMP * 20, 11: "2*160", 19: "3*160"},
    ),
    MicroRom(
        name="window_wx_0",
        pitfall=13,
        fact="WX = 0 cuts the window's first seven pixels while SCX is a multiple of 8",
        document="Pan Docs, Window (WX = 0)",
        source=picture(WINDOW + fill(0x9800, 0x400, 1) + io(WX=0, WY=4, SCX=8), lcdc=0xF1),
        rows={3: "1*160", 4: "0 " + RAMP * 19 + "0 1 2 3 3 2 1", 12: "2*160"},
    ),
    MicroRom(
        name="objects_ten_per_line",
        pitfall=14,
        fact="only the first ten objects in OAM order that touch a line are drawn on it",
        document="Pan Docs, OAM (Selection priority)",
        source=picture(
            objects(*((16, 8 + 12 * i, 3, 0) for i in reversed(range(12))))
            + put((0xFE30, 20), (0xFE31, 12), (0xFE32, 3)),
            lcdc=0x93,
        ),
        rows={0: "0*24 " + "3*8 0*4 " * 10 + "0*16", 4: "0*24 " + "3*8 0*4 " * 10 + "0*16", 8: "0*4 3*8 0*148"},
    ),
    MicroRom(
        name="objects_off_screen_in_x_still_count",
        pitfall=14,
        fact="objects at X = 0 or X >= 168 are not seen but use up the ten of their lines",
        document="Pan Docs, OAM (Selection priority)",
        source=picture(
            objects(*((16, 0, 3, 0),) * 5, *((16, 168, 3, 0),) * 5, (16, 80, 3, 0), (32, 80, 3, 0)), lcdc=0x93
        ),
        rows={0: "0*160", 7: "0*160", 16: "0*72 3*8 0*80"},
    ),
    MicroRom(
        name="objects_off_screen_in_y_do_not_count",
        pitfall=14,
        fact="8x8 objects at Y <= 8 or Y >= 160 touch no line",
        document="Pan Docs, OAM (Selection priority)",
        source=picture(
            objects(*((8, 40, 3, 0),) * 6, *((160, 40, 3, 0),) * 6, (16, 80, 3, 0), (152, 80, 3, 0)), lcdc=0x93
        ),
        rows={0: "0*72 3*8 0*80", 7: "0*72 3*8 0*80", 8: "0*160", 135: "0*160", 143: "0*72 3*8 0*80"},
    ),
    MicroRom(
        name="objects_smaller_x_wins",
        pitfall=14,
        fact="of overlapping objects the smaller X is in front, then the lower index; colour 0 is transparent",
        document="Pan Docs, OAM (Drawing priority, non-CGB)",
        source=picture(
            objects((16, 20, 1, 0), (16, 16, 2, 0), (16, 60, 1, 0), (16, 60, 2, 0), (16, 100, 4, 0), (16, 100, 3, 0)),
            lcdc=0x93,
        ),
        rows={0: "0*8 2*8 1*4 0*32 1*8 0*32 3 1 2 3 3 2 1 3 0*60"},
    ),
    MicroRom(
        name="objects_behind_the_background",
        pitfall=14,
        fact="attribute bit 7 puts colours 1-3 of the background in front; such an object still hides those behind it",
        document="Pan Docs, OAM (Drawing priority, BG over OBJ)",
        source=picture(
            put((0x9801, 4), (0x9803, 1)) + objects((16, 16, 3, 0x80), (16, 32, 3, 0x80), (16, 32, 2, 0)), lcdc=0x93
        ),
        rows={0: "0*8 3 1 2 3 3 2 1 3 0*8 1*8 0*128"},
    ),
    MicroRom(
        name="objects_behind_the_window",
        pitfall=14,
        fact="attribute bit 7 counts against the window's colours as it does against the background's",
        document="Pan Docs, OAM (attributes, priority)",
        source=picture(WINDOW + io(WX=7, WY=0) + objects((16, 16, 3, 0x80), (16, 32, 3, 0)), lcdc=0xF3),
        rows={0: RAMP + "3 1 2 3 3 2 1 3 " + RAMP + "3*8 " + RAMP * 16},
    ),
    MicroRom(
        name="objects_8x16",
        pitfall=14,
        fact="in 8x16 mode the tile number's lowest bit is ignored, and Y flip turns the pair as a whole",
        document="Pan Docs, OAM (Byte 2, Tile Index)",
        source=picture(objects((16, 8, 9, 0), (16, 24, 9, 0x40), (16, 40, 8, 0)), lcdc=0x97),
        rows={
            0: "3*8 0*24 3*8 0*120",
            1: "0*160",
            6: "0*16 3*8 0*136",
            9: "3*8 0*24 3*8 0*120",
            15: "0*16 3*8 0*136",
            16: "0*160",
        },
    ),
    MicroRom(
        name="objects_flip",
        pitfall=14,
        fact="attribute bits 5 and 6 mirror an object",
        document="Pan Docs, OAM (Byte 3)",
        source=picture(objects((16, 8, 6, 0), (16, 24, 6, 0x20), (16, 40, 10, 0), (16, 56, 10, 0x40)), lcdc=0x93),
        rows={0: "3 0*22 3 0*136", 2: "3 0*22 3 0*8 3*8 0*120", 5: "3 0*22 3 0*24 3*8 0*104"},
    ),
    MicroRom(
        name="objects_are_clipped_at_the_edges",
        pitfall=14,
        fact="X from 1 to 7 and 161 to 167 and Y from 9 to 15 show part of an object",
        document="Pan Docs, OAM (Byte 0, Byte 1)",
        source=picture(objects((12, 4, 4, 0), (12, 164, 4, 0), (12, 40, 13, 0)), lcdc=0x93),
        rows={0: "3 2 1 0 0*152 0 1 2 3", 1: "3 2 1 0 0*28 3*8 0*116 0 1 2 3", 3: "3 2 1 0 0*152 0 1 2 3", 4: "0*160"},
    ),
    MicroRom(
        name="objects_palettes",
        pitfall=14,
        fact="attribute bit 4 selects OBP1; colour 0 is transparent whatever the palette says",
        document="Pan Docs, Palettes (OBP0, OBP1)",
        source=picture(objects((16, 8, 4, 0), (16, 24, 4, 0x10)) + io(OBP0=0xE7), lcdc=0x93),
        rows={0: RAMP + "0*8 0 2 1 0 0 1 2 0 0*136"},
    ),
    MicroRom(
        name="objects_off",
        pitfall=14,
        fact="LCDC.1 = 0 hides all objects",
        document="Pan Docs, LCDC (OBJ enable)",
        source=picture(objects((16, 8, 3, 0)) + put((0x9801, 1)), lcdc=0x91),
        rows={0: "0*8 1*8 0*144"},
    ),
    MicroRom(
        name="objects_wait_for_no_scroll",
        pitfall=14,
        fact="objects have screen positions: SCX and SCY do not move them",
        document="Pan Docs, OAM; Scrolling",
        source=picture(put((0x9801, 1)) + objects((16, 40, 3, 0)) + io(SCX=5), lcdc=0x93),
        rows={0: "0*3 1*8 0*21 3*8 0*120"},
    ),
)
