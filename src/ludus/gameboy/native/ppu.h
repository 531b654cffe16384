// PPU timing: modes, LY, the STAT interrupt line, VBlank, and when VRAM and OAM are out of the CPU's reach.
//
// A line begins a multiple of 4 T after the LCD was switched on, and everything here is an offset from that moment
// (measured on DMG; Pan Docs "STAT", mooneye acceptance/ppu, SameBoy's notes):
//     0        LY = n; mode reads 0; the mode 2 interrupt; LYC matches nothing
//     1        mode 2; LYC is compared with n
//     81       mode 3
//     hblank   mode 0 (253 at the least); the mode 0 interrupt comes one T-cycle later
// Line 144: VBlank, mode 1 and their interrupts at 2. Line 153: LY reads 0 from 3, LYC sees 153 at 3 and 0 at 9.
// The first line after switching on shows mode 0 until 83 and has no mode 2.
#pragma once
#include "lane.h"

namespace gb::ppu {

enum Stat : u8 { INT_HBLANK = 8, INT_VBLANK = 16, INT_OAM = 32, INT_LYC = 64, INT_MODES = 56 };
enum Lcdc : u8 { BG_ON = 1, OBJ_ON = 2, OBJ_TALL = 4, BG_MAP = 8, TILES_LOW = 16, WINDOW_ON = 32, WINDOW_MAP = 64, LCD_ON = 128 };

GB_FN bool on(const Lane& g) { return g.lcdc & LCD_ON; }

struct Beam {
  u32 line, offset;
  u64 start;  // of the line
};

GB_FN Beam beam(const Lane& g, u64 now) {
  const u32 since = u32(now - g.line_start);
  if (GB_LIKELY(since < LINE_T)) return {g.line, since, g.line_start};
  const u32 lines = since / LINE_T, offset = since % LINE_T;
  return {(g.line + lines) % 154, offset, now - offset};
}

GB_FN u64 frame_start(const Beam& b) { return b.start - b.line * LINE_T; }

GB_SLOW void mark_object_lines(Lane& g) {
  const u64 rows = (g.lcdc & OBJ_TALL) ? 0xFFFF : 0xFF;
  for (u32 i = 0; i < 5; i++) g.object_lines[i] = 0;
  for (u32 i = 0; i < 40; i++) {  // the Y of an object is its first line + 16
    const u32 y = g.oam[4 * i], shift = y & 63;
    g.object_lines[y >> 6] |= rows << shift;
    g.object_lines[(y >> 6) + 1] |= rows >> 1 >> (63 - shift);
  }
  g.object_lines_known = 1;
}

GB_FN bool has_objects(Lane& g, u32 line) {
  if (!g.object_lines_known) mark_object_lines(g);
  return g.object_lines[(line + 16) >> 6] >> ((line + 16) & 63) & 1;
}

// The up to ten objects of a line in OAM order, as indices; returns how many.
GB_FN u32 scan_objects(const Lane& g, u32 line, u8 found[10]) {
  u32 count = 0;
  const u32 height = (g.lcdc & OBJ_TALL) ? 16 : 8;
  for (u32 i = 0; i < 40; i++) {
    if (line + 16 - g.oam[4 * i] >= height) continue;  // unsigned: also true when the object is below the line
    found[count] = u8(i);
    if (++count == 10) break;
  }
  return count;
}

// T-cycles that objects add to mode 3 (Pan Docs, "OBJ penalty algorithm").
GB_FN u32 object_penalty(const Lane& g, u32 line) {
  u8 found[10];
  const u32 count = scan_objects(g, line, found);
  u32 penalty = 0;
  u64 seen_tiles = 0;  // of the 21 background tiles that a line can touch
  for (u32 n = 0; n < count; n++) {  // from left to right
    u32 pick = 0, pick_x = 256;
    for (u32 i = 0; i < count; i++) {
      const u32 x = found[i] == 0xFF ? 256u : g.oam[4 * found[i] + 1];
      if (x < pick_x) pick = i, pick_x = x;
    }
    found[pick] = 0xFF;
    if (pick_x >= 168) break;
    penalty += 6;
    const u32 column = pick_x ? pick_x + (g.scx & 7) : 0;  // an object at 0 always costs 11
    if (seen_tiles >> (column >> 3) & 1) continue;
    seen_tiles |= 1ull << (column >> 3);
    const u32 inside = column & 7;
    penalty += inside < 5 ? 5 - inside : 0;
  }
  return penalty;
}

// The window begins once WY was met in this frame, and stays.
GB_FN bool window_shown(const Lane& g, u32 line) { return line >= g.window_from && (g.lcdc & WINDOW_ON) && g.wx < 167; }

constexpr u32 SHORTEST_MODE3 = 253, LONGEST_MODE3 = 376;  // offsets of mode 0

// Offset of mode 0 on a line, from the registers and OAM as they are.
GB_SLOW u32 measure_hblank(Lane& g, const Beam& b) {
  const bool first = g.fresh && b.line == 0;
  u32 offset = (first ? SHORTEST_MODE3 + 2 : SHORTEST_MODE3) + (g.scx & 7);
  if (window_shown(g, b.line)) offset += 6;
  if ((g.lcdc & OBJ_ON) && !first && !g.dma_active && has_objects(g, b.line)) offset += object_penalty(g, b.line);
  return offset;
}

// The same, measured once a line: whoever asks does so in or after mode 3, and who changes what shapes it asks first.
GB_FN u32 hblank(Lane& g, const Beam& b) {
  if (g.latch_line != b.start) {
    g.latch_hblank = u16(measure_hblank(g, b));
    g.latch_line = b.start;
  }
  return g.latch_hblank;
}
GB_FN bool after_mode3(Lane& g, const Beam& b) {  // measured only where it is in doubt
  return b.offset >= SHORTEST_MODE3 && (b.offset >= LONGEST_MODE3 || b.offset >= hblank(g, b));
}

GB_FN u8 ly(const Lane& g, u64 now) {
  if (!on(g)) return 0;
  const Beam b = beam(g, now);
  return u8(b.line == 153 && b.offset >= 3 ? 0 : b.line);
}

GB_FN u8 mode(Lane& g, u64 now) {
  if (!on(g)) return 0;
  const Beam b = beam(g, now);
  if (b.line >= 144) return b.line == 144 && b.offset < 2 ? 0 : 1;
  const bool first = g.fresh && b.line == 0;
  if (b.offset < 81u + 2 * first) return first || b.offset == 0 ? 0 : 2;
  return after_mode3(g, b) ? 0 : 3;
}

// LYC is compared with this line; -1: with none.
GB_FN i32 compared_line(const Beam& b) {
  if (b.line == 0) return 0;
  if (b.line == 153) return b.offset < 3 ? -1 : b.offset < 5 ? 153 : b.offset < 9 ? -1 : 0;
  return b.offset < 1 ? -1 : i32(b.line);
}

GB_FN u8 read_stat(Lane& g, u64 now) {
  const bool match = on(g) ? compared_line(beam(g, now)) == g.lyc : g.lyc_match;
  return 0x80 | g.stat | match << 2 | mode(g, now);
}

// The STAT interrupt line with the sources that `enabled` names. Between two lines LYC holds what it last saw.
GB_FN bool stat_level(Lane& g, const Beam& b, u8 enabled, bool lyc_held) {
  const i32 compared = compared_line(b);
  const bool lyc = compared < 0 ? lyc_held : compared == g.lyc;
  if ((enabled & INT_LYC) && lyc) return true;
  if (b.line > 144 || (b.line == 144 && b.offset >= 2)) return enabled & INT_VBLANK;
  if (b.offset < 1 && b.line == 0 && !g.fresh) return enabled & INT_VBLANK;
  if (b.offset < 1 && b.line > 0 && b.line < 144) return enabled & INT_OAM;
  if ((enabled & INT_HBLANK) && !(g.fresh && b.line == 0 && b.offset < 84)) {
    if (b.line == 144) return true;  // the mode 0 of line 143 until VBlank
    if (b.offset >= 81) return b.offset > hblank(g, b);
  }
  return false;
}

GB_FN void set_stat_line(Lane& g, bool level) {
  if (level && !g.stat_line) g.irq_flags |= IRQ_STAT;
  g.stat_line = level;
}

GB_FN void note_lyc(Lane& g, const Beam& b) {
  const i32 compared = compared_line(b);
  if (compared >= 0) g.lyc_match = compared == g.lyc;
}

// When, in the frame that began at `frame`, LYC begins to match, and until when it does.
GB_FN u64 lyc_from(const Lane& g, u64 frame) {
  if (g.lyc > 153) return NEVER;
  return frame + (g.lyc == 0 ? 153 * LINE_T + 9 : g.lyc * LINE_T + (g.lyc == 153 ? 3 : 1));
}
GB_FN u64 lyc_until(const Lane& g, u64 frame) {
  if (g.lyc > 153) return NEVER;
  return frame + (g.lyc == 0 ? LINE_T + 1 : g.lyc == 153 ? 153 * LINE_T + 9 : (g.lyc + 1) * LINE_T + (g.lyc == 152 ? 3 : 1));
}
GB_FN u64 first_after(u64 now, u64 moment) { return moment == NEVER || moment > now ? moment : moment + FRAME_T; }

GB_FN u64 next_vblank(const Beam& b, u64 now) { return first_after(now, frame_start(b) + 144 * LINE_T + 2); }

// The next moment after `now` at which the STAT line can change or VBlank begins. It may come too early for a line whose
// mode 3 has not begun by `reached`.
GB_FN u64 next_change(Lane& g, u64 now, u64 reached) {
  const Beam b = beam(g, now);
  if (!(g.stat & INT_MODES)) {
    const u64 vblank = next_vblank(b, now);
    if (!(g.stat & INT_LYC)) return vblank;
    const u64 frame = frame_start(b);
    return least(vblank, least(first_after(now, lyc_from(g, frame)), first_after(now, lyc_until(g, frame))));
  }
  if (b.line >= 144) {
    const u32 offsets[4] = {1, 2, 3, 9};
    for (u32 i = 0; i < 4; i++)
      if (b.offset < offsets[i]) return b.start + offsets[i];
    return b.start + LINE_T;
  }
  if (b.offset < 1 && (b.line == 0 || (g.stat & (INT_LYC | INT_OAM)))) return b.start + 1;
  if (g.stat & INT_HBLANK) {
    if (reached < b.start + 81) return b.start + 254;  // mode 3 is not shorter
    const u64 moment = b.start + hblank(g, b) + 1;
    if (now < moment) return moment;
  }
  return b.start + LINE_T;
}

// The next moment after `now` that can raise an interrupt. It may come too early, never too late.
GB_FN u64 next_rise(Lane& g, u64 now) {
  const Beam b = beam(g, now);
  u64 next = next_vblank(b, now);
  if (g.stat & INT_LYC) next = least(next, first_after(now, lyc_from(g, frame_start(b))));
  if (g.stat & INT_OAM) next = least(next, b.start + (b.offset < 1 ? 1 : b.line == 144 && b.offset < 2 ? 2 : LINE_T));
  if (g.stat & INT_HBLANK) {
    const u64 shortest = b.start + 254, real = b.offset < 81 ? shortest : b.start + hblank(g, b) + 1;
    const u64 moment = b.line >= 144 || now >= real ? shortest + LINE_T : real;
    next = least(next, moment);
  }
  return next;
}

// Applies what happens at moment `b.start + b.offset`, a boundary.
GB_FN void pass_boundary(Lane& g, const Beam& b) {
  if (b.line == 144 && b.offset == 2) {
    g.irq_flags |= IRQ_VBLANK;
    g.frames++;
    g.boundary = b.start + b.offset;
  }
  // The mode 2 source pulses where no line shows mode 2: at the start of line 0 and, twice, of line 144.
  const bool pulse = (b.line == 0 && b.offset == 1 && !g.fresh) || (b.line == 144 && (b.offset == 0 || b.offset == 2));
  if (pulse && (g.stat & INT_OAM) && !g.stat_line) g.irq_flags |= IRQ_STAT;
  note_lyc(g, b);
  set_stat_line(g, stat_level(g, b, g.stat, g.lyc_match));
}

// When, after `now`, this frame reaches the line that WY names; its end if it does not.
GB_FN u64 window_moment(const Lane& g, u64 now) {
  const u64 frame = g.line_start - g.line * LINE_T, moment = frame + g.wy * LINE_T + 1;
  const bool ahead = g.window_from == NO_LINE && (g.lcdc & WINDOW_ON) && g.wy < 144 && now < moment;
  return ahead ? moment : frame + FRAME_T;
}

GB_FN void trigger_window(Lane& g, u64 from, u64 to) {
  if (window_moment(g, from) <= to) g.window_from = g.wy;
}

GB_FN void move_to(Lane& g, u64 moment) {
  const Beam b = beam(g, moment);
  g.ppu_at = moment, g.line = u8(b.line), g.line_start = b.start;
}

// While a STAT interrupt waits, another edge changes nothing: no line needs to be looked at but for VBlank.
GB_FN u64 next_interest(Lane& g, u64 now, u64 reached) {
  return (g.irq_flags & IRQ_STAT) ? next_vblank(beam(g, now), now) : next_change(g, now, reached);
}

// Then the STAT line and what LYC holds are not followed but found.
GB_FN void settle_stat_line(Lane& g, u64 now) {
  if (!(g.irq_flags & IRQ_STAT)) return;
  const Beam b = beam(g, now);
  const i32 compared = compared_line(b), last = b.line == 153 ? (b.offset < 3 ? 152 : 153) : i32(b.line) - 1;
  g.lyc_match = (compared < 0 ? last : compared) == g.lyc;
  g.stat_line = stat_level(g, b, g.stat, g.lyc_match);
}

GB_SLOW void catch_up_changes(Lane& g, u64 now) {
  for (;;) {
    const u64 frame_end = g.line_start + (154 - g.line) * LINE_T;
    const u64 target = least(now, frame_end - 1);
    trigger_window(g, g.ppu_at, target);
    u64 moment = next_interest(g, g.ppu_at, target);
    for (; moment <= target; moment = next_interest(g, moment, target)) {
      move_to(g, moment);
      pass_boundary(g, {g.line, u32(moment - g.line_start), g.line_start});
    }
    move_to(g, target);
    g.ppu_next = least(moment, window_moment(g, target));
    if (now < frame_end) return;
    g.window_from = NO_LINE;
    g.fresh = 0;
    move_to(g, frame_end);
    pass_boundary(g, {0, 0, frame_end});
    g.ppu_next = 0;
    if (now == frame_end) return;
  }
}

// After a waiting STAT interrupt was taken: the line is followed from `ppu_at` on.
GB_FN void follow_again(Lane& g) {
  if (on(g) && g.ppu_next) g.ppu_next = least(next_change(g, g.ppu_at, g.ppu_at), window_moment(g, g.ppu_at));
}

GB_FN void catch_up(Lane& g, u64 now) {
  if (!on(g) || now <= g.ppu_at) return;
  if (now < g.ppu_next) g.ppu_at = now;
  else catch_up_changes(g, now);
  settle_stat_line(g, now);
}

// When the CPU must look again: without interest in STAT only for VBlank.
GB_FN u64 next_event(Lane& g, u64 now) {
  if (!on(g)) return g.boundary + FRAME_T;
  return (g.irq_enable & IRQ_STAT) ? next_rise(g, now) : next_vblank(beam(g, now), now);
}

// Until when a read of LY, or of STAT, gives what it gives now: for loops that wait.
GB_FN u64 ly_stable_until(const Lane& g, u64 now) {
  if (!on(g)) return NEVER;
  const Beam b = beam(g, now);
  return b.start + (b.line == 153 && b.offset < 3 ? 3 : LINE_T);
}
GB_FN u64 stat_stable_until(Lane& g, u64 now) {
  if (!on(g)) return NEVER;
  const Beam b = beam(g, now);
  if (b.offset < 9) return now;
  if (b.line >= 144) return b.start + LINE_T;
  if (b.offset < 81) return b.start + 81;
  if (b.offset < SHORTEST_MODE3) return b.start + SHORTEST_MODE3;
  return b.start + (after_mode3(g, b) ? LINE_T : hblank(g, b));
}

// When LY, seen from `now`, will next begin to read `line`; `now` if it does already.
GB_FN u64 next_line(const Lane& g, u32 line, u64 now) {
  if (line > 153) return now + FRAME_T;
  if (ly(g, now) == line) return now;
  const Beam b = beam(g, now);
  return first_after(now, frame_start(b) + (line ? line * LINE_T : 153 * LINE_T + 3));
}

GB_FN bool vram_readable(Lane& g, u64 now) {
  if (!on(g)) return true;
  const Beam b = beam(g, now);
  return b.line >= 144 || b.offset < (g.fresh && b.line == 0 ? 83u : 77u) || after_mode3(g, b);
}
GB_FN bool vram_writable(Lane& g, u64 now) {
  if (!on(g)) return true;
  const Beam b = beam(g, now);
  return b.line >= 144 || b.offset < (g.fresh && b.line == 0 ? 83u : 81u) || after_mode3(g, b);
}
GB_FN bool oam_readable(Lane& g, u64 now) {
  if (!on(g)) return true;
  const Beam b = beam(g, now);
  return b.line >= 144 || (g.fresh && b.line == 0 && b.offset < 83) || after_mode3(g, b);
}
GB_FN bool oam_writable(Lane& g, u64 now) {
  if (!on(g)) return true;
  const Beam b = beam(g, now);
  if (b.line >= 144 || after_mode3(g, b)) return true;
  return g.fresh && b.line == 0 ? b.offset < 81 : b.offset < 1 || (b.offset >= 77 && b.offset < 81);
}

// Before a register that shapes mode 3 changes: a line already in mode 3 keeps its length.
GB_FN void latch_mode3(Lane& g, u64 now) {
  if (!on(g)) return;
  const Beam b = beam(g, now);
  if (b.line < 144 && b.offset >= 81 && b.offset < LONGEST_MODE3) hblank(g, b);
}

GB_FN void update_stat_line(Lane& g, u64 now, u8 enabled) {
  if (!on(g)) return;
  const Beam b = beam(g, now);
  note_lyc(g, b);
  set_stat_line(g, stat_level(g, b, enabled, g.lyc_match));
  g.ppu_next = 0;
}

// On DMG a write to STAT enables every source for one T-cycle (Pan Docs, "Spurious STAT interrupts").
GB_FN void write_stat(Lane& g, u64 now, u8 value) {
  catch_up(g, now);
  update_stat_line(g, now, 0x78);
  g.stat = value & 0x78;
  update_stat_line(g, now, g.stat);
}

GB_FN void write_lyc(Lane& g, u64 now, u8 value) {
  catch_up(g, now);
  g.lyc = value;
  update_stat_line(g, now, g.stat);
}

GB_FN void switch_on(Lane& g, u64 now) {
  g.line = 0;
  g.line_start = now - 4;
  g.latch_line = NEVER;
  g.ppu_at = now;
  g.fresh = 1;
  g.window_from = NO_LINE;
  update_stat_line(g, now, g.stat);
}

// After a write that can make WY meet the line being shown.
GB_FN void meet_window(Lane& g, u64 now) {
  if (!on(g) || !(g.lcdc & WINDOW_ON) || g.window_from != NO_LINE) return;
  const Beam b = beam(g, now);
  if (b.line < 144 && b.line == g.wy) g.window_from = u8(b.line);
}

// The caller has caught up. LY reads 0, mode 0; the STAT line and the LYC bit stay as they are until the LCD is on again.
GB_FN void write_lcdc(Lane& g, u64 now, u8 value) {
  const bool was_on = on(g);
  if (was_on) note_lyc(g, beam(g, now));
  if ((g.lcdc ^ value) & OBJ_TALL) g.object_lines_known = 0;
  g.lcdc = value;
  if (!was_on && on(g)) switch_on(g, now);
  if (was_on && !on(g)) g.window_from = NO_LINE;
  meet_window(g, now);
}

GB_FN void write_wy(Lane& g, u64 now, u8 value) {
  g.wy = value;
  meet_window(g, now);
}

}  // namespace gb::ppu
