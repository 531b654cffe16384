// Drawing: a line at a time, from the registers as they are while the line is shown. A register written in the middle of
// a line's mode 3 changes the rest of the line: the part already shown is drawn first.
// A frame that nobody looks at is not drawn, and nothing here is seen by the running program.
#pragma once
#include "ppu.h"

namespace gb {

struct Picture {
  u8* pixels;   // uint8[144, 160] shades, 0 the lightest; null: not drawn
  u8 row_step;  // 1: every line; 2: even lines only
  u8 line, x;   // the next pixel to draw
  u8 window_line, window_seen;  // the window's row on this line, and how many rows the line uses up
  u64 after;    // the frame boundary that this frame follows
};

namespace picture {

GB_FN void begin(const Lane& g, Picture& pic) {
  pic.line = pic.x = pic.window_line = pic.window_seen = 0;
  pic.after = g.boundary;
}

constexpr u64 ONES = 0x0101010101010101ull;

// Eight bytes 0 or 1 of one bit plane of a tile row, the leftmost pixel in the lowest byte.
GB_FN u64 spread(u8 bits) {
  const u64 one_bit_each = bits * ONES & 0x0102040810204080ull;
  return (one_bit_each + 0x7F * ONES) >> 7 & ONES;
}

GB_FN u64 tile_row(const Lane& g, u32 address) {
  return spread(g.vram[address]) | spread(g.vram[address + 1]) << 1;
}

// A line of colour numbers through a palette register. With comparisons, not a look-up: compilers make vectors of these.
GB_FN void shade(const u8* __restrict colours, u8 palette, u8* __restrict out) {
  const u8 p0 = palette & 3, p1 = palette >> 2 & 3, p2 = palette >> 4 & 3, p3 = palette >> 6;
  for (u32 x = 0; x < WIDTH; x++) {
    const u8 is1 = u8(-(colours[x] == 1)), is2 = u8(-(colours[x] == 2)), is3 = u8(-(colours[x] == 3));
    out[x] = u8((is1 & p1) | (is2 & p2) | (is3 & p3) | (u8(~(is1 | is2 | is3)) & p0));
  }
}

GB_FN u32 tile_address(const Lane& g, u8 tile) {
  return (g.lcdc & ppu::TILES_LOW) ? tile * 16u : 0x1000u + u32(i32(i8(tile)) * 16);
}

// Writes `tiles` tiles of one map row from column `column` on.
GB_FN void map_row(const Lane& g, u8* to, u32 map, u32 y, u32 column, u32 tiles) {
  const u32 row = map + (y >> 3) * 32, fine = (y & 7) * 2;
  for (u32 i = 0; i < tiles; i++)
    store8(to + 8 * i, tile_row(g, tile_address(g, g.vram[row + ((column + i) & 31)]) + fine));
}

// Where on this line the window begins. WX = 166 on a DMG: nowhere on its first line, then over the whole width.
GB_FN i32 window_left(const Lane& g, const Picture& pic) {
  if (g.wx == 166) return pic.window_line ? 0 : i32(WIDTH);
  return i32(g.wx) - 7;
}

// Colour numbers 0..3 of background and window, into row[0..175]; returns where in it the screen begins.
GB_FN const u8* background(const Lane& g, const Picture& pic, u8* row) {
  if (!(g.lcdc & ppu::BG_ON)) {
    for (u32 x = 0; x < WIDTH; x += 8) store8(row + x, 0);
    return row;
  }
  u8* screen = row + (g.scx & 7);
  map_row(g, row, (g.lcdc & ppu::BG_MAP) ? 0x1C00 : 0x1800, (pic.line + g.scy) & 255, g.scx >> 3, 21);
  if (ppu::window_shown(g, pic.line)) {
    u8 window[176];
    const i32 left = window_left(g, pic);
    const u32 from = left < 0 ? 0 : u32(left), hidden = left < 0 ? u32(-left) : 0;
    map_row(g, window, (g.lcdc & ppu::WINDOW_MAP) ? 0x1C00 : 0x1800, pic.window_line, 0, (WIDTH - from + hidden + 7) / 8);
    for (u32 x = from; x < WIDTH; x++) screen[x] = window[x - from + hidden];
  }
  return screen;
}

GB_FN void object(const Lane& g, u32 line, u32 entry, const u8* index, u8* shades) {
  const u8 *oam = g.oam + 4 * entry, flags = oam[3];
  const u32 height = (g.lcdc & ppu::OBJ_TALL) ? 16 : 8;
  u32 y = line + 16 - oam[0];
  if (flags & 0x40) y = height - 1 - y;
  const u8 tile = height == 16 ? oam[2] & 0xFE : oam[2];
  const u64 row = tile_row(g, tile * 16u + y * 2);
  const u8 palette = (flags & 0x10) ? g.obp1 : g.obp0;
  for (u32 i = 0; i < 8; i++) {
    const u32 x = oam[1] + i - 8;  // wraps to a large number left of the screen
    const u32 colour = row >> 8 * ((flags & 0x20) ? 7 - i : i) & 3;
    if (x >= WIDTH || !colour) continue;
    shades[x] = (flags & 0x80) && index[x] ? 0xFF : palette >> 2 * colour & 3;
  }
}

// Objects over the line: the smaller X wins, then the earlier entry; so draw in the opposite order. An object behind the
// background still hides objects of lower priority (0xFF marks its pixels).
GB_FN void objects(Lane& g, u32 line, const u8* index, u8* __restrict out) {
  u8 found[10], shades[WIDTH];
  if (!(g.lcdc & ppu::OBJ_ON) || !ppu::has_objects(g, line)) return;
  u32 count = ppu::scan_objects(g, line, found);
  for (u32 x = 0; x < WIDTH; x++) shades[x] = 0xFF;
  for (; count; count--) {
    u32 last = 0;
    for (u32 i = 1; i < count; i++)
      if (g.oam[4 * found[i] + 1] >= g.oam[4 * found[last] + 1]) last = i;
    object(g, line, found[last], index, shades);
    for (u32 i = last; i + 1 < count; i++) found[i] = found[i + 1];
  }
  for (u32 x = 0; x < WIDTH; x++) out[x] = shades[x] == 0xFF ? out[x] : shades[x];
}

GB_FN void compose(Lane& g, const Picture& pic, u8* out) {
  u8 row[176];
  const u8* index = background(g, pic, row);
  shade(index, g.bgp, out);
  objects(g, pic.line, index, out);
}

// Draws pixels [pic.x, to) of line pic.line.
GB_SLOW void span(Lane& g, Picture& pic, u32 to) {
  if (ppu::window_shown(g, pic.line) && to + 7 > g.wx) pic.window_seen = g.wx == 166 && !pic.window_line ? 2 : 1;
  if (pic.line % pic.row_step == 0) {
    u8* row = pic.pixels + pic.line * WIDTH;
    if (pic.x == 0) {  // what lies right of `to` is drawn over later
      compose(g, pic, row);
    } else {
      u8 line[WIDTH];
      compose(g, pic, line);
      for (u32 x = pic.x; x < to; x++) row[x] = line[x];
    }
  }
  pic.x = u8(to);
}

GB_FN void next_line(Picture& pic) {
  pic.window_line = u8(pic.window_line + pic.window_seen);
  pic.window_seen = pic.x = 0;
  pic.line++;
}

// Draws what the LCD has shown by `now`. The caller has caught the PPU up.
GB_SLOW void catch_up(Lane& g, Picture& pic, u64 now) {
  if (!ppu::on(g) || g.fresh) return;
  const ppu::Beam b = ppu::beam(g, now);
  if (b.line >= HEIGHT && g.boundary == pic.after) return;  // still the VBlank before this frame
  while (pic.line < HEIGHT && pic.line < b.line) {
    if (pic.x < WIDTH) span(g, pic, WIDTH);
    next_line(pic);
  }
  if (pic.line != b.line || b.line >= HEIGHT || b.offset < 93) return;
  const u32 end = ppu::hblank(g, b) + 2;  // when the last pixel is out of reach of a palette write
  const u32 shown = b.offset >= end ? WIDTH : b.offset + WIDTH < end ? 0 : b.offset + WIDTH - end;
  if (shown > pic.x) span(g, pic, shown);
}

// Completes the frame: what was not shown is blank.
GB_FN void finish(Lane& g, Picture& pic, u64 now) {
  catch_up(g, pic, now);
  const bool shown = ppu::on(g) && !g.fresh;
  const u32 from = pic.line == HEIGHT || shown ? pic.line : 0;  // a screen switched off on the way is blank
  for (u32 i = from * WIDTH; i < WIDTH * HEIGHT; i++) pic.pixels[i] = 0;
  begin(g, pic);
}

}  // namespace picture
}  // namespace gb
