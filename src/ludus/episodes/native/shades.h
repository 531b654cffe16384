// Pictures in shades as H.264, lossless, at the cost of copying them: constrained baseline with CAVLC. A macroblock that has
// not changed is skipped (P_Skip); one that only goes on with the row above it or the column left of it is predicted (I_16x16
// without residual); of one that has changed here and there the change is written (P_L0_16x16); any other is written as it
// is (I_PCM). Deblocking is off, all chroma is 128, every picture is a reference, and no picture waits for another: so
// decoding order is showing order. No macroblock has motion, so what P_Skip infers (clause 8.4.1.1) is none too. Nothing
// here depends on the machine: equal pictures give equal bytes everywhere.
#pragma once
#include <algorithm>
#include <optional>

#include "residual.h"
#include "stream.h"

namespace film {

constexpr u32 MB_LUMA = 256, MB_CHROMA = 128;
using u128 = unsigned __int128;

class ShadeCoder : public ShadeStream {
 public:
  using ShadeStream::ShadeStream;
  virtual ~ShadeCoder() = default;

  // Takes the next picture uint8[height, width] of a lane; `number` counts pictures since the last key picture.
  virtual void hold(size_t lane, const u8* picture, u32 number) = 0;
  // Appends a picture that is held as one NAL unit behind its length; `key_id` tells neighbouring key pictures apart.
  virtual void encode(size_t lane, u32 number, u32 key_id, Bytes& out) = 0;
};

// A Word holds a row of a macroblock, 16 pixels, the leftmost lowest: u64 for up to 16 shades, u128 for up to 256.
template <class Word>
class WordCoder final : public ShadeCoder {
 public:
  static constexpr u32 DEPTH = sizeof(Word) * 8 / MB, VALUES = 1 << DEPTH;

  // luma[v] is what frame value v is shown as, 16 to 235; values beyond stand for the first.
  WordCoder(size_t lanes, u32 width, u32 height, const std::string& luma, Rate rate)
      : ShadeCoder(width, height, rate), table_(table_of(luma)), held_(lanes), change_(words()), counts_(plane(rows_ * SIDE, 0)),
        room_(std::make_unique<u8[]>(MACROBLOCK_MOST * (size_t(columns_) * rows_ + 1))) {
    if constexpr (DEPTH == Residual::DEPTH)
      if (luma.size() <= FEW) residuals_.emplace(table_);
  }

  // Beyond the edges the last row and column go on.
  void hold(size_t lane, const u8* picture, u32 number) override {
    std::vector<Word>& group = held_[lane];
    if (group.size() < (number + 1) * words()) group.resize((number + 1) * words());
    Word* to = &group[number * words()];
    const size_t inside = size_t(columns_) * height_;
    if (width_ % MB || !pack(picture, to, inside)) pack(evened(picture), to, inside);
    for (size_t at = inside; at < words(); at++) to[at] = to[at - columns_];
  }

  void encode(size_t lane, u32 number, u32 key_id, Bytes& out) override {
    const Word* pixels = &held_[lane][number * words()];
    const bool key = number == 0;
    const size_t length_at = out.size();
    put_be(out, 0, 4);
    out.push_back(key ? 0x65 : 0x61);
    Bits bits(room_.get());
    write_slice_header(bits, number, key_id);
    if (!key) compare(pixels, pixels - words());
    std::fill(counts_.begin(), counts_.end(), u8(0));
    u32 skipped = 0;
    for (u32 row = 0; row < rows_; row++)
      for (u32 column = 0; column < columns_; column++) {
        const size_t at = size_t(row) * MB * columns_ + column;
        u8* counts = &counts_[plane(row * SIDE, column * SIDE)];
        const Macroblock block{pixels + at, &change_[at], columns_, counts, row > 0, column > 0};
        if (!key && !block.changed()) {
          skipped++;
          continue;
        }
        if (!key) bits.ue(skipped), skipped = 0;
        write(bits, block, key);
      }
    if (skipped) bits.ue(skipped);
    append_escaped(bits.end(), out);
    set_be32(out.data() + length_at, u32(out.size() - length_at - 4));
  }

 private:
  static constexpr u32 MACROBLOCK_MOST = 512;  // bytes
  static constexpr u32 FEW = 4;                // shades
  static constexpr u32 BLOCKS = 16, SIDE = 4;  // of 4 x 4 pixels in a macroblock, and in its width
  static constexpr u32 FOUR = SIDE * DEPTH;    // bits of 4 pixels
  static constexpr Word FOUR_ALL = (Word(1) << FOUR) - 1;

  size_t words() const { return size_t(columns_) * rows_ * MB; }

