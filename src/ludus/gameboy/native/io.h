// Registers FF00..FF7F: who answers, what is brought up to date first, and until when a value that was read stands.
#pragma once
#include "apu.h"
#include "joypad.h"
#include "memory.h"

namespace gb::bus {

GB_FN void stable_until(Console& con, u64 moment) { con.loop_stable = least(con.loop_stable, moment); }

GB_SLOW u8 read_io(Console& con, u8 n, u64 now) {
  Lane& g = con.g;
  switch (n) {
    case 0x00: return joypad::read(g);
    case 0x01:
    case 0x02:
      serial::catch_up(g, now);
      stable_until(con, serial::next_interrupt(g));
      return n == 1 ? g.sb : g.sc | 0x7E;
    case 0x04:
      stable_until(con, now + 256 - (timer::counter(g, now) & 255));
      return u8(timer::counter(g, now) >> 8);
    case 0x05:
      timer::catch_up(g, now);
      con.loop_dirty = 1;
      return g.tima;
    case 0x06: return g.tma;
    case 0x07: return g.tac | 0xF8;
    case 0x0F:
      catch_up_interrupts(g, now);
      stable_until(con, least(least(timer::next_interrupt(g), serial::next_interrupt(g)),
                              ppu::on(g) ? ppu::next_rise(g, now) : NEVER));
      return g.irq_flags | 0xE0;
    case 0x40: return g.lcdc;
    case 0x41:
      ppu::catch_up(g, now);
      stable_until(con, ppu::stat_stable_until(g, now));
      return ppu::read_stat(g, now);
    case 0x42: return g.scy;
    case 0x43: return g.scx;
    case 0x44:
      stable_until(con, ppu::ly_stable_until(g, now));
      return ppu::ly(g, now);
    case 0x45: return g.lyc;
    case 0x46: return g.dma_register;
    case 0x47: return g.bgp;
    case 0x48: return g.obp0;
    case 0x49: return g.obp1;
    case 0x4A: return g.wy;
    case 0x4B: return g.wx;
  }
  return n >= 0x10 && n < 0x40 ? apu::read(g, u8(n - 0x10)) : 0xFF;
}

// Before a register of the picture changes: what was shown so far is drawn with the old value.
GB_FN void show(Console& con, u64 now) {
  if (!con.pic) return;
  ppu::catch_up(con.g, now);
  draw(con, now);
}

// Before something that shapes mode 3 changes: a line already in mode 3 keeps its length. For the next ones nobody has
// counted on more than the shortest.
GB_FN void before_mode3_change(Console& con, u64 now) {
  ppu::catch_up(con.g, now);
  draw(con, now);
  ppu::latch_mode3(con.g, now);
}

GB_FN void start_dma(Console& con, u64 now, u8 value) {
  Lane& g = con.g;
  before_mode3_change(con, now);
  g.dma_register = value;
  g.dma_active = g.dma_active ? 2 : 1;  // 2: OAM stays locked through the delay of a restart
  g.dma_done = 0;
  g.dma_start = now;
  con.next_event = 0;
  map_pages(con);
}

// On DMG the pixel that leaves during the write sees the old and the new palette at once (mealybug m3_bgp_change).
GB_FN void write_palette(Console& con, u8& palette, u8 value, u64 now) {
  if (palette == value) return;
  show(con, now);
  palette |= value;
  draw(con, now + 1);
  palette = value;
}

GB_SLOW void write_ppu(Console& con, u8 n, u8 value, u64 now) {
  Lane& g = con.g;
  switch (n) {
    case 0x42:
      if (g.scy != value) show(con, now);
      g.scy = value;
      return;
    case 0x43:
      if (g.scx != value) before_mode3_change(con, now);
      g.scx = value;
      return;
    case 0x4B:
      if (g.wx != value) before_mode3_change(con, now);
      g.wx = value;
      return;
    case 0x46: start_dma(con, now, value); return;
    case 0x47: write_palette(con, g.bgp, value, now); return;
    case 0x48: write_palette(con, g.obp0, value, now); return;
    case 0x49: write_palette(con, g.obp1, value, now); return;
  }
  before_mode3_change(con, now);
  switch (n) {
    case 0x40:
      draw(con, now + 1);  // LCDC is written a T-cycle later than the palettes
      if ((g.lcdc ^ value) & (ppu::LCD_ON | ppu::WINDOW_ON)) g.ppu_next = 0;
      if ((g.lcdc ^ value) & ppu::LCD_ON) con.next_event = 0;
      ppu::write_lcdc(g, now, value);
      break;
    case 0x41: ppu::write_stat(g, now, value); con.next_event = 0; break;
    case 0x45: ppu::write_lyc(g, now, value); con.next_event = 0; break;
    case 0x4A: ppu::write_wy(g, now, value); g.ppu_next = 0; break;
  }
}

GB_SLOW void write_io(Console& con, u8 n, u8 value, u64 now) {
  Lane& g = con.g;
  switch (n) {
    case 0x00: joypad::change(g, value, g.buttons); con.next_event = 0; break;
    case 0x01:
      serial::catch_up(g, now);
      g.sb = value;
      break;
    case 0x02:
      if ((value & 0x81) == 0x81) {
        if (con.link && con.link_count < con.link_room) con.link[con.link_count] = g.sb;
        con.link_count++;
      }
      serial::write_control(g, now, value);
      con.next_event = 0;
      break;
    case 0x04:
      serial::before_div_reset(g, now);
      timer::write_div(g, now);
      g.serial_at = now;
      con.next_event = 0;
      break;
    case 0x05: timer::write_tima(g, now, value); con.next_event = 0; break;
    case 0x06: timer::write_tma(g, now, value); con.next_event = 0; break;
    case 0x07: timer::write_tac(g, now, value); con.next_event = 0; break;
    case 0x0F:  // the CPU's write wins over a chip that sets a flag in the same T-cycle
      catch_up_interrupts(g, now + 1);
      g.irq_flags = value & 0x1F;
      g.ppu_next = con.next_event = 0;
      break;
    case 0x50:
      if (value & 1) {
        g.boot_mapped = 0;
        map_pages(con);
      }
      break;
    default:
      if (n >= 0x10 && n < 0x40) apu::write(g, u8(n - 0x10), value);
      else if (n >= 0x40 && n < 0x4C && n != 0x44) write_ppu(con, n, value, now);
  }
}

}  // namespace gb::bus
