// Code in ROM as machine code of the host: a block at a time, from where a jump goes to the next jump. For x86-64 under Unix;
// elsewhere, and for what it leaves out, the interpreter runs. Host code.
//
// A block runs only if its last instruction begins before the next event, so that nothing has to be looked at on its way.
// It is entered from decoded ROM, whose entry it takes over, and from other blocks. Memory out of the pages goes through the
// same bus::read and bus::write at the same moments. So all gives the same, bit for bit.
//
// Consoles note where they jump; between two steps, while no console runs, what they noted is translated, with all that is
// reached from there.
#pragma once
#include "console.h"

#if defined(__x86_64__) && defined(__unix__) && defined(__GNUC__)
#include <cpuid.h>
#include <sys/mman.h>

#include "emit.h"

namespace gb {

class Translator : Emitter {
 public:
  Translator(const Cartridge& cart, std::vector<Decoded>& decoded)
      : Emitter(cart), decoded_(decoded), entries_(cart.rom_banks * 0x4000), noted_(entries_.size()) {
    u32 a, b, c = 0, d;
    if (!__get_cpuid(0x80000001, &a, &b, &c, &d) || !(c & 1)) return;  // no LAHF
    void* memory = mmap(nullptr, CAPACITY, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return;
    memory_ = static_cast<u8*>(memory);
    as_.bytes({0x0F, 0x0B});  // so that no block begins at 0 or 1
    write_stubs();
    if (!publish()) release();
    shared_ = used_;
  }
  ~Translator() { release(); }
  Translator(const Translator&) = delete;
  Translator& operator=(const Translator&) = delete;

  bool ready() const { return memory_; }
  // Bytes of blocks.
  size_t size() const { return used_ - shared_; }

  // Gives a console what it needs to run what is translated, and to note in `wanted` what is not.
  void equip(Console& con, u32* wanted) const {
    if (!memory_) return;
    con.host.enter = reinterpret_cast<void (*)(Host*, const u8*)>(memory_ + enter_);
    con.host.code = memory_;
    con.host.all_entries = entries_.data();
    con.host.wanted = wanted;
  }

  void learn(u32* wanted) {
    for (u32 i = 0; i < Host::WANTED; i++) {
      if (!wanted[i]) continue;
      const u32 place = (wanted[i] - 1) / DECODED_BANK * 0x4000 + (wanted[i] - 1) % DECODED_BANK;
      wanted[i] = 0;
      if (entries_[place] == NEW && ++noted_[place] == OFTEN) reached_.push_back(place);
    }
    while (memory_ && !reached_.empty() && offset() + ROOM < CAPACITY) {
      const u32 place = reached_.back();
      reached_.pop_back();
      if (entries_[place] == NEW) block(place);
    }
    reached_.clear();
    if (!as_.here()) return;
    finish_jumps(entries_, REFUSED + 1);
    if (!publish()) release();
  }

 private:
  static constexpr u64 CAPACITY = 64 << 20;
  static constexpr u32 ROOM = 1 << 20;  // more than a block needs, and the jumps that are not bound
  static constexpr u32 LONGEST = 48;    // instructions
  static constexpr u8 OFTEN = 2;        // times that code is noted before it is worth the work
  enum Entry : u32 { NEW, REFUSED };    // other values are offsets in memory_

  void release() {
    if (memory_) munmap(memory_, CAPACITY);
    memory_ = nullptr;
  }

  // Appends what was assembled to the memory that runs, which is never writable and executable at once.
  bool publish() {
    u8* first = memory_ + (used_ & ~4095u);
    const u64 bytes = (memory_ + offset() - first + 4095) & ~4095ull;
    if (mprotect(first, bytes, PROT_READ | PROT_WRITE)) return false;
    std::memcpy(memory_ + used_, as_.code.data(), as_.here());
    used_ = offset();
    as_.code.clear();
    return mprotect(first, bytes, PROT_READ | PROT_EXEC) == 0;
  }

  // The instruction at a place; HALT stands for all that is left to the interpreter.
  Instruction fetch(u32 place, u32 at) const {
    const u8* code = cart_.rom + place;
    const u32 room = 0x4000 - (place & 0x3FFF), length = rom::length(*code);
    Instruction i{at, pc_of(place), 0, *code, 0, NEED_ALL};
    const bool counts_down = (i.op & 0xC7) == 0x05 && i.op != 0x35 && room > 2 && code[1] == 0x20 && code[2] == 0xFD;
    if (length > room || !cycles(i) || counts_down) {  // the interpreter knows the end of a loop that counts down
      i.op = 0x76;
      return i;
    }
    if (length > 1) i.operand = code[1];
    if (length > 2) i.operand = u16(code[1] | code[2] << 8);
    if (i.op == 0xCB) i.cb = code[1];
    return i;
  }

  void block(u32 place) {
    std::vector<Instruction> list;
    u32 at = 0, next = place;
    bool ended = false, refused = false;
    while (!ended && !refused && list.size() < LONGEST && bank_of(next) == bank_of(place) && entries_[next] <= REFUSED) {
      const Instruction i = fetch(next, at);
      refused = i.op == 0x76;
      if (refused) break;
      list.push_back(i);
      at += cycles(i);
      next += rom::length(i.op);
      ended = jumps(i.op);
    }
    if (refused) go_on_after(next);
    if (list.empty()) {
      entries_[place] = REFUSED;
      return;
    }
    for (size_t n = list.size() - 1; n > 0; n--) list[n - 1].live = u8((list[n].live & ~flags_written(list[n])) | flags_read(list[n]));
    Decoded& entry = decoded_[place / 0x4000 * DECODED_BANK + place % 0x4000];
    entry.handler = rom::enter_handler();
    entry.native = entries_[place] = offset();
    begin_block(place, list.back().at);
    for (const Instruction& i : list) emit(i);
    if (!ended) end_block(at, u16(pc_of(place) + (next - place)));
    finish_block();
  }

  // The code behind an instruction that is left to the interpreter is wanted too, but for STOP.
  void go_on_after(u32 place) {
    const u8 op = cart_.rom[place];
    const u32 after = place + (((op & 0xC7) == 0x05) ? 3 : rom::length(op));
    if (op != 0x10 && bank_of(after) == bank_of(place)) reached_.push_back(after);
  }

  std::vector<Decoded>& decoded_;
  std::vector<u32> entries_;  // Entry of every byte of the ROM
  std::vector<u8> noted_;     // how often
  u8* memory_ = nullptr;
  u32 shared_ = 0;  // bytes of what all blocks share
};

}  // namespace gb

#else

namespace gb {

class Translator {
 public:
  Translator(const Cartridge&, std::vector<Decoded>&) {}
  bool ready() const { return false; }
  size_t size() const { return 0; }
  void equip(Console&, u32*) const {}
  void learn(u32*) {}
};

}  // namespace gb

#endif
