#include "yard.h"

#include "effects.h"
#include "foes.h"
#include "gfx.h"
#include "hero.h"
#include "rng.h"
#include "sound.h"
#include "telemetry.h"
#include "video.h"

#define POTS 12
#define RESTOCK_TICKS 150
#define RESTOCK_TICKS_PRACTICE 60
#define CURSES 3

uint8_t yard[9 * 16];
uint8_t pots_broken_stage;

const int8_t dir_cells[4] = {16, -16, -1, 1};
const int8_t dir_x[4] = {0, 0, -1, 1};
const int8_t dir_y[4] = {1, -1, 0, 0};

static uint8_t altar_at, portal_at;
static uint8_t restock, flicker;

static const uint8_t cell_tile[] = {
    BG_FLOOR, BG_HEART, BG_PORTAL, BG_POT, BG_SILVER, BG_CHEST, BG_CHEST_OPEN,
    BG_ALTAR, BG_ALTAR_SPENT, BG_PORTAL_SHUT, BG_ROCK, BG_WALL,
};

uint8_t gap(uint8_t a, uint8_t b) {
    return a > b ? a - b : b - a;
}

uint8_t dir_to(uint8_t x, uint8_t y, uint8_t to_x, uint8_t to_y) {
    if (gap(x, to_x) > gap(y, to_y)) return to_x > x ? DIR_RIGHT : DIR_LEFT;
    return to_y > y ? DIR_DOWN : DIR_UP;
}

static void draw(uint8_t at, uint8_t tile) {
    put_cell(0x9800 - 33 + ((uint16_t)(at & 0xF0) << 2) + ((at & 0x0F) << 1), tile);
}

void yard_set(uint8_t at, uint8_t cell) {
    uint8_t tile = cell_tile[cell];
    yard[at] = cell;
    if (cell == CELL_FLOOR && (uint8_t)(at * 5 + (at >> 3)) % 4 == 0) tile = BG_FLOOR_B;
    draw(at, tile);
}

static uint8_t random_cell(void) {
    uint8_t row = rng_below(ROWS);
    return CELL(rng_below(COLUMNS), row);
}

// True if one of the eight neighbours can never be walked through. Lasting things keep apart, so that they cannot
// wall anything in.
static uint8_t crowded(uint8_t at) {
    static const int8_t around[] = {-17, -16, -15, -1, 1, 15, 16, 17};
    for (uint8_t i = 0; i < sizeof around; i++) {
        uint8_t cell = yard[(uint8_t)(at + around[i])];
        if (cell >= CELL_CHEST && cell != CELL_WALL) return 1;
    }
    return 0;
}

static uint8_t far_from(uint8_t at, uint8_t other, uint8_t cells) {
    return gap(at & 0x0F, other & 0x0F) > cells - 1 || gap(at >> 4, other >> 4) > cells - 1;
}

static uint8_t place(uint8_t cell, uint8_t count) {
    uint8_t at = 0;
    for (; count; count--)
        for (uint8_t tries = 0; tries < 100; tries++) {
            at = random_cell();
            if (yard[at] != CELL_FLOOR || !far_from(at, HOME, 2)) continue;
            if (cell >= CELL_CHEST && crowded(at)) continue;
            yard[at] = cell;
            break;
        }
    return at;
}

static void draw_walls(void) {
    for (uint8_t column = 0; column < 20; column++) {
        put(map_at(column, 0), BG_WALL);
        put(map_at(column, 15), BG_WALL);
    }
    for (uint8_t row = 1; row < 15; row++) {
        put(map_at(0, row), BG_WALL);
        put(map_at(19, row), BG_WALL);
    }
}

