// Pictures in shades as H.264, lossless, at the cost of copying them: constrained baseline with CAVLC. A macroblock that has
// not changed is skipped (P_Skip); one that only goes on with the row above it or the column left of it is predicted (I_16x16
// without residual); of one that has changed here and there the change is written (P_L0_16x16); any other is written as it
// is (I_PCM). Deblocking is off, all chroma is 128, every picture is a reference, and no picture waits for another: so
// decoding order is showing order. No macroblock has motion, so what P_Skip infers (clause 8.4.1.1) is none too. Nothing
// here depends on the machine: equal pictures give equal bytes everywhere.
#pragma once
#include <algorithm>
#include <optional>

#include "pack.h"
#include "residual.h"
#include "stream.h"

namespace film {

constexpr u32 MB_LUMA = 256, MB_CHROMA = 128;
using u128 = unsigned __int128;

class ShadeCoder : public ShadeStream {
 public:
  using ShadeStream::ShadeStream;
  virtual ~ShadeCoder() = default;

  // Bytes of a packed picture, and the most that its changes take.
  virtual size_t packed_bytes() const = 0;
  virtual size_t held_most() const = 0;
  // Packs a picture into `last`, and writes how that changes; gives how many bytes.
  virtual size_t hold(const Picture& picture, u8* last, u8* changes) = 0;
  // Reads the changes of a picture, and makes them in `shown`; then appends the picture as one NAL unit behind its length.
  // `number` counts pictures since the last key picture; `key_id` tells neighbouring key pictures apart.
  virtual void encode(const u8*& changes, u8* shown, u32 number, u32 key_id, Bytes& out) = 0;
};

// A Word holds a row of a macroblock, 16 pixels, the leftmost lowest: u32 for up to 4 shades, u64 for 16, u128 for 256.
template <class Word>
class WordCoder final : public ShadeCoder {
 public:
  static constexpr u32 DEPTH = sizeof(Word) * 8 / MB, VALUES = 1 << DEPTH;

  // luma[v] is what frame value v is shown as, 16 to 235; values beyond stand for the first.
  WordCoder(u32 width, u32 height, const std::string& luma, Rate rate)
      : ShadeCoder(width, height, rate), table_(table_of(luma)), fresh_(words()), before_(words()), places_(words()),
        blocks_(size_t(columns_) * rows_), counts_(plane(rows_ * SIDE, 0)),
        room_(std::make_unique<u8[]>(MACROBLOCK_MOST * (size_t(columns_) * rows_ + 1))) {
    if constexpr (FEW) residuals_.emplace(table_);
    for (u32 at = 0; at < words(); at++) {
      const u32 row = at / columns_;
      places_[at] = {row / MB * columns_ + at % columns_, row % MB / SIDE * SIDE};
    }
  }

  size_t packed_bytes() const override { return words() * sizeof(Word); }
  size_t held_most() const override { return masks() * sizeof(u64) + packed_bytes(); }

  // Beyond the edges the last row and column go on. What is written is a bit for every word, whether it has changed, and the
  // words that have: few, so that pictures that wait leave the caches to the game.
  size_t hold(const Picture& picture, u8* last, u8* changes) override {
    const size_t inside = size_t(columns_) * height_, above = size_t(columns_) * picture.top_rows;
    if (width_ % MB || !pack(picture.top, fresh_.data(), above) || !pack(picture.rest, fresh_.data() + above, inside - above))
      pack(evened(picture), fresh_.data(), inside);
    for (size_t at = inside; at < words(); at++) fresh_[at] = fresh_[at - columns_];
    const Word* before = reinterpret_cast<const Word*>(last);
    u8* next = changes + masks() * sizeof(u64);
    for (size_t at = 0; at < words(); at += 64, changes += sizeof(u64)) {
      u64 mask = differ(&fresh_[at], before + at, std::min(words() - at, size_t(64)));
      std::memcpy(changes, &mask, sizeof mask);
      for (; mask; mask &= mask - 1, next += sizeof(Word)) std::memcpy(next, &fresh_[at + size_t(__builtin_ctzll(mask))], sizeof(Word));
    }
    std::memcpy(last, fresh_.data(), packed_bytes());
    return size_t(next - (changes - masks() * sizeof(u64)));
  }

