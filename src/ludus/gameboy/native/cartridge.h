// Cartridges: ROM only, MBC1 (and its multicarts), MBC2, MBC3 with clock, MBC5.
// Pan Docs, "MBCs"; Gekkio, "Game Boy: Complete Technical Reference".
#pragma once
#include "lane.h"

namespace gb {

enum Mapper : u8 { ROM_ONLY, MBC1, MBC1_MULTICART, MBC2, MBC3, MBC5 };

struct Cartridge {  // shared by all lanes, read only
  const u8* rom;
  const u8* boot;  // 256 bytes, or null
  u32 rom_banks;   // 16 KiB each, a power of two, at least 2
  u32 ram_bytes;
  u8 mapper, has_rtc;
};

namespace cartridge {

GB_FN u32 low_bank(const Lane& g, const Cartridge& cart) {
  u32 bank = 0;
  if (cart.mapper == MBC1 && g.bank_mode) bank = g.bank_high << 5;
  if (cart.mapper == MBC1_MULTICART && g.bank_mode) bank = g.bank_high << 4;
  return bank & (cart.rom_banks - 1);
}

GB_FN u32 high_bank(const Lane& g, const Cartridge& cart) {
  u32 bank = 1;
  switch (cart.mapper) {
    case MBC1: bank = g.bank_high << 5 | (g.bank_low ? g.bank_low : 1); break;
    case MBC1_MULTICART: bank = g.bank_high << 4 | ((g.bank_low ? g.bank_low : 1) & 15); break;
    case MBC2:
    case MBC3: bank = g.bank_low ? g.bank_low : 1; break;
    case MBC5: bank = g.bank_high << 8 | g.bank_low; break;
  }
  return bank & (cart.rom_banks - 1);
}

// Offset of the RAM that A000 shows.
GB_FN u32 ram_offset(const Lane& g, const Cartridge& cart) {
  u32 bank = 0;
  if ((cart.mapper == MBC1 || cart.mapper == MBC1_MULTICART) && g.bank_mode) bank = g.bank_high;
  if (cart.mapper == MBC3) bank = g.bank_mode & 7;
  if (cart.mapper == MBC5) bank = g.bank_mode & 15;
  return cart.ram_bytes ? (bank << 13) & (cart.ram_bytes - 1) : 0;
}

GB_FN bool rtc_selected(const Lane& g, const Cartridge& cart) {
  return cart.has_rtc && g.bank_mode >= 8 && g.bank_mode <= 12;
}

// An MBC3 bank that neither RAM nor clock answers. An MBC3 with more than 32 KiB (MBC30) has eight RAM banks.
GB_FN bool unmapped(const Lane& g, const Cartridge& cart) {
  return !cart.ram_bytes || (cart.mapper == MBC3 && g.bank_mode > (cart.ram_bytes > 32768 ? 7 : 3));
}

// A000..BFFF is plain memory: enabled, 8 KiB or more, no clock register and no half bytes in the way.
GB_FN bool ram_is_plain(const Lane& g, const Cartridge& cart) {
  return g.ram_enabled && cart.ram_bytes >= 8192 && cart.mapper != MBC2 && !unmapped(g, cart);
}

// Advances the clock registers by whole seconds of emulated time. Values that no clock shows (61 seconds) count on
// to the end of their bits and wrap without a carry.
GB_SLOW void rtc_catch_up(Lane& g, u64 now) {
  if (g.rtc[4] & 0x40) return;
  while (now - g.rtc_at >= SECOND_T) {
    g.rtc_at += SECOND_T;
    g.rtc[0] = (g.rtc[0] + 1) & 63;
    if (g.rtc[0] != 60) continue;
    g.rtc[0] = 0;
    g.rtc[1] = (g.rtc[1] + 1) & 63;
    if (g.rtc[1] != 60) continue;
    g.rtc[1] = 0;
    g.rtc[2] = (g.rtc[2] + 1) & 31;
    if (g.rtc[2] != 24) continue;
    g.rtc[2] = 0;
    u32 day = (g.rtc[3] | (g.rtc[4] & 1) << 8) + 1;
    g.rtc[3] = u8(day);
    g.rtc[4] = u8((g.rtc[4] & 0xC0) | (day >> 8 & 1) | (day >> 9 ? 0x80 : 0));
  }
}

GB_FN void rtc_write(Lane& g, u64 now, u8 value) {
  const u8 masks[5] = {63, 63, 31, 255, 0xC1};
  rtc_catch_up(g, now);
  u32 reg = g.bank_mode - 8u;
  bool was_halted = g.rtc[4] & 0x40;
  if (reg == 0) g.rtc_at = was_halted ? 0 : now;  // writing seconds restarts the second
  g.rtc[reg] = value & masks[reg];
  bool halted = g.rtc[4] & 0x40;
  if (halted != was_halted) g.rtc_at = now - g.rtc_at;  // a moment becomes a part of a second, and back
}

GB_SLOW u8 read_ram(const Lane& g, const Cartridge& cart, const u8* ram, u16 addr) {
  if (!g.ram_enabled) return 0xFF;
  if (rtc_selected(g, cart)) return g.rtc_latched[g.bank_mode - 8];
  if (unmapped(g, cart)) return 0xFF;
  if (cart.mapper == MBC2) return ram[addr & 511] | 0xF0;
  return ram[(ram_offset(g, cart) | (addr & 0x1FFF)) & (cart.ram_bytes - 1)];
}

GB_SLOW void write_ram(Lane& g, const Cartridge& cart, u8* ram, u16 addr, u8 value, u64 now) {
  if (!g.ram_enabled) return;
  if (rtc_selected(g, cart)) return rtc_write(g, now, value);
  if (unmapped(g, cart)) return;
  if (cart.mapper == MBC2) ram[addr & 511] = value & 15;
  else ram[(ram_offset(g, cart) | (addr & 0x1FFF)) & (cart.ram_bytes - 1)] = value;
}

GB_FN void write_mbc3(Lane& g, const Cartridge& cart, u16 addr, u8 value, u64 now) {
  switch (addr >> 13) {
    case 0: g.ram_enabled = (value & 15) == 10; break;
    case 1: g.bank_low = cart.rom_banks > 128 ? value : value & 127; break;
    case 2: g.bank_mode = value & 15; break;
    case 3:  // 0 then 1 copies the running clock to the registers that can be read
      if (g.rtc_latch_armed && value == 1) {
        rtc_catch_up(g, now);
        for (u32 i = 0; i < 5; i++) g.rtc_latched[i] = g.rtc[i];
      }
      g.rtc_latch_armed = value == 0;
      break;
  }
}

// A write to 0000..7FFF. The caller maps the pages anew.
GB_FN void write_register(Lane& g, const Cartridge& cart, u16 addr, u8 value, u64 now) {
  switch (cart.mapper) {
    case MBC1:
    case MBC1_MULTICART:
      switch (addr >> 13) {
        case 0: g.ram_enabled = (value & 15) == 10; break;
        case 1: g.bank_low = value & 31; break;
        case 2: g.bank_high = value & 3; break;
        case 3: g.bank_mode = value & 1; break;
      }
      break;
    case MBC2:
      if (addr >= 0x4000) break;
      if (addr & 0x100) g.bank_low = value & 15;
      else g.ram_enabled = (value & 15) == 10;
      break;
    case MBC3: write_mbc3(g, cart, addr, value, now); break;
    case MBC5:
      switch (addr >> 12) {
        case 0:
        case 1: g.ram_enabled = value == 10; break;
        case 2: g.bank_low = value; break;
        case 3: g.bank_high = value & 1; break;
        case 4:
        case 5: g.bank_mode = value & 15; break;
      }
      break;
  }
}

}  // namespace cartridge
}  // namespace gb
