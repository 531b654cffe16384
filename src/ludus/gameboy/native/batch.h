// Many consoles on the CPU: one ROM, N lanes, blocks of lanes spread over threads. Host code: it may allocate and throw.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "console.h"
#include "power.h"
#include "translate.h"

namespace gb {

// Threads that wait for work. `run(n, f)` calls f(i, worker) once for every i below n and returns when all are done.
class Pool {
 public:
  explicit Pool(unsigned threads) {
    for (unsigned i = 1; i < threads; i++) workers_.emplace_back([this, i] { wait(i); });
  }
  ~Pool() {
    {
      std::lock_guard lock(mutex_);
      closing_ = true;
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }
  unsigned threads() const { return unsigned(workers_.size()) + 1; }

  void run(size_t count, const std::function<void(size_t, unsigned)>& work) {
    if (workers_.empty() || count < 2) {
      for (size_t i = 0; i < count; i++) work(i, 0);
      return;
    }
    {
      std::lock_guard lock(mutex_);
      work_ = &work, count_ = count, next_ = 0, busy_ = unsigned(workers_.size()), round_++;
    }
    wake_.notify_all();
    drain(0);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
  }

 private:
  void drain(unsigned worker) {
    for (size_t i = next_++; i < count_; i = next_++) (*work_)(i, worker);
  }
  void wait(unsigned worker) {
    for (unsigned long seen = 0;;) {
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return closing_ || round_ != seen; });
        if (closing_) return;
        seen = round_;
      }
      drain(worker);
      std::lock_guard lock(mutex_);
      if (--busy_ == 0) done_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::vector<std::thread> workers_;
  const std::function<void(size_t, unsigned)>* work_ = nullptr;
  std::atomic<size_t> next_{0};
  size_t count_ = 0;
  unsigned busy_ = 0;
  unsigned long round_ = 0;
  bool closing_ = false;
};

enum View : int { FULL, HALF, MEAN, PACKED };

inline size_t view_bytes(View view) {
  const size_t sizes[4] = {144 * 160, 72 * 80, 72 * 80, 72 * 20};
  return sizes[view];
}

// A full picture uint8[144, 160] as another view.
inline void convert(View view, const u8* from, u8* to) {
  for (u32 y = 0; y < 72; y++) {
    const u8* row = from + 2 * y * WIDTH;
    for (u32 x = 0; x < 80 && view == HALF; x++) to[y * 80 + x] = row[2 * x];
    for (u32 x = 0; x < 80 && view == MEAN; x++)
      to[y * 80 + x] = u8((row[2 * x] + row[2 * x + 1] + row[WIDTH + 2 * x] + row[WIDTH + 2 * x + 1] + 2) / 4);
    for (u32 x = 0; x < 20 && view == PACKED; x++)
      to[y * 20 + x] = u8(row[8 * x] | row[8 * x + 2] << 2 | row[8 * x + 4] << 4 | row[8 * x + 6] << 6);
  }
}

class Batch {
 public:
  Batch(std::string rom, std::string boot, Cartridge cart, power::Model model, size_t lanes, unsigned threads, bool skip,
        bool translate)
      : rom_(std::move(rom)), boot_(std::move(boot)), cart_(cart), model_(model), skip_(skip), pool_(threads),
        lanes_(lanes), ram_(lanes * cart.ram_bytes), pictures_(lanes), scratch_(pool_.threads() * WIDTH * HEIGHT) {
    cart_.rom = reinterpret_cast<const u8*>(rom_.data());
    decoded_.resize(cart_.rom_banks * DECODED_BANK);
    for (u32 bank = 0; bank < cart_.rom_banks; bank++) rom::decode(cart_.rom + bank * 0x4000, &decoded_[bank * DECODED_BANK]);
    if (translate) translator_ = std::make_unique<Translator>(cart_, decoded_), wanted_.resize(pool_.threads() * Host::WANTED);
    cart_.boot = boot_.empty() ? nullptr : reinterpret_cast<const u8*>(boot_.data());
    for (size_t lane = 0; lane < lanes; lane++) power_on(lane);
  }

  // Who calls anything below holds this meanwhile: calls from several threads take turns.
  std::unique_lock<std::mutex> turn() { return std::unique_lock(turn_); }

  size_t size() const { return lanes_.size(); }
  size_t state_bytes() const { return sizeof(Lane) + cart_.ram_bytes; }
  const Lane& lane(size_t i) const { return lanes_[i]; }
  bool translates() const { return translator_ && translator_->ready(); }
  size_t translated() const { return translator_ ? translator_->size() : 0; }

  void power_on(size_t lane) {
    power::on(lanes_[lane], cart_, ram(lane), model_);
    picture::begin(lanes_[lane], pictures_[lane]);
  }

  // Runs `frames` frames on every lane whose `mask` is set (null: all), `buttons[lane]` pressed for the first `hold` of them.
  // The last frame is drawn into out[lane] if `out` is not null.
  void step(const u8* buttons, const bool* mask, u32 frames, u32 hold, View view, u8* out) {
    pool_.run(size(), [&](size_t lane, unsigned worker) {
      if (mask && !mask[lane]) return;
      u8* target = out ? out + lane * view_bytes(view) : nullptr;
      step_lane(lane, worker, buttons[lane], frames, hold, view, target);
    });
    translate();
  }

