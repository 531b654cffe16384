// What changed in a block of 4 x 4 shades, as H.264 says it: transformed, quantised with QP 0, coded by CAVLC (Rec. ITU-T
// H.264, clauses 8.5 and 9.2; tables 9-5, 9-7, 9-8, 9-10). A change whose pixels would not come back exactly is not said at
// all. Games change few blocks in many ways but often in the same one, so what was coded last is kept at hand.
#pragma once
#include <algorithm>
#include <array>
#include <cstdlib>
#include <mutex>
#include <utility>
#include <vector>

#include "bits.h"

namespace film {

namespace cavlc {

// coeff_token by how many coefficients the neighbours have: 0-1, 2-3, 4-7; [4 * coefficients + trailing ones].
constexpr u8 TOKEN_LENGTH[3][68] = {
    {1,  0, 0, 0, 6,  2,  0,  0, 8,  6,  3,  0,  9,  8,  7,  5,  10, 9,  8,  6,  11, 10, 9,  7,  13, 11, 10, 8,  13, 13, 11, 9,  13, 13,
     13, 10, 14, 14, 13, 11, 14, 14, 14, 13, 15, 15, 14, 14, 15, 15, 15, 14, 16, 15, 15, 15, 16, 16, 16, 15, 16, 16, 16, 16, 16, 16, 16, 16},
    {2,  0, 0, 0, 6,  2,  0,  0, 6,  5,  3,  0,  7,  6,  6,  4,  8,  6,  6,  4,  8,  7,  7,  5,  9,  8,  8,  6,  11, 9,  9,  6,  11, 11,
     11, 7, 12, 11, 11, 9,  12, 12, 12, 11, 12, 12, 12, 11, 13, 13, 13, 12, 13, 13, 13, 13, 13, 14, 13, 13, 14, 14, 14, 13, 14, 14, 14, 14},
    {4, 0, 0, 0, 6, 4, 0, 0, 6, 5, 4, 0, 6, 5,  5,  4, 7,  5,  5,  4, 7,  5,  5,  4, 7,  6,  6,  4, 7,  6,  6,  4, 8,  7,
     7, 5, 8, 8, 7, 6, 9, 8, 8, 7, 9, 9, 8, 8,  9,  9, 9,  8,  10, 9, 9,  9,  10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10}};
constexpr u8 TOKEN_BITS[3][68] = {
    {1,  0, 0, 0, 5,  1,  0, 0, 7,  4,  1,  0, 7,  6,  5,  3, 7,  6,  5,  3, 7,  6,  5, 4,  15, 6,  5,  4, 11, 14, 5, 4, 8, 10,
     13, 4, 15, 14, 9, 4, 11, 10, 13, 12, 15, 14, 9, 12, 11, 10, 13, 8, 15, 1, 9, 12, 11, 14, 13, 8, 7, 10, 9, 12, 4, 6, 5, 8},
    {3,  0, 0, 0, 11, 2,  0, 0, 7,  7,  3,  0, 7,  10, 9,  5, 7,  6,  5,  4, 4, 6,  5,  6,  7,  6,  5,  8, 15, 6,  5, 4, 11, 14,
     13, 4, 15, 10, 9, 4, 11, 14, 13, 12, 8, 10, 9, 8, 15, 14, 13, 12, 11, 10, 9, 12, 7, 11, 6, 8, 9, 8, 10, 1, 7, 6, 5, 4},
    {15, 0, 0, 0, 15, 14, 0, 0, 11, 15, 13, 0, 8,  12, 14, 12, 15, 10, 11, 11, 11, 8, 9,  10, 9,  14, 13, 9, 8, 10, 9, 8, 15, 14,
     13, 13, 11, 14, 10, 12, 15, 10, 13, 12, 11, 14, 9, 12, 8, 10, 13, 8, 13, 7, 9, 12, 9, 12, 11, 10, 5, 8, 7, 6, 1, 4, 3, 2}};

// total_zeros, [coefficients - 1][zeros].
constexpr u8 ZEROS_LENGTH[15][16] = {{1, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 9},
                                     {3, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 6, 6, 6, 6},
                                     {4, 3, 3, 3, 4, 4, 3, 3, 4, 5, 5, 6, 5, 6},
                                     {5, 3, 4, 4, 3, 3, 3, 4, 3, 4, 5, 5, 5},
                                     {4, 4, 4, 3, 3, 3, 3, 3, 4, 5, 4, 5},
                                     {6, 5, 3, 3, 3, 3, 3, 3, 4, 3, 6},
                                     {6, 5, 3, 3, 3, 2, 3, 4, 3, 6},
                                     {6, 4, 5, 3, 2, 2, 3, 3, 6},
                                     {6, 6, 4, 2, 2, 3, 2, 5},
                                     {5, 5, 3, 2, 2, 2, 4},
                                     {4, 4, 3, 3, 1, 3},
                                     {4, 4, 2, 1, 3},
                                     {3, 3, 1, 2},
                                     {2, 2, 1},
                                     {1, 1}};
constexpr u8 ZEROS_BITS[15][16] = {{1, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 1},
                                   {7, 6, 5, 4, 3, 5, 4, 3, 2, 3, 2, 3, 2, 1, 0},
                                   {5, 7, 6, 5, 4, 3, 4, 3, 2, 3, 2, 1, 1, 0},
                                   {3, 7, 5, 4, 6, 5, 4, 3, 3, 2, 2, 1, 0},
                                   {5, 4, 3, 7, 6, 5, 4, 3, 2, 1, 1, 0},
                                   {1, 1, 7, 6, 5, 4, 3, 2, 1, 1, 0},
                                   {1, 1, 5, 4, 3, 3, 2, 1, 1, 0},
                                   {1, 1, 1, 3, 3, 2, 2, 1, 0},
                                   {1, 0, 1, 3, 2, 1, 1, 1},
                                   {1, 0, 1, 3, 2, 1, 1},
                                   {0, 1, 1, 2, 1, 3},
                                   {0, 1, 1, 1, 1},
                                   {0, 1, 1, 1},
                                   {0, 1, 1},
                                   {0, 1}};
// run_before, [min(zeros left, 7) - 1][run].
constexpr u8 RUN_LENGTH[7][15] = {{1, 1},          {1, 2, 2},          {2, 2, 2, 2},         {2, 2, 2, 3, 3}, {2, 2, 3, 3, 3, 3}, {2, 3, 3, 3, 3, 3, 3},
                                  {3, 3, 3, 3, 3, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11}};
constexpr u8 RUN_BITS[7][15] = {{1, 0},          {1, 1, 0},          {3, 2, 1, 0},         {3, 2, 1, 1, 0}, {3, 2, 3, 2, 1, 0}, {3, 0, 1, 3, 2, 5, 4},
                                {7, 6, 5, 4, 3, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1}};

constexpr u8 ZIGZAG[16] = {0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15};

// The coeff_token of a block between neighbours that have `around` coefficients.
inline Code token(u32 around, u32 coefficients, u32 ones) {
  if (around >= 8) return {u8(coefficients ? (coefficients - 1) << 2 | ones : 3), 6};
  const u32 table = around < 2 ? 0 : around < 4 ? 1 : 2, at = 4 * coefficients + ones;
  return {TOKEN_BITS[table][at], TOKEN_LENGTH[table][at]};
}

// A level with so many bits of suffix; without branches but for the rare first one, for levels come as they like.
inline void write_level(Bits& bits, u32 code, u32 suffix) {
  constexpr u32 ESCAPE = 15, ESCAPE_BITS = 12;
  if (!suffix && code < 30) return code < 14 ? bits.put(1, code + 1) : bits.put(1u << 4 | (code - 14), 19);
  const u32 most = suffix ? ESCAPE << suffix : 30;
  const bool escapes = code >= most;
  const u32 prefix = escapes ? ESCAPE : code >> suffix, count = escapes ? ESCAPE_BITS : suffix;
  bits.put(1u << count | (escapes ? code - most : code & ((1u << suffix) - 1)), prefix + 1 + count);
}

}  // namespace cavlc

// A change as bits: coeff_token follows from the neighbours too, what comes after it does not.
struct alignas(64) Residual {
  static constexpr u8 UNSAID = 255;  // for `coefficients`: not exact, or too long

