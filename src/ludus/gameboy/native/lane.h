// The whole state of one console. Plain bytes at fixed offsets: copied, saved, hashed and compared as they are.
//
// Time. `clock` counts T-cycles and is the moment of the CPU's next bus access, always a multiple of 4. Everything
// else in the console is a function of the clock: a chip keeps the last moment it was brought up to date and is caught
// up when somebody looks. A change "at v" is seen by every access at v or later.
#pragma once
#include "platform.h"

namespace gb {

enum Interrupt : u8 { IRQ_VBLANK = 1, IRQ_STAT = 2, IRQ_TIMER = 4, IRQ_SERIAL = 8, IRQ_JOYPAD = 16 };
enum Mode : u8 { RUNNING, HALTING, HALTED, STOPPED, LOCKED };  // HALTING: HALT has just run
enum Button : u8 { RIGHT = 1, LEFT = 2, UP = 4, DOWN = 8, A = 16, B = 32, SELECT = 64, START = 128 };

constexpr u8 NO_LINE = 255;

struct Lane {
  // Clock and frames
  u64 clock;
  u64 boundary;    // when the last frame ended
  u64 frames;      // frames since power on
  // CPU
  u16 bc, de, hl, sp, pc;
  u8 a, f;
  u8 ime, ei_pending, halt_bug, mode;
  u8 irq_flags, irq_enable;
  u64 stopped_at;
  // Timer
  u64 div_zero;     // when the 16-bit system counter was 0
  u64 tima_at;      // TIMA is up to date as of this moment
  u64 overflow_at;  // last overflow of TIMA
  u8 tima, tma, tac, reload_pending;
  // Serial
  u64 serial_at;  // the transfer is up to date as of this moment
  u8 sb, sc, serial_bits, serial_phase;
  // Joypad
  u8 buttons, joyp_select;
  // OAM DMA
  u8 dma_register, dma_active;
  u8 dma_done;    // bytes copied so far
  u64 dma_start;  // when the write to FF46 happened
  // PPU
  u64 ppu_at;      // interrupts and the window trigger are up to date as of this moment
  u64 ppu_next;    // nothing of that changes before this moment; 0: not known
  u64 line_start;  // when the line that `ppu_at` lies in began
  u64 object_lines[5];  // bit line + 16 for every line that an object touches, if `object_lines_known`
  u64 latch_line;  // the line whose mode 3 length was fixed by a write during its mode 3
  u16 latch_hblank;
  u8 lcdc, stat, scy, scx, lyc, bgp, obp0, obp1, wy, wx;
  u8 line;  // the one that `ppu_at` lies in
  u8 object_lines_known;
  u8 stat_line, lyc_match;
  u8 window_from;  // the line at which WY was met in this frame; NO_LINE: not yet
  u8 fresh;  // the first frame after the LCD was switched on: odd first line, blank picture
  // Cartridge
  u8 ram_enabled, bank_low, bank_high, bank_mode;
  u8 rtc[5], rtc_latched[5], rtc_latch_armed;
  u64 rtc_at;  // when the current second of the clock began; while it is halted, the part of a second already gone
  // APU registers, FF10..FF3F
  u8 apu[48];
  u8 boot_mapped;
  // Memory
  u8 hram[128];  // FF80..FFFE, and one unused byte
  u8 oam[160];
  u8 vram[8192];
  u8 wram[8192];
};
static_assert(sizeof(Lane) < 20 * 1024, "a lane stays under 20 KB");

}  // namespace gb
