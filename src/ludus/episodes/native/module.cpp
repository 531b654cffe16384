// The Python face of the film core. Everything here is called by ludus.episodes.video, which checks what people hand in.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "reel.h"

namespace nb = nanobind;
using namespace film;

using Frames = nb::ndarray<const u8, nb::c_contig, nb::device::cpu>;
using Mask = nb::ndarray<const bool, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Ticks = nb::ndarray<const i64, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Row = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Rows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Counts = nb::ndarray<const u8, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Span = nb::ndarray<const u8, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using TrackTuple = std::tuple<nb::bytes, u32, u32, u32, u32>;  // avcC, width, height, timescale, ticks a sample

static nb::bytes to_bytes(View data) { return nb::bytes(data.data(), data.size()); }
static View view(const nb::bytes& data) { return {reinterpret_cast<const u8*>(data.c_str()), data.size()}; }
static View view(const Span& data) { return {data.data(), data.size()}; }
static Track track_of(const TrackTuple& t) {
  const View avcc = view(std::get<0>(t));
  return {Bytes(avcc.begin(), avcc.end()), std::get<1>(t), std::get<2>(t), std::get<3>(t), std::get<4>(t)};
}

static Bytes avcc_of(const Bytes& sps, const Bytes& pps) {
  Bytes out{1, sps[1], sps[2], sps[3], 0xFF, 0xE1};
  put_be(out, sps.size(), 2);
  out.insert(out.end(), sps.begin(), sps.end());
  out.push_back(1);
  put_be(out, pps.size(), 2);
  out.insert(out.end(), pps.begin(), pps.end());
  return out;
}

// Appends an Annex B stream with lengths in place of its start codes.
static void append_annexb(View data, Bytes& out) {
  const auto start_code = [&](size_t from) {  // where the next one begins, or the end
    for (size_t i = from; i + 3 <= data.size(); i++)
      if (data[i] == 0 && data[i + 1] == 0 && data[i + 2] == 1) return i;
    return data.size();
  };
  for (size_t at = start_code(0); at < data.size();) {
    const size_t next = start_code(at + 3);
    size_t end = next;
    while (end > at + 3 && data[end - 1] == 0) end--;
    put_be(out, end - at - 3, 4);
    out.insert(out.end(), data.begin() + i64(at) + 3, data.begin() + i64(end));
    at = next;
  }
}

class Film {
 public:
  Film(size_t lanes, u32 width, u32 height, const std::string& luma, Rate rate, u32 gop, u32 burst, RingLimits ring,
       Frame frame, u32 bands, Inks inks)
      : burst_(burst), ring_(ring), frame_(frame), rolls_(lanes), panels_(lanes) {
    coder_ = shade_coder(width, height, luma, rate);
    if (!ring.ticks) darkroom_->coder = shade_coder(width, height, luma, rate);
    darkroom_->gop = gop;
    darkroom_->track = {avcc_of(coder_->sps(), coder_->pps()), coder_->width(), coder_->height(), rate.num, rate.den};
    if (bands)
      for (auto& panel : panels_) panel.emplace(width, height, bands, inks);
  }
  // For packets that another encoder makes.
  Film(size_t lanes, Track track, RingLimits ring) : ring_(ring), rolls_(lanes) { darkroom_->track = std::move(track); }

  size_t size() const { return rolls_.size(); }
  const Track& track() const { return darkroom_->track; }
  // A lane, whose pictures have all been encoded.
  Lane& lane(size_t i) {
    if (coder_) roll(i).encode(*coder_, darkroom_->gop, ring_);
    return roll(i).lane;
  }

  void begin(size_t i, const nb::bytes& path, const nb::bytes& note) {
    lane(i).begin({path.c_str(), path.size()}, path.size() ? head(view(note)) : Bytes{});
    if (coder_) rolls_[i].begin(*coder_);
    if (i < panels_.size() && panels_[i]) panels_[i]->begin();
  }

  // Keeps the GIL: to get it back from another thread would take longer than the work.
  void add(std::optional<Frames> frames, Mask mask, Ticks ticks, std::optional<Rows> actions, std::optional<Row> reward,
           std::optional<Row> value, std::optional<Counts> events) {
    const size_t n = panels_.size(), parts = actions ? actions->shape(1) : 0;
    const auto fits = [&](const auto& array) { return !array || array->shape(0) == n; };
    if (!n || mask.size() != n || ticks.size() != n || !fits(actions) || !fits(reward) || !fits(value) || !fits(events) ||
        (frames && frames->size() != n * frame_.bytes()))
      throw std::invalid_argument("frames, mask or numbers do not fit the lanes");
    const bool* chosen = mask.data();
    const u8* pictures = frames ? frames->data() : nullptr;
    const float nan = std::nanf("");
    u64 start = now_ns();
    for (size_t i = 0; i < n; i++) {
      if (!chosen[i] || !rolls_[i].lane.rolling()) continue;
      auto& panel = panels_[i];
      const u8* frame = pictures ? pictures + i * frame_.bytes() : nullptr;
      if (panel) {
        panel->add({parts ? actions->data() + i * parts : nullptr, u32(parts), reward ? reward->data()[i] : nan,
                            value ? value->data()[i] : nan, events ? events->data()[i] : u8(0)});
      }
      if (panel || frame) take(i, panel ? panel->picture(frame, frame_) : Picture{frame, frame_.height, nullptr}, ticks.data()[i]);
      const u64 end = now_ns();
      rolls_[i].lane.spent(end - start);
      start = end;
    }
  }