  // 16 x 16 pixels within the picture.
  struct Macroblock {
    const Word *pixels, *change;
    u32 stride;
    u8* counts;  // of coefficients of every 4 x 4 pixels, in the picture's plane of them; I_PCM counts as 16
    bool has_above, has_left;

    Word row(u32 y) const { return pixels[y * stride]; }
    bool changed() const {
      Word any = 0;
      for (u32 y = 0; y < MB; y++) any |= change[y * stride];
      return any != 0;
    }
    u32 plane_stride() const { return stride * SIDE + 1; }
    u8& count(u32 at) const { return counts[at / SIDE * plane_stride() + at % SIDE]; }
    // How many coefficients the neighbours of 4 x 4 pixels have (clause 9.2.1, nC): outside of the picture are none.
    u32 around(u32 at) const {
      const u8* here = &count(at);
      const u32 both = (has_left || at % SIDE) & (has_above || at >= SIDE);
      return (*(here - 1) + *(here - plane_stride()) + both) >> both;
    }
    bool goes_down() const {
      Word other = 0;
      for (u32 y = 0; y < MB; y++) other |= row(y) ^ pixels[-i64(stride)];
      return !other;
    }
    bool goes_right() const {
      constexpr Word ALL = Word(~Word(0)) / (VALUES - 1);  // one in every pixel
      Word other = 0;
      for (u32 y = 0; y < MB; y++) other |= row(y) ^ (pixels[i64(y * stride) - 1] >> DEPTH * (MB - 1)) * ALL;
      return !other;
    }
    // 4 x 4 pixels of these rows.
    Word block(const Word* rows, u32 at) const {
      Word found = 0;
      for (u32 y = SIDE; y-- > 0;) found = found << FOUR | (rows[(at / SIDE * SIDE + y) * stride] >> at % SIDE * FOUR & FOUR_ALL);
      return found;
    }
    // Which of the 4 x 4 pixels have changed, as bits.
    u32 changes() const {
      u32 changes = 0;
      for (u32 band = 0; band < SIDE; band++) {
        Word any = 0;
        for (u32 y = 0; y < SIDE; y++) any |= change[(band * SIDE + y) * stride];
        for (u32 x = 0; x < SIDE; x++) changes |= u32((any >> x * FOUR & FOUR_ALL) != 0) << (band * SIDE + x);
      }
      return changes;
    }
  };

  // Where the count of coefficients of a block of 4 x 4 pixels stands.
  size_t plane(u32 row, u32 column) const { return size_t(row + 1) * (columns_ * SIDE + 1) + column + 1; }

  static std::array<u8, VALUES> table_of(const std::string& luma) {
    std::array<u8, VALUES> table;
    for (u32 i = 0; i < VALUES; i++) table[i] = u8(luma[i < luma.size() ? i : 0]);
    return table;
  }

  void compare(const Word* __restrict pixels, const Word* __restrict before) {
    for (size_t i = 0; i < change_.size(); i++) change_[i] = pixels[i] ^ before[i];
  }

  // From which on a frame value has no shade, and stands for the first.
  u32 values() const { return residuals_ ? FEW : VALUES; }

  // Says no where a value may not fit.
  bool pack(const u8* __restrict pixels, Word* __restrict words, size_t count) const {
    if constexpr (DEPTH == 8) {
      std::memcpy(words, pixels, count * MB);
      return true;
    }
    u8* to = reinterpret_cast<u8*>(words);
    u16 all = 0;
    for (size_t i = 0; i < count * MB / 2; i++) {
      u16 pair;
      std::memcpy(&pair, pixels + 2 * i, 2);
      all |= pair;
      to[i] = u8(pair | pair >> 4);
    }
    return u32((all | all >> 8) & 255) < values();
  }

  // The picture as wide as its macroblocks, with no value that no shade has.
  const u8* evened(const u8* picture) {
    const u32 wide = columns_ * MB;
    even_.resize(size_t(wide) * height_);
    for (u32 y = 0; y < height_; y++, picture += width_)
      for (u32 x = 0; x < wide; x++) {
        const u8 value = picture[std::min(x, width_ - 1)];
        even_[size_t(y) * wide + x] = value < values() ? value : 0;
      }
    return even_.data();
  }

  void write(Bits& bits, const Macroblock& block, bool key) {
    if (block.has_above && block.goes_down()) return write_prediction(bits, block, key, 0);
    if (block.has_left && block.goes_right()) return write_prediction(bits, block, key, 1);
    if constexpr (DEPTH == Residual::DEPTH)
      if (!key && residuals_) {
        const Bits undone = bits;
        if (write_change(bits, block)) return;
        bits = undone;
      }
    bits.ue(key ? 25 : 30);  // mb_type I_PCM
    bits.align();
    u8* pcm = bits.raw(MB_LUMA + MB_CHROMA);
    for (u32 y = 0; y < MB; y++) shade(block.row(y), pcm + y * MB);
    std::memset(pcm + MB_LUMA, 128, MB_CHROMA);
    for (u32 i = 0; i < BLOCKS; i++) block.count(i) = 16;
  }

