// SM83: every opcode, decoded by its bit fields, each bus access in its own machine cycle.
// Octal decoding after Pan Docs, "CPU instruction set": opcode = x:2 y:3 z:3, y = p:2 q:1.
//
// A bus gives `read`, `write`, `idle` (each one machine cycle), `read_high` and `write_high` (FF00 + n). It keeps the program
// counter: `fetch`, `fetch16`, `pc`, `jump`, and for the jumps that loops are made of `loop` and `branch` (relative), which
// may pass over idle rounds. It is told of `halt`, `stop`, `illegal`, `enable_interrupts(at_once)` and `disable_interrupts`.
#pragma once
#include "opcodes.h"
#include "platform.h"

namespace gb {

struct Cpu {
  u64 clock;
  u64 ip;        // where the next byte of code is: the bus knows what it means
  u64 code_end;  // up to here the bus reads code without asking
  u16 bc, de, hl, sp;
  u8 a, f;
  u8 dirty;     // memory has changed since the last backward jump
  u16 operand;  // of decoded code: the bytes after the opcode
};

enum Flag : u8 { FZ = 0x80, FN = 0x40, FH = 0x20, FC = 0x10 };

namespace sm83 {

GB_FN u8 zero(u8 v) { return v ? 0 : FZ; }
GB_FN u8 high(u16 v) { return u8(v >> 8); }
GB_FN u8 low(u16 v) { return u8(v); }
GB_FN void set_high(u16& pair, u8 v) { pair = u16(v << 8 | (pair & 255)); }
GB_FN void set_low(u16& pair, u8 v) { pair = u16((pair & 0xFF00) | v); }

// The eight operands B C D E H L (HL) A.
template <int R, class Bus>
GB_FN u8 get(Cpu& c, Bus& bus) {
  if constexpr (R == 0) return high(c.bc);
  if constexpr (R == 1) return low(c.bc);
  if constexpr (R == 2) return high(c.de);
  if constexpr (R == 3) return low(c.de);
  if constexpr (R == 4) return high(c.hl);
  if constexpr (R == 5) return low(c.hl);
  if constexpr (R == 6) return bus.read(c, c.hl);
  return c.a;
}

template <int R, class Bus>
GB_FN void set(Cpu& c, Bus& bus, u8 v) {
  if constexpr (R == 0) set_high(c.bc, v);
  if constexpr (R == 1) set_low(c.bc, v);
  if constexpr (R == 2) set_high(c.de, v);
  if constexpr (R == 3) set_low(c.de, v);
  if constexpr (R == 4) set_high(c.hl, v);
  if constexpr (R == 5) set_low(c.hl, v);
  if constexpr (R == 6) bus.write(c, c.hl, v);
  if constexpr (R == 7) c.a = v;
}

template <int P>
GB_FN u16& pair(Cpu& c) {
  if constexpr (P == 0) return c.bc;
  else if constexpr (P == 1) return c.de;
  else if constexpr (P == 2) return c.hl;
  else return c.sp;
}

// NZ Z NC C
template <int Y>
GB_FN bool condition(const Cpu& c) {
  const u8 flag = c.f & (Y & 2 ? FC : FZ);
  return (Y & 1) ? flag != 0 : flag == 0;
}

template <class Bus>
GB_FN void push(Cpu& c, Bus& bus, u16 v) {
  bus.write(c, --c.sp, high(v));
  bus.write(c, --c.sp, low(v));
}

template <class Bus>
GB_FN u16 pop(Cpu& c, Bus& bus) {
  const u8 lo = bus.read(c, c.sp++);
  return u16(bus.read(c, c.sp++) << 8 | lo);
}

template <class Bus>
GB_FN void ret(Cpu& c, Bus& bus) {
  const u16 target = pop(c, bus);
  bus.idle(c);
  bus.jump(c, target);
}

GB_FN void add(Cpu& c, u8 v, u32 carry) {
  const u32 sum = c.a + v + carry;
  c.f = u8(zero(u8(sum)) | ((c.a ^ v ^ sum) & 0x10) << 1 | (sum & 0x100) >> 4);
  c.a = u8(sum);
}

GB_FN u8 compare(Cpu& c, u8 v, u32 borrow) {  // A - v - borrow, and its flags
  const u32 difference = c.a - v - borrow;
  c.f = u8(zero(u8(difference)) | FN | ((c.a ^ v ^ difference) & 0x10) << 1 | (difference & 0x100) >> 4);
  return u8(difference);
}

// ADD ADC SUB SBC AND XOR OR CP
template <int Y>
GB_FN void alu(Cpu& c, u8 v) {
  if constexpr (Y == 0) add(c, v, 0);
  if constexpr (Y == 1) add(c, v, c.f >> 4 & 1);
  if constexpr (Y == 2) c.a = compare(c, v, 0);
  if constexpr (Y == 3) c.a = compare(c, v, c.f >> 4 & 1);
  if constexpr (Y == 4) c.a &= v, c.f = zero(c.a) | FH;
  if constexpr (Y == 5) c.a ^= v, c.f = zero(c.a);
  if constexpr (Y == 6) c.a |= v, c.f = zero(c.a);
  if constexpr (Y == 7) compare(c, v, 0);
}

// RLC RRC RL RR SLA SRA SWAP SRL
template <int Y>
GB_FN u8 rotate(Cpu& c, u8 v) {
  const u8 carry_in = c.f >> 4 & 1;
  u8 out = 0;
  u32 carry = (Y & 1) ? v & 1 : v >> 7;
  if constexpr (Y == 0) out = u8(v << 1 | v >> 7);
  if constexpr (Y == 1) out = u8(v >> 1 | v << 7);
  if constexpr (Y == 2) out = u8(v << 1 | carry_in);
  if constexpr (Y == 3) out = u8(v >> 1 | carry_in << 7);
  if constexpr (Y == 4) out = u8(v << 1);
  if constexpr (Y == 5) out = u8(v >> 1 | (v & 0x80));
  if constexpr (Y == 6) out = u8(v << 4 | v >> 4), carry = 0;
  if constexpr (Y == 7) out = v >> 1;
  c.f = u8(zero(out) | carry << 4);
  return out;
}

GB_FN u8 increment(Cpu& c, u8 v) {
  const u8 out = u8(v + 1);
  c.f = u8((c.f & FC) | zero(out) | ((out & 15) == 0 ? FH : 0));
  return out;
}

GB_FN u8 decrement(Cpu& c, u8 v) {
  const u8 out = u8(v - 1);
  c.f = u8((c.f & FC) | FN | zero(out) | ((v & 15) == 0 ? FH : 0));
  return out;
}

GB_FN void decimal_adjust(Cpu& c) {
  u8 fix = 0, carry = c.f & FC;
  if ((c.f & FH) || (!(c.f & FN) && (c.a & 15) > 9)) fix = 6;
  if (carry || (!(c.f & FN) && c.a > 0x99)) fix |= 0x60, carry = FC;
  c.a = u8((c.f & FN) ? c.a - fix : c.a + fix);
  c.f = u8(zero(c.a) | (c.f & FN) | carry);
}

// SP plus a signed byte, with the flags of the unsigned addition of the low bytes.
GB_FN u16 sp_plus(Cpu& c, u8 v) {
  c.f = u8(((c.sp & 15) + (v & 15) > 15 ? FH : 0) | ((c.sp & 255) + v > 255 ? FC : 0));
  return u16(c.sp + i8(v));
}

template <class Bus>
GB_FN void call(Cpu& c, Bus& bus, u16 target) {
  bus.idle(c);
  push(c, bus, bus.pc(c));
  bus.jump(c, target);
}

template <int Op, class Bus>
GB_FN void prefixed(Cpu& c, Bus& bus) {  // CB
  constexpr int x = Op >> 6, y = Op >> 3 & 7, z = Op & 7;
  const u8 v = get<z>(c, bus);
  if constexpr (x == 0) set<z>(c, bus, rotate<y>(c, v));
  if constexpr (x == 1) c.f = u8((c.f & FC) | FH | zero(u8(v & 1 << y)));
  if constexpr (x == 2) set<z>(c, bus, u8(v & ~(1 << y)));
  if constexpr (x == 3) set<z>(c, bus, u8(v | 1 << y));
}

template <int Y, class Bus>
GB_FN void column0(Cpu& c, Bus& bus) {  // 00 yyy 000
  if constexpr (Y == 1) {               // LD (nn),SP
    const u16 address = bus.fetch16(c);
    bus.write(c, address, low(c.sp));
    bus.write(c, u16(address + 1), high(c.sp));
  }
  if constexpr (Y == 2) bus.stop(c);
  if constexpr (Y >= 3) {
    const u8 distance = bus.fetch(c);
    if (Y == 3 || condition<Y & 3>(c)) bus.idle(c), bus.branch(c, distance, Y == 4);
  }
}

template <int P, int Q, class Bus>
GB_FN void column1(Cpu& c, Bus& bus) {
  if constexpr (Q == 0) {
    pair<P>(c) = bus.fetch16(c);
  } else {  // ADD HL,rr
    const u32 v = pair<P>(c), sum = c.hl + v;
    c.f = u8((c.f & FZ) | ((c.hl ^ v ^ sum) & 0x1000) >> 7 | (sum & 0x10000) >> 12);
    c.hl = u16(sum);
    bus.idle(c);
  }
}

template <int P, int Q, class Bus>
GB_FN void column2(Cpu& c, Bus& bus) {  // LD (BC) (DE) (HL+) (HL-)
  const u16 address = P == 0 ? c.bc : P == 1 ? c.de : c.hl;
  if constexpr (P == 2) c.hl++;
  if constexpr (P == 3) c.hl--;
  if constexpr (Q == 0) bus.write(c, address, c.a);
  else c.a = bus.read(c, address);
}

template <int Y>
GB_FN void column7(Cpu& c) {
  if constexpr (Y < 4) c.a = rotate<Y>(c, c.a), c.f &= FC;
  if constexpr (Y == 4) decimal_adjust(c);
  if constexpr (Y == 5) c.a = ~c.a, c.f |= FN | FH;
  if constexpr (Y == 6) c.f = u8((c.f & FZ) | FC);
  if constexpr (Y == 7) c.f = u8((c.f & FZ) | (~c.f & FC));
}

template <int Op, class Bus>
GB_FN void low_block(Cpu& c, Bus& bus) {  // 00..3F
  constexpr int y = Op >> 3 & 7, z = Op & 7, p = y >> 1, q = y & 1;
  if constexpr (z == 0) column0<y>(c, bus);
  if constexpr (z == 1) column1<p, q>(c, bus);
  if constexpr (z == 2) column2<p, q>(c, bus);
  if constexpr (z == 3) pair<p>(c) = u16(q ? pair<p>(c) - 1 : pair<p>(c) + 1), bus.idle(c);
  if constexpr (z == 4) set<y>(c, bus, increment(c, get<y>(c, bus)));
  if constexpr (z == 5) set<y>(c, bus, decrement(c, get<y>(c, bus)));
  if constexpr (z == 6) set<y>(c, bus, bus.fetch(c));
  if constexpr (z == 7) column7<y>(c);
}

template <int Op, class Bus>
GB_FN void return_or_high(Cpu& c, Bus& bus) {  // 11 yyy 000
  constexpr int y = Op >> 3 & 7;
  if constexpr (y < 4) {  // RET cc
    bus.idle(c);
    if (condition<y>(c)) ret(c, bus);
  }
  if constexpr (y == 4) bus.write_high(c, bus.fetch(c), c.a);
  if constexpr (y == 5) c.sp = sp_plus(c, bus.fetch(c)), bus.idle(c), bus.idle(c);
  if constexpr (y == 6) c.a = bus.read_high(c, bus.fetch(c));
  if constexpr (y == 7) c.hl = sp_plus(c, bus.fetch(c)), bus.idle(c);
}

template <int Op, class Bus>
GB_FN void pop_or_return(Cpu& c, Bus& bus) {  // 11 yyy 001
  constexpr int p = Op >> 4 & 3, q = Op >> 3 & 1;
  if constexpr (q == 0 && p < 3) pair<p>(c) = pop(c, bus);
  if constexpr (q == 0 && p == 3) {
    const u16 v = pop(c, bus);
    c.a = high(v), c.f = v & 0xF0;
  }
  if constexpr (q == 1 && p < 2) {  // RET, RETI
    ret(c, bus);
    if constexpr (p == 1) bus.enable_interrupts(c, true);
  }
  if constexpr (q == 1 && p == 2) bus.jump(c, c.hl);
  if constexpr (q == 1 && p == 3) c.sp = c.hl, bus.idle(c);
}

template <int Op, class Bus>
GB_FN void jump_or_load(Cpu& c, Bus& bus) {  // 11 yyy 010
  constexpr int y = Op >> 3 & 7;
  if constexpr (y == 4) bus.write_high(c, low(c.bc), c.a);
  if constexpr (y == 6) c.a = bus.read_high(c, low(c.bc));
  if constexpr (y < 4 || y == 5 || y == 7) {
    const u16 address = bus.fetch16(c);
    if constexpr (y == 5) bus.write(c, address, c.a);
    if constexpr (y == 7) c.a = bus.read(c, address);
    if constexpr (y < 4)
      if (condition<y>(c)) bus.idle(c), bus.loop(c, address);
  }
}

template <int Op, class Bus>
GB_FN void misc(Cpu& c, Bus& bus) {  // 11 yyy 011
  constexpr int y = Op >> 3 & 7;
  if constexpr (y == 0) {
    const u16 target = bus.fetch16(c);
    bus.idle(c);
    bus.loop(c, target);
  }
  if constexpr (y == 6) bus.disable_interrupts(c);
  if constexpr (y == 7) bus.enable_interrupts(c, false);
  if constexpr (y > 1 && y < 6) bus.illegal(c);
}

template <int Op, class Bus>
GB_FN void high_block(Cpu& c, Bus& bus) {  // C0..FF
  constexpr int y = Op >> 3 & 7, z = Op & 7, p = y >> 1, q = y & 1;
  if constexpr (z == 0) return_or_high<Op>(c, bus);
  if constexpr (z == 1) pop_or_return<Op>(c, bus);
  if constexpr (z == 2) jump_or_load<Op>(c, bus);
  if constexpr (z == 3) misc<Op>(c, bus);
  if constexpr (z == 4 && y < 4) {
    const u16 target = bus.fetch16(c);
    if (condition<y>(c)) call(c, bus, target);
  }
  if constexpr (z == 4 && y >= 4) bus.illegal(c);
  if constexpr (z == 5 && q == 0) bus.idle(c), push(c, bus, p == 3 ? u16(c.a << 8 | c.f) : pair<p>(c));
  if constexpr (z == 5 && q == 1 && p == 0) call(c, bus, bus.fetch16(c));
  if constexpr (z == 5 && q == 1 && p > 0) bus.illegal(c);
  if constexpr (z == 6) alu<y>(c, bus.fetch(c));
  if constexpr (z == 7) call(c, bus, y * 8);
}

template <int Op, class Bus>
GB_FN void unprefixed(Cpu& c, Bus& bus) {
  constexpr int x = Op >> 6, y = Op >> 3 & 7, z = Op & 7;
  if constexpr (x == 0) low_block<Op>(c, bus);
  if constexpr (Op == 0x76) bus.halt(c);
  if constexpr (x == 1 && Op != 0x76) set<y>(c, bus, get<z>(c, bus));
  if constexpr (x == 2) alu<y>(c, get<z>(c, bus));
  if constexpr (x == 3) high_block<Op>(c, bus);
}

#define GB_PREFIXED(op) case op: prefixed<op>(c, bus); break;

template <class Bus>
GB_FN void execute_prefixed(Cpu& c, Bus& bus) {
  switch (bus.fetch(c)) { GB_ALL_BYTES(GB_PREFIXED) }
}

#undef GB_PREFIXED

// The instruction whose first byte, already fetched, is Op.
template <int Op, class Bus>
GB_FN void execute(Cpu& c, Bus& bus) {
  if constexpr (Op == 0xCB) execute_prefixed(c, bus);
  else unprefixed<Op>(c, bus);
}

}  // namespace sm83
}  // namespace gb
