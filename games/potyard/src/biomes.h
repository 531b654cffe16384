// Forest, desert and crypt: their tiles, their names, and the order a seed brings them in.
#pragma once
#include <stdint.h>

#define STAGES 3

extern const char *const biome_names[];
extern const char *const boss_names[];

// The biome of a stage, 1..3: by the two lowest bits of the seed, forest first for three seeds in four.
uint8_t biome_of(uint8_t stage_number);
// Loads the tiles of `biome`; the LCD must be off.
void biome_load(void);
