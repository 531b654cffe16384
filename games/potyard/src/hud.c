#include "hud.h"

#include "biomes.h"
#include "gfx.h"
#include "hero.h"
#include "telemetry.h"
#include "video.h"

#define BOSS_ROW 15  // the wall between yard and HUD

static uint8_t hearts_shown, curses_shown;
static uint16_t gold_shown;
static uint8_t life_shown;

static void put_digit(uint8_t column, uint8_t digit) {
    put(window_at(column, 0), BG_DIGIT0 + (digit << 1));
    put(window_at(column, 1), BG_DIGIT0 + (digit << 1) + 1);
}

static void put_hearts(void) {
    for (uint8_t i = 0; i < HEARTS; i++) put_cell(window_at(i << 1, 0), i < hearts ? BG_HUD_HEART : BG_HUD_HEART_LOST);
    hearts_shown = hearts;
}

static void put_gold(void) {
    uint16_t rest = gold_total > 999 ? 999 : gold_total;
    uint8_t hundreds = 0, tens = 0;
    for (; rest >= 100; rest -= 100) hundreds++;
    for (; rest >= 10; rest -= 10) tens++;
    put_digit(13, hundreds);
    put_digit(14, tens);
    put_digit(15, (uint8_t)rest);
    gold_shown = gold_total;
}

void hud_build(void) {
    put_hearts();
    put_cell(window_at(11, 0), BG_HUD_COIN);
    put_gold();
    if (!practice) {
        put_cell(window_at(17, 0), BG_HUD_FLAG);
        put_digit(19, stage);
    }
    life_shown = curses_shown = 0;
}

// A skull on the upper wall for each curse.
static void put_curses(void) {
    curses_shown = boss_curse_activations_stage;
    for (uint8_t i = 1; i <= curses_shown; i++) put(map_at(i, 0), BG_CURSE);
}

// At most one kind of thing a frame, so that the queue has room for the yard.
void hud_update(void) {
    if (hearts != hearts_shown) put_hearts();
    else if (gold_total != gold_shown) put_gold();
    else if (boss_curse_activations_stage != curses_shown) put_curses();
}

static void put_wall(void) {
    for (uint8_t column = 1; column < 19; column++) put(map_at(column, BOSS_ROW), BG_WALL);
}

void hud_paused(uint8_t on) {
    if (on) put_centred(0, "PAUSED");
    else for (uint8_t column = 7; column < 14; column++) put(map_at(column, 0), BG_WALL);
}

void hud_boss_name(void) {
    put_centred(BOSS_ROW, boss_names[boss_id]);
}

void hud_boss_life(uint8_t life) {
    if (!life_shown || !life) put_wall();
    if (life > life_shown) {
        for (uint8_t i = 1; i <= life; i++) put(map_at(i, BOSS_ROW), BG_PIP_FULL);
    } else if (life) {
        put(map_at(1 + life, BOSS_ROW), BG_PIP_SPENT);
    }
    life_shown = life;
}
