// One instruction of the SM83 after the other as x86-64 machine code; translate.h makes blocks of them. Host code.
//
// Registers: AL = A, AH = the flags as LAHF has them (N lies in memory: the host has none), BX = BC, DX = DE, CX = HL, BP = SP,
// their upper halves zero. R12 = the clock at the begin of the block, R13 = Console::host, R14 = HRAM, R15 = not zero once
// memory has changed. RSI, RDI, R8 to R10 and the host's own flags are free between two instructions.
//
// What an instruction cannot do (a stack out of plain memory, ...) is left to the interpreter: the block is left before it.
#pragma once
#include <functional>

#include "console.h"
#include "x64.h"

namespace gb {

enum Needs : u8 { NEED_Z = 1, NEED_H = 2, NEED_C = 4, NEED_N = 8, NEED_ALL = 15 };

struct Instruction {
  u32 at;        // T-cycles from the begin of the block
  u16 pc, operand;
  u8 op, cb;     // cb: the byte after CB
  u8 live;       // the flags that are read after it: Needs
};

constexpr const char* MACHINE_CYCLES =  // of each opcode, its jump not taken; 0: left to the interpreter
    "1322112102221121" "0322112132221121" "2322112022221121" "2322333122221121"
    "1111112111111121" "1111112111111121" "1111112111111121" "2222220211111121"
    "1111112111111121" "1111112111111121" "1111112111111121" "1111112111111121"
    "2334342424323624" "2330342424303024" "3320042441400024" "3321042432400024";

inline u32 cycles(const Instruction& i) {
  if (i.op == 0xCB) return (i.cb & 7) != 6 ? 8 : i.cb >> 6 == 1 ? 12 : 16;
  return 4u * u32(MACHINE_CYCLES[i.op] - '0');
}

// It ends a block.
inline bool jumps(u8 op) {
  const u32 x = op >> 6, z = op & 7, y = op >> 3 & 7;
  if (x == 0) return z == 0 && y >= 3;
  if (x != 3) return false;
  return z == 7 || (y < 4 && (z == 0 || z == 2 || z == 4)) || op == 0xC3 || op == 0xCD || op == 0xC9 || op == 0xD9 || op == 0xE9;
}

// It may leave the block: before itself, or after a write that the rest of the machine must see.
inline bool may_leave(const Instruction& i) {
  const u32 x = i.op >> 6, y = i.op >> 3 & 7, z = i.op & 7;
  if (i.op == 0xCB) return (i.cb & 7) == 6 && i.cb >> 6 != 1;
  if (x == 0) return (z == 2 && !(y & 1)) || (y == 6 && z >= 4 && z <= 6);
  if (x == 1) return y == 6;
  return x == 3 && (i.op == 0xE0 || i.op == 0xE2 || i.op == 0xEA || z == 1 || z == 5);
}

inline u8 flags_written(const Instruction& i) {
  const u32 x = i.op >> 6, y = i.op >> 3 & 7, z = i.op & 7;
  if (i.op == 0xCB) return i.cb < 0x40 ? NEED_ALL : i.cb < 0x80 ? NEED_Z | NEED_H | NEED_N : 0;
  if (x == 0 && z == 1) return (y & 1) ? NEED_H | NEED_C | NEED_N : 0;
  if (x == 0 && (z == 4 || z == 5)) return NEED_Z | NEED_H | NEED_N;
  if (x == 0 && z == 7) return y < 4 ? NEED_ALL : y == 5 ? NEED_H | NEED_N : NEED_H | NEED_C | NEED_N;
  return x == 2 || (x == 3 && z == 6) || i.op == 0xE8 || i.op == 0xF8 ? NEED_ALL : 0;
}

inline u8 flags_read(const Instruction& i) {
  const u32 x = i.op >> 6, y = i.op >> 3 & 7, z = i.op & 7;
  if (jumps(i.op) || may_leave(i)) return NEED_ALL;
  if (i.op == 0xCB) return i.cb >> 3 == 2 || i.cb >> 3 == 3 ? NEED_C : 0;
  if (x == 0 && z == 7) return y == 2 || y == 3 || y == 7 ? NEED_C : 0;
  return (x == 2 || (x == 3 && z == 6)) && (y == 1 || y == 3) ? NEED_C : 0;
}

class Emitter {
 protected:
  using Place = x64::Place;
  struct Jump {
    u32 from, place;  // `place`: of a byte in the ROM
    u16 pc;
  };
  static constexpr u32 NOWHERE = ~0u;

  explicit Emitter(const Cartridge& cart) : cart_(cart) {}

