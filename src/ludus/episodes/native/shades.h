// Pictures in shades as H.264, lossless, at the cost of copying them: constrained baseline with CAVLC. A macroblock that has
// not changed is skipped (P_Skip); one that only goes on with the row above it or the column left of it is predicted (I_16x16
// without residual); of one that has changed here and there the change is written (P_L0_16x16); any other is written as it
// is (I_PCM). Deblocking is off, all chroma is 128, every picture is a
// reference, and no picture waits for another: so decoding order is showing order. No macroblock has motion, so what P_Skip
// infers (clause 8.4.1.1) is none too. Nothing here depends on the machine: equal pictures give equal bytes everywhere.
#pragma once
#include <algorithm>

#include "residual.h"

namespace film {

constexpr u32 MB = 16, MB_LUMA = 256, MB_CHROMA = 128;

struct Rate {
  u32 num, den;  // frames a second
};

// A macroblock as the last picture left it.
struct Block {
  u8 pixels[MB_LUMA];
  u8 coefficients[16];  // of every 4 x 4 pixels in that picture; I_PCM counts as 16
};

class ShadeCoder {
 public:
  // luma[v] is what frame value v is shown as, 16 to 235; values beyond stand for the first.
  ShadeCoder(u32 width, u32 height, const std::string& luma, Rate rate)
      : width_(width), height_(height), columns_((width + MB - 1) / MB), rows_((height + MB - 1) / MB), few_(luma.size() <= 4),
        table_(table_of(luma)), residuals_(table_.data()), room_(std::make_unique<u8[]>(MACROBLOCK_MOST * (blocks() + 1))) {
    write_headers(rate);
  }

  const Bytes& sps() const { return sps_; }
  const Bytes& pps() const { return pps_; }
  u32 width() const { return width_ + (width_ & 1); }  // 4:2:0 has even sizes: an odd edge is shown twice
  u32 height() const { return height_ + (height_ & 1); }
  size_t blocks() const { return size_t(columns_) * rows_; }

  // Appends the picture uint8[height, width] as one NAL unit behind its length. `block` points at the blocks that the
  // last picture left, `number` counts pictures since the last key picture, `key_id` tells neighbouring key pictures apart.
  void encode(const u8* picture, Block* block, u32 number, u32 key_id, Bytes& out) {
    const bool key = number == 0;
    const size_t length_at = out.size();
    put_be(out, 0, 4);
    out.push_back(key ? 0x65 : 0x61);
    Bits bits(room_.get());
    write_slice_header(bits, number, key_id);
    u32 skipped = 0;
    for (u32 row = 0; row < rows_; row++)
      for (u32 column = 0; column < columns_; column++, block++) {
        std::memset(block->coefficients, 0, BLOCKS);
        u32 before[BLOCKS];
        const u32 changed = update(picture, row * MB, column * MB, block->pixels, before);
        if (!changed && !key) {
          skipped++;
          continue;
        }
        if (!key) bits.ue(skipped), skipped = 0;
        write(bits, block, column ? block - 1 : nullptr, row ? block - columns_ : nullptr, key, changed, before);
      }
    if (skipped) bits.ue(skipped);
    append_escaped(bits.end(), out);
    set_be32(out.data() + length_at, u32(out.size() - length_at - 4));
  }

 private:
  static constexpr u32 MACROBLOCK_MOST = 512;  // bytes
  static constexpr u32 BLOCKS = 16, SIDE = 4;  // of 4 x 4 pixels in a macroblock, and in its width

  static std::array<u8, 256> table_of(const std::string& luma) {
    std::array<u8, 256> table;
    for (u32 i = 0; i < 256; i++) table[i] = u8(luma[i < luma.size() ? i : 0]);
    return table;
  }

  // Brings a block up to date; gives which of its 4 x 4 pixels have changed, as bits, and puts what they were into
  // `before`. Beyond the edges the last row and column go on.
  u32 update(const u8* picture, u32 y, u32 x, u8* pixels, u32* before) const {
    const u32 inside = std::min(MB, width_ - x), rows = std::min(MB, height_ - y);
    const u8* from = picture + size_t(y) * width_ + x;
    size_t stride = width_;
    u8 wider[MB_LUMA];
    if (inside < MB) {
      for (u32 i = 0; i < rows; i++) {
        std::memcpy(wider + i * MB, from + i * stride, inside);
        std::memset(wider + i * MB + inside, from[i * stride + inside - 1], MB - inside);
      }
      from = wider, stride = MB;
    }
    u64 any = 0;
    for (u32 i = 0; i < rows; i++) any |= differs(from + i * stride, pixels + i * MB, 0) | differs(from + i * stride, pixels + i * MB, 8);
    if (!any) return 0;
    u32 changed = 0;
    for (u32 band = 0; band < SIDE; band++) {
      u64 halves[2]{};
      for (u32 i = band * SIDE; i < (band + 1) * SIDE; i++) {
        const u8* row = from + std::min(i, rows - 1) * stride;
        for (const u32 half : {0, 1}) halves[half] |= differs(row, pixels + i * MB, half * 8);
      }
      for (u32 i = 0; i < SIDE; i++)
        if (u32(halves[i / 2] >> i % 2 * 32)) {
          const u32 at = band * SIDE + i;
          changed |= 1u << at;
          before[at] = pack(pixels + place(at));
        }
      for (u32 i = band * SIDE; i < (band + 1) * SIDE; i++) std::memcpy(pixels + i * MB, from + std::min(i, rows - 1) * stride, MB);
    }
    return changed;
  }