  u64 change = 0;  // 0: nothing is held
  u8 coefficients = 0, ones = 0;
  u16 length = 0;  // of `bits`
  std::array<u64, 6> bits;
};

class Residuals {
 public:
  static constexpr u32 SHADES = 4;

  // luma[v] is what shade v is shown as.
  explicit Residuals(const std::array<u8, SHADES>& luma) : luma_(luma), held_(Shelf::of_all().take(luma)) {}
  ~Residuals() { Shelf::of_all().leave(luma_, std::move(held_)); }
  Residuals(const Residuals&) = delete;

  // The change of 4 x 4 shades, 2 bits each.
  static u64 change(u32 before, u32 after) { return u64(before) << 32 | after; }

  // Fetches what is held of a change that will be asked for soon.
  void expect(u64 change) const {
    const Residual* set = &held_[set_of(change)];
    __builtin_prefetch(set), __builtin_prefetch(set + 1);
  }

  // Valid until the next call.
  const Residual& of(u64 change) {
    Residual* set = &held_[set_of(change)];
    const Residual& held = set[set[1].change == change];  // without a branch: which of the two cannot be foreseen
    if (held.change == change) return held;
    set[1] = set[0];
    return set[0] = code(change);
  }

 private:
  static constexpr u32 SET_BITS = 13;  // of two each
  using Matrix = std::array<i32, 16>;