  Cartridge cart_;
  x64::Assembler as_;
  u32 used_ = 0;  // bytes that lie before what is being assembled
  u32 enter_ = 0, leave_ = 0, read_ = 0, write_ = 0, back_ = 0;  // where the stubs lie
  std::vector<Jump> jumps_;    // not bound yet
  std::vector<u32> reached_;   // places where code goes on
  u32 bank_ = 0;               // the place where the bank of this block begins

  u32 offset() const { return used_ + as_.here(); }
  static u32 bank_of(u32 place) { return place & ~0x3FFFu; }
  static u16 pc_of(u32 place) { return u16((place < 0x4000 ? 0 : 0x4000) + (place & 0x3FFF)); }

  // The place of the byte at `pc` as code of this block sees it. A block runs only while bank 0 lies at 0000 and another at 4000.
  u32 place_at(u16 pc) const {
    if (pc < 0x4000) return pc;
    if (pc >= 0x8000) return NOWHERE;
    return bank_ ? bank_ + (pc & 0x3FFF) : cart_.rom_banks == 2 ? pc : NOWHERE;
  }

  void begin_block(u32 place, u32 last) {
    bank_ = bank_of(place);
    as_.bytes({0x49, 0x8D, 0xB4, 0x24}), as_.word(last);  // lea rsi,[r12+last]
    as_.field({0x49, 0x3B}, x64::RSI, place_of(sample_.next_event));
    leave_if(x64::ABOVE_EQUAL, pc_of(place), 0);
  }
  void end_block(u32 at, u16 pc) { add_clock(at), go(pc); }
  void finish_block() {
    while (!cold_.empty()) {
      const auto piece = std::move(cold_.back());
      cold_.pop_back();
      piece();
    }
  }

  // Binds the jumps between blocks; `entries` holds the offset of each block, and what is below `first` for none.
  void finish_jumps(const std::vector<u32>& entries, u32 first) {
    for (const Jump& jump : jumps_) {
      if (entries[jump.place] >= first) stub(jump.from, entries[jump.place]);
      else as_.bind(jump.from), leave(jump.pc);
    }
    jumps_.clear();
  }

  // --- What all blocks share --------------------------------------------------------------------------------------------

  void write_stubs() {
    const Host& h = sample_.host;
    enter_ = offset();  // enter(host, code)
    as_.bytes({0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57, 0x48, 0x83, 0xEC, 0x08});  // push rbx rbp r12..r15
    as_.bytes({0x49, 0x89, 0xFD});                                                                    // mov r13,rdi
    each_register(&x64::Assembler::load);
    as_.load(14, place_of(h.hram));
    as_.bytes({0xFF, 0xE6});  // jmp rsi
    leave_ = offset();        // ESI = PC
    each_register(&x64::Assembler::store);
    as_.store(x64::RSI, place_of(h.pc));
    as_.bytes({0x48, 0x83, 0xC4, 0x08, 0x41, 0x5F, 0x41, 0x5E, 0x41, 0x5D, 0x41, 0x5C, 0x5D, 0x5B, 0xC3});
    read_ = offset();  // ESI = address, R8 = when: then the byte lies at RDI + ESI
    as_.bytes({0x50, 0x51, 0x52, 0x56, 0x48, 0x83, 0xEC, 0x08, 0x4B, 0x8D, 0x14, 0x04});  // push; lea rdx,[r12+r8]
    console_argument();
    as_.call_host(reinterpret_cast<u64>(&host_read));
    as_.field({0x41, 0x88}, x64::AL, place_of(h.value));
    as_.bytes({0x48, 0x83, 0xC4, 0x08, 0x5E, 0x5A, 0x59, 0x58});
    as_.field({0x49, 0x8D}, x64::RDI, place_of(h.value));
    as_.bytes({0x48, 0x29, 0xF7, 0xC3});  // sub rdi,rsi; ret
    write_ = offset();                    // ESI = value, EDI = address, R8 = when: then ZERO if the block may go on
    as_.bytes({0x50, 0x51, 0x52, 0x89, 0xF2, 0x89, 0xFE, 0x4B, 0x8D, 0x0C, 0x04});  // push; edx = esi; esi = edi; lea rcx,[r12+r8]
    console_argument();
    as_.call_host(reinterpret_cast<u64>(&host_write));
    as_.bytes({0x85, 0xC0, 0x5A, 0x59, 0x58, 0xC3});  // test eax,eax; pop; ret
    back_ = offset();                                 // ESI = PC
    each_register(&x64::Assembler::store);
    as_.bytes({0x48, 0x83, 0xEC, 0x08});
    console_argument();
    as_.call_host(reinterpret_cast<u64>(&jumped_back));
    each_register(&x64::Assembler::load);
    as_.bytes({0x48, 0x83, 0xC4, 0x08, 0xC3});
  }