  void add_packet(size_t i, const nb::bytes& annexb, bool key, i64 tick) {
    Lane& to = lane(i);
    Bytes& out = to.gop_for(key, ring_).bytes;
    const size_t before = out.size();
    append_annexb(view(annexb), out);
    to.added(u32(out.size() - before), key, tick);
  }

  // Ends a lane's film, whose last pictures are encoded when the reel is finished; where a ring keeps them, at once.
  Reel end(size_t i) {
    if (ring_.ticks) {
      Lane& done = lane(i);
      {
        nb::gil_scoped_release release;
        done.finish(track(), ring_);
      }
      return Reel(Taken::of(done));
    }
    Reel reel(darkroom_, std::move(roll(i)));
    auto& spare = darkroom_->spare;
    rolls_[i] = spare.empty() ? Roll{} : std::move(spare.back());
    if (!spare.empty()) spare.pop_back();
    return reel;
  }

  // Gives a lane's film up; pictures that wait are not encoded for it.
  void leave(size_t i) { roll(i).lane.leave(); }

  nb::bytes cut_clip(size_t i, u64 start, u64 end, u32 timescale, u32 duration) {
    Track track = this->track();
    track.timescale = timescale, track.duration = duration;
    Lane& from = lane(i);
    if (start < kept_from(i) || end > from.frames() || start >= end) throw std::invalid_argument("these frames are not kept");
    return to_bytes(cut(from, track, start, end));
  }
  u64 kept_from(size_t i) {
    const auto& gops = lane(i).ring().gops();
    return gops.empty() ? lane(i).open_gop().first : gops.front()->first;
  }
  // The game time of a frame that is kept.
  i64 tick_of(size_t i, u64 frame) {
    for (const auto& gop : lane(i).ring().gops())
      if (frame >= gop->first && frame < gop->end()) return gop->ticks[frame - gop->first];
    const Gop& open = lane(i).open_gop();
    if (frame < open.first || frame >= open.end()) throw std::invalid_argument("this frame is not kept");
    return open.ticks[frame - open.first];
  }
  // The number of the first frame that is kept and whose game time is later than `tick`; the number of frames if none is.
  u64 frame_after(size_t i, i64 tick) {
    const auto search = [&](const Gop& gop) {
      return gop.first + u64(std::upper_bound(gop.ticks.begin(), gop.ticks.end(), tick) - gop.ticks.begin());
    };
    for (const auto& gop : lane(i).ring().gops())
      if (gop->ticks.back() > tick) return search(*gop);
    return search(lane(i).open_gop());
  }

 private:
  static constexpr size_t HELD_MOST = 192 << 10;  // bytes of a lane's pictures that wait

  Roll& roll(size_t i) {
    if (i >= size()) throw nb::index_error("no such lane");
    return rolls_[i];
  }

  void take(size_t i, const Picture& picture, i64 tick) {
    Roll& roll = rolls_[i];
    roll.hold(*coder_, picture, tick);
    if (roll.unwritten() >= burst_ || roll.held >= HELD_MOST) roll.encode(*coder_, darkroom_->gop, ring_), roll.lane.flush();
  }

  u32 burst_ = 0;
  RingLimits ring_;
  Frame frame_{};
  std::shared_ptr<Darkroom> darkroom_ = std::make_shared<Darkroom>();
  std::unique_ptr<ShadeCoder> coder_;
  std::vector<Roll> rolls_;                   // by lane
  std::vector<std::optional<Panel>> panels_;  // of the lanes whose pictures are encoded here
};

static TrackTuple tuple_of(const Track& t) { return {to_bytes(t.avcc), t.width, t.height, t.timescale, t.duration}; }

// What a finished file is: its track, the frames it shows, key frames, frames before the first shown, where samples lie.
static std::tuple<TrackTuple, u64, u64, u32, u64, u64> demux(Span data) {
  const Demuxed found = Reader(view(data)).read();
  const auto keys = std::count_if(found.samples.begin(), found.samples.end(), [](const Sample& s) { return s.key; });
  u64 bytes = 0;
  for (const Sample& sample : found.samples) bytes += sample.size;
  return {tuple_of(found.track), found.samples.size() - found.hidden, u64(keys), found.hidden, found.data_at, bytes};
}

// Frames [start, end) of a finished file, as `Film.cut` gives them.
static nb::bytes cut_file(Span data, u64 start, u64 end, u32 timescale, u32 duration) {
  Demuxed found = Reader(view(data)).read();
  const auto& samples = found.samples;
  start += found.hidden, end += found.hidden;
  if (start >= end || end > samples.size()) throw std::invalid_argument("these frames are not in the file");
  u64 first = start, at = found.data_at, bytes = 0;
  while (first && !samples[first].key) first--;
  for (u64 i = 0; i < first; i++) at += samples[i].size;
  for (u64 i = first; i < end; i++) bytes += samples[i].size;
  found.track.timescale = timescale, found.track.duration = duration;
  const View piece = view(data).subspan(at, bytes);
  return to_bytes(whole(found.track, std::span(samples).subspan(first, end - first), std::span(&piece, 1), u32(start - first)));
}

