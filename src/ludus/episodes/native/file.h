// The file of one episode: made when there is something to write, locked as long as it is open.
#pragma once
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <initializer_list>
#include <thread>
#include <utility>

#include "mp4.h"

namespace film {

inline u64 now_ns() {
  return u64(std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
}

// An open file, closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (open()) ::close(number_);
  }
  bool open() const { return number_ >= 0; }
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

// Says whether a file is ours alone now. The kernel lets go of a killed process's locks a moment after it is gone.
inline bool lock(int descriptor) {
  for (int patience = 50; ::flock(descriptor, LOCK_EX | LOCK_NB); patience--) {
    if (errno != EWOULDBLOCK || !patience) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

// Opens a file and locks it; with O_CREAT it is made if need be, and empty. Gives its descriptor, or an errno below 0:
// EWOULDBLOCK where another process has it, or had it and has renamed it meanwhile.
inline int claim(const std::string& path, int flags) {
  Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC | flags, 0666));
  if (!file.open()) return -errno;
  struct stat named, held;
  if (!lock(file.get()) || ::stat(path.c_str(), &named) || ::fstat(file.get(), &held) || named.st_ino != held.st_ino ||
      named.st_dev != held.st_dev)
    return -EWOULDBLOCK;
  if (flags & O_CREAT && held.st_size && ::ftruncate(file.get(), 0)) return -errno;
  return file.release();
}

struct Gop {
  u64 first;                  // number of its first picture, a key picture
  Bytes bytes;
  std::vector<Sample> samples;
  std::vector<i64> ticks;     // game time of each picture
  size_t told = 0, written = 0;  // of the samples and the bytes, how many the file has

  u64 end() const { return first + samples.size(); }
};

// The first call that fails is remembered and is the last.
class EpisodeFile {
 public:
  // At this path; nowhere if it is empty.
  void begin(std::string path, Bytes head) {
    leave();
    path_ = std::move(path), head_ = std::move(head), head_bytes_ = head_.size();
    error_ = 0, end_ = blocked_ns_ = 0;
    samples_.clear();
  }
  // Gives it up, with what has been written.
  void leave() {
    if (file_.open()) ::unlink(path_.c_str());
    file_ = Descriptor();
    path_.clear();
  }
  int error() const { return error_; }
  u64 frames() const { return samples_.size(); }
  u64 blocked_ns() const { return blocked_ns_; }
  // Leaves it to whoever takes it.
  Descriptor take() {
    path_.clear();
    return std::move(file_);
  }

  // Takes what of a group it has not got yet.
  void add(Gop& gop) {
    append({head_, fresh(gop)});
    head_.clear();
  }

  // Takes the last group and makes the file an ordinary MP4.
  void finish(Gop& last, const Track& track) {
    const View rest = fresh(last);
    if (!wanted() || samples_.empty()) return;
    const Bytes moov = index(track, samples_, head_bytes_, 0), size = mdat_size(std::max(end_, head_bytes_) - head_bytes_ + rest.size());
    if (!head_.empty()) std::copy(size.begin(), size.end(), head_.end() - i64(size.size()));
    append({head_, rest, moov});
    if (!head_.empty()) return;
    end_ = head_bytes_ - size.size();
    append({size});
  }

 private:
  bool wanted() const { return !path_.empty() && !error_; }

  View fresh(Gop& gop) {
    if (wanted()) samples_.insert(samples_.end(), gop.samples.begin() + i64(gop.told), gop.samples.end());
    const View rest = View(gop.bytes).subspan(gop.written);
    gop.told = gop.samples.size(), gop.written = gop.bytes.size();
    return rest;
  }

  // In one call, where the system takes all of it: each costs as much as some kilobytes.
  void append(std::initializer_list<View> pieces) {
    const u64 start = now_ns();
    std::vector<iovec> left;
    for (const View piece : pieces)
      if (!piece.empty()) left.push_back({const_cast<u8*>(piece.data()), piece.size()});
    if (!left.empty()) open();
    for (size_t first = 0; wanted() && first < left.size();) {
      const ssize_t count = ::pwritev(file_.get(), &left[first], int(left.size() - first), off_t(end_));
      if (count < 0) {
        if (errno != EINTR) error_ = errno;
        continue;
      }
      end_ += u64(count);
      for (size_t taken = size_t(count); first < left.size();) {
        iovec& piece = left[first];
        const size_t part = std::min(taken, piece.iov_len);
        piece.iov_base = static_cast<u8*>(piece.iov_base) + part, piece.iov_len -= part, taken -= part;
        if (piece.iov_len) break;
        first++;
      }
    }
    blocked_ns_ += now_ns() - start;
  }

  void open() {
    if (!wanted() || file_.open()) return;
    int found = claim(path_, O_CREAT);
    if (found == -ENOENT) {
      std::error_code ignored;  // claim will tell
      std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ignored);
      found = claim(path_, O_CREAT);
    }
    if (found < 0) error_ = -found;
    else file_ = Descriptor(found);
  }

  std::string path_;
  Descriptor file_;
  int error_ = 0;
  Bytes head_;
  u64 head_bytes_ = 0, end_ = 0, blocked_ns_ = 0;
  std::vector<Sample> samples_;
};

}  // namespace film