  // --- Instructions -----------------------------------------------------------------------------------------------------

  void emit(const Instruction& i) {
    const u32 x = i.op >> 6, y = i.op >> 3 & 7, z = i.op & 7;
    if (jumps(i.op)) return jump(i);
    if (i.op == 0xCB) return prefixed(i);
    if (x == 0) return low_block(i);
    if (x == 3) return high_block(i);
    if (x == 2) {
      if (z != 6) return alu(i, y, [=, this](int op) { as_.bytes({op << 3, 0xC0 | R8[z] << 3}); });
      const Place at = read(i, {x64::RCX, 0}, 4);
      return alu(i, y, [=, this](int op) { as_.at({op << 3 | 2}, x64::AL, at); });
    }
    if (y == 6) {
      as_.bytes({0x0F, 0xB6, 0xF0 | R8[z]});  // movzx esi,r
      return write(i, {x64::RCX, 0}, 4);
    }
    if (z == 6) as_.at({0x8A}, R8[y], read(i, {x64::RCX, 0}, 4));
    else if (y != z) as_.copy8(R8[y], R8[z]);
  }

 private:
  static constexpr int R8[8] = {x64::BH, x64::BL, x64::DH, x64::DL, x64::CH, x64::CL, -1, x64::AL};
  static constexpr int R16[4] = {x64::RBX, x64::RDX, x64::RCX, x64::RBP};

  static u32 host_read(Console* con, u32 addr, u64 now) {  // no block runs during OAM DMA
    return addr >= 0xFF00 && addr < 0xFF80 ? bus::read_io(*con, u8(addr), now) : bus::read(*con, u16(addr), now);
  }
  static u32 host_write(Console* con, u32 addr, u32 value, u64 now) {
    bus::write(*con, u16(addr), u8(value), now);
    return con->moved || !con->next_event;
  }
  static void jumped_back(Console* con, u32 pc) {
    Cpu c{};
    rom::from_host(*con, c);
    c.ip = pc;  // a place like any other: no decoded instruction lies so low
    ConsoleBus<true>{*con}.jumped_back(c, u16(pc));
    rom::to_host(*con, c);
  }

  // How far a field lies from Console::host.
  template <class T>
  i32 place_of(const T& field) const {
    return i32(reinterpret_cast<const u8*>(&field) - reinterpret_cast<const u8*>(&sample_.host));
  }
  void console_argument() {  // lea rdi,[console]
    as_.field({0x49, 0x8D}, x64::RDI, i32(reinterpret_cast<const u8*>(&sample_) - reinterpret_cast<const u8*>(&sample_.host)));
  }
  void each_register(void (x64::Assembler::*move)(int, i32)) {
    const Host& h = sample_.host;
    (as_.*move)(x64::RAX, place_of(h.af)), (as_.*move)(x64::RBX, place_of(h.bc)), (as_.*move)(x64::RDX, place_of(h.de));
    (as_.*move)(x64::RCX, place_of(h.hl)), (as_.*move)(x64::RBP, place_of(h.sp));
    (as_.*move)(12, place_of(h.clock)), (as_.*move)(15, place_of(h.dirty));
  }

  void stub(u32 from, u32 target) { as_.bind(from, target - used_); }
  void add_clock(u32 t) {  // lea: the host's flags stay
    if (t) as_.bytes({0x4D, 0x8D, 0xA4, 0x24}), as_.word(t);
  }
  void leave(u16 pc) { as_.set(x64::RSI, pc), stub(as_.jump(), leave_); }
  void leave_if(x64::Condition condition, u16 pc, u32 at) {
    const u32 from = as_.jump_if(condition);
    cold_.push_back([=, this] { as_.bind(from), add_clock(at), leave(pc); });
  }

  // On to `pc`; go_to_esi: to the PC in ESI.
  void go(u16 pc) {
    const u32 place = place_at(pc);
    if (place == NOWHERE) return as_.set(x64::RSI, pc), go_to_esi();
    reached_.push_back(place);
    jumps_.push_back({as_.jump(), place, pc});
  }
  void go_to_esi() {
    as_.bytes({0x89, 0xF7, 0xC1, 0xEF, 0x0E});                                          // mov edi,esi; shr edi,14
    as_.bytes({0x49, 0x8B, 0xBC, 0xFD}), as_.word(u32(place_of(sample_.host.entries)));  // mov rdi,[entries+rdi*8]
    as_.bytes({0x48, 0x85, 0xFF});                                                      // test rdi,rdi
    stub(as_.jump_if(x64::ZERO), leave_);
    as_.bytes({0x8B, 0x3C, 0xB7, 0x83, 0xFF, 0x01});  // mov edi,[rdi+rsi*4]; cmp edi,1
    stub(as_.jump_if(x64::BELOW_EQUAL), leave_);
    as_.bytes({0x4C, 0x8D, 0x05});  // lea r8,[offset 0]
    as_.word(0u - (offset() + 4));
    as_.bytes({0x4C, 0x01, 0xC7, 0xFF, 0xE7});  // add rdi,r8; jmp rdi
  }

