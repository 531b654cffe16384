#include "screens.h"

#include "biomes.h"
#include "gfx.h"
#include "pad.h"
#include "sound.h"
#include "telemetry.h"
#include "video.h"
#include "yard.h"

#define LOGO_ROW 1
#define MENU_ROW 8
#define SCENE_ROW 15  // objects of the title's yard stand on this tile row
#define CARD_TICKS 64

static void put_scene(uint8_t column, uint8_t tile) {
    put_cell(map_at(column, SCENE_ROW), tile);
}

static void put_sky(void) {
    static const uint8_t stars[][2] = {{1, 2}, {18, 5}, {1, 8}, {18, 8}, {16, 11}, {3, 12}, {2, 4}, {13, 1}, {10, 7}};
    for (uint8_t i = 0; i < sizeof stars / 2; i++) put(map_at(stars[i][0], stars[i][1]), i & 1 ? BG_STAR_DIM : BG_STAR);
}

static void put_menu(void) {
    put_text(map_at(5, MENU_ROW), practice ? "  START   " : "> START   ");
    put_text(map_at(5, MENU_ROW + 2), practice ? "> PRACTICE" : "  PRACTICE");
    put_text(map_at(5, MENU_ROW + 4), "  SEED");
    put_number(map_at(12, MENU_ROW + 4), seed, 5);
}

static void put_title(void) {
    static const uint8_t pot_letters[] = {BG_LOGO_P, BG_LOGO_O, BG_LOGO_T};
    static const uint8_t yard_letters[] = {BG_LOGO_Y, BG_LOGO_A, BG_LOGO_R, BG_LOGO_D};
    video_fill_blank();
    put_sky();
    for (uint8_t i = 0; i < 3; i++) put_block(map_at(3 + i * 3, LOGO_ROW), pot_letters[i], 3, 3);
    for (uint8_t i = 0; i < 4; i++) put_block(map_at(5 + i * 3, LOGO_ROW + 3), yard_letters[i], 3, 3);
    put_cell(map_at(15, 1), BG_MOON);
    for (uint8_t column = 0; column < 20; column++) put(map_at(column, SCENE_ROW - 1), BG_WALL);
    for (uint8_t column = 0; column < 20; column += 2) {
        put_scene(column, BG_FLOOR);
        put_cell(map_at(column, SCENE_ROW + 2), column & 4 ? BG_FLOOR_B : BG_FLOOR);
    }
    put_scene(0, BG_ROCK);
    put_scene(2, BG_POT);
    put_scene(4, BG_POT);
    put_scene(12, BG_SILVER);
    put_scene(14, BG_POT);
    put_scene(16, BG_CHEST);
    put_scene(18, BG_ROCK);
    put_menu();
}

// The hero swings at the silver pot, and rests.
static void draw_title_hero(void) {
    uint8_t beat = (uint8_t)tick & 63;
    draw_cell(80, SCENE_ROW * 8, beat < 32 && beat & 8 ? OBJ_HERO_SIDE_STEP : OBJ_HERO_SIDE, 0);
    if (beat >= 48) draw_cell(90, SCENE_ROW * 8 - (beat < 52 ? 6 : 0), OBJ_HAMMER_SIDE, 0);
}

void title_screen(void) {
    phase = PHASE_TITLE;
    stage = biome = 0;
    video_off();
    video_tiles(BG_COMMON_BASE, bg_common, BG_COMMON_TILES);
    video_tiles(BG_FOREST_BASE, bg_forest, BG_FOREST_TILES);
    video_tiles(BG_LOGO_BASE, bg_logo, BG_LOGO_TILES);
    video_object_tiles(OBJ_HERO_BASE, obj_hero, OBJ_HERO_TILES);
    put_title();
    video_on(0);
    fade_in();
    for (;;) {
        draw_title_hero();
        frame();
        if (pad_pressed & (PAD_START | PAD_A)) break;
        if (pad_pressed & (PAD_UP | PAD_DOWN | PAD_SELECT)) practice ^= 1;
        if (pad_pressed & PAD_LEFT) seed--;
        if (pad_pressed & PAD_RIGHT) seed++;
        if (pad_pressed) {
            sound_play(SOUND_SELECT);
            put_menu();
        }
    }
    sound_play(SOUND_PORTAL);
    fade_out();
}

// A strip of the biome's ground between two walls: two cells high, from tile row STRIP_ROW.
#define STRIP_ROW 9
#define STRIP_Y (STRIP_ROW * 8)