  // Tables that nobody uses: a game changes tomorrow as it did today, so the next coder goes on with what the last one found.
  class Shelf {
   public:
    static Shelf& of_all() {
      static Shelf& shelf = *new Shelf;  // never destroyed: coders may outlive what is static
      return shelf;
    }
    std::vector<Residual> take(const std::array<u8, SHADES>& luma) {
      const std::lock_guard lock(mutex_);
      const auto found = std::find_if(tables_.begin(), tables_.end(), [&](const auto& table) { return table.first == luma; });
      if (found == tables_.end()) return std::vector<Residual>(size_t(2) << SET_BITS);
      std::vector<Residual> table = std::move(found->second);
      tables_.erase(found);
      return table;
    }
    void leave(const std::array<u8, SHADES>& luma, std::vector<Residual> table) {
      const std::lock_guard lock(mutex_);
      if (tables_.size() == MOST) tables_.erase(tables_.begin());
      tables_.emplace_back(luma, std::move(table));
    }

   private:
    static constexpr size_t MOST = 4;
    std::mutex mutex_;
    std::vector<std::pair<std::array<u8, SHADES>, std::vector<Residual>>> tables_;
  };

  static size_t set_of(u64 change) { return change * 0x9E3779B97F4A7C15 >> (64 - SET_BITS) << 1; }

  Residual code(u64 changed) const {
    Residual out{};
    out.change = changed, out.coefficients = Residual::UNSAID;
    Matrix change;
    for (u32 i = 0; i < 16; i++) change[i] = luma_[changed >> 2 * i & 3] - luma_[changed >> (32 + 2 * i) & 3];
    Matrix levels = quantised(change);
    if (exact(levels, change)) write(levels, out);
    return out;
  }

  static Matrix quantised(const Matrix& change) {
    Matrix w = change;
    const auto pass = [&w](u32 at, u32 step) {
      const i32 a = w[at], b = w[at + step], c = w[at + 2 * step], d = w[at + 3 * step];
      w[at] = a + b + c + d, w[at + step] = 2 * a + b - c - 2 * d, w[at + 2 * step] = a - b - c + d, w[at + 3 * step] = a - 2 * b + 2 * c - d;
    };
    for (u32 i = 0; i < 4; i++) pass(4 * i, 1);
    for (u32 i = 0; i < 4; i++) pass(i, 4);
    for (u32 i = 0; i < 16; i++) {
      const i32 factor = i & 1 && i & 4 ? 5243 : i & 1 || i & 4 ? 8066 : 13107, half = 1 << 14;
      w[i] = w[i] < 0 ? -((-w[i] * factor + half) >> 15) : (w[i] * factor + half) >> 15;
    }
    return w;
  }