  // A jump that loops are made of, taken. Backward it may pass over idle rounds: looked at if the registers are, as far as
  // a sum tells, those that the last one found.
  void take(const Instruction& i, u16 target) {
    const u8* code = target < i.pc && place_at(target) != NOWHERE ? cart_.rom + place_at(target) : nullptr;
    if (code && i.pc - target == 4 && code[0] == 0xF0 && code[1] == 0x44) {  // a wait for a line: looked at in any case
      as_.set(x64::RSI, target), stub(as_.call(), back_);
    } else if (target <= i.pc && !((target ^ i.pc) & 0xC000)) {
      as_.bytes({0x48, 0x8D, 0x34, 0x4B, 0x48, 0x8D, 0x34, 0x96});      // lea rsi,[rbx+rcx*2]; lea rsi,[rsi+rdx*4]
      as_.bytes({0x48, 0x8D, 0xB4, 0xC6}), as_.word(u32(target) << 4);  // lea rsi,[rsi+rax*8+...]
      as_.field({0x49, 0x3B}, x64::RSI, place_of(sample_.host.last_back));
      const u32 same = as_.jump_if(x64::ZERO);
      as_.store(x64::RSI, place_of(sample_.host.last_back));
      const u32 back = as_.here();
      cold_.push_back([=, this] {
        as_.bind(same);
        as_.set(x64::RSI, target), stub(as_.call(), back_);
        as_.bind(as_.jump(), back);
      });
    }
    go(target);
  }

  void jump(const Instruction& i) {
    const u32 x = i.op >> 6, y = i.op >> 3 & 7, z = i.op & 7;
    const u16 next = u16(i.pc + rom::length(i.op));
    const bool always = i.op == 0x18 || i.op == 0xC3 || i.op == 0xCD || i.op == 0xC9 || i.op == 0xD9 || i.op == 0xE9 || z == 7;
    u32 over = 0;
    if (!always) {
      as_.bytes({0xF6, 0xC4, (y & 2) ? 0x01 : 0x40});  // test ah,the flag
      over = as_.jump_if((y & 1) ? x64::ZERO : x64::NOT_ZERO);
    }
    if (x == 0) add_clock(i.at + 12), take(i, u16(next + i8(i.operand)));
    else if (i.op == 0xE9) as_.move(x64::RSI, x64::RCX), add_clock(i.at + 4), go_to_esi();
    else if (i.op == 0xC3 || z == 2) add_clock(i.at + 16), take(i, i.operand);
    else if (i.op == 0xD9) pop(i), add_clock(i.at + 16), enable_interrupts(), go_to_esi();
    else if (i.op == 0xC9 || z == 0) pop(i), add_clock(i.at + (z ? 16 : 20)), go_to_esi();
    else {  // CALL, RST
      as_.bytes({0x41, 0xBA}), as_.word(next);
      push(i);
      add_clock(i.at + (z == 7 ? 16 : 24));
      go(z == 7 ? u16(y * 8) : i.operand);
      if (place_at(next) != NOWHERE) reached_.push_back(place_at(next));
    }
    if (always) return;
    as_.bind(over);
    end_block(i.at + cycles(i), next);
  }

  // [R14 + ...]: a field of the lane.
  void lane_field(std::initializer_list<int> opcode, int reg, u64 field) {
    as_.bytes(opcode), as_.bytes({0x86 | (reg & 7) << 3}), as_.word(u32(field - __builtin_offsetof(Lane, hram)));
  }
  void set_lane(u64 field, int v) { lane_field({0x41, 0xC6}, 0, field), as_.bytes({v}); }
  void enable_interrupts() {  // RETI: one that waits is due at once
    set_lane(__builtin_offsetof(Lane, ime), 1);
    lane_field({0x41, 0x0F, 0xB6}, x64::RDI, __builtin_offsetof(Lane, irq_flags));
    lane_field({0x45, 0x0F, 0xB6}, 8, __builtin_offsetof(Lane, irq_enable));
    as_.bytes({0x44, 0x21, 0xC7, 0x83, 0xE7, 0x1F});  // and edi,r8d; and edi,1F
    const u32 none = as_.jump_if(x64::ZERO);
    as_.field({0x49, 0xC7}, 0, place_of(sample_.next_event)), as_.word(0);
    as_.bind(none);
  }

