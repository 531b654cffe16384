// Walkers and shooters.
#pragma once
#include <stdint.h>

void foes_enter(void);   // a stage begins
void foes_leave(void);   // the boss is here: they run
void foes_update(void);
void foes_draw(void);
void foes_bonk(uint8_t x, uint8_t y);
uint8_t foe_at(uint8_t at);