  void encode(const u8*& changes, u8* shown, u32 number, u32 key_id, Bytes& out) override {
    Word* pixels = reinterpret_cast<Word*>(shown);
    follow(changes, pixels);
    const bool key = number == 0;
    const size_t length_at = out.size();
    put_be(out, 0, 4);
    out.push_back(key ? 0x65 : 0x61);
    Bits bits(room_.get());
    write_slice_header(bits, number, key_id);
    plan(pixels, key);
    std::fill(counts_.begin(), counts_.end(), u8(0));
    u32 next = 0;
    for (const Task& task : tasks_) {
      if (!key) bits.ue(task.number - next), next = task.number + 1;  // those between are skipped
      write(bits, task, key);
    }
    if (!key && next < columns_ * rows_) bits.ue(columns_ * rows_ - next);
    append_escaped(bits.end(), out);
    set_be32(out.data() + length_at, u32(out.size() - length_at - 4));
  }

 private:
  static constexpr u32 MACROBLOCK_MOST = 512;  // bytes
  static constexpr bool FEW = VALUES == Residuals::SHADES;
  static constexpr u32 BLOCKS = 16, SIDE = 4;  // of 4 x 4 pixels in a macroblock, and in its width
  static constexpr u32 FOUR = SIDE * DEPTH;    // bits of 4 pixels
  static constexpr u8 ORDER[BLOCKS] = {0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15};  // in which blocks are said
  static constexpr Word FOUR_ALL = (Word(1) << FOUR) - 1;

  size_t words() const { return size_t(columns_) * rows_ * MB; }
  size_t masks() const { return (words() + 63) / 64; }

  // 16 x 16 pixels within the picture.
  struct Macroblock {
    const Word *pixels, *before;
    u32 stride;
    u8* counts;  // of coefficients of every 4 x 4 pixels, in the picture's plane of them; I_PCM counts as 16
    bool has_above, has_left;

    Word row(u32 y) const { return pixels[y * stride]; }
    u32 plane_stride() const { return stride * SIDE + 1; }
    u8& count(u32 at) const { return counts[at / SIDE * plane_stride() + at % SIDE]; }
    // How many coefficients the neighbours of 4 x 4 pixels have (clause 9.2.1, nC): outside of the picture are none.
    u32 around(u32 at) const {
      const u8* here = &count(at);
      const u32 both = (has_left || at % SIDE) & (has_above || at >= SIDE);
      return (*(here - 1) + *(here - plane_stride()) + both) >> both;
    }
    bool goes_down() const {
      for (u32 y = 0; y < MB; y++)
        if (row(y) != pixels[-i64(stride)]) return false;
      return true;
    }
    bool goes_right() const {
      constexpr Word ALL = Word(~Word(0)) / (VALUES - 1);  // one in every pixel
      for (u32 y = 0; y < MB; y++)
        if (row(y) != (pixels[i64(y * stride) - 1] >> DEPTH * (MB - 1)) * ALL) return false;
      return true;
    }
    // 4 x 4 pixels of these rows.
    Word block(const Word* rows, u32 at) const {
      Word found = 0;
      for (u32 y = SIDE; y-- > 0;) found = found << FOUR | (rows[(at / SIDE * SIDE + y) * stride] >> at % SIDE * FOUR & FOUR_ALL);
      return found;
    }
  };

  enum class Way { PIXELS, DOWN, RIGHT, CHANGE };
  // A macroblock that is not skipped.
  struct Task {
    Macroblock block;
    u32 number;
    Way way;
    u32 changes;   // which of its 4 x 4 pixels have changed, as bits
    size_t first;  // of them in `changes_`
  };

  // Where a word stands.
  struct Place {
    u32 macroblock, row;  // `row` of 4 x 4 pixels, times 4
  };

  // Where the count of coefficients of a block of 4 x 4 pixels stands.
  size_t plane(u32 row, u32 column) const { return size_t(row + 1) * (columns_ * SIDE + 1) + column + 1; }