  // --- Memory -----------------------------------------------------------------------------------------------------------

  // RDI = the page of a place, which is plain memory if it is not ZERO.
  template <class Pages>
  void find_page(Place place, const Pages& pages) {
    if (place.index < 0) {
      as_.load(x64::RDI, place_of(pages[place.constant >> 12]));
    } else {
      as_.bytes({0x41, 0x89, 0xC1 | place.index << 3, 0x41, 0xC1, 0xE9, 0x0C});  // mov r9d,index; shr r9d,12
      as_.bytes({0x4B, 0x8B, 0xBC, 0xCD}), as_.word(u32(place_of(pages)));       // mov rdi,[pages+r9*8]
    }
    as_.bytes({0x48, 0x85, 0xFF});  // test rdi,rdi
  }
  void address(int reg, Place place) {
    if (place.index < 0) as_.set(reg, place.constant);
    else if (place.index != reg) as_.move(reg, place.index);
  }
  void when(u32 at) { as_.bytes({0x41, 0xB8}), as_.word(at); }  // mov r8d,at

  // Gives where the byte can be read, `after` T-cycles into the instruction.
  Place read(const Instruction& i, Place place, u32 after) {
    const bool never_plain = place.index < 0 && (place.constant >> 13 == 4 || place.constant >= 0xF000);
    if (never_plain) {
      address(x64::RSI, place), when(i.at + after);
      stub(as_.call(), read_);
      return place;
    }
    find_page(place, sample_.read_page);
    const u32 slow = as_.jump_if(x64::ZERO), back = as_.here();
    cold_.push_back([=, this] {
      as_.bind(slow);
      address(x64::RSI, place), when(i.at + after);
      stub(as_.call(), read_);
      as_.bind(as_.jump(), back);
    });
    return place;
  }

  // Writes ESI. `step`: HL moves by that afterwards.
  void write(const Instruction& i, Place place, u32 after, int step = 0) {
    const bool never_plain = place.index < 0 && (place.constant < 0xA000 || place.constant >= 0xF000);
    if (never_plain) return slow_write(i, place, after, step);
    find_page(place, sample_.write_page);
    const u32 slow = as_.jump_if(x64::ZERO);
    as_.at({0x44, 0x0F, 0xB6}, 8, place);  // movzx r8d,byte
    as_.at({0x40, 0x88}, x64::RSI, place);
    changed();
    const u32 back = as_.here();
    move_hl(step);
    cold_.push_back([=, this] {
      as_.bind(slow);
      slow_write(i, place, after, step);
      as_.bind(as_.jump(), back + (step ? 3 : 0));
    });
  }
  void slow_write(const Instruction& i, Place place, u32 after, int step) {
    address(x64::RDI, place), when(i.at + after);
    stub(as_.call(), write_);
    const u32 out = as_.jump_if(x64::NOT_ZERO);
    move_hl(step);
    cold_.push_back([=, this] {
      as_.bind(out);
      move_hl(step), add_clock(i.at + cycles(i)), leave(u16(i.pc + rom::length(i.op)));
    });
  }
  void move_hl(int step) {  // three bytes
    if (step) as_.bytes({0x66, 0xFF, step > 0 ? 0xC1 : 0xC9});
  }
  void changed() { as_.bytes({0x41, 0x31, 0xF0, 0x45, 0x09, 0xC7}); }  // xor r8d,esi; or r15d,r8d

  // The byte at HL through `change`, which works on SIL.
  template <class F>
  void modify(const Instruction& i, F change) {
    const Place hl{x64::RCX, 0};
    find_page(hl, sample_.write_page);
    leave_if(x64::ZERO, i.pc, i.at);
    as_.at({0x0F, 0xB6}, x64::RSI, hl);
    as_.bytes({0x41, 0x89, 0xF0});  // mov r8d,esi
    change(x64::SIL);
    as_.at({0x40, 0x88}, x64::RSI, hl);
    changed();
  }

