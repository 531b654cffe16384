// OAM DMA: a machine cycle of delay, then 160 bytes, one a machine cycle. While it runs the CPU reads the byte in
// flight from the bus that the source is on, and FF from OAM (mooneye acceptance/oam_dma; Pan Docs "OAM DMA Transfer").
// The transfer stands still while the CPU is halted.
#pragma once
#include "lane.h"

namespace gb::dma {

constexpr u32 LENGTH = 160;

GB_FN u64 byte_moment(const Lane& g, u32 n) { return g.dma_start + 8 + 4ull * n; }
GB_FN u64 end(const Lane& g) { return byte_moment(g, LENGTH); }

// The source address of byte n; E000..FFFF reads the echo of work RAM.
GB_FN u16 source(const Lane& g, u32 n) {
  const u32 high = g.dma_register >= 0xE0 ? g.dma_register - 0x20u : g.dma_register;
  return u16(high << 8 | n);
}

GB_FN bool on_video_bus(u16 addr) { return addr >> 13 == 4; }

// The CPU's access to `addr` meets the transfer's on the same bus.
GB_FN bool conflicts(const Lane& g, u16 addr) {
  return addr < 0xFE00 && g.dma_done > 0 && on_video_bus(addr) == on_video_bus(source(g, 0));
}

}  // namespace gb::dma
