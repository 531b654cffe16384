// Pictures, their pixels as a few bits each, and which words differ: what is done to every pixel of every picture, all of it
// loops that compilers make vectors of, as wide as the machine has them where the compiler can leave the choice to it.
#pragma once
#include <algorithm>

#include "bits.h"

#if defined(__x86_64__) && defined(__gnu_linux__)
#define FILM_WIDEST __attribute__((target_clones("avx2", "default")))
#else
#define FILM_WIDEST
#endif

namespace film {

// Brings two numbers of so many bits into every byte, and gives the bits that were seen.
template <u32 BITS>
inline __attribute__((always_inline)) u32 pair_up(const u8* __restrict from, u8* __restrict to, size_t count) {
  u16 all = 0;
  for (size_t i = 0; i < count / 2; i++) {
    u16 pair;
    std::memcpy(&pair, from + 2 * i, 2);
    all |= pair;
    to[i] = u8(pair | pair >> (8 - BITS));
  }
  return (all | all >> 8) & 255;
}

// `count` pixels, a multiple of 16, with 4 bits each, the first lowest; gives the bits that were seen in them.
FILM_WIDEST inline u32 pack_by_4(const u8* pixels, u8* to, size_t count) { return pair_up<4>(pixels, to, count); }

// The same with 2 bits each.
FILM_WIDEST inline u32 pack_by_2(const u8* pixels, u8* to, size_t count) {
  constexpr size_t CHUNK = 1024;
  u8 half[CHUNK / 2];
  u32 all = 0;
  for (size_t at = 0; at < count; at += CHUNK) {
    const size_t size = std::min(CHUNK, count - at);
    all |= pair_up<2>(pixels + at, half, size);
    pair_up<4>(half, to + at / 4, size / 2);
  }
  return all;
}

// A picture uint8[height, width], whose upper rows may lie elsewhere than the rest.
struct Picture {
  const u8* top;
  u32 top_rows;
  const u8* rest;  // from the row behind them on

  const u8* row(u32 y, u32 width) const { return y < top_rows ? top + size_t(y) * width : rest + size_t(y - top_rows) * width; }
};

// Which of up to 64 words differ, as bits.
template <class Word>
inline u64 differ(const Word* a, const Word* b, size_t count) {
  constexpr u64 GATHER = 0x0102040810204080;  // brings the lowest bits of 8 bytes into the highest byte
  u8 each[64]{};
  for (size_t i = 0; i < count; i++) each[i] = a[i] != b[i];
  u64 bits = 0;
  for (size_t i = 0; i < 8; i++) {
    u64 eight;
    std::memcpy(&eight, each + 8 * i, 8);
    bits |= (eight * GATHER >> 56) << 8 * i;
  }
  return bits;
}

}  // namespace film