  void leave_at_page_end(const Instruction& i) {  // if R8D is the first byte of a page
    as_.bytes({0x41, 0xF7, 0xC0}), as_.word(0xFFF);
    leave_if(x64::ZERO, i.pc, i.at);
  }
  // RDI + index = two bytes of plain memory or HRAM; else the block is left.
  template <class Pages>
  void find_stack(const Instruction& i, int index, const Pages& pages) {
    find_page({index, 0}, pages);
    const u32 none = as_.jump_if(x64::ZERO), back = as_.here();
    cold_.push_back([=, this] {
      as_.bind(none);
      as_.bytes({0x44, 0x8D, 0x88 | index}), as_.word(0u - 0xFF80);  // lea r9d,[index-FF80]
      as_.bytes({0x41, 0x83, 0xF9, 0x7D});                           // cmp r9d,7D
      leave_if(x64::ABOVE, i.pc, i.at);
      as_.bytes({0x49, 0x8D, 0xBE}), as_.word(0u - 0xFF80);  // lea rdi,[r14-FF80]
      as_.bind(as_.jump(), back);
    });
  }
  void pop(const Instruction& i) {  // into ESI
    as_.bytes({0x44, 0x8D, 0x45, 0x01});  // lea r8d,[rbp+1]
    leave_at_page_end(i);
    find_stack(i, x64::RBP, sample_.read_page);
    as_.at({0x0F, 0xB7}, x64::RSI, {x64::RBP, 0});
    as_.bytes({0x66, 0x83, 0xC5, 0x02});  // add bp,2
  }
  void push(const Instruction& i) {  // R10D
    as_.bytes({0x8D, 0x75, 0xFE, 0x0F, 0xB7, 0xF6, 0x44, 0x8D, 0x46, 0x01});  // lea esi,[rbp-2]; movzx esi,si; lea r8d,[rsi+1]
    leave_at_page_end(i);
    find_stack(i, x64::RSI, sample_.write_page);
    as_.at({0x44, 0x0F, 0xB7}, 8, {x64::RSI, 0});
    as_.at({0x66, 0x44, 0x89}, 10, {x64::RSI, 0});
    as_.bytes({0x45, 0x31, 0xD0, 0x45, 0x09, 0xC7, 0x89, 0xF5});  // xor r8d,r10d; or r15d,r8d; mov ebp,esi
  }
  void push_af(const Instruction& i) {
    as_.bytes({0x0F, 0xB6, 0xF4, 0x89, 0xF7, 0x83, 0xE7, 0x50, 0x01, 0xFF});  // Z and H: one bit higher
    as_.bytes({0x83, 0xE6, 0x01, 0xC1, 0xE6, 0x04, 0x09, 0xFE});              // C
    as_.field({0x41, 0x0F, 0xB6}, x64::RDI, place_of(sample_.host.subtract));
    as_.bytes({0x09, 0xFE, 0x0F, 0xB6, 0xF8, 0xC1, 0xE7, 0x08, 0x09, 0xFE, 0x41, 0x89, 0xF2});  // or A << 8; mov r10d,esi
    push(i);
  }
  void pop_af(const Instruction& i) {
    pop(i);
    as_.bytes({0x89, 0xF0, 0xC1, 0xE8, 0x08, 0x89, 0xF7, 0x83, 0xE7, 0x40});  // mov eax,esi; shr eax,8; edi = N
    as_.field({0x41, 0x89}, x64::RDI, place_of(sample_.host.subtract));
    as_.bytes({0x89, 0xF7, 0x81, 0xE7, 0xA0, 0, 0, 0, 0xD1, 0xEF});                          // edi = Z and H
    as_.bytes({0x83, 0xE6, 0x10, 0xC1, 0xEE, 0x04, 0x09, 0xFE, 0xC1, 0xE6, 0x08, 0x09, 0xF0});  // esi = C, or edi; to AH
  }

  // --- Flags and arithmetic ---------------------------------------------------------------------------------------------

  void mask_flags(int keep) { as_.immediate8(x64::AND, x64::AH, keep); }
  void set_flags(int bits) { as_.immediate8(x64::OR, x64::AH, bits); }
  void set_subtract(const Instruction& i, bool n) {
    if (i.live & NEED_N) as_.field({0x41, 0xC6}, 0, place_of(sample_.host.subtract)), as_.bytes({n ? 0x40 : 0});
  }
  // The host's Z and C are right, its H is not: it becomes `half`.
  void keep_flags(const Instruction& i, bool half) {
    if (i.live & ~NEED_N) as_.lahf();
    if (i.live & NEED_H) half ? set_flags(0x10) : mask_flags(0xEF);
  }

