// What shooters and bosses throw.
#pragma once
#include <stdint.h>

void shots_clear(void);
// Throws from x, y in one of eight directions: 0 down, 2 right, 4 up, 6 left, odd ones between.
// High shots fly over things.
void shot_add(uint8_t x, uint8_t y, uint8_t octant, uint8_t high);
void shots_update(void);
void shots_draw(void);
// The octant that leads from one point to another.
uint8_t octant_to(uint8_t x, uint8_t y, uint8_t to_x, uint8_t to_y);
