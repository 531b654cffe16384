// Every access to memory: the fast path through the pages and the code, which the CPU drives, and the slow one for all the
// rest.
#pragma once
#include "cpu.h"
#include "io.h"

namespace gb {
namespace bus {

// FE00..FFFF, but for the bytes that `read` and `write` reach themselves.
GB_SLOW u8 read_high_page(Console& con, u16 addr, u64 now) {
  Lane& g = con.g;
  if (addr == 0xFFFF) return g.irq_enable;
  if (addr >= 0xFF00) return read_io(con, u8(addr), now);
  con.loop_dirty = 1;
  if (g.dma_active == 2 || (g.dma_active && now >= dma::byte_moment(g, 0))) return 0xFF;
  ppu::catch_up(g, now);
  if (!ppu::oam_readable(g, now)) return 0xFF;
  return addr < 0xFEA0 ? g.oam[addr - 0xFE00] : 0x00;
}

GB_SLOW u8 read(Console& con, u16 addr, u64 now) {
  Lane& g = con.g;
  if (addr >= 0xFF80 && addr < 0xFFFF) return g.hram[addr - 0xFF80];
  if (g.dma_active) {
    dma_catch_up(con, now);
    con.loop_dirty = 1;
    if (g.dma_active && dma::conflicts(g, addr)) return g.oam[g.dma_done - 1];
  }
  if (addr >= 0xFE00) return read_high_page(con, addr, now);
  if (addr >> 13 == 4) {
    con.loop_dirty = 1;
    ppu::catch_up(g, now);
    if (!ppu::vram_readable(g, now)) return 0xFF;
  }
  return plain_read(con, addr);
}

GB_SLOW void write_high_page(Console& con, u16 addr, u8 value, u64 now) {
  Lane& g = con.g;
  if (addr == 0xFFFF) {
    g.irq_enable = value;
    con.next_event = 0;
    con.loop_dirty = 1;
  } else if (addr >= 0xFF00) {
    con.loop_dirty = 1;
    write_io(con, u8(addr), value, now);
  } else if (addr < 0xFEA0 && !g.dma_active) {
    con.loop_dirty = 1;
    before_mode3_change(con, now);
    if (!ppu::oam_writable(g, now)) return;
    g.oam[addr - 0xFE00] = value;
    g.object_lines_known = 0;
  }
}

GB_SLOW void write(Console& con, u16 addr, u8 value, u64 now) {
  Lane& g = con.g;
  if (addr >= 0xFF80 && addr < 0xFFFF) {
    con.loop_dirty |= g.hram[addr - 0xFF80] ^ value;
    g.hram[addr - 0xFF80] = value;
    return;
  }
  if (g.dma_active) {
    dma_catch_up(con, now);
    con.loop_dirty = 1;
    if (g.dma_active && dma::conflicts(g, addr)) return;
  }
  if (addr >= 0xFE00) return write_high_page(con, addr, value, now);
  con.loop_dirty = 1;
  if (addr < 0x8000) {
    if (con.cart.mapper == ROM_ONLY) return;
    cartridge::write_register(g, con.cart, addr, value, now);
    map_pages(con);
  } else if (addr < 0xA000) {
    ppu::catch_up(g, now);
    if (!ppu::vram_writable(g, now)) return;
    draw(con, now);
    g.vram[addr & 0x1FFF] = value;
  } else if (addr < 0xC000) {
    cartridge::write_ram(g, con.cart, con.ram, addr, value, now);
  } else {
    g.wram[addr & 0x1FFF] = value;
  }
}

// What a debugger sees at `addr`, whatever is locked.
GB_FN u8 peek(Console& con, u16 addr) {
  const Lane& g = con.g;
  const u64 now = g.mode == STOPPED ? g.stopped_at : g.clock;
  if (addr < 0xFE00) return plain_read(con, addr);
  if (addr < 0xFEA0) return g.oam[addr - 0xFE00];
  return read(con, addr, now);
}

GB_FN void poke(Console& con, u16 addr, u8 value) {
  Lane& g = con.g;
  const u64 now = g.mode == STOPPED ? g.stopped_at : g.clock;
  if (addr >= 0x8000 && addr < 0xA000) g.vram[addr & 0x1FFF] = value;
  else if (addr >= 0xFE00 && addr < 0xFEA0) g.oam[addr - 0xFE00] = value, g.object_lines_known = 0;
  else write(con, addr, value, now);
}

}  // namespace bus

// The bus that the CPU drives. It reads code as bytes, from anywhere, or (InRom) as decoded instructions.
template <bool InRom>
struct ConsoleBus {
  Console& con;
  static constexpr u32 SHIFT = InRom ? 4 : 0;  // of a byte of code
  static_assert(sizeof(Decoded) == 16);