  template <class F>
  void alu(const Instruction& i, u32 y, F with_operand) {  // ADD ADC SUB SBC AND XOR OR CP
    const x64::Alu ops[8] = {x64::ADD, x64::ADC, x64::SUB, x64::SBB, x64::AND, x64::XOR, x64::OR, x64::CMP};
    if (y == 1 || y == 3) as_.sahf();
    with_operand(ops[y]);
    if (y >= 4 && y < 7) keep_flags(i, y == 4);
    else if (i.live & ~NEED_N) as_.lahf();
    set_subtract(i, y == 2 || y == 3 || y == 7);
  }
  void count(const Instruction& i, bool down, int reg) {  // INC DEC
    const bool seen = i.live & (NEED_Z | NEED_H);
    if (seen && (i.live & NEED_C)) as_.sahf();
    as_.one(0xFE, down, reg);
    if (seen) as_.lahf();
    set_subtract(i, down);
  }
  void rotate(const Instruction& i, u32 y, int reg) {  // RLC RRC RL RR SLA SRA SWAP SRL
    const int groups[8] = {0, 1, 2, 3, 4, 7, 0, 5};
    if (y == 2 || y == 3) as_.sahf();
    as_.shift(groups[y], reg, y == 6 ? 4 : 1);
    if (y < 4 && (i.live & NEED_Z)) as_.one(0xFE, 0, reg), as_.one(0xFE, 1, reg);  // up and down again: Z is found, C stays
    if (y == 6 && (i.live & ~NEED_N)) as_.immediate8(x64::OR, reg, 0);
    keep_flags(i, false);
    set_subtract(i, false);
  }
  void test_bit(const Instruction& i, u32 y, int reg) {
    const bool carry = i.live & NEED_C;
    if (carry) as_.bytes({0x89, 0xC6});  // mov esi,eax
    as_.one(0xF6, 0, reg), as_.bytes({1 << y});
    as_.lahf();
    if (carry) as_.bytes({0x81, 0xE6}), as_.word(0x100), as_.bytes({0x09, 0xF0});  // C as it was
    if (i.live & NEED_H) set_flags(0x10);
    set_subtract(i, false);
  }
  void prefixed(const Instruction& i) {
    const u32 x = i.cb >> 6, y = i.cb >> 3 & 7, z = i.cb & 7;
    const auto change = [=, this](int reg) {
      if (x == 0) rotate(i, y, reg);
      if (x == 1) test_bit(i, y, reg);
      if (x == 2) as_.immediate8(x64::AND, reg, ~(1 << y));
      if (x == 3) as_.immediate8(x64::OR, reg, 1 << y);
    };
    if (z != 6) return change(R8[z]);
    if (x != 1) return modify(i, change);
    const Place at = read(i, {x64::RCX, 0}, 8);
    as_.at({0x0F, 0xB6}, x64::RDI, at);  // movzx edi,byte
    as_.bytes({0x89, 0xC6, 0x40, 0xF6, 0xC7, 1 << y});
    as_.lahf();
    as_.bytes({0x81, 0xE6}), as_.word(0x100);
    as_.bytes({0x09, 0xF0});
    if (i.live & NEED_H) set_flags(0x10);
    set_subtract(i, false);
  }
  void add_hl(const Instruction& i, int from) {
    const bool half = i.live & NEED_H, seen = half || (i.live & NEED_C);
    if (half) as_.move(x64::RSI, x64::RCX), as_.bytes({0x31, 0xC6 | from << 3});  // xor esi,from
    if (seen) mask_flags(0x40);
    as_.bytes({0x66, 0x01, 0xC1 | from << 3});  // add cx,from
    if (seen) as_.immediate8(x64::ADC, x64::AH, 0);
    if (half) as_.bytes({0x31, 0xCE, 0x81, 0xE6}), as_.word(0x1000), as_.bytes({0x09, 0xF0});  // its carry out of bit 11, to AH
    set_subtract(i, false);
  }
  void column7(const Instruction& i, u32 y) {
    if (y < 4) {
      if (y >= 2) as_.sahf();
      as_.shift(int(y), x64::AL);
      as_.bytes({0x0F, 0x92, 0xC4});  // setc ah: no other flag
    }
    if (y == 5) as_.one(0xF6, 2, x64::AL), set_flags(0x10);
    if (y == 6) mask_flags(0x40), set_flags(0x01);
    if (y == 7) as_.immediate8(x64::XOR, x64::AH, 0x01), mask_flags(0x41);
    set_subtract(i, y == 5);
  }

