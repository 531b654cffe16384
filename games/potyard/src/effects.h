// Shards, puffs and coins: seen, never felt.
#pragma once
#include <stdint.h>

enum { EFFECT_SHARDS, EFFECT_PUFF, EFFECT_COIN };

void effects_clear(void);
void effect_add(uint8_t kind, uint8_t x, uint8_t y);
void effects_draw(void);
