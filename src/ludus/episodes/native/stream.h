// What a film in shades says of itself: parameter sets and slice headers of H.264 (Rec. ITU-T H.264, clauses 7.3.2 and 7.3.3,
// annex E): constrained baseline with CAVLC, QP 0, deblocking off, every picture a reference.
#pragma once
#include "bits.h"

namespace film {

constexpr u32 MB = 16;

struct Rate {
  u32 num, den;  // frames a second
};

class ShadeStream {
 public:
  ShadeStream(u32 width, u32 height, Rate rate)
      : width_(width), height_(height), columns_((width + MB - 1) / MB), rows_((height + MB - 1) / MB) {
    write_headers(rate);
  }

  const Bytes& sps() const { return sps_; }
  const Bytes& pps() const { return pps_; }
  u32 width() const { return width_ + (width_ & 1); }  // 4:2:0 has even sizes: an odd edge is shown twice
  u32 height() const { return height_ + (height_ & 1); }

 protected:
  // `number` counts pictures since the last key picture, `key_id` tells neighbouring key pictures apart.
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

  const u32 width_, height_, columns_, rows_;

 private:
  void write_headers(Rate rate) {
    const size_t count = size_t(columns_) * rows_;
    const u8 level = count <= 1620 ? 30 : count <= 3600 ? 31 : count <= 8192 ? 40 : 51;
    sps_ = {0x67, 66, 0xC0, level};  // profile_idc, constraint_set0 and 1
    u8 room[128];
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

  Bytes sps_, pps_;
};

}  // namespace film
