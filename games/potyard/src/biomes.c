#include "biomes.h"

#include "gfx.h"
#include "telemetry.h"
#include "video.h"

const char *const biome_names[] = {"", "THE FOREST", "THE DESERT", "THE CRYPT"};
const char *const boss_names[] = {"", "BARK VADER", "DUNE WORM", "BONE KING"};

static const uint8_t routes[4][STAGES] = {
    {BIOME_FOREST, BIOME_DESERT, BIOME_CRYPT},
    {BIOME_FOREST, BIOME_CRYPT, BIOME_DESERT},
    {BIOME_DESERT, BIOME_FOREST, BIOME_CRYPT},
    {BIOME_FOREST, BIOME_DESERT, BIOME_CRYPT},
};

uint8_t biome_of(uint8_t stage_number) {
    return routes[(uint8_t)seed & 3][stage_number - 1];
}

void biome_load(void) {
    switch (biome) {
    case BIOME_FOREST:
        video_tiles(BG_FOREST_BASE, bg_forest, BG_FOREST_TILES);
        video_object_tiles(OBJ_FOES_FOREST_BASE, obj_foes_forest, OBJ_FOES_FOREST_TILES);
        video_object_tiles(OBJ_BOSS_FOREST_BASE, obj_boss_forest, OBJ_BOSS_FOREST_TILES);
        break;
    case BIOME_DESERT:
        video_tiles(BG_DESERT_BASE, bg_desert, BG_DESERT_TILES);
        video_object_tiles(OBJ_FOES_DESERT_BASE, obj_foes_desert, OBJ_FOES_DESERT_TILES);
        video_object_tiles(OBJ_BOSS_DESERT_BASE, obj_boss_desert, OBJ_BOSS_DESERT_TILES);
        break;
    case BIOME_CRYPT:
        video_tiles(BG_CRYPT_BASE, bg_crypt, BG_CRYPT_TILES);
        video_object_tiles(OBJ_FOES_CRYPT_BASE, obj_foes_crypt, OBJ_FOES_CRYPT_TILES);
        video_object_tiles(OBJ_BOSS_CRYPT_BASE, obj_boss_crypt, OBJ_BOSS_CRYPT_TILES);
        break;
    }
}
