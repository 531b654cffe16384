// Serial port with nothing plugged in: eight bits shifted out at 8192 Hz, ones shifted in.
// The bit clock toggles at each falling edge of system counter bit 7; a bit moves when it falls.
#pragma once
#include "lane.h"

namespace gb::serial {

GB_FN bool running(const Lane& g) { return (g.sc & 0x81) == 0x81; }

GB_FN void advance(Lane& g, u64 edges) {
  const u64 bits = least<u64>((g.serial_phase + edges) / 2, 8u - g.serial_bits);
  g.serial_phase = (g.serial_phase + edges) & 1;
  g.serial_bits = u8(g.serial_bits + bits);
  g.sb = u8(g.sb << bits | ((1u << bits) - 1));
  if (g.serial_bits < 8) return;
  g.serial_bits = g.serial_phase = 0;
  g.sc &= 0x7F;
  g.irq_flags |= IRQ_SERIAL;
}

GB_FN void catch_up(Lane& g, u64 now) {
  if (running(g)) advance(g, (now - g.div_zero) / 256 - (g.serial_at - g.div_zero) / 256);
  g.serial_at = now;
}

GB_FN u64 next_interrupt(const Lane& g) {
  if (!running(g)) return NEVER;
  const u64 edges = 2u * (8 - g.serial_bits) - g.serial_phase;
  return g.div_zero + ((g.serial_at - g.div_zero) / 256 + edges) * 256;
}

// Before the system counter restarts: bit 7 falls with it.
GB_FN void before_div_reset(Lane& g, u64 now) {
  catch_up(g, now);
  if (running(g) && ((now - g.div_zero) & 0x80)) advance(g, 1);
}

GB_FN void write_control(Lane& g, u64 now, u8 value) {
  catch_up(g, now);
  if (g.serial_phase) advance(g, 1);
  g.serial_bits = g.serial_phase = 0;  // a transfer starts with the bit clock low
  g.sc = value & 0x81;
}

}  // namespace gb::serial
