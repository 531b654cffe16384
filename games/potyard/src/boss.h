// The boss of a stage: Bark Vader charges, the Dune Worm dives, the Bone King throws bones.
#pragma once
#include <stdint.h>

void boss_enter(void);   // a stage begins
void boss_update(void);  // brings the boss when pots or time are up, and plays it
void boss_draw(void);
void boss_bonk(uint8_t x, uint8_t y);
// True if a 16 x 16 thing at x, y would touch the boss.
uint8_t boss_at(uint8_t x, uint8_t y);
