// The hero: walks cell by cell, bonks the cell ahead, dashes.
#pragma once
#include <stdint.h>

#define HEARTS 5

extern uint8_t hero_x, hero_y, hero_at;
extern uint8_t hero_gone;  // true when the last heart is lost and the fall is over
extern uint8_t hero_left;  // true when the hero stands in the open portal

void hero_enter(void);
void hero_update(void);
void hero_draw(void);
// One heart less, unless the hero is still safe from the last blow or dashing.
void hero_hurt(void);
void hero_heal(void);
// Gold from a cell, with a coin to show it.
void hero_earn(uint8_t gold, uint8_t at);