static void put_strip(void) {
    for (uint8_t column = 0; column < 20; column++) {
        put(map_at(column, STRIP_ROW - 1), BG_WALL);
        put(map_at(column, STRIP_ROW + 4), BG_WALL);
    }
    for (uint8_t column = 0; column < 20; column += 2) {
        put_cell(map_at(column, STRIP_ROW), column & 4 ? BG_FLOOR : BG_FLOOR_B);
        put_cell(map_at(column, STRIP_ROW + 2), column & 4 ? BG_FLOOR_B : BG_FLOOR);
    }
}

static void put_on_strip(uint8_t column, uint8_t tile) {
    put_cell(map_at(column, STRIP_ROW + 2), tile);
}

// The hero runs in from the left; the boss of the yard waits on the right.
void stage_card(void) {
    phase = PHASE_CARD;
    video_off();
    biome_load();
    video_fill_blank();
    put_strip();
    if (practice) {
        put_centred(3, "PRACTICE");
        put_on_strip(14, BG_POT);
        put_on_strip(16, BG_SILVER);
        put_on_strip(18, BG_POT);
    } else {
        put_centred(3, "STAGE  ");
        put(map_at(13, 3), BG_GLYPH_30 + stage);
    }
    put_centred(5, biome_names[biome]);
    video_on(0);
    fade_in();
    for (uint8_t i = 0; i < CARD_TICKS; i++) {
        draw_cell(8 + i, STRIP_Y + 16, i & 8 ? OBJ_HERO_SIDE_STEP : OBJ_HERO_SIDE, 0);
        if (!practice) draw_big(120, STRIP_Y - (i >> 4 & 1), i & 32 ? OBJ_BOSS_TELL : OBJ_BOSS, 0);
        frame();
    }
    fade_out();
}

static void put_score(void) {
    put_cell(map_at(3, 15), BG_POT);
    put_number(map_at(6, 16), pots_broken, 4);
    put_cell(map_at(11, 15), BG_HUD_COIN);
    put_number(map_at(14, 16), gold_total, 4);
}

// The hero jumps, and it rains gold.
static void draw_cleared(void) {
    uint8_t beat = (uint8_t)tick;
    draw_cell(72, STRIP_Y + (beat & 16 ? 12 : 16), beat & 16 ? OBJ_HERO_CHEER : OBJ_HERO_DOWN, 0);
    for (uint8_t i = 0; i < 6; i++) {
        uint8_t y = beat + (i & 3) * 9 & 31;
        draw_small(12 + i * 26, STRIP_Y - 6 + y, OBJ_COIN, 0);
    }
}

void cleared_screen(void) {
    video_off();
    video_fill_blank();
    put_sky();
    put_strip();
    put_centred(3, "RUN CLEARED!");
    put_centred(5, "THE YARD IS YOURS");
    for (uint8_t column = 0; column < 20; column += 2)
        if (column < 7 || column > 11) put_on_strip(column, column & 2 ? BG_POT : BG_SILVER);
    put_score();
    video_on(0);
    phase = PHASE_CLEARED;
    fade_in();
    do {
        draw_cleared();
        frame();
    } while (!(pad_pressed & (PAD_START | PAD_A)));
    fade_out();
}

// Whoever did it dances.
static void draw_dead(void) {
    uint8_t beat = (uint8_t)tick, step = beat & 16 ? 0 : 1;
    draw_cell(72, STRIP_Y + 16, OBJ_HERO_FALLEN, 0);
    if (boss_id) {
        draw_big(104, STRIP_Y - step, beat & 32 ? OBJ_BOSS_TELL : OBJ_BOSS, 0);
        return;
    }
    draw_cell(40, STRIP_Y + 16 - step, step ? OBJ_WALKER : OBJ_WALKER_STEP, 0);
    draw_cell(104, STRIP_Y + 15 + step, step ? OBJ_WALKER_STEP : OBJ_WALKER, 0);
}

void dead_screen(void) {
    video_off();
    video_fill_blank();
    put_strip();
    put_centred(3, "POTTED OUT!");
    put_centred(5, "THE YARD WINS");
    put_on_strip(0, BG_ROCK);
    put_on_strip(18, BG_ROCK);
    put_score();
    video_on(0);
    phase = PHASE_DEAD;
    fade_in();
    do {
        draw_dead();
        frame();
    } while (!(pad_pressed & (PAD_START | PAD_A)));
    fade_out();
}
