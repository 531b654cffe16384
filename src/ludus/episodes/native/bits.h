// Numbers as files hold them: big-endian bytes, and the bits of H.264 (Rec. ITU-T H.264, clauses 7.3.1 and 9.1).
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace film {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i32 = std::int32_t;
using i64 = std::int64_t;
using Bytes = std::vector<u8>;
using View = std::span<const u8>;

// A code: its bits, and how many.
struct Code {
  u8 bits, length;
};

inline void put_be(Bytes& out, u64 value, u32 bytes) {
  while (bytes) out.push_back(u8(value >> 8 * --bytes));
}

inline void set_be32(u8* at, u32 value) {
  for (u32 i = 0; i < 4; i++) at[i] = u8(value >> (24 - 8 * i));
}

inline void set_be64(u8* at, u64 value) {
  set_be32(at, u32(value >> 32)), set_be32(at + 4, u32(value));
}

inline u64 get_be(const u8* at, u32 bytes) {
  u64 value = 0;
  for (u32 i = 0; i < bytes; i++) value = value << 8 | at[i];
  return value;
}

// Bits, the highest first. Whole words are written, whatever is in them: the room has 64 bytes more than the bits take.
class Bits {
 public:
  explicit Bits(u8* room) : room_(room), at_(room) {}

  // Up to 56 at once, and at least one.
  void put(u64 value, u32 count) {
    held_ |= value << (64 - held_count_ - count);
    set_be64(at_, held_);
    go_on(count);
    held_ <<= held_count_ & ~7u;
    held_count_ &= 7;
  }
  // The first `count` bits of words, behind which they are 0: without a branch, for how many there are cannot be foreseen.
  template <size_t WORDS>
  void put(const std::array<u64, WORDS>& words, u32 count) {
    u64 held = held_;
    for (size_t i = 0; i < WORDS; i++) {
      set_be64(at_ + 8 * i, held | words[i] >> held_count_);
      held = words[i] << 1 << (63 - held_count_);
    }
    set_be64(at_ + 8 * WORDS, held);
    go_on(count);
    held_count_ &= 7;
    held_ = u64(*at_) << 56;
  }
  void put(Code code) { put(code.bits, code.length); }
  void flag(bool value) { put(value, 1); }
  void ue(u32 value) { put(value + 1, 63 - 2 * u32(__builtin_clz(value + 1))); }
  void se(i32 value) { ue(value > 0 ? 2 * u32(value) - 1 : 2 * u32(-value)); }
  void align() {
    if (held_count_) put(0, 8 - held_count_);
  }
  u32 length() const { return u32(at_ - room_) * 8 + held_count_; }
  // How many bytes there are, where the bits are aligned.
  size_t bytes() const { return size_t(at_ - room_); }
  // Room for so many bytes, where the bits are aligned.
  u8* raw(size_t count) { return (at_ += count) - count; }
  // Ends a NAL unit's payload.
  View end() {
    put(1, 1);
    align();
    return {room_, bytes()};
  }

 private:
  void go_on(u32 count) { held_count_ += count, at_ += held_count_ >> 3; }

  u8 *room_, *at_;
  u64 held_ = 0;        // those of a byte that is not whole yet, from the highest on
  u32 held_count_ = 0;  // up to 7
};

// Appends a NAL unit's payload: two zero bytes and a byte below 4 get a 3 between them.
inline void append_escaped(View payload, Bytes& out) {
  constexpr u64 LOW = 0x7F7F7F7F7F7F7F7F;
  const u8 *from = payload.data(), *const end = from + payload.size();
  for (const u8* at = from; end - at > 2;) {
    if (end - at >= 8) {  // to the first two zeros in a row among eight bytes
      u64 eight;
      std::memcpy(&eight, at, 8);
      const u64 zeros = ~(((eight & LOW) + LOW) | eight | LOW), pairs = zeros & zeros >> 8;
      if (!pairs) {
        at += 7;
        continue;
      }
      at += __builtin_ctzll(pairs) / 8;
    }
    if (end - at > 2 && !at[0] && !at[1] && at[2] < 4) {
      out.insert(out.end(), from, at + 2);
      out.push_back(3);
      from = at += 2;
    } else {
      at++;
    }
  }
  out.insert(out.end(), from, end);
}

}  // namespace film
