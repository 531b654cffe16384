// Joypad: two rows of four buttons, low when pressed; a selected line that falls raises the interrupt.
#pragma once
#include "lane.h"

namespace gb::joypad {

// FF00 as the CPU reads it now.
GB_FN u8 read(const Lane& g) {
  u8 lines = 0x0F;
  if (!(g.joyp_select & 0x10)) lines &= ~g.buttons & 15;
  if (!(g.joyp_select & 0x20)) lines &= ~(g.buttons >> 4) & 15;
  return 0xC0 | g.joyp_select | lines;
}

GB_FN void change(Lane& g, u8 select, u8 buttons) {
  const u8 before = read(g);
  g.joyp_select = select & 0x30;
  g.buttons = buttons;
  if (before & ~read(g) & 15) g.irq_flags |= IRQ_JOYPAD;
}

}  // namespace gb::joypad
