// MP4 files with one H.264 track (ISO/IEC 14496-12 and -15), as little of it as players need.
// While an episode is filmed its file is ftyp, free (a note to whoever recovers it), mdat of size 0, and samples: every
// byte that has reached the file counts, for a sample's pictures can be told from the samples alone. At the end mdat gets its
// size and moov, the index, follows.
#pragma once
#include <algorithm>
#include <stdexcept>

#include "bits.h"

namespace film {

struct Track {
  Bytes avcc;               // AVCDecoderConfigurationRecord
  u32 width, height;        // as shown
  u32 timescale, duration;  // ticks a second, ticks a sample
};

struct Sample {
  u32 size;
  bool key;
};

class Boxes {
 public:
  explicit Boxes(Bytes& out) : out_(out) {}
  template <class Fill>
  void box(const char* type, Fill fill) {
    const size_t at = out_.size();
    put_be(out_, 0, 4);
    text(type);
    fill();
    set_be32(out_.data() + at, u32(out_.size() - at));
  }
  template <class Fill>
  void full(const char* type, u32 version_and_flags, Fill fill) {
    box(type, [&] { n(version_and_flags, 4), fill(); });
  }
  void n(u64 value, u32 bytes) { put_be(out_, value, bytes); }
  void zeros(u32 count) { out_.resize(out_.size() + count); }
  void text(const char* letters) { out_.insert(out_.end(), letters, letters + std::strlen(letters)); }
  void bytes(View data) { out_.insert(out_.end(), data.begin(), data.end()); }
  void matrix() {
    for (u32 i = 0; i < 9; i++) n(i == 8 ? 0x40000000 : i % 4 ? 0 : 0x10000, 4);
  }

 private:
  Bytes& out_;
};

constexpr u32 VERSION_1 = 1 << 24;  // times of 64 bits
constexpr u32 MDAT_HEAD = 16;       // with a size of 64 bits

// What stands before the samples; `note` travels in a free box. The size of mdat is 0 until `mdat_size` sets it.
inline Bytes head(View note) {
  Bytes out;
  Boxes b(out);
  b.box("ftyp", [&] { b.text("isom"), b.n(0x200, 4), b.text("isomiso2avc1mp41"); });
  if (!note.empty()) b.box("free", [&] { b.bytes(note); });
  b.n(1, 4), b.text("mdat"), b.n(0, 8);
  return out;
}

inline Bytes mdat_size(u64 samples_bytes) {
  Bytes out;
  put_be(out, samples_bytes + MDAT_HEAD, 8);
  return out;
}

inline void write_sample_table(Boxes& b, const Track& track, std::span<const Sample> samples, u64 data_at) {
  b.full("stsd", 0, [&] {
    b.n(1, 4);
    b.box("avc1", [&] {
      b.zeros(6), b.n(1, 2), b.zeros(16);
      b.n(track.width, 2), b.n(track.height, 2);
      b.n(0x480000, 4), b.n(0x480000, 4), b.zeros(4), b.n(1, 2), b.zeros(32);
      b.n(24, 2), b.n(0xFFFF, 2);
      b.box("avcC", [&] { b.bytes(track.avcc); });
    });
  });
  b.full("stts", 0, [&] { b.n(1, 4), b.n(samples.size(), 4), b.n(track.duration, 4); });
  b.full("stss", 0, [&] {
    b.n(u64(std::count_if(samples.begin(), samples.end(), [](const Sample& s) { return s.key; })), 4);
    for (size_t i = 0; i < samples.size(); i++)
      if (samples[i].key) b.n(i + 1, 4);
  });
  b.full("stsc", 0, [&] { b.n(1, 4), b.n(1, 4), b.n(samples.size(), 4), b.n(1, 4); });
  b.full("stsz", 0, [&] {
    b.n(0, 4), b.n(samples.size(), 4);
    for (const Sample& sample : samples) b.n(sample.size, 4);
  });
  b.full("stco", 0, [&] { b.n(1, 4), b.n(data_at, 4); });  // one chunk, right behind the head
}

// The index. The first `hidden` samples are decoded and not shown: an edit list begins behind them.
inline Bytes index(const Track& track, std::span<const Sample> samples, u64 data_at, u32 hidden) {
  const u64 all = u64(samples.size()) * track.duration, before = u64(hidden) * track.duration, shown = all - before;
  Bytes out;
  Boxes b(out);
  const auto media = [&] {
    b.full("mdhd", VERSION_1, [&] { b.zeros(16), b.n(track.timescale, 4), b.n(all, 8), b.n(0x55C4, 2), b.n(0, 2); });
    b.full("hdlr", 0, [&] { b.zeros(4), b.text("vide"), b.zeros(12), b.text("video"), b.zeros(1); });
    b.box("minf", [&] {
      b.full("vmhd", 1, [&] { b.zeros(8); });
      b.box("dinf", [&] { b.full("dref", 0, [&] { b.n(1, 4), b.full("url ", 1, [] {}); }); });
      b.box("stbl", [&] { write_sample_table(b, track, samples, data_at); });
    });
  };
  b.box("moov", [&] {
    b.full("mvhd", VERSION_1, [&] {
      b.zeros(16), b.n(track.timescale, 4), b.n(shown, 8), b.n(0x10000, 4), b.n(0x100, 2), b.zeros(10);
      b.matrix(), b.zeros(24), b.n(2, 4);
    });
    b.box("trak", [&] {
      b.full("tkhd", VERSION_1 | 3, [&] {
        b.zeros(16), b.n(1, 4), b.zeros(4), b.n(shown, 8), b.zeros(16);
        b.matrix(), b.n(u64(track.width) << 16, 4), b.n(u64(track.height) << 16, 4);
      });
      if (hidden)
        b.box("edts", [&] { b.full("elst", VERSION_1, [&] { b.n(1, 4), b.n(shown, 8), b.n(before, 8), b.n(0x10000, 4); }); });
      b.box("mdia", media);
    });
  });
  return out;
}

// A whole file in memory, of samples that lie one after the other in `pieces`.
inline Bytes whole(const Track& track, std::span<const Sample> samples, std::span<const View> pieces, u32 hidden) {
  Bytes out = head({});
  const size_t size_at = out.size() - 8;
  const u64 data_at = out.size();
  for (const View& piece : pieces) out.insert(out.end(), piece.begin(), piece.end());
  const Bytes size = mdat_size(out.size() - data_at), moov = index(track, samples, data_at, hidden);
  std::copy(size.begin(), size.end(), out.begin() + i64(size_at));
  out.insert(out.end(), moov.begin(), moov.end());
  return out;
}

// The sample that begins at `at`: NAL units behind their lengths, the last of them a picture. Size 0: it is not whole.
inline Sample sample_at(View data, u64 at) {
  for (u64 end = at; end + 5 <= data.size();) {
    const u64 length = get_be(&data[end], 4);
    const u32 kind = data[end + 4] & 31;
    end += 4 + length;
    if (!length || end > data.size()) break;
    if (kind == 1 || kind == 5) return {u32(end - at), kind == 5};
  }
  return {0, false};
}

// The samples from `at` on, up to the first that is not whole.
inline std::vector<Sample> walk(View data, u64 at) {
  std::vector<Sample> samples;
  for (Sample s = sample_at(data, at); s.size; at += s.size, s = sample_at(data, at)) samples.push_back(s);
  return samples;
}

// What a finished file says and holds.
struct Demuxed {
  Track track;
  std::vector<Sample> samples;
  u64 data_at;
  u32 hidden;
};

class Reader {
 public:
  explicit Reader(View data) : data_(data) {}

