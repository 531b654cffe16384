// What the step path may use, on every device: fixed-width integers and three function qualifiers.
// No libc, no allocation, no exceptions, no globals: the same headers compile with the system compiler and for CUDA.
#pragma once

#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
#define GB_FN __device__ __forceinline__
#define GB_SLOW __device__ __noinline__
#define GB_LIKELY(x) (x)
#define GB_UNLIKELY(x) (x)
#else
#define GB_FN inline __attribute__((always_inline))
#define GB_SLOW inline __attribute__((noinline))
#define GB_LIKELY(x) __builtin_expect(!!(x), 1)
#define GB_UNLIKELY(x) __builtin_expect(!!(x), 0)
#endif

namespace gb {

using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long long;
using i8 = signed char;
using i32 = int;
using i64 = long long;
static_assert(sizeof(u16) == 2 && sizeof(u32) == 4 && sizeof(u64) == 8);

constexpr u64 NEVER = ~0ull;
constexpr u32 LINE_T = 456;                  // T-cycles of a scanline
constexpr u32 FRAME_T = 154 * LINE_T;        // 70,224 T-cycles of a frame
constexpr u32 SECOND_T = 4194304;            // T-cycles of a second: the crystal

constexpr u32 WIDTH = 160, HEIGHT = 144;

// Writes eight bytes at any address, the lowest first.
GB_FN void store8(u8* to, u64 v) {
#if defined(__CUDACC__) || defined(__CUDACC_RTC__)
  for (u32 i = 0; i < 8; i++) to[i] = u8(v >> 8 * i);
#else
  __builtin_memcpy(to, &v, 8);
#endif
}

// Where address 0 would lie if address `first` lies at `memory`: so that memory[addr] needs no subtraction.
GB_FN u8* biased(const u8* memory, u32 first) { return reinterpret_cast<u8*>(reinterpret_cast<u64>(memory) - first); }

template <class T>
GB_FN T least(T a, T b) { return a < b ? a : b; }

}  // namespace gb