  // As the difference from what it was; says no where that cannot be said, or takes more bits.
  bool write_change(Bits& bits, const Macroblock& block) {
    constexpr u32 QUARTER = 0b110011;  // 4 blocks of a macroblock's 16
    constexpr u8 PATTERN_CODES[16] = {0, 2, 3, 7, 4, 8, 17, 13, 5, 18, 9, 14, 10, 15, 16, 11};
    const u32 changes = block.changes();
    Word after[BLOCKS], before[BLOCKS];
    for (u32 left = changes; left; left &= left - 1) {
      const u32 at = u32(__builtin_ctz(left));
      after[at] = block.block(block.pixels, at);
      before[at] = after[at] ^ block.block(block.change, at);
      residuals_->expect(before[at], after[at]);
    }
    u32 pattern = 0;
    for (u32 i = 0; i < 4; i++) pattern |= u32((changes >> (i / 2 * 8 + i % 2 * 2) & QUARTER) != 0) << i;
    const u32 most = bits.length() + 8 * (MB_LUMA + MB_CHROMA);
    bits.put(0b111, 3);               // mb_type P_L0_16x16 without motion
    bits.ue(PATTERN_CODES[pattern]);  // coded_block_pattern, table 9-4
    bits.se(0);                       // mb_qp_delta
    for (u32 quarter = 0; quarter < 4; quarter++) {
      if (!(pattern >> quarter & 1)) continue;
      for (const u32 i : {0, 1, 4, 5}) {
        const u32 at = quarter / 2 * 8 + quarter % 2 * 2 + i, near = block.around(at);
        if (!(changes >> at & 1)) {
          bits.put(cavlc::token(near, 0, 0));
          continue;
        }
        const Residual& change = residuals_->of(before[at], after[at]);
        if (change.coefficients == Residual::UNSAID) return false;
        bits.put(cavlc::token(near, change.coefficients, change.ones));
        change.write(bits);
        block.count(at) = change.coefficients;
      }
    }
    return bits.length() <= most;
  }

  // mode 0: down, 1: right; no coefficients.
  static void write_prediction(Bits& bits, const Macroblock& block, bool key, u32 mode) {
    bits.ue((key ? 1 : 6) + mode);  // mb_type I_16x16
    bits.ue(0), bits.se(0);         // intra_chroma_pred_mode, mb_qp_delta
    bits.put(cavlc::token(block.around(0), 0, 0));
  }

  void shade(Word row, u8* to) const {
    if constexpr (DEPTH == Residual::DEPTH)
      if (residuals_) return shade_few(row, to);
    for (u32 x = 0; x < MB; x++, row >>= DEPTH) to[x] = table_[size_t(row % VALUES)];
  }

  // A shade's two bits choose the bits in which its luma differs from the first shade's: 8 pixels at once.
  void shade_few(u64 row, u8* to) const {
    constexpr u64 ONES = 0x0101010101010101;
    const u64 base = table_[0], low = base ^ table_[1], high = base ^ table_[2], both = low ^ high ^ base ^ table_[3];
    for (u32 x = 0; x < MB; x += 8, row >>= 32) {
      u64 eight = row & 0xFFFFFFFF;
      eight = (eight | eight << 16) & 0x0000FFFF0000FFFF;
      eight = (eight | eight << 8) & 0x00FF00FF00FF00FF;
      eight = (eight | eight << 4) & 0x0F0F0F0F0F0F0F0F;
      const u64 first = eight & ONES, second = eight >> 1 & ONES;
      eight = base * ONES ^ first * low ^ second * high ^ (first & second) * both;
      std::memcpy(to + x, &eight, 8);
    }
  }

  std::array<u8, VALUES> table_;
  std::optional<Residuals> residuals_;   // of few shades, where the same changes come again
  std::vector<std::vector<Word>> held_;  // every lane's pictures since the last key picture
  std::vector<Word> change_;             // what differs between a picture and the one before
  Bytes even_;
  Bytes counts_;                // of coefficients of 4 x 4 pixels, with a row above and a column left of the picture
  std::unique_ptr<u8[]> room_;  // of a picture's payload
};

inline std::unique_ptr<ShadeCoder> shade_coder(size_t lanes, u32 width, u32 height, const std::string& luma, Rate rate) {
  if (luma.size() <= WordCoder<u64>::VALUES) return std::make_unique<WordCoder<u64>>(lanes, width, height, luma, rate);
  return std::make_unique<WordCoder<u128>>(lanes, width, height, luma, rate);
}

}  // namespace film
