#include "rng.h"

static uint16_t state;

// The xorshift triple 7, 9, 8 runs through all 65,535 non-zero states.
uint8_t rng_byte(void) {
    state ^= state << 7;
    state ^= state >> 9;
    state ^= state << 8;
    return (uint8_t)state ^ (uint8_t)(state >> 8);
}

void rng_start(uint16_t key, uint8_t stage) {
    state = key ^ 0xACE1;
    while (stage--) state += 0x9E37;
    if (!state) state = 0xACE1;
    for (uint8_t i = 0; i < 8; i++) rng_byte();  // neighbouring seeds part ways
}

uint8_t rng_below(uint8_t n) {
    uint8_t mask = 1, value;
    while (mask < n) mask = mask << 1 | 1;
    do value = rng_byte() & mask;
    while (value >= n);
    return value;
}
