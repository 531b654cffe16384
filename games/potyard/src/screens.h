// Title, stage cards, and the two ends.
#pragma once
#include <stdint.h>

// Waits for a choice; sets `practice`.
void title_screen(void);
void stage_card(void);
void cleared_screen(void);
void dead_screen(void);