  GB_FN u16 pc(const Cpu& c) const {
    if (InRom && GB_UNLIKELY(con.left)) return con.left_pc;
    return u16((c.ip - con.code_base) >> SHIFT);
  }
  GB_FN void relocate(Cpu& c, u16 pc) {
    if constexpr (InRom) {
      if (bus::has_decoded(con, pc)) {
        bus::find_decoded(con, pc);
        c.ip = con.code_base + (u64(pc) << SHIFT);
        note(c);
      } else {
        con.left = true, con.left_pc = pc, con.moved = false;
        con.code_size = 0;
        c.ip = reinterpret_cast<u64>(con.decoded + DECODED_BANK - 1);
      }
    } else {
      bus::find_code(con, pc);
      con.entered = bus::has_decoded(con, pc);
      c.ip = con.code_base + pc;
      c.code_end = con.code_size ? con.code_base + con.code_first + con.code_size : 0;
    }
  }
  GB_FN void note(const Cpu& c) {  // that code begins here, for the translator
    if constexpr (InRom)
      if (con.host.wanted) con.host.wanted[c.ip / sizeof(Decoded) % Host::WANTED] = u32((c.ip - reinterpret_cast<u64>(con.decoded)) / sizeof(Decoded)) + 1;
  }
  GB_FN bool jump(Cpu& c, u16 pc) {  // false: to other memory
    if (GB_LIKELY(u16(pc - con.code_first) < con.code_size)) {
      c.ip = con.code_base + (u64(pc) << SHIFT);
      note(c);
      return true;
    }
    relocate(c, pc);
    return false;
  }
  GB_FN void loop(Cpu& c, u16 pc) {
    const u64 from = c.ip;
    if (jump(c, pc) && c.ip < from) jumped_back(c, pc);
  }
  GB_FN void branch(Cpu& c, u8 distance, bool unless_zero) {
    const u64 target = c.ip + (i64(i8(distance)) << SHIFT), offset = target - (con.code_base + (u64(con.code_first) << SHIFT));
    if (GB_UNLIKELY(offset >= u64(con.code_size) << SHIFT)) return relocate(c, u16((target - con.code_base) >> SHIFT));
    c.ip = target;
    note(c);
    if (!(distance & 0x80) || (unless_zero && distance == 0xFD && count_down(c))) return;
    jumped_back(c, pc(c));
  }

  GB_FN u32 fetch(Cpu& c) {
    u32 value;
    if constexpr (InRom) {
      value = c.operand & 255;
      c.operand >>= 8;
    } else if (GB_LIKELY(c.ip < c.code_end)) {
      value = *reinterpret_cast<const u8*>(c.ip);
    } else {
      const u16 at = pc(c);
      relocate(c, at);
      value = con.code_size ? *reinterpret_cast<const u8*>(c.ip) : bus::read(con, at, c.clock);
    }
    c.ip += 1u << SHIFT;
    c.clock += 4;
    return value;
  }
  GB_FN u16 fetch16(Cpu& c) {
    if constexpr (InRom) {
      c.ip += 2u << SHIFT;
      c.clock += 8;
      return c.operand;
    }
    const u32 lo = fetch(c);
    return u16(fetch(c) << 8 | lo);
  }
  GB_FN u8 read(Cpu& c, u32 addr) {
    const u8* page = con.read_page[addr >> 12];
    const u8 value = GB_LIKELY(page != nullptr) ? page[addr] : bus::read(con, u16(addr), c.clock);
    c.clock += 4;
    return value;
  }
  GB_FN void write(Cpu& c, u32 addr, u8 value) {
    u8* page = con.write_page[addr >> 12];
    if (GB_LIKELY(page != nullptr)) {
      u8& byte = page[addr];
      c.dirty |= byte ^ value;
      byte = value;
    } else {
      bus::write(con, u16(addr), value, c.clock);
      if (con.moved) relocate(c, pc(c));
    }
    c.clock += 4;
  }
  GB_FN void idle(Cpu& c) { c.clock += 4; }
  GB_FN u8 read_high(Cpu& c, u8 n) {
    const u8 value = n >= 0x80 && n < 0xFF ? con.g.hram[n - 0x80] : bus::read(con, u16(0xFF00 | n), c.clock);
    c.clock += 4;
    return value;
  }
  GB_FN void write_high(Cpu& c, u8 n, u8 value) {
    if (n < 0x80 || n == 0xFF) return write(c, u16(0xFF00 | n), value);
    c.clock += 4;
    u8& byte = con.g.hram[n - 0x80];
    c.dirty |= byte ^ value;
    byte = value;
  }
  GB_FN void halt(Cpu&) { con.g.mode = HALTING, con.next_event = 0; }
  // Pan Docs, "Reducing Power Consumption": one byte if an interrupt waits, else two; HALT or nothing while a button is down.
  GB_FN void stop(Cpu& c) {
    const bool waiting = con.g.irq_flags & con.g.irq_enable & 0x1F, pressed = (joypad::read(con.g) & 15) != 15;
    if (!waiting) jump(c, u16(pc(c) + 1));
    bus::catch_up_interrupts(con.g, c.clock);
    if (!pressed) bus::write(con, 0xFF04, 0, c.clock);
    if (!pressed || !waiting) con.g.mode = pressed ? HALTING : STOPPED, con.next_event = 0;
  }
  GB_FN void illegal(Cpu&) { con.g.mode = LOCKED, con.next_event = 0; }
  GB_FN void enable_interrupts(Cpu&, bool at_once) {
    (at_once ? con.g.ime : con.g.ei_pending) = 1;
    if (!at_once || (con.g.irq_flags & con.g.irq_enable & 0x1F)) con.next_event = 0;
  }
  GB_FN void disable_interrupts(Cpu&) { con.g.ime = con.g.ei_pending = 0; }