  void low_block(const Instruction& i) {  // 00..3F
    const u32 y = i.op >> 3 & 7, z = i.op & 7, p = y >> 1, q = y & 1;
    const Place at[4] = {{x64::RBX, 0}, {x64::RDX, 0}, {x64::RCX, 0}, {x64::RCX, 0}};
    const int step = p == 2 ? 1 : p == 3 ? -1 : 0;
    if (z == 1 && !q) as_.set(R16[p], i.operand);
    if (z == 1 && q) add_hl(i, R16[p]);
    if (z == 2 && !q) as_.bytes({0x0F, 0xB6, 0xF0}), write(i, at[p], 4, step);
    if (z == 2 && q) as_.at({0x8A}, x64::AL, read(i, at[p], 4)), move_hl(step);
    if (z == 3) as_.bytes({0x66, 0xFF, (q ? 0xC8 : 0xC0) | R16[p]});
    if ((z == 4 || z == 5) && y != 6) count(i, z == 5, R8[y]);
    if ((z == 4 || z == 5) && y == 6) modify(i, [=, this](int reg) { count(i, z == 5, reg); });
    if (z == 6 && y != 6) as_.bytes({0xB0 | R8[y], i.operand & 255});
    if (z == 6 && y == 6) as_.set(x64::RSI, i.operand & 255), write(i, {x64::RCX, 0}, 8);
    if (z == 7) column7(i, y);
  }

  void sp_plus(const Instruction& i, int to) {  // SP plus a signed byte
    const int v = i.operand & 255;
    as_.bytes({0x89, 0xEE, 0x40, 0x80, 0xC6, v});  // mov esi,ebp; add sil,v
    if (i.live & ~NEED_N) as_.lahf(), mask_flags(0x11);
    set_subtract(i, false);
    as_.bytes({0x8D, 0x45 | to << 3, v, 0x0F, 0xB7, 0xC0 | to << 3 | to});  // lea to,[rbp+v]; movzx to
  }
  void high(u32 n, bool store) {  // HRAM at a constant address
    const int at = int(n - 0x80);
    if (!store) return as_.bytes({0x41, 0x8A, 0x46, at});  // mov al,[r14+at]
    as_.bytes({0x0F, 0xB6, 0xF0, 0x45, 0x0F, 0xB6, 0x46, at, 0x41, 0x88, 0x46, at});
    changed();
  }
  void load_or_store(const Instruction& i, u16 addr, u32 after, bool store) {  // A at a constant address
    if (addr >= 0xFF80 && addr < 0xFFFF) return high(addr & 255, store);
    if (!store) return as_.at({0x8A}, x64::AL, read(i, {-1, addr}, after));
    as_.bytes({0x0F, 0xB6, 0xF0});  // movzx esi,al
    write(i, {-1, addr}, after);
  }
  void high_block(const Instruction& i) {  // C0..FF, jumps excepted
    const u32 y = i.op >> 3 & 7, z = i.op & 7, p = y >> 1;
    if (z == 6) return alu(i, y, [=, this](int op) { as_.bytes({op << 3 | 4, i.operand & 255}); });
    if (z == 5 && p == 3) return push_af(i);
    if (z == 5) return as_.bytes({0x41, 0x89, 0xC2 | R16[p] << 3}), push(i);  // mov r10d,pair
    if (z == 1 && i.op == 0xF9) return as_.move(x64::RBP, x64::RCX);
    if (z == 1 && p == 3) return pop_af(i);
    if (z == 1) return pop(i), as_.move(R16[p], x64::RSI);
    switch (i.op) {
      case 0xF3: return set_lane(__builtin_offsetof(Lane, ime), 0), set_lane(__builtin_offsetof(Lane, ei_pending), 0);
      case 0xE0:
      case 0xF0: return load_or_store(i, u16(0xFF00 | (i.operand & 255)), 8, i.op == 0xE0);
      case 0xEA:
      case 0xFA: return load_or_store(i, i.operand, 12, i.op == 0xEA);
      case 0xE8: return sp_plus(i, x64::RBP);
      case 0xF8: return sp_plus(i, x64::RCX);
      case 0xE2:
        as_.bytes({0x0F, 0xB6, 0xF0, 0x0F, 0xB6, 0xFB, 0x81, 0xCF}), as_.word(0xFF00);  // esi = A; edi = FF00 + C
        return slow_write(i, {x64::RDI, 0}, 4, 0);
      case 0xF2:
        as_.bytes({0x0F, 0xB6, 0xF3, 0x81, 0xCE}), as_.word(0xFF00);  // esi = FF00 + C
        when(i.at + 4);
        stub(as_.call(), read_);
        return as_.at({0x8A}, x64::AL, {x64::RSI, 0});
    }
  }

  Lane lane_{};
  Console sample_{lane_, cart_, nullptr};  // tells where its fields lie
  std::vector<std::function<void()>> cold_;  // the unlikely parts of a block, which come after it
};

}  // namespace gb
