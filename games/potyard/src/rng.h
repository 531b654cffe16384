// Chance: one 16-bit xorshift stream, keyed by seed and stage.
#pragma once
#include <stdint.h>

// Starts the stream of a stage; the same seed and stage give the same numbers whatever happened before.
void rng_start(uint16_t key, uint8_t stage);
// The next byte, 0..255.
uint8_t rng_byte(void);
// A number in 0..n-1, n at most 128; each equally likely.
uint8_t rng_below(uint8_t n);
