// N lanes that film: one encode of a picture feeds the episode's file, the ring of the last seconds and whoever cuts a clip
// from it. Packets are kept in whole groups of pictures.
#pragma once
#include <deque>
#include <optional>

#include "file.h"
#include "panel.h"
#include "shades.h"

namespace film {

struct RingLimits {
  i64 ticks;     // of game time that are kept; 0: no ring
  size_t bytes;
};

class Ring {
 public:
  void clear() { gops_.clear(), bytes_ = 0, held_ = NONE; }
  void hold(u64 frame) { held_ = frame; }
  size_t bytes() const { return bytes_; }
  const std::deque<std::shared_ptr<Gop>>& gops() const { return gops_; }

  // Takes a whole group and lets go of the oldest that nobody needs: those that lie behind the time kept, and behind the
  // frame that is held for a clip; more where there are too many bytes, but never all.
  void add(std::shared_ptr<Gop> gop, const RingLimits& limits) {
    bytes_ += gop->bytes.size();
    gops_.push_back(std::move(gop));
    const auto spare = [&] {
      const Gop& next = *gops_[1];
      return gops_.back()->ticks.back() - next.ticks.front() >= limits.ticks && next.first <= held_;
    };
    while (gops_.size() > 2 && (bytes_ > limits.bytes || spare())) {
      bytes_ -= gops_.front()->bytes.size();
      gops_.pop_front();
    }
  }

 private:
  static constexpr u64 NONE = ~0ull;
  std::deque<std::shared_ptr<Gop>> gops_;
  size_t bytes_ = 0;
  u64 held_ = NONE;
};

class Lane {
 public:
  void begin(std::string path, Bytes head) {
    rolling_ = true, frames_ = 0, encode_ns_ = 0;
    fresh(0);
    ring_.clear();
    file_.begin(std::move(path), std::move(head));
  }
  bool rolling() const { return rolling_; }
  u64 frames() const { return frames_; }
  EpisodeFile& file() { return file_; }
  Ring& ring() { return ring_; }
  const Gop& open_gop() const { return *gop_; }
  u64 encode_ns() const { return encode_ns_; }
  void spent(u64 ns) { encode_ns_ += ns; }

  // The group that the next picture goes into: a new one if the picture is a key picture.
  Gop& gop_for(bool key, const RingLimits& limits) {
    if (key && !gop_->samples.empty()) close_gop(limits);
    return *gop_;
  }
  void added(u32 size, bool key, i64 tick) {
    gop_->samples.push_back({size, key}), gop_->ticks.push_back(tick);
    frames_++;
  }
  // Ends the film; what the ring holds stays until the next begins.
  void finish(const Track& track, const RingLimits& limits) {
    file_.finish(*gop_, track);
    if (!gop_->samples.empty()) keep(limits);
    rolling_ = false;
  }
  void leave() { file_.leave(), rolling_ = false; }
  size_t unwritten() const { return gop_->samples.size() - gop_->told; }
  // Hands what there is to the file.
  void flush() { file_.add(*gop_); }
  void close_gop(const RingLimits& limits) {
    flush();
    keep(limits);
  }

 private:
  void keep(const RingLimits& limits) {
    if (limits.ticks) ring_.add(gop_, limits);
    fresh(frames_);
  }
  void fresh(u64 first) {
    if (!gop_ || gop_.use_count() > 1) gop_ = std::make_shared<Gop>();
    gop_->first = first;
    gop_->bytes.clear(), gop_->samples.clear(), gop_->ticks.clear();
    gop_->told = gop_->written = 0;
  }

  bool rolling_ = false;
  std::shared_ptr<Gop> gop_ = std::make_shared<Gop>();
  u64 frames_ = 0, encode_ns_ = 0;
  EpisodeFile file_;
  Ring ring_;
};

// Frames [start, end) of a lane as an MP4 of their own, without encoding; decoding begins at the key picture before.
inline Bytes cut(Lane& lane, Track track, u64 start, u64 end) {
  std::vector<Sample> samples;
  std::vector<View> pieces;
  u32 hidden = 0;
  const auto take = [&](const Gop& gop) {
    if (gop.end() <= start || gop.first >= end) return;
    if (samples.empty()) hidden = u32(start - gop.first);
    const size_t count = size_t(std::min(end, gop.end()) - gop.first);
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) bytes += gop.samples[i].size;
    samples.insert(samples.end(), gop.samples.begin(), gop.samples.begin() + i64(count));
    pieces.push_back(View(gop.bytes).first(bytes));
  };
  for (const auto& gop : lane.ring().gops()) take(*gop);
  take(lane.open_gop());
  return whole(track, samples, pieces, hidden);
}

}  // namespace film