  // Runs lane 0 for `frames` frames and draws the last, or all of them and only until LD B,B has run if `stop` is set: then
  // true. Keeps what the serial port sends. `out` may be null: nothing is drawn.
  bool watch(u32 frames, bool stop, u8* out, std::string& link) {
    char sent[4096];
    for (u32 i = 0; i < frames; i++) {
      Console con = open(0);
      if (out && (stop || i + 1 == frames)) {
        con.pic = &pictures_[0];
        con.pic->pixels = out, con.pic->row_step = row_step(FULL);
      }
      con.link = reinterpret_cast<u8*>(sent), con.link_room = sizeof sent;
      translate();
      equip(con, 0);
      const bool broke = stop ? console::run_frame<true>(con) : console::run_frame<false>(con);
      if (!con.pic) picture::begin(con.g, pictures_[0]);
      link.append(sent, least<size_t>(con.link_count, sizeof sent));
      if (broke) return true;
    }
    return false;
  }

  void set_buttons(size_t lane, u8 buttons) { joypad::change(lanes_[lane], lanes_[lane].joyp_select, buttons); }

  u8 peek(size_t lane, u16 addr) {
    Console con = open(lane);
    return bus::peek(con, addr);
  }
  void poke(size_t lane, u16 addr, u8 value) {
    Console con = open(lane);
    bus::map_pages(con);
    bus::poke(con, addr, value);
  }

  // Reads `count` little-endian numbers of sizes[i] bytes (1..4) at addresses[i] in every lane, into out[lane][i].
  void read_numbers(const u16* addresses, const u8* sizes, size_t count, u32* out) {
    for (size_t lane = 0; lane < size(); lane++) {
      Console con = open(lane);
      for (size_t i = 0; i < count; i++, out++) {
        *out = 0;
        for (u32 byte = 0; byte < sizes[i]; byte++) *out |= u32(bus::peek(con, u16(addresses[i] + byte))) << 8 * byte;
      }
    }
  }

  std::string save(size_t lane) const {
    std::string state(reinterpret_cast<const char*>(&lanes_[lane]), sizeof(Lane));
    return state.append(reinterpret_cast<const char*>(ram_.data()) + lane * cart_.ram_bytes, cart_.ram_bytes);
  }

  void load(size_t lane, const std::string& state) {
    if (state.size() != state_bytes())
      throw std::invalid_argument("holds " + std::to_string(state.size()) + " bytes where this core has " + std::to_string(state_bytes()));
    Lane loaded;
    std::memcpy(&loaded, state.data(), sizeof(Lane));
    if (!plausible(loaded)) throw std::invalid_argument("describes a console that cannot be");
    lanes_[lane] = loaded;
    std::memcpy(ram(lane), state.data() + sizeof(Lane), cart_.ram_bytes);
    picture::begin(lanes_[lane], pictures_[lane]);
  }

 private:
  u8* ram(size_t lane) { return ram_.data() + lane * cart_.ram_bytes; }

  Console open(size_t lane) {
    Console con{lanes_[lane], cart_, ram(lane)};
    con.skip = skip_;
    con.decoded = decoded_.data();
    return con;
  }
  void equip(Console& con, unsigned worker) {
    if (translator_) translator_->equip(con, &wanted_[worker * Host::WANTED]);
  }
  // Only while no console runs.
  void translate() {
    for (u32 i = 0; i < wanted_.size(); i += Host::WANTED) translator_->learn(&wanted_[i]);
  }

  static u8 row_step(View view) { return view == HALF || view == PACKED ? 2 : 1; }

  void step_lane(size_t lane, unsigned worker, u8 buttons, u32 frames, u32 hold, View view, u8* out) {
    Console con = open(lane);
    equip(con, worker);
    u8* scratch = scratch_.data() + worker * WIDTH * HEIGHT;
    Picture pic = pictures_[lane];  // a copy: neighbours in memory belong to other threads
    console::step(con, pic, buttons, frames, hold, out && view != FULL ? scratch : out, row_step(view));
    pictures_[lane] = pic;
    if (out && view != FULL) convert(view, scratch, out);
  }

  // No moment lies in the future, no counter is out of its range: what a saved lane always satisfies.
  static bool plausible(const Lane& g) {
    const u64 latest = g.clock + 4;
    const bool past = g.ppu_at <= latest && g.tima_at <= latest && g.serial_at <= latest && g.boundary <= latest &&
                      g.dma_start <= latest && g.rtc_at <= latest && g.div_zero <= least(g.tima_at, g.serial_at);
    const bool beam = g.line < 154 && g.line_start <= g.ppu_at && g.ppu_at - g.line_start < LINE_T;
    const bool counts = g.mode <= LOCKED && g.dma_done <= dma::LENGTH && g.dma_active <= 2 && g.serial_bits < 8;
    return g.clock % 4 == 0 && past && beam && counts;
  }

  std::mutex turn_;
  std::string rom_, boot_;
  std::vector<Decoded> decoded_;
  Cartridge cart_;
  power::Model model_;
  bool skip_;
  Pool pool_;
  std::vector<Lane> lanes_;
  std::vector<u8> ram_;
  std::vector<Picture> pictures_;
  std::vector<u8> scratch_;
  std::unique_ptr<Translator> translator_;
  std::vector<u32> wanted_;  // of each worker
};

}  // namespace gb