  // DEC r; JR NZ to itself: all rounds but the last that end before the next event, at once.
  GB_FN bool count_down(Cpu& c) {
    if (!con.skip || (!InRom && c.ip + 2 >= c.code_end)) return false;
    const u8* code = InRom ? con.read_page[pc(c) >> 12] + pc(c) : reinterpret_cast<const u8*>(c.ip);
    if ((code[0] & 0xC7) != 0x05 || code[0] == 0x35 || code[1] != 0x20 || con.next_event <= c.clock) return false;
    const u32 r = code[0] >> 3, pair = r < 2 ? c.bc : r < 4 ? c.de : c.hl;
    const u32 left = r == 7 ? c.a : (r & 1) ? pair & 255 : pair >> 8;
    const u32 rounds = u32(least<u64>(left - 1, (con.next_event - c.clock - 1) / 16));
    if (!rounds) return true;
    const u8 value = u8(left - rounds);
    const u16 counted = u16(pair - (rounds << ((r & 1) ? 0 : 8)));
    if (r == 7) c.a = value;
    else if (r < 2) c.bc = counted;
    else if (r < 4) c.de = counted;
    else c.hl = counted;
    c.f = u8((c.f & FC) | FN | ((value & 15) == 15 ? FH : 0));
    c.clock += 16 * rounds;
    return true;
  }

  // LDH A,[LY]; CP n; JR NZ or JR C back to the first: all rounds that end before the next event and before LY can be n.
  GB_FN bool wait_for_line(Cpu& c, u16 pc) {
    const u8* page = con.read_page[pc >> 12];
    if (!page || (pc & 0xFFF) > 0xFFA || page[pc] != 0xF0 || page[pc + 1] != 0x44) return false;
    const u8 *code = page + pc, n = code[3];
    if (code[2] != 0xFE || (code[4] != 0x20 && code[4] != 0x38) || code[5] != 0xFA || !ppu::on(con.g)) return false;
    con.loop_place = NEVER;
    const u64 read_at = c.clock + 8;
    if (con.next_event <= c.clock || (code[4] == 0x38 && ppu::ly(con.g, read_at) >= n)) return true;
    const u64 rounds = least(con.next_event - c.clock - 1, ppu::next_line(con.g, n, read_at) - read_at + 31) / 32;
    if (rounds) {
      c.clock += 32 * rounds;
      c.a = ppu::ly(con.g, c.clock - 24);
      sm83::compare(c, n, 0);
    }
    return true;
  }

  // Idle loops. When a backward jump lands where the last one did, with the same registers, with no byte of memory changed
  // and every value read still standing, the next rounds are the same round: all that end before something can
  // change are passed over at once. A, F and the place are compared first: most loops that work differ there.
  GB_FN void jumped_back(Cpu& c, u16 pc) {
    if (!con.skip || wait_for_line(c, pc)) return;
    const u64 place = c.ip << 16 | c.a << 8 | c.f;
    if (place != con.loop_place) {
      con.loop_place = place;
      con.loop_dirty = 1;
      return;
    }
    const u64 registers = c.bc | u64(c.de) << 16 | u64(c.hl) << 32 | u64(c.sp) << 48;
    const u64 until = least(con.next_event, con.loop_stable);
    if (registers == con.loop_registers && !(c.dirty | con.loop_dirty) && until > c.clock) {
      const u64 round = c.clock - con.loop_clock;
      c.clock += (until - c.clock - 1) / round * round;
    }
    con.loop_registers = registers, con.loop_clock = c.clock;
    con.loop_stable = NEVER;
    con.loop_dirty = c.dirty = 0;
  }
};

}  // namespace gb