  static std::array<u8, VALUES> table_of(const std::string& luma) {
    std::array<u8, VALUES> table;
    for (u32 i = 0; i < VALUES; i++) table[i] = u8(luma[i < luma.size() ? i : 0]);
    return table;
  }

  // Says no where a value may not fit.
  static bool pack(const u8* pixels, Word* words, size_t count) {
    u8* to = reinterpret_cast<u8*>(words);
    if constexpr (DEPTH == 8) return std::memcpy(to, pixels, count * MB), true;
    else return (FEW ? pack_by_2 : pack_by_4)(pixels, to, count * MB) < VALUES;
  }

  // The picture as wide as its macroblocks, with no value that no shade has.
  const u8* evened(const Picture& picture) {
    const u32 wide = columns_ * MB;
    even_.resize(size_t(wide) * height_);
    for (u32 y = 0; y < height_; y++)
      for (u32 x = 0; x < wide; x++) {
        const u8 value = picture.row(y, width_)[std::min(x, width_ - 1)];
        even_[size_t(y) * wide + x] = value < VALUES ? value : 0;
      }
    return even_.data();
  }

  // Makes changes in a picture, whose words were as in `before_`, and finds the blocks of 4 x 4 pixels that have changed.
  void follow(const u8*& changes, Word* pixels) {
    std::memcpy(before_.data(), pixels, packed_bytes());
    std::fill(blocks_.begin(), blocks_.end(), u16(0));
    const u8* next = changes + masks() * sizeof(u64);
    for (size_t first = 0; first < words(); first += 64, changes += sizeof(u64)) {
      u64 mask;
      std::memcpy(&mask, changes, sizeof mask);
      for (; mask; mask &= mask - 1, next += sizeof(Word)) {
        const size_t at = first + size_t(__builtin_ctzll(mask));
        Word word;
        std::memcpy(&word, next, sizeof word);
        const Word change = word ^ pixels[at];
        pixels[at] = word;
        u32 changed = 0;
        for (u32 x = 0; x < SIDE; x++) changed |= u32((change >> x * FOUR & FOUR_ALL) != 0) << x;
        blocks_[places_[at].macroblock] |= u16(changed << places_[at].row);
      }
    }
    changes = next;
  }

  // Finds what there is to be said of a picture, so that all that is held of its changes is fetched while it is found.
  void plan(const Word* pixels, bool key) {
    tasks_.clear(), changes_.clear();
    for (u32 number = 0; number < columns_ * rows_; number++) {
      const u32 row = number / columns_, column = number % columns_;
      const size_t at = size_t(row) * MB * columns_ + column;
      u8* counts = &counts_[plane(row * SIDE, column * SIDE)];
      const u32 changes = key ? 0 : blocks_[number];
      if (!key && !changes) continue;
      const Macroblock block{pixels + at, before_.data() + at, columns_, counts, row > 0, column > 0};
      Task& task = tasks_.emplace_back(Task{block, number, Way::PIXELS, changes, changes_.size()});
      if (block.has_above && block.goes_down())
        task.way = Way::DOWN;
      else if (block.has_left && block.goes_right())
        task.way = Way::RIGHT;
      else if (!key && residuals_)
        collect(task);
    }
  }

  // The changes of a macroblock, in the order in which they are said.
  void collect(Task& task) {
    if constexpr (FEW) {
      task.way = Way::CHANGE;
      for (const u8 at : ORDER) {
        if (!(task.changes >> at & 1)) continue;
        const Macroblock& block = task.block;
        changes_.push_back(Residuals::change(block.block(block.before, at), block.block(block.pixels, at)));
        residuals_->expect(changes_.back());
      }
    }
  }

