// Pictures in shades as H.264, lossless, at the cost of copying them: constrained baseline with CAVLC. A macroblock that has
// not changed is skipped (P_Skip); one that only goes on with the row above it or the column left of it is predicted (I_16x16
// without residual); any other is written as it is (I_PCM). Deblocking is off, all chroma is 128, every picture is a
// reference, and no picture waits for another: so decoding order is showing order. No macroblock has motion, so what P_Skip
// infers (clause 8.4.1.1) is none too. Nothing here depends on the machine: equal pictures give equal bytes everywhere.
#pragma once
#include <algorithm>

#include "bits.h"

namespace film {

constexpr u32 MB = 16, MB_LUMA = 256, MB_CHROMA = 128;

struct Rate {
  u32 num, den;  // frames a second
};

// A macroblock as the last picture left it.
struct Block {
  u8 pixels[MB_LUMA];
  bool raw;  // I_PCM in that picture
};

class ShadeCoder {
 public:
  // luma[v] is what frame value v is shown as, 16 to 235; values beyond stand for the first.
  ShadeCoder(u32 width, u32 height, const std::string& luma, Rate rate)
      : width_(width), height_(height), columns_((width + MB - 1) / MB), rows_((height + MB - 1) / MB), few_(luma.size() <= 4) {
    for (u32 i = 0; i < 256; i++) table_[i] = u8(luma[i < luma.size() ? i : 0]);
    write_headers(rate);
  }

  const Bytes& sps() const { return sps_; }
  const Bytes& pps() const { return pps_; }
  u32 width() const { return width_ + (width_ & 1); }  // 4:2:0 has even sizes: an odd edge is shown twice
  u32 height() const { return height_ + (height_ & 1); }
  size_t blocks() const { return size_t(columns_) * rows_; }

  // Appends the picture uint8[height, width] as one NAL unit behind its length. `block` points at the blocks that the
  // last picture left, `number` counts pictures since the last key picture, `key_id` tells neighbouring key pictures apart.
  void encode(const u8* picture, Block* block, u32 number, u32 key_id, Bytes& out) const {
    const bool key = number == 0;
    const size_t length_at = out.size();
    put_be(out, 0, 4);
    out.push_back(key ? 0x65 : 0x61);
    Bits bits(out);
    write_slice_header(bits, number, key_id);
    u32 skipped = 0;
    for (u32 row = 0; row < rows_; row++)
      for (u32 column = 0; column < columns_; column++, block++) {
        block->raw = false;
        if (!update(picture, row * MB, column * MB, block->pixels, key) && !key) {
          skipped++;
          continue;
        }
        if (!key) bits.ue(skipped), skipped = 0;
        write(bits, block, row, column, key);
      }
    if (skipped) bits.ue(skipped);
    bits.end();
    set_be32(out.data() + length_at, u32(out.size() - length_at - 4));
  }

 private:
  // Brings a block up to date; says whether it has changed. Beyond the edges the last row and column go on.
  bool update(const u8* picture, u32 y, u32 x, u8* pixels, bool key) const {
    const u32 inside = std::min(MB, width_ - x);
    const u8* from = picture + size_t(y) * width_ + x;
    if (inside < MB) return update_narrow(from, y, inside, pixels);
    const u32 rows = std::min(MB, height_ - y);
    u64 changed = 0;
    for (u32 i = 0; i < rows; i++) {
      u64 now[2], before[2];
      std::memcpy(now, from + size_t(i) * width_, MB);
      std::memcpy(before, pixels + i * MB, MB);
      changed |= (now[0] ^ before[0]) | (now[1] ^ before[1]);
    }
    if (!changed && !key) return false;
    for (u32 i = 0; i < MB; i++) std::memcpy(pixels + i * MB, from + size_t(std::min(i, rows - 1)) * width_, MB);
    return true;
  }

  bool update_narrow(const u8* from, u32 y, u32 inside, u8* pixels) const {
    u8 now[MB_LUMA];
    for (u32 i = 0; i < MB; i++) {
      const u8* row = from + size_t(std::min(i, height_ - 1 - y)) * width_;
      std::memcpy(now + i * MB, row, inside);
      std::memset(now + i * MB + inside, row[inside - 1], MB - inside);
    }
    if (!std::memcmp(now, pixels, MB_LUMA)) return false;
    std::memcpy(pixels, now, MB_LUMA);
    return true;
  }

  void write(Bits& bits, Block* block, u32 row, u32 column, bool key) const {
    const Block *left = column ? block - 1 : nullptr, *above = row ? block - columns_ : nullptr;
    if (above && goes_down(above->pixels + MB_LUMA - MB, block->pixels)) return write_prediction(bits, left, above, key, 0);
    if (left && goes_right(left->pixels + MB - 1, block->pixels)) return write_prediction(bits, left, above, key, 1);
    bits.ue(key ? 25 : 30);  // mb_type I_PCM
    bits.align();
    u8* pcm = bits.raw(MB_LUMA + MB_CHROMA);
    shade(block->pixels, pcm);
    std::memset(pcm + MB_LUMA, 128, MB_CHROMA);
    block->raw = true;
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

  // mode 0: down, 1: right. The code for no coefficients depends on how many the neighbours have; I_PCM counts as 16.
  static void write_prediction(Bits& bits, const Block* left, const Block* above, bool key, u32 mode) {
    const u32 sum = (left && left->raw ? 16 : 0) + (above && above->raw ? 16 : 0), expected = left && above ? sum / 2 : sum;
    bits.ue((key ? 1 : 6) + mode);  // mb_type I_16x16
    bits.ue(0), bits.se(0);         // intra_chroma_pred_mode, mb_qp_delta
    if (expected) bits.put(3, 6);
    else bits.put(1, 1);
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
    Bits sps(sps_);
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
    sps.end();
    pps_ = {0x68};
    Bits pps(pps_);
    pps.ue(0), pps.ue(0);            // its id, the SPS's
    pps.put(0, 2);                   // CAVLC, no field order
    pps.ue(0), pps.ue(0), pps.ue(0); // one slice group, one reference in each list
    pps.put(0, 3);                   // no weighted prediction
    pps.se(0), pps.se(0), pps.se(0); // QP, QS, chroma QP
    pps.flag(true);                  // deblocking is controlled by the slice
    pps.put(0, 2);                   // no constrained intra prediction, no redundant pictures
    pps.end();
  }

  u32 width_, height_, columns_, rows_;
  bool few_;
  u8 table_[256];
  Bytes sps_, pps_;
};

}  // namespace film
