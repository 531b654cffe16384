// The console around the CPU, and where its memory lies: a table of 4 KiB pages for what is plain, nothing for what a chip
// answers or what is out of reach for a while; and the stretch of memory that code is read from.
#pragma once
#include "cartridge.h"
#include "dma.h"
#include "picture.h"
#include "ppu.h"
#include "serial.h"
#include "timer.h"

namespace gb {

// An instruction in ROM, ready to run: where the interpreter's code for it lies, and the bytes after its opcode.
struct Decoded {
  const void* handler;
  u16 operand, opcode;  // opcode: 256 and more for those after CB
  u32 native;           // where its block of translated code lies, if it has one
};
constexpr u32 DECODED_BANK = 0x4000 + 1;  // the last entry, past the bank's end, leaves the decoded code

// What translated code (translate.h) and the core share.
struct Host {
  u64 af, bc, de, hl, sp, clock, dirty;  // the registers as translated code has them: emit.h
  u64 subtract;                          // the flag N
  u64 pc;                                // where translated code was left
  u64 last_back;                         // a sum of the registers at the last backward jump
  u8* hram;
  u8 value;                              // what was read out of the pages
  void (*enter)(Host*, const u8*) = nullptr;
  const u8* code = nullptr;              // all of it
  const u32* all_entries = nullptr;      // where the block that begins at a byte of the ROM lies in it
  const u32* entries[4] = {};            // the same for 16 KiB of addresses each; null: nothing can run there now
  u32* wanted = nullptr;                 // where the interpreter notes decoded instructions that were jumped to
  static constexpr u32 WANTED = 256;
};

struct Console {
  Lane& g;
  const Cartridge& cart;
  u8* ram;                  // of the cartridge, this lane's
  Picture* pic = nullptr;   // null: this frame is not drawn
  bool skip = true;         // pass over idle loops in one go
  u64 next_event = 0;       // no chip raises an interrupt or ends a frame before; 0: look before the next instruction
  u8* link = nullptr;       // where bytes sent over the serial port go, or null
  u32 link_room = 0, link_count = 0;

  const u8* read_page[16] = {};  // the byte at addr lies at read_page[addr >> 12] + addr; null: slow
  u8* write_page[16] = {};

  // The stretch of memory that code is read from: the byte at pc lies at code_base + pc, the decoded instruction at
  // code_base + 16 pc.
  u64 code_base = 0;
  u32 code_first = 0, code_size = 0;
  bool moved = true;  // the pages have changed since
  const Decoded* decoded = nullptr;  // all of the ROM, DECODED_BANK entries a bank, or null
  bool left = false;                 // decoded code jumped out of the ROM, to left_pc
  bool entered = false;              // other code jumped into decoded ROM
  u16 left_pc = 0;

  // The last backward jump: where, when, with which registers; and what was met since.
  u64 loop_registers = 0, loop_place = NEVER, loop_clock = 0;
  u64 loop_stable = 0;  // the values read since stay as they are until this moment
  u8 loop_dirty = 1;

