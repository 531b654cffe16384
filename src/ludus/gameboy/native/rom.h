// Code in ROM, which never changes: decoded once for all lanes, each instruction with the address of the code that runs it,
// so that one instruction jumps straight to the next. Host compilers that know labels as values only; elsewhere, and for code
// in RAM, console::run_anywhere reads bytes. Both give the same, bit for bit.
#pragma once
#include "bus.h"

namespace gb::rom {

#if defined(__GNUC__) && !defined(__CUDACC__) && !defined(__CUDACC_RTC__)

// The registers as translated code has them, and back. The host's flags, as LAHF gives them, are 0x40 Z, 0x10 H, 0x01 C.
GB_FN void to_host(Console& con, const Cpu& c) {
  Host& h = con.host;
  h.af = c.a | (c.f >> 1 & 0x50) << 8 | (c.f & FC) << 4, h.subtract = c.f & FN;
  h.bc = c.bc, h.de = c.de, h.hl = c.hl, h.sp = c.sp, h.clock = c.clock, h.dirty = c.dirty;
  h.hram = con.g.hram;
}
GB_FN void from_host(const Console& con, Cpu& c) {
  const Host& h = con.host;
  c.a = u8(h.af), c.f = u8((h.af >> 7 & 0xA0) | (h.af >> 4 & FC) | h.subtract);
  c.bc = u16(h.bc), c.de = u16(h.de), c.hl = u16(h.hl), c.sp = u16(h.sp), c.clock = h.clock, c.dirty = h.dirty != 0;
}

// Runs from pc until something needs attention or the code leaves decoded ROM: then console->left. Without a console: gives
// the handlers of the 256 opcodes, of the 256 that follow CB, of the entry that leaves and of those where a block begins.
GB_SLOW const void* const* run_or_list(Console* console, Cpu* cpu, u16* pc) {
#define GB_LABEL(op) &&op_##op,
#define GB_LABEL_CB(op) &&cb_##op,
  static const void* const handlers[514] = {GB_ALL_BYTES(GB_LABEL) GB_ALL_BYTES(GB_LABEL_CB) &&leave, &&enter};
  if (!console) return handlers;
  Console& con = *console;
  ConsoleBus<true> bus{con};
  Cpu c = *cpu;  // a copy, so that the registers of the loop need no address
  bus.relocate(c, *pc);
#define GB_AT reinterpret_cast<const Decoded*>(c.ip)
#define GB_GO c.ip += sizeof(Decoded), c.clock += 4; goto *GB_AT[-1].handler;
#define GB_NEXT if (GB_UNLIKELY(c.clock >= con.next_event)) goto out; GB_GO
#define GB_OPCODE(op) op_##op: c.operand = u16(GB_AT[-1].operand); sm83::execute<op>(c, bus); GB_NEXT
#define GB_OPCODE_CB(op) cb_##op: c.ip += sizeof(Decoded), c.clock += 4; sm83::prefixed<op>(c, bus); GB_NEXT
  GB_GO
  GB_ALL_BYTES(GB_OPCODE)
  GB_ALL_BYTES(GB_OPCODE_CB)
enter:  // a block of translated code; where it ends, at least one instruction is interpreted
  c.ip -= sizeof(Decoded), c.clock -= 4;
  if (con.host.entries[0] && c.clock < con.next_event) {  // else one instruction is due, whatever waits
    to_host(con, c);
    con.host.enter(&con.host, con.host.code + GB_AT->native);
    from_host(con, c);
    if (con.moved) bus.relocate(c, u16(con.host.pc));
    else bus.jump(c, u16(con.host.pc));
    if (c.clock >= con.next_event) goto out;
  }
  c.ip += sizeof(Decoded), c.clock += 4;
  goto *handlers[GB_AT[-1].opcode];
leave:
  c.ip -= sizeof(Decoded), c.clock -= 4;
  if (!con.left) con.left = true, con.left_pc = u16((c.ip - con.code_base) >> 4);
out:
  *pc = bus.pc(c);
  *cpu = c;
  return handlers;
#undef GB_OPCODE_CB
#undef GB_OPCODE
#undef GB_NEXT
#undef GB_GO
#undef GB_AT
#undef GB_LABEL_CB
#undef GB_LABEL
}

inline const void* enter_handler() { return run_or_list(nullptr, nullptr, nullptr)[513]; }

// False if the instruction at pc is none of decoded ROM.
GB_FN bool run(Console& con, Cpu& c, u16& pc) {
  run_or_list(&con, &c, &pc);
  return !con.left;
}

constexpr u32 length(u8 opcode) {  // in bytes
  const u32 x = opcode >> 6, y = opcode >> 3 & 7, z = opcode & 7;
  if (x == 0) return (z == 1 && !(y & 1)) || opcode == 0x08 ? 3 : z == 6 || (z == 0 && y > 2) ? 2 : 1;
  if (x < 3) return 1;
  if ((z == 2 && (y < 4 || y == 5 || y == 7)) || (z == 4 && y < 4) || opcode == 0xC3 || opcode == 0xCD) return 3;
  return z == 6 || (z == 0 && y >= 4) || opcode == 0xCB ? 2 : 1;
}

// Decodes one bank of 16 KiB. An instruction that does not end in it is left to run_anywhere.
inline void decode(const u8* bank, Decoded* to) {
  const void* const* handlers = run_or_list(nullptr, nullptr, nullptr);
  to[0x4000] = {handlers[512], 0, 512, 0};
  for (u32 i = 0; i < 0x4000; i++) {
    const u32 bytes = length(bank[i]);
    if (i + bytes > 0x4000) to[i] = {handlers[512], 0, 512, 0};
    else if (bank[i] == 0xCB) to[i] = {handlers[256 + bank[i + 1]], 0, u16(256 + bank[i + 1]), 0};
    else to[i] = {handlers[bank[i]], u16((bytes > 1 ? bank[i + 1] : 0u) | (bytes > 2 ? bank[i + 2] << 8 : 0u)), bank[i], 0};
  }
}

#else

GB_FN bool run(Console&, Cpu&, u16&) { return false; }

#endif

}  // namespace gb::rom