  static u64 differs(const u8* one, const u8* other, u32 at) {
    u64 a, b;
    std::memcpy(&a, one + at, 8);
    std::memcpy(&b, other + at, 8);
    return a ^ b;
  }

  void write(Bits& bits, Block* block, const Block* left, const Block* above, bool key, u32 changed, const u32* before) {
    if (above && goes_down(above->pixels + MB_LUMA - MB, block->pixels)) return write_prediction(bits, left, above, key, 0);
    if (left && goes_right(left->pixels + MB - 1, block->pixels)) return write_prediction(bits, left, above, key, 1);
    if (!key && few_) {
      const Bits undone = bits;
      if (write_change(bits, block, left, above, changed, before)) return;
      bits = undone;
    }
    bits.ue(key ? 25 : 30);  // mb_type I_PCM
    bits.align();
    u8* pcm = bits.raw(MB_LUMA + MB_CHROMA);
    shade(block->pixels, pcm);
    std::memset(pcm + MB_LUMA, 128, MB_CHROMA);
    std::memset(block->coefficients, 16, BLOCKS);
  }

  // As the difference from what it was; says no where that cannot be said, or takes more bits.
  bool write_change(Bits& bits, Block* block, const Block* left, const Block* above, u32 changed, const u32* before) {
    constexpr u32 QUARTER = 0b110011;  // 4 blocks of a macroblock's 16
    constexpr u8 PATTERN_CODES[16] = {0, 2, 3, 7, 4, 8, 17, 13, 5, 18, 9, 14, 10, 15, 16, 11};
    u32 pattern = 0;
    for (u32 i = 0; i < 4; i++) pattern |= u32((changed >> (i / 2 * 8 + i % 2 * 2) & QUARTER) != 0) << i;
    const u32 most = bits.length() + 8 * (MB_LUMA + MB_CHROMA);
    bits.put(0b111, 3);               // mb_type P_L0_16x16 without motion
    bits.ue(PATTERN_CODES[pattern]);  // coded_block_pattern, table 9-4
    bits.se(0);                       // mb_qp_delta
    for (u32 quarter = 0; quarter < 4; quarter++) {
      if (!(pattern >> quarter & 1)) continue;
      for (const u32 i : {0, 1, 4, 5}) {
        const u32 at = quarter / 2 * 8 + quarter % 2 * 2 + i, near = around(block, left, above, at);
        if (!(changed >> at & 1)) {
          bits.put(cavlc::token(near, 0, 0));
          continue;
        }
        const Residual& change = residuals_.of(before[at], pack(block->pixels + place(at)));
        if (change.coefficients == Residual::UNSAID) return false;
        bits.put(cavlc::token(near, change.coefficients, change.ones));
        change.write(bits);
        block->coefficients[at] = change.coefficients;
      }
    }
    return bits.length() <= most;
  }

  // How many coefficients the neighbours of a block of 4 x 4 pixels have (clause 9.2.1, nC).
  static u32 around(const Block* block, const Block* left, const Block* above, u32 at) {
    const u8* a = at % SIDE ? block->coefficients + at - 1 : left ? left->coefficients + at + SIDE - 1 : nullptr;
    const u8* b = at / SIDE ? block->coefficients + at - SIDE : above ? above->coefficients + at + BLOCKS - SIDE : nullptr;
    return a && b ? u32(*a + *b + 1) / 2 : a ? *a : b ? *b : 0;
  }

  static constexpr u32 place(u32 at) { return at / SIDE * SIDE * MB + at % SIDE * SIDE; }

  // 4 x 4 pixels, 2 bits each; what is no shade stands for the first.
  static u32 pack(const u8* pixels) {
    u32 packed = 0;
    for (u32 row = SIDE; row-- > 0;) {
      u32 four;
      std::memcpy(&four, pixels + row * MB, 4);
      for (u32 beyond = four & 0xFCFCFCFC; beyond; beyond &= beyond - 1) four &= ~(0xFFu << (u32(__builtin_ctz(beyond)) & 24));
      four = (four | four >> 6) & 0x000F000F;
      packed = packed << 8 | ((four | four >> 12) & 0xFF);
    }
    return packed;
  }

  static bool goes_down(const u8* above, const u8* pixels) {
    for (u32 y = 0; y < MB; y++)
      if (std::memcmp(above, pixels + y * MB, MB)) return false;
    return true;
  }
  static bool goes_right(const u8* left, const u8* pixels) {
    for (u32 y = 0; y < MB; y++)
      for (u32 x = 0; x < MB; x++)
        if (pixels[y * MB + x] != left[y * MB]) return false;
    return true;
  }