void yard_build(void) {
    uint8_t at = 0;
    for (uint8_t i = 0; i < sizeof yard; i++) yard[i] = CELL_WALL;
    for (uint8_t row = 0; row < ROWS; row++)
        for (uint8_t column = 0; column < COLUMNS; column++) yard[CELL(column, row)] = CELL_FLOOR;
    if (!practice) {
        do at = CELL(rng_below(COLUMNS), 0);
        while (at == CELL(4, 0));
        yard[at] = CELL_PORTAL_SHUT;
        portal_at = at;
        altar_at = place(CELL_ALTAR, 1);
    } else {
        portal_at = altar_at = 0;
    }
    place(CELL_CHEST, stage > 1 ? 2 : 1);
    place(CELL_ROCK, 4);
    place(CELL_SILVER, 2);
    place(CELL_POT, POTS - 1);
    yard[(uint8_t)(HOME + dir_cells[rng_byte() & 3])] = CELL_POT;  // one within reach, to begin with
    pots_left = 0;
    draw_walls();
    for (uint8_t row = 0; row < ROWS; row++)
        for (uint8_t column = 0; column < COLUMNS; column++) {
            at = CELL(column, row);
            if (yard[at] == CELL_POT || yard[at] == CELL_SILVER) pots_left++;
            yard_set(at, yard[at]);
        }
    portal_open = 0;
    pots_broken_stage = restock = flicker = 0;
}

uint8_t yard_free_cell(void) {
    for (uint8_t tries = 0; tries < 8; tries++) {
        uint8_t at = random_cell();
        if (yard[at] == CELL_FLOOR && far_from(at, hero_at, 3) && !foe_at(at)) return at;
    }
    return 0;
}

static void restock_pot(void) {
    uint8_t at = yard_free_cell();
    if (!at) return;
    yard_set(at, (rng_byte() & 7) ? CELL_POT : CELL_SILVER);
    pots_left++;
    effect_add(EFFECT_PUFF, CELL_X(at), CELL_Y(at));
}

void yard_update(void) {
    if (pots_left < POTS && !portal_open && ++restock >= (practice ? RESTOCK_TICKS_PRACTICE : RESTOCK_TICKS)) {
        restock = 0;
        restock_pot();
    }
    if ((++flicker & 15) == 0) {
        uint8_t second = flicker & 16;
        if (altar_at && yard[altar_at] == CELL_ALTAR) draw(altar_at, second ? BG_ALTAR_B : BG_ALTAR);
        if (portal_open) draw(portal_at, second ? BG_PORTAL_B : BG_PORTAL);
    }
}

static void break_pot(uint8_t at, uint8_t silver) {
    uint8_t luck = rng_byte();
    pots_broken++;
    pots_broken_stage++;
    pots_left--;
    sound_play(SOUND_BREAK);
    effect_add(EFFECT_SHARDS, CELL_X(at), CELL_Y(at));
    yard_set(at, CELL_FLOOR);
    if (silver) {
        silver_pots_broken++;
        hero_earn(10, at);
    } else if (luck < 40 && !practice) {
        yard_set(at, CELL_HEART);
    } else {
        hero_earn(1 + (luck & 1), at);
    }
}

static void open_chest(uint8_t at) {
    chests_opened++;
    yard_set(at, CELL_CHEST_OPEN);
    hero_earn(20, at);
    if (rng_byte() < 64) hero_heal();
}

static void take_curse(uint8_t at) {
    boss_curse_activations_stage++;
    boss_curse_activations++;
    sound_play(SOUND_CURSE);
    shake = 16;
    effect_add(EFFECT_PUFF, CELL_X(at), CELL_Y(at));
    if (boss_curse_activations_stage == CURSES) yard_set(at, CELL_ALTAR_SPENT);
}

uint8_t yard_bonk(uint8_t at) {
    switch (yard[at]) {
    case CELL_POT:
        break_pot(at, 0);
        return 1;
    case CELL_SILVER:
        break_pot(at, 1);
        return 1;
    case CELL_CHEST:
        open_chest(at);
        return 1;
    case CELL_ALTAR:
        take_curse(at);
        return 1;
    }
    return 0;
}

void yard_open_portal(void) {
    portal_open = 1;
    yard_set(portal_at, CELL_PORTAL);
    sound_play(SOUND_PORTAL);
}

void yard_spend_altar(void) {
    if (altar_at && yard[altar_at] == CELL_ALTAR) yard_set(altar_at, CELL_ALTAR_SPENT);
}