  void write(Bits& bits, const Task& task, bool key) {
    const Macroblock& block = task.block;
    if (task.way == Way::DOWN || task.way == Way::RIGHT) {
      bits.ue((key ? 1 : 6) + (task.way == Way::RIGHT));  // mb_type I_16x16
      bits.ue(0), bits.se(0);                             // intra_chroma_pred_mode, mb_qp_delta
      return bits.put(cavlc::token(block.around(0), 0, 0));
    }
    if (task.way == Way::CHANGE) {
      const Bits undone = bits;
      if (write_change(bits, task)) return;
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
  bool write_change(Bits& bits, const Task& task) {
    constexpr u8 PATTERN_CODES[16] = {0, 2, 3, 7, 4, 8, 17, 13, 5, 18, 9, 14, 10, 15, 16, 11};
    constexpr u32 QUARTER = 0b110011;  // 4 blocks of a macroblock's 16
    u32 pattern = 0;
    for (u32 i = 0; i < 4; i++) pattern |= u32((task.changes >> (i / 2 * 8 + i % 2 * 2) & QUARTER) != 0) << i;
    const u32 most = bits.length() + 8 * (MB_LUMA + MB_CHROMA);
    bits.put(0b111, 3);               // mb_type P_L0_16x16 without motion
    bits.ue(PATTERN_CODES[pattern]);  // coded_block_pattern, table 9-4
    bits.flag(true);                  // mb_qp_delta 0
    const u64* next = &changes_[task.first];
    for (u32 i = 0; i < BLOCKS; i++) {
      if (!(pattern >> i / 4 & 1)) continue;
      const u32 at = ORDER[i], near = task.block.around(at);
      if (!(task.changes >> at & 1)) {
        bits.put(cavlc::token(near, 0, 0));
        continue;
      }
      const Residual& change = residuals_->of(*next++);
      if (change.coefficients == Residual::UNSAID) return false;
      bits.put(cavlc::token(near, change.coefficients, change.ones));
      bits.put(change.bits, change.length);
      task.block.count(at) = change.coefficients;
    }
    return bits.length() <= most;
  }

  void shade(Word row, u8* to) const {
    if constexpr (FEW) return shade_few(row, to);
    for (u32 x = 0; x < MB; x++, row >>= DEPTH) to[x] = table_[size_t(row % VALUES)];
  }

  // A shade's two bits choose the bits in which its luma differs from the first shade's: 8 pixels at once.
  void shade_few(u32 row, u8* to) const {
    constexpr u64 ONES = 0x0101010101010101;
    const u64 base = table_[0], low = base ^ table_[1], high = base ^ table_[2], both = low ^ high ^ base ^ table_[3];
    for (u32 x = 0; x < MB; x += 8, row >>= 16) {
      u64 eight = row & 0xFFFF;
      eight = (eight | eight << 24) & 0x000000FF000000FF;
      eight = (eight | eight << 12) & 0x000F000F000F000F;
      eight = (eight | eight << 6) & 0x0303030303030303;
      const u64 first = eight & ONES, second = eight >> 1 & ONES;
      eight = base * ONES ^ first * low ^ second * high ^ (first & second) * both;
      std::memcpy(to + x, &eight, 8);
    }
  }

  std::array<u8, VALUES> table_;
  std::optional<Residuals> residuals_;   // of few shades, where the same changes come again
  std::vector<Word> fresh_, before_;     // a picture that is being held; the one before that which is being encoded
  std::vector<Place> places_;            // of words
  std::vector<u16> blocks_;              // by macroblock, which 4 x 4 pixels have changed, as bits
  std::vector<Task> tasks_;              // of the picture that is being encoded
  std::vector<u64> changes_;             // of its macroblocks
  Bytes even_;
  Bytes counts_;                // of coefficients of 4 x 4 pixels, with a row above and a column left of the picture
  std::unique_ptr<u8[]> room_;  // of a picture's payload
};

inline std::unique_ptr<ShadeCoder> shade_coder(u32 width, u32 height, const std::string& luma, Rate rate) {
  if (luma.size() <= WordCoder<u32>::VALUES) return std::make_unique<WordCoder<u32>>(width, height, luma, rate);
  if (luma.size() <= WordCoder<u64>::VALUES) return std::make_unique<WordCoder<u64>>(width, height, luma, rate);
  return std::make_unique<WordCoder<u128>>(width, height, luma, rate);
}

}  // namespace film