  Host host{};
};

namespace bus {

GB_FN void map_memory(Console& con, u32 page, u32 count, u8* memory) {
  for (u32 i = page; i < page + count; i++) con.read_page[i] = con.write_page[i] = memory;
}

GB_FN void map_pages(Console& con) {
  Lane& g = con.g;
  con.moved = true;
  con.host.entries[0] = con.host.entries[1] = nullptr;
  for (u32 i = 0; i < 16; i++) con.read_page[i] = nullptr, con.write_page[i] = nullptr;
  if (g.dma_active) return;  // every access may meet the transfer
  const u32 low_bank = cartridge::low_bank(g, con.cart), high_bank = cartridge::high_bank(g, con.cart);
  const u8* low = con.cart.rom + low_bank * 0x4000;
  const u8* high = biased(con.cart.rom + high_bank * 0x4000, 0x4000);
  if (con.host.all_entries && !g.boot_mapped && low_bank == 0 && high_bank != 0) {  // what translated code takes for granted
    con.host.entries[0] = con.host.all_entries;
    con.host.entries[1] = con.host.all_entries + (high_bank - 1) * 0x4000;
  }
  for (u32 i = 0; i < 8; i++) con.read_page[i] = i < 4 ? low : high;
  if (g.boot_mapped) con.read_page[0] = nullptr;
  if (cartridge::ram_is_plain(g, con.cart)) map_memory(con, 10, 2, biased(con.ram + cartridge::ram_offset(g, con.cart), 0xA000));
  map_memory(con, 12, 2, biased(g.wram, 0xC000));
  map_memory(con, 14, 1, biased(g.wram, 0xE000));
}

GB_FN void set_code(Console& con, const u8* base, u32 first, u32 size) {
  con.code_base = reinterpret_cast<u64>(base);
  con.code_first = first, con.code_size = size;
}

// Finds the stretch of plain memory around pc. Where there is none, code_base is 0 and every byte takes the slow path.
GB_SLOW void find_code(Console& con, u16 pc) {
  Lane& g = con.g;
  con.moved = false;
  con.code_base = con.code_first = con.code_size = 0;
  if (pc >= 0xFF80) return pc < 0xFFFF ? set_code(con, biased(g.hram, 0xFF80), 0xFF80, 0x7F) : void();
  const u8* page = con.read_page[pc >> 12];
  if (!page) return;
  const u32 first = pc < 0x8000 ? pc & 0xC000u : pc & 0xE000u;
  const u32 hidden = g.boot_mapped && first == 0 ? 0x1000 : 0;  // under the boot ROM
  set_code(con, page, first + hidden, (first < 0x8000 ? 0x4000 : first < 0xE000 ? 0x2000 : 0x1000) - hidden);
}

GB_FN bool has_decoded(const Console& con, u16 pc) {
  return con.decoded && pc < 0x8000 && !con.g.dma_active && !(con.g.boot_mapped && pc < 0x4000);
}

// The same for decoded ROM.
GB_SLOW void find_decoded(Console& con, u16 pc) {
  const u32 first = pc & 0x4000, bank = first ? cartridge::high_bank(con.g, con.cart) : cartridge::low_bank(con.g, con.cart);
  con.moved = con.left = false;
  con.code_base = reinterpret_cast<u64>(con.decoded + bank * DECODED_BANK) - first * sizeof(Decoded);
  con.code_first = first, con.code_size = 0x4000;
}

GB_FN void draw(Console& con, u64 now) {
  if (con.pic) picture::catch_up(con.g, *con.pic, now);
}

// Where the byte at `addr` (below FE00) lies, whatever is locked; null where no plain memory answers.
GB_FN const u8* plain_memory(const Console& con, u16 addr) {
  const Lane& g = con.g;
  if (addr < 0x4000) {
    if (g.boot_mapped && addr < 0x100) return con.cart.boot + addr;
    return con.cart.rom + cartridge::low_bank(g, con.cart) * 0x4000 + addr;
  }
  if (addr < 0x8000) return con.cart.rom + cartridge::high_bank(g, con.cart) * 0x4000 + (addr & 0x3FFF);
  if (addr < 0xA000) return g.vram + (addr & 0x1FFF);
  if (addr >= 0xC000) return g.wram + (addr & 0x1FFF);
  return cartridge::ram_is_plain(g, con.cart) ? con.ram + cartridge::ram_offset(g, con.cart) + (addr & 0x1FFF) : nullptr;
}

// What memory holds there, without side effects.
GB_FN u8 plain_read(const Console& con, u16 addr) {
  const u8* byte = plain_memory(con, addr);
  return byte ? *byte : cartridge::read_ram(con.g, con.cart, con.ram, addr);
}

// Copies the bytes that the transfer has reached by `now`; a finished one hands the pages back.
GB_SLOW void dma_catch_up(Console& con, u64 now) {
  Lane& g = con.g;
  if (!g.dma_active || g.mode == HALTED || now < dma::byte_moment(g, g.dma_done)) return;
  const u32 reached = u32(least<u64>((now - dma::byte_moment(g, 0)) / 4 + 1, dma::LENGTH));
  const u8* from = plain_memory(con, dma::source(g, 0));
  for (u32 n = g.dma_done; n < reached; n++) g.oam[n] = from ? from[n] : plain_read(con, dma::source(g, n));
  g.dma_done = u8(reached);
  g.object_lines_known = 0;
  if (now < dma::end(g)) return;
  ppu::catch_up(g, now);
  g.dma_active = 0;
  g.ppu_next = 0;
  map_pages(con);
}

// Sets every interrupt flag that is due at `now`.
GB_FN void catch_up_interrupts(Lane& g, u64 now) {
  ppu::catch_up(g, now);
  if (timer::running(g)) timer::catch_up(g, now);
  if (serial::running(g)) serial::catch_up(g, now);
}

}  // namespace bus
}  // namespace gb
