// The synthetic picture of a lane: a panel of what was recorded, step by step, below a small copy of the frame if there is
// one. Time goes to the right and begins again at the left edge, so that a step changes one column and not all of them.
#pragma once
#include <algorithm>
#include <cmath>

#include "pack.h"

namespace film {

// How a World's frame is shown: every `factor`-th pixel; of three channels, the grey in 16 shades.
struct Frame {
  u32 height, width, channels, factor;

  u32 shown_height() const { return (height + factor - 1) / factor; }
  u32 shown_width() const { return (width + factor - 1) / factor; }
  size_t bytes() const { return size_t(height) * width * channels; }
};

struct Inks {
  u8 paper, light, mid, ink;  // frame values
};

// What is drawn of one step; a number that is not finite is not drawn.
struct Moment {
  const float* actions;  // each part of the action, 0 to 1
  u32 parts;
  float reward, value;
  u8 events;
};

// A band is as tall as a macroblock, so that a step changes one block: a row for events, rows for actions, a row for the
// reward's sign, and rows for the return and the value. Time fills the first band, then the next.
constexpr u32 BAND = 16, ACTIONS_Y = 1, ACTIONS_H = 6, REWARD_Y = 7, CURVE_Y = 8, CURVE_H = 8;

class Panel {
 public:
  Panel(u32 width, u32 height, u32 bands, Inks inks)
      : width_(width), top_(height - bands * BAND), inks_(inks), canvas_(size_t(width) * height), history_(width * bands) {
    begin();
  }

  // The picture of a step that was added, with its frame, if there is one. Valid until the next.
  Picture picture(const u8* frame, const Frame& shape) {
    if (frame && shape.channels == 1 && shape.factor == 1 && shape.width == width_)
      return {frame, shape.height, &canvas_[size_t(shape.height) * width_]};
    if (frame) show(frame, shape);
    return {canvas_.data(), u32(canvas_.size() / width_), nullptr};
  }

  void begin() {
    std::fill(canvas_.begin(), canvas_.end(), inks_.paper);
    std::fill(history_.begin(), history_.end(), Past{});
    total_ = 0, step_ = 0, scale_ = 1, below_ = false;
    for (u32 column = 0; column < history_.size(); column++) wipe(column);
  }

  void add(const Moment& m) {
    const u32 columns = u32(history_.size()), column = u32(step_++ % columns), next = (column + 1) % columns;
    wipe(next);  // as `column` was by the step before
    history_[next] = {};
    if (std::isfinite(m.reward)) total_ += m.reward;
    history_[column] = {true, float(total_), m.value};
    u8* const now = top_of(column);
    if (m.events) dot(now, 0, inks_.ink);
    for (u32 part = 0; part < m.parts; part++) {
      if (!std::isfinite(m.actions[part])) continue;
      const u32 band = ACTIONS_H * part / m.parts, room = std::max(1u, ACTIONS_H / m.parts) - 1;
      dot(now, ACTIONS_Y + band + u32(std::lround(std::clamp(m.actions[part], 0.f, 1.f) * float(room))), inks_.ink);
    }
    if (std::isfinite(m.reward) && m.reward != 0) dot(now, REWARD_Y, m.reward > 0 ? inks_.ink : inks_.mid);
    if (!rescale(m.value)) return curve(column);
    for (u32 each = 0; each < columns; each++) wipe_curve(top_of(each)), curve(each);
  }

 private:
  void show(const u8* frame, const Frame& shape) {
    const u32 rows = shape.shown_height(), columns = shape.shown_width(), step = shape.factor;
    for (u32 y = 0; y < rows; y++) {
      const u8* from = frame + size_t(y) * step * shape.width * shape.channels;
      u8* to = &canvas_[size_t(y) * width_];
      if (shape.channels == 3)
        for (u32 x = 0; x < columns; x++, from += 3 * step) to[x] = u8((77 * from[0] + 150 * from[1] + 29 * from[2]) >> 12);
      else if (step == 1)
        std::memcpy(to, from, columns);
      else
        for (u32 x = 0; x < columns; x++) to[x] = from[x * step];
    }
  }

  struct Past {
    bool known = false;
    float total = 0, value = 0;
  };

  u8* top_of(u32 column) { return &canvas_[size_t(top_ + column / width_ * BAND) * width_ + column % width_]; }
  void dot(u8* top, u32 y, u8 ink) const { top[size_t(y) * width_] = ink; }
  void wipe(u32 column) {
    u8* const top = top_of(column);
    for (u32 y = 0; y < REWARD_Y; y++) dot(top, y, inks_.paper);
    dot(top, REWARD_Y, inks_.light);
    wipe_curve(top);
  }
  void wipe_curve(u8* top) const {
    for (u32 y = CURVE_Y; y < BAND; y++) dot(top, y, inks_.paper);
    if (below_) dot(top, BAND - CURVE_H / 2, inks_.light);
  }

  // The scale is a power of two that only grows, so what is drawn once mostly stays. Says whether it has changed.
  bool rescale(float value) {
    const float scale = scale_;
    const bool below = below_;
    grow(float(total_)), grow(value);
    below_ |= total_ < 0 || value < 0;
    return scale != scale_ || below != below_;
  }
  void grow(float number) {
    while (std::isfinite(number) && std::fabs(number) > scale_ && scale_ < 1e30f) scale_ *= 2;
  }

  void curve(u32 column) {
    const Past& past = history_[column];
    if (!past.known) return;
    u8* const top = top_of(column);
    if (std::isfinite(past.value)) dot(top, height_of(past.value), inks_.mid);
    dot(top, height_of(past.total), inks_.ink);
  }
  u32 height_of(float number) const {
    const u32 zero = below_ ? BAND - CURVE_H / 2 : BAND - 1, room = below_ ? CURVE_H / 2 - 1 : CURVE_H - 1;
    return u32(i32(zero) - i32(std::lround(std::clamp(number / scale_, -1.f, 1.f) * float(room))));
  }

  u32 width_, top_;
  Inks inks_;
  Bytes canvas_;
  std::vector<Past> history_;
  double total_ = 0;
  u64 step_ = 0;
  float scale_ = 1;
  bool below_ = false;
};

}  // namespace film