static std::tuple<u64, nb::bytes> unfinished(Span data) {
  const auto [at, note] = Reader(view(data)).unfinished();
  return {at, to_bytes(note)};
}

// What makes an ordinary MP4 of a file that was never finished: its frames, where they end, the index, and mdat's size.
static std::tuple<u64, u64, nb::bytes, nb::bytes> mend(Span data, u64 data_at, const TrackTuple& track) {
  const std::vector<Sample> samples = walk(view(data), data_at);
  u64 bytes = 0;
  for (const Sample& sample : samples) bytes += sample.size;
  return {samples.size(), data_at + bytes, to_bytes(index(track_of(track), samples, data_at, 0)), to_bytes(mdat_size(bytes))};
}

// A file that is there, locked; raises OSError.
static int claim_file(const nb::bytes& path) {
  int found;
  {
    nb::gil_scoped_release release;
    found = claim(path.c_str(), 0);
  }
  if (found >= 0) return found;
  errno = -found;
  PyErr_SetFromErrnoWithFilename(PyExc_OSError, path.c_str());
  throw nb::python_error();
}

NB_MODULE(_native, m) {
  m.attr("BAND") = BAND;
  m.def("claim", &claim_file);
  m.def("demux", &demux);
  m.def("cut_file", &cut_file, nb::arg("data"), nb::arg("start"), nb::arg("end"), nb::arg("timescale"), nb::arg("duration"));
  m.def("unfinished", &unfinished);
  m.def("mend", &mend, nb::arg("data"), nb::arg("data_at"), nb::arg("track"));
  nb::class_<Reel>(m, "Reel")
      .def_prop_ro("frames", &Reel::frames)
      .def("finish", [](Reel& reel) {
        {
          nb::gil_scoped_release release;
          reel.finish();
        }
        reel.leave();
        Taken& taken = reel.taken();
        return std::tuple(taken.file.release(), taken.error, taken.blocked_ns, taken.encode_ns);
      });
  nb::class_<Film>(m, "Film")
      .def("__init__", [](Film* self, size_t lanes, u32 width, u32 height, nb::bytes luma, std::tuple<u32, u32> rate,
                          u32 gop, u32 burst, std::tuple<i64, size_t> ring, std::tuple<u32, u32, u32, u32> frame,
                          u32 bands, std::tuple<u8, u8, u8, u8> inks) {
        new (self) Film(lanes, width, height, std::string(luma.c_str(), luma.size()), std::make_from_tuple<Rate>(rate), gop, burst,
                        std::make_from_tuple<RingLimits>(ring), std::make_from_tuple<Frame>(frame), bands,
                        std::make_from_tuple<Inks>(inks));
      }, nb::kw_only(), nb::arg("lanes"), nb::arg("width"), nb::arg("height"), nb::arg("luma"), nb::arg("rate"), nb::arg("gop"),
         nb::arg("burst"), nb::arg("ring"), nb::arg("frame"), nb::arg("bands"), nb::arg("inks"))
      .def_static("of_packets", [](size_t lanes, const TrackTuple& track, std::tuple<i64, size_t> ring) {
        return new Film(lanes, track_of(track), std::make_from_tuple<RingLimits>(ring));
      }, nb::kw_only(), nb::arg("lanes"), nb::arg("track"), nb::arg("ring"))
      .def_prop_ro("track", [](const Film& f) { return tuple_of(f.track()); })
      .def("begin", &Film::begin, nb::arg("lane"), nb::arg("path"), nb::arg("note"))
      .def("add", &Film::add, nb::arg("frames").none().noconvert(), nb::arg("mask").noconvert(), nb::arg("ticks").noconvert(),
           nb::arg("actions").none().noconvert(), nb::arg("reward").none().noconvert(), nb::arg("value").none().noconvert(),
           nb::arg("events").none().noconvert())
      .def("add_packet", &Film::add_packet, nb::arg("lane"), nb::arg("annexb"), nb::arg("key"), nb::arg("tick"))
      .def("end", &Film::end)
      .def("leave", &Film::leave)
      .def("frames", [](Film& f, size_t lane) { return f.lane(lane).frames(); })
      .def("cut", &Film::cut_clip, nb::arg("lane"), nb::arg("start"), nb::arg("end"), nb::arg("timescale"), nb::arg("duration"))
      .def("hold", [](Film& f, size_t lane, u64 frame) { f.lane(lane).ring().hold(frame); })
      .def("kept_from", &Film::kept_from)
      .def("kept_bytes", [](Film& f, size_t lane) { return f.lane(lane).ring().bytes() + f.lane(lane).open_gop().bytes.size(); })
      .def("tick_of", &Film::tick_of)
      .def("frame_after", &Film::frame_after);
}
