// Writes x86-64 machine code: only the forms that translate.h needs. Host code.
#pragma once
#include <cstring>
#include <initializer_list>
#include <vector>

#include "platform.h"

namespace gb::x64 {

// Numbers of registers as instructions hold them. Those of 8 bits are reached without a prefix but for SIL.
enum Reg8 : int { AL, CL, DL, BL, AH, CH, DH, BH, SIL };
enum Reg : int { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };
enum Condition : u8 { ABOVE_EQUAL = 3, ZERO = 4, NOT_ZERO = 5, BELOW_EQUAL = 6, ABOVE = 7 };
enum Alu : u8 { ADD, OR, ADC, SBB, AND, SUB, XOR, CMP };

// A place in memory: RDI plus a register, or plus a constant.
struct Place {
  int index;  // a register, or -1
  u32 constant;
};

class Assembler {
 public:
  std::vector<u8> code;

  u32 here() const { return u32(code.size()); }
  void bytes(std::initializer_list<int> list) {
    for (int byte : list) code.push_back(u8(byte));
  }
  void word(u32 v) {
    for (u32 i = 0; i < 4; i++) code.push_back(u8(v >> 8 * i));
  }
  void quad(u64 v) { word(u32(v)), word(u32(v >> 32)); }

  // Jumps hold their distance in their last four bytes; these give where those bytes lie.
  u32 jump() { return bytes({0xE9}), word(0), here(); }
  u32 jump_if(Condition c) { return bytes({0x0F, 0x80 | c}), word(0), here(); }
  u32 call() { return bytes({0xE8}), word(0), here(); }
  void bind(u32 from, u32 to) { write(from - 4, to - from); }
  void bind(u32 from) { bind(from, here()); }

  // An instruction with [R13 + offset]: the fields of the console that code and core share.
  void field(std::initializer_list<int> opcode, int reg, i32 offset) {
    bytes(opcode);
    const bool near = offset >= -128 && offset < 128;
    bytes({(near ? 0x45 : 0x85) | (reg & 7) << 3});
    if (near) bytes({offset});
    else word(u32(offset));
  }
  void load(int reg, i32 offset) { field({reg < 8 ? 0x49 : 0x4D, 0x8B}, reg, offset); }
  void store(int reg, i32 offset) { field({reg < 8 ? 0x49 : 0x4D, 0x89}, reg, offset); }

  // An instruction with [RDI + ...].
  void at(std::initializer_list<int> opcode, int reg, Place place) {
    bytes(opcode);
    if (place.index < 0) bytes({0x87 | (reg & 7) << 3}), word(place.constant);
    else bytes({0x04 | (reg & 7) << 3, place.index << 3 | 7});
  }

  void move(int to, int from) { bytes({0x89, 0xC0 | from << 3 | to}); }  // 32 bits
  void set(int to, u32 v) { bytes({0xB8 | to}), word(v); }
  void alu(Alu op, int to, u32 v) { bytes({0x81, 0xC0 | op << 3 | to}), word(v); }
  void alu(Alu op, int to, int from, bool) { bytes({op << 3 | 1, 0xC0 | from << 3 | to}); }
  void call_host(u64 function) { bytes({0x48, 0xB8}), quad(function), bytes({0xFF, 0xD0}); }

  // 8 bits. One operand: `group` names the instruction among those that share `opcode`.
  void one(int opcode, int group, int reg) {
    if (reg == SIL) bytes({0x40});
    bytes({opcode, 0xC0 | group << 3 | (reg == SIL ? 6 : reg)});
  }
  void shift(int group, int reg, u32 by = 1) {
    one(by == 1 ? 0xD0 : 0xC0, group, reg);
    if (by != 1) bytes({int(by)});
  }
  void immediate8(int group, int reg, int v) { one(0x80, group, reg), bytes({v}); }
  void copy8(int to, int from) { bytes({0x88, 0xC0 | from << 3 | to}); }

  void lahf() { bytes({0x9F}); }
  void sahf() { bytes({0x9E}); }

 private:
  void write(u32 offset, u32 v) { std::memcpy(&code[offset], &v, 4); }
};

}  // namespace gb::x64