  // Says whether a decoder gets the change back; moves one level up or down by one where that makes it so.
  static bool exact(Matrix& levels, const Matrix& change) {
    if (restored(levels) == change) return true;
    for (i32& level : levels)
      for (const i32 move : {1, -2}) {
        level += move;
        if (restored(levels) == change) return true;
        if (move < 0) level++;
      }
    return false;
  }

  static Matrix restored(const Matrix& levels) {
    Matrix d;
    for (u32 i = 0; i < 16; i++) d[i] = levels[i] * (i & 1 && i & 4 ? 16 : i & 1 || i & 4 ? 13 : 10);
    const auto pass = [&d](u32 at, u32 step) {
      const i32 e = d[at] + d[at + 2 * step], f = d[at] - d[at + 2 * step];
      const i32 g = (d[at + step] >> 1) - d[at + 3 * step], h = d[at + step] + (d[at + 3 * step] >> 1);
      d[at] = e + h, d[at + step] = f + g, d[at + 2 * step] = f - g, d[at + 3 * step] = e - h;
    };
    for (u32 i = 0; i < 4; i++) pass(4 * i, 1);
    for (u32 i = 0; i < 4; i++) pass(i, 4);
    for (i32& pixel : d) pixel = (pixel + 32) >> 6;
    return d;
  }

  static void write(const Matrix& levels, Residual& out) {
    i32 values[16];  // from the last in zigzag order to the first
    u32 runs[16], count = 0, zeros = 0, run = 0, ones = 0;
    for (u32 i = 16; i-- > 0;) {
      const i32 level = levels[cavlc::ZIGZAG[i]];
      if (level) {
        if (count) runs[count - 1] = run, zeros += run;
        values[count++] = level, run = 0;
      } else if (count) {
        run++;
      }
    }
    out.coefficients = u8(count);
    if (!count) return;  // shades that are shown alike
    zeros += run;        // before the first
    runs[count - 1] = run;
    while (ones < 3 && ones < count && std::abs(values[ones]) == 1) ones++;
    u8 room[144]{};
    Bits bits(room);
    for (u32 i = 0; i < ones; i++) bits.flag(values[i] < 0);
    u32 suffix = count > 10 && ones < 3;
    for (u32 i = ones; i < count; i++) {
      const u32 size = u32(std::abs(values[i]));
      cavlc::write_level(bits, 2 * size - (values[i] < 0 ? 1 : 2) - (i == ones && ones < 3 ? 2 : 0), suffix);
      suffix = std::max(suffix, 1u);
      suffix += (size > 3u << (suffix - 1)) & (suffix < 6);
    }
    if (count < 16) bits.put(cavlc::ZEROS_BITS[count - 1][zeros], cavlc::ZEROS_LENGTH[count - 1][zeros]);
    for (u32 i = 0; i + 1 < count && zeros; zeros -= runs[i++]) {
      const u32 row = (zeros < 7 ? zeros : 7) - 1;
      bits.put(cavlc::RUN_BITS[row][runs[i]], cavlc::RUN_LENGTH[row][runs[i]]);
    }
    const u32 length = bits.length();
    bits.align();
    if (bits.bytes() > sizeof out.bits) {
      out.coefficients = Residual::UNSAID;
      return;
    }
    for (u32 i = 0; i < out.bits.size(); i++) out.bits[i] = get_be(room + 8 * i, 8);
    out.ones = u8(ones), out.length = u16(length);
  }

  std::array<u8, SHADES> luma_;
  std::vector<Residual> held_;
};

}  // namespace film
