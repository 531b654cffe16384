// The CPU alone on 64 KiB of plain memory, every machine cycle written down: the bus that single-step vectors assume.
#pragma once
#include "cpu.h"

namespace gb {

struct FlatBus {
  struct Cycle {
    u16 address;
    u8 data;
    char kind;  // 'r' read, 'w' write, '-' none: the bus keeps what it showed
  };
  u8* memory;  // 65,536 bytes
  Cycle cycles[8];
  u32 count = 0;
  u8 ime = 0, ei_pending = 0;

  void note(Cpu& c, u16 address, u8 data, char kind) {
    c.clock += 4;
    if (count < 8) cycles[count++] = {address, data, kind};
  }
  u8 read(Cpu& c, u16 address) {
    note(c, address, memory[address], 'r');
    return memory[address];
  }
  void write(Cpu& c, u16 address, u8 value) {
    memory[address] = value;
    note(c, address, value, 'w');
  }
  void idle(Cpu& c) { note(c, cycles[count - 1].address, cycles[count - 1].data, '-'); }
  u8 read_high(Cpu& c, u8 n) { return read(c, u16(0xFF00 | n)); }
  void write_high(Cpu& c, u8 n, u8 value) { write(c, u16(0xFF00 | n), value); }
  void halt(Cpu& c) { idle(c), idle(c); }
  void stop(Cpu& c) { idle(c), idle(c); }
  void illegal(Cpu&) {}
  void enable_interrupts(Cpu&, bool at_once) { (at_once ? ime : ei_pending) = 1; }
  void disable_interrupts(Cpu&) { ime = ei_pending = 0; }
  u8 fetch(Cpu& c) { return read(c, u16(c.ip++)); }
  u16 fetch16(Cpu& c) {
    const u8 lo = fetch(c);
    return u16(fetch(c) << 8 | lo);
  }
  u16 pc(const Cpu& c) const { return u16(c.ip); }
  void jump(Cpu& c, u16 target) { c.ip = target; }
  void loop(Cpu& c, u16 target) { c.ip = target; }
  void branch(Cpu& c, u8 distance, bool) { c.ip += i8(distance); }

  void step(Cpu& c) {
#define GB_CASE(op) case op: sm83::execute<op>(c, *this); break;
    switch (fetch(c)) { GB_ALL_BYTES(GB_CASE) }
#undef GB_CASE
  }
};

}  // namespace gb
