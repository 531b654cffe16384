// Numbers as files hold them: big-endian bytes, and the bits of H.264 (Rec. ITU-T H.264, clauses 7.3.1 and 9.1).
#pragma once
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

inline void put_be(Bytes& out, u64 value, u32 bytes) {
  while (bytes) out.push_back(u8(value >> 8 * --bytes));
}

inline void set_be32(u8* at, u32 value) {
  for (u32 i = 0; i < 4; i++) at[i] = u8(value >> (24 - 8 * i));
}

inline u64 get_be(const u8* at, u32 bytes) {
  u64 value = 0;
  for (u32 i = 0; i < bytes; i++) value = value << 8 | at[i];
  return value;
}

// The bits of one NAL unit, the highest first; two zero bytes and a byte below 4 get a 3 between them.
class Bits {
 public:
  explicit Bits(Bytes& out) : out_(out) {}

  void put(u32 value, u32 count) {
    held_ = held_ << count | value, held_count_ += count;
    while (held_count_ >= 8) held_count_ -= 8, byte(u8(held_ >> held_count_));
    held_ &= (1ull << held_count_) - 1;
  }
  void flag(bool value) { put(value, 1); }
  void ue(u32 value) {
    const u32 length = 32 - u32(__builtin_clz(value + 1));
    put(0, length - 1);
    put(value + 1, length);
  }
  void se(i32 value) { ue(value > 0 ? 2 * u32(value) - 1 : 2 * u32(-value)); }
  void align() {
    if (held_count_) put(0, 8 - held_count_);
  }
  void end() {
    put(1, 1);
    align();
  }
  // Room for bytes none of which is 0, so that nothing in or after them needs a 3. Only where the bits are aligned.
  u8* raw(size_t count) {
    zeros_ = 0;
    out_.resize(out_.size() + count);
    return out_.data() + out_.size() - count;
  }

 private:
  void byte(u8 value) {
    if (zeros_ >= 2 && value <= 3) out_.push_back(3), zeros_ = 0;
    out_.push_back(value);
    zeros_ = value ? 0 : zeros_ + 1;
  }

  Bytes& out_;
  u64 held_ = 0;
  u32 held_count_ = 0, zeros_ = 0;
};

}  // namespace film
