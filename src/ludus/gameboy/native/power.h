// Power on. With a boot ROM at 0000; without one as the boot ROM of the model leaves the machine at 0100
// (Pan Docs, "Power-up sequence"; mooneye acceptance/boot_*).
#pragma once
#include "bus.h"

namespace gb::power {

enum Model : u8 { DMG0, DMG, MGB, SGB, SGB2 };

constexpr u8 APU_AFTER_BOOT[48] = {0x80, 0xBF, 0xF3, 0xC1, 0xBF, 0xFF, 0x3F, 0x00, 0xFF, 0xBF, 0x7F, 0xFF,
                                   0x9F, 0xFF, 0xBF, 0xFF, 0xFF, 0x00, 0x00, 0xBF, 0x77, 0xF3, 0xF1};

GB_FN u32 count_ones(u8 v) {
  u32 ones = 0;
  for (; v; v &= v - 1) ones++;
  return ones;
}

// The SGB's boot ROM sends the header in six packets, a one a machine cycle faster than a zero.
GB_FN u32 ones_in_sgb_packets(const u8* rom) {
  u32 ones = 0;
  for (u32 packet = 0; packet < 6; packet++) {
    u8 sum = 0;
    for (u32 at = 0x104 + 14 * packet; at < least(0x104 + 14 * (packet + 1), 0x150u); at++) {
      sum += rom[at];
      ones += count_ones(rom[at]);
    }
    ones += count_ones(u8(0xF1 + 2 * packet)) + count_ones(sum);
  }
  return ones;
}

GB_FN void set_registers(Lane& g, const u8* rom, Model model) {
  g.pc = 0x100, g.sp = 0xFFFE;
  g.a = model == MGB || model == SGB2 ? 0xFF : 0x01;
  if (model == DMG0) {
    g.f = 0x00, g.bc = 0xFF13, g.de = 0x00C1, g.hl = 0x8403;
  } else if (model == DMG || model == MGB) {
    g.f = rom[0x14D] ? 0xB0 : 0x80, g.bc = 0x0013, g.de = 0x00D8, g.hl = 0x014D;
  } else {
    g.f = 0x00, g.bc = 0x0014, g.de = 0x0000, g.hl = 0xC060;
  }
}

GB_FN void set_clocks(Lane& g, const u8* rom, Model model) {
  const bool super = model == SGB || model == SGB2;
  g.clock = 2 * FRAME_T;  // far enough from zero for every chip to have a past
  g.div_zero = g.clock - (model == DMG0 ? 0x1830 : super ? 0xDD74 - 4 * ones_in_sgb_packets(rom) : 0xABCC);
  g.tima_at = g.serial_at = g.ppu_at = g.clock;
  g.line = model == DMG0 ? 145 : 153;
  g.line_start = g.clock - (model == DMG0 ? 172 : 400);
  g.boundary = g.line_start - (g.line - 144) * LINE_T;
}

GB_FN void on(Lane& g, const Cartridge& cart, u8* ram, Model model) {
  u8* bytes = reinterpret_cast<u8*>(&g);
  for (u32 i = 0; i < sizeof(Lane); i++) bytes[i] = 0;
  for (u32 i = 0; i < cart.ram_bytes; i++) ram[i] = 0xFF;
  g.joyp_select = 0x30;
  g.latch_line = g.overflow_at = NEVER;
  g.window_from = NO_LINE;
  g.bank_low = cart.mapper == MBC5;          // the one mapper whose bank register does not read 0 as 1
  g.ram_enabled = cart.mapper == ROM_ONLY;  // no controller stands between
  if (cart.boot) {
    g.boot_mapped = 1;
    return;
  }
  const bool super = model == SGB || model == SGB2;
  set_registers(g, cart.rom, model);
  set_clocks(g, cart.rom, model);
  g.irq_flags = IRQ_VBLANK;
  g.joyp_select = super ? 0x30 : 0x00;
  g.dma_register = 0xFF;
  g.lcdc = 0x91, g.bgp = 0xFC, g.obp0 = g.obp1 = 0xFF;
  g.lyc_match = 1;
  for (u32 i = 0; i < 48; i++) g.apu[i] = APU_AFTER_BOOT[i];
  if (super) g.apu[0x16] = 0xF0;
}

}  // namespace gb::power
