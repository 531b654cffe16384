// The step of many consoles on a GPU, one thread a lane, from the same headers as the CPU's.
#include "console.h"

using namespace gb;

// Runs `frames` frames of every lane, buttons[lane] pressed for the first `hold`, and draws the last one into
// pixels[lane], uint8[144, 160], unless `pixels` is null.
extern "C" __global__ void step(Lane* lanes, u8* ram, Picture* pictures, Cartridge cart, const u8* buttons, u32 count, u32 frames,
                                u32 hold, u8* pixels) {
  const u32 lane = blockIdx.x * blockDim.x + threadIdx.x;
  if (lane >= count) return;
  Console con{lanes[lane], cart, ram + u64(lane) * cart.ram_bytes};
  console::step(con, pictures[lane], buttons[lane], frames, hold, pixels ? pixels + u64(lane) * WIDTH * HEIGHT : nullptr, 1);
}
