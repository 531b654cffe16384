// Sound registers: they read back with their masks and NR52 tells which channels were started; nothing sounds.
#pragma once
#include "lane.h"

namespace gb::apu {

GB_SLOW u8 read(const Lane& g, u8 n) {  // FF10..FF3F: bits that cannot be read are 1 (Pan Docs, "Audio registers")
  const u8 masks[32] = {0x80, 0x3F, 0x00, 0xFF, 0xBF, 0xFF, 0x3F, 0x00, 0xFF, 0xBF, 0x7F, 0xFF, 0x9F, 0xFF, 0xBF, 0xFF,
                        0xFF, 0x00, 0x00, 0xBF, 0x00, 0x00, 0x70, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
  return n < 0x20 ? g.apu[n] | masks[n] : g.apu[n];
}

GB_SLOW void write(Lane& g, u8 n, u8 value) {
  const bool power = g.apu[0x16] & 0x80;
  if (n >= 0x20) {
    g.apu[n] = value;
  } else if (n == 0x16) {
    if (!(value & 0x80))
      for (u32 i = 0; i < 0x16; i++) g.apu[i] = 0;
    g.apu[0x16] = (value & 0x80) ? u8(0x80 | (power ? g.apu[0x16] & 15 : 0)) : 0;
  } else if (power) {
    g.apu[n] = value;
    const u8 channel = n < 5 ? 0 : n < 10 ? 1 : n < 15 ? 2 : 3;  // of NR10.., NR21.., NR30.., NR41..
    const u8 dac = channel == 2 ? g.apu[0x0A] & 0x80 : g.apu[channel == 3 ? 0x11 : channel * 5 + 2] & 0xF8;
    const bool trigger = (n == 0x04 || n == 0x09 || n == 0x0E || n == 0x13) && (value & 0x80);
    if (n < 0x14 && !dac) g.apu[0x16] &= ~(1 << channel);
    if (trigger && dac) g.apu[0x16] |= 1 << channel;
  }
}

}  // namespace gb::apu
