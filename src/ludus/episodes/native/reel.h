// From the pictures of an episode to its file: while it is played, and what is left when it is over, in any thread.
#pragma once
#include <mutex>

#include "film.h"

namespace film {

// The film of an episode. Pictures wait, as what changes from one to the next, behind the last one that was encoded: to encode
// many at once finds code and tables in the caches, which a game has filled with its own between one step and the next.
struct Roll {
  Lane lane;
  Bytes last, shown;       // packed: the picture that was held last, and the one that was encoded last
  Bytes changes;           // of the pictures that wait
  size_t held = 0;         // bytes of them
  std::vector<i64> ticks;  // game time of the pictures that wait

  u64 frames() const { return lane.frames() + ticks.size(); }
  // How many pictures the file lacks.
  size_t unwritten() const { return lane.unwritten() + ticks.size(); }

  void begin(const ShadeCoder& coder) {
    last.assign(coder.packed_bytes(), 0), shown.assign(coder.packed_bytes(), 0);
    ticks.clear(), held = 0;
  }

  void hold(ShadeCoder& coder, const Picture& picture, i64 tick) {
    const size_t most = coder.held_most();
    if (changes.size() < held + most) changes.resize(2 * held + most);
    held += coder.hold(picture, last.data(), &changes[held]);
    ticks.push_back(tick);
  }

  void encode(ShadeCoder& coder, u32 gop, const RingLimits& ring) {
    const u8* next = changes.data();
    for (size_t i = 0; i < ticks.size() && lane.rolling(); i++) {
      const u64 number = lane.frames();
      const bool key = number % gop == 0;
      Bytes& out = lane.gop_for(key, ring).bytes;
      const size_t before = out.size();
      coder.encode(next, shown.data(), u32(number % gop), u32(number / gop), out);
      lane.added(u32(out.size() - before), key, ticks[i]);
      if (lane.frames() % gop == 0) lane.close_gop(ring);
    }
    ticks.clear(), held = 0;
  }
};

// What the films of episodes that are over are made in, one at a time; with no coder where packets come encoded.
struct Darkroom {
  std::unique_ptr<ShadeCoder> coder;
  u32 gop = 0;
  Track track;
  std::mutex mutex;
  std::vector<Roll> spare;  // with all their room, for the next episodes; whoever holds the GIL has them
};

// What became of a film.
struct Taken {
  u64 frames = 0;
  int error = 0;
  u64 blocked_ns = 0, encode_ns = 0;
  Descriptor file{};  // of a film without an error

  static Taken of(Lane& lane) {
    EpisodeFile& file = lane.file();
    if (file.error()) file.leave();
    return {file.frames(), file.error(), file.blocked_ns(), lane.encode_ns(), file.take()};
  }
};

// The film of an episode that is over, and whose file is not whole yet.
class Reel {
 public:
  Reel(std::shared_ptr<Darkroom> room, Roll roll) : room_(std::move(room)), roll_(std::move(roll)), frames_(roll_->frames()) {}
  // One whose file is whole.
  explicit Reel(Taken taken) : frames_(taken.frames), taken_(std::move(taken)) {}

  u64 frames() const { return frames_; }
  Taken& taken() { return taken_; }

  // Encodes what is left and makes the file whole.
  void finish() {
    if (!roll_) return;
    const std::lock_guard lock(room_->mutex);
    const u64 start = now_ns();
    if (room_->coder) roll_->encode(*room_->coder, room_->gop, {});
    roll_->lane.spent(now_ns() - start);
    roll_->lane.finish(room_->track, {});
    taken_ = Taken::of(roll_->lane);
  }
  // Gives the room back, with the GIL.
  void leave() {
    if (roll_) room_->spare.push_back(std::move(*roll_));
    roll_.reset();
  }

 private:
  std::shared_ptr<Darkroom> room_;
  std::optional<Roll> roll_;
  u64 frames_ = 0;
  Taken taken_;
};

}  // namespace film
