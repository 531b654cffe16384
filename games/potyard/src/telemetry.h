// The variables of telemetry.def, for the rest of the game to read and write.
#pragma once
#include <stdint.h>

#define COUNTER(type, name, meaning) extern type name;
#define GAUGE(type, name, meaning) extern type name;
#include "telemetry.def"
#undef COUNTER
#undef GAUGE

enum { PHASE_BOOT, PHASE_TITLE, PHASE_CARD, PHASE_PLAYING, PHASE_LEFT, PHASE_CLEARED, PHASE_DEAD };
enum { BIOME_NONE, BIOME_FOREST, BIOME_DESERT, BIOME_CRYPT };
enum { BOSS_NONE, BARK_VADER, DUNE_WORM, BONE_KING };
enum { RESULT_NONE, RESULT_CLEAR, RESULT_DEATH };

// Sets every counter of a run to zero.
void telemetry_reset(void);