  // mode 0: down, 1: right; no coefficients.
  static void write_prediction(Bits& bits, const Block* left, const Block* above, bool key, u32 mode) {
    bits.ue((key ? 1 : 6) + mode);  // mb_type I_16x16
    bits.ue(0), bits.se(0);         // intra_chroma_pred_mode, mb_qp_delta
    bits.put(cavlc::token(around(nullptr, left, above, 0), 0, 0));
  }

  // With comparisons where shades are few: compilers make vectors of these.
  void shade(const u8* __restrict from, u8* __restrict to) const {
    if (!few_) {
      for (u32 i = 0; i < MB_LUMA; i++) to[i] = table_[from[i]];
      return;
    }
    const u8 l0 = table_[0], d1 = l0 ^ table_[1], d2 = l0 ^ table_[2], d3 = l0 ^ table_[3];
    for (u32 i = 0; i < MB_LUMA; i++) {
      const u8 v = from[i];
      to[i] = u8(l0 ^ (u8(-(v == 1)) & d1) ^ (u8(-(v == 2)) & d2) ^ (u8(-(v == 3)) & d3));
    }
  }

  void write_slice_header(Bits& bits, u32 number, u32 key_id) const {
    bits.ue(0);                   // first_mb_in_slice
    bits.ue(number == 0 ? 7 : 5); // slice_type: all I, all P
    bits.ue(0);                   // pic_parameter_set_id
    bits.put(number & 255, 8);    // frame_num
    if (number == 0) {
      bits.ue(key_id & 1);        // idr_pic_id
      bits.put(0, 2);             // no_output_of_prior_pics, long_term_reference
    } else {
      bits.put(0, 3);             // no override of references, no reordering, sliding window
    }
    bits.se(0);                   // slice_qp_delta
    bits.ue(1);                   // disable_deblocking_filter_idc
  }

  void write_headers(Rate rate) {
    const size_t count = blocks();
    const u8 level = count <= 1620 ? 30 : count <= 3600 ? 31 : count <= 8192 ? 40 : 51;
    sps_ = {0x67, 66, 0xC0, level};  // profile_idc, constraint_set0 and 1
    u8 room[64];
    Bits sps(room);
    sps.ue(0);        // seq_parameter_set_id
    sps.ue(4);        // frame_num has 8 bits
    sps.ue(2);        // pic_order_cnt_type: shown in decoding order
    sps.ue(1);        // max_num_ref_frames
    sps.flag(false);  // gaps_in_frame_num
    sps.ue(columns_ - 1);
    sps.ue(rows_ - 1);
    sps.flag(true);  // frame_mbs_only
    sps.flag(true);  // direct_8x8_inference
    const u32 right = (columns_ * MB - width()) / 2, bottom = (rows_ * MB - height()) / 2;
    sps.flag(right || bottom);
    if (right || bottom) sps.ue(0), sps.ue(right), sps.ue(0), sps.ue(bottom);
    sps.flag(true);   // VUI
    sps.put(0, 2);    // no aspect ratio, no overscan
    sps.flag(true);   // video_signal_type
    sps.put(5, 3);    // unspecified format
    sps.flag(false);  // limited range
    sps.flag(true);   // colours as BT.709 has them
    sps.put(0x010101, 24);
    sps.flag(false);  // chroma location
    sps.flag(true);   // timing
    sps.put(rate.den, 32);
    sps.put(rate.num * 2, 32);  // fields
    sps.flag(true);             // fixed rate
    sps.put(0, 3);              // no HRD twice, no pic_struct
    sps.flag(true);             // bitstream restriction
    sps.flag(false);            // no motion over picture boundaries
    sps.ue(0), sps.ue(0), sps.ue(0), sps.ue(0);  // bytes and bits unlimited, no vectors
    sps.ue(0), sps.ue(1);       // no reordering, one frame kept
    append_escaped(sps.end(), sps_);
    pps_ = {0x68};
    Bits pps(room);
    pps.ue(0), pps.ue(0);            // its id, the SPS's
    pps.put(0, 2);                   // CAVLC, no field order
    pps.ue(0), pps.ue(0), pps.ue(0); // one slice group, one reference in each list
    pps.put(0, 3);                   // no weighted prediction
    pps.se(-26), pps.se(0), pps.se(0); // QP 0, QS, chroma QP
    pps.flag(true);                  // deblocking is controlled by the slice
    pps.put(0, 2);                   // no constrained intra prediction, no redundant pictures
    append_escaped(pps.end(), pps_);
  }

  u32 width_, height_, columns_, rows_;
  bool few_;
  std::array<u8, 256> table_;
  Residuals residuals_;
  std::unique_ptr<u8[]> room_;  // of a picture's payload
  Bytes sps_, pps_;
};

}  // namespace film