  // Reads the index and holds every sample against it. Throws std::invalid_argument with what is wrong.
  Demuxed read() const {
    const View moov = find(data_, "moov"), trak = find(moov, "trak"), mdia = find(trak, "mdia"), mdhd = find(mdia, "mdhd");
    const View stbl = find(find(mdia, "minf"), "stbl"), avc1 = find(need(find(stbl, "stsd"), 8).subspan(8), "avc1");
    const View stts = need(find(stbl, "stts"), 16), stsz = need(find(stbl, "stsz"), 12), stco = need(find(stbl, "stco"), 12);
    const View mdat = find(data_, "mdat");
    Demuxed found{};
    const View avcc = find(need(avc1, 78).subspan(78), "avcC");
    found.track = {Bytes(avcc.begin(), avcc.end()), u32(get_be(&avc1[24], 2)), u32(get_be(&avc1[26], 2)),
                   u32(get_be(&need(mdhd, 32)[20], 4)), u32(get_be(&stts[12], 4))};
    found.data_at = get_be(&stco[8], 4);
    const u64 count = get_be(&stsz[8], 4);
    need(stsz, 12 + 4 * count);
    check(get_be(&stts[4], 4) == 1 && get_be(&stts[8], 4) == count, "stts and stsz disagree");
    check(get_be(&stco[4], 4) == 1 && found.track.duration, "it is not one of ours");
    check(found.data_at == u64(mdat.data() - data_.data()), "the samples do not lie where mdat begins");
    const u64 end = found.data_at + mdat.size();
    u64 at = found.data_at;
    for (u64 i = 0; i < count; i++) {
      const Sample sample = sample_at(data_.first(end), at);
      check(sample.size && sample.size == get_be(&stsz[12 + 4 * i], 4), "a sample is not what the index says");
      found.samples.push_back(sample);
      at += sample.size;
    }
    check(at == end, "mdat holds more than the index says");
    if (has(trak, "edts")) found.hidden = u32(get_be(&need(find(find(trak, "edts"), "elst"), 28)[16], 8) / found.track.duration);
    check(count && found.hidden < count, "it shows no frame");
    return found;
  }

  // Where the samples of a file begin that was never finished, and the note in its head; 0 where there is none.
  std::pair<u64, View> unfinished() const {
    View note{};
    for (u64 at = 0; at + 8 <= data_.size();) {
      const u64 size = get_be(&data_[at], 4);
      if (is(at, "mdat")) return {at + MDAT_HEAD, note};
      if (size < 8 || at + size > data_.size()) break;
      if (is(at, "free")) note = data_.subspan(at + 8, size - 8);
      at += size;
    }
    return {0, note};
  }

 private:
  static void check(bool fine, const char* what) {
    if (!fine) throw std::invalid_argument(what);
  }
  static View need(View box, u64 size) {
    check(box.size() >= size, "a box is too short");
    return box;
  }
  bool is(u64 at, const char* type) const { return !std::memcmp(&data_[at + 4], type, 4); }
  static bool has(View data, const char* type) { return seek(data, type).data() != nullptr; }
  static View find(View data, const char* type) {
    const View found = seek(data, type);
    if (!found.data()) throw std::invalid_argument(std::string("there is no ") + type + " box");
    return found;
  }
  static View seek(View data, const char* type) {
    for (u64 at = 0; at + 8 <= data.size();) {
      u64 size = get_be(&data[at], 4), skip = 8;
      if (size == 1 && at + 16 <= data.size()) size = get_be(&data[at + 8], 8), skip = 16;
      check(size >= skip && size <= data.size() - at, "a box ends outside what holds it");
      if (!std::memcmp(&data[at + 4], type, 4)) return data.subspan(at + skip, size - skip);
      at += size;
    }
    return {};
  }

  View data_;
};

}  // namespace film
