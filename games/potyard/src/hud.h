// The line below the yard: hearts, gold, stage. And the boss's life along the wall.
#pragma once
#include <stdint.h>

void hud_build(void);   // draws everything; the LCD must be off
void hud_update(void);  // draws what changed
void hud_paused(uint8_t on);
void hud_boss_name(void);         // its name, while it arrives
void hud_boss_life(uint8_t life);  // then a pip for each blow it can take; 0 takes them away
