#include "hero.h"

#include "boss.h"
#include "effects.h"
#include "foes.h"
#include "gfx.h"
#include "pad.h"
#include "sound.h"
#include "telemetry.h"
#include "video.h"
#include "yard.h"

#define WALK_TICKS 16   // one pixel a tick
#define DASH_CELLS 2    // four pixels a tick
#define BONK_TICKS 14
#define BONK_LANDS 10   // ticks left when the hammer lands
#define REST_AFTER_DASH 8
#define SAFE_TICKS 80
#define FALL_TICKS 90
#define WISH_TICKS 16   // a tap is remembered this long while the hero is busy

enum { STANDING, WALKING, BONKING, DASHING, RESTING, FALLING };

uint8_t hero_x, hero_y, hero_at, hero_gone, hero_left;

static uint8_t state, timer, safe;
static uint8_t wish, wish_ticks;
static uint8_t dash_cells;

void hero_enter(void) {
    hero_at = HOME;
    hero_x = CELL_X(HOME);
    hero_y = CELL_Y(HOME);
    hero_dir = DIR_DOWN;
    hero_col = 4;
    hero_row = 3;
    hero_gone = hero_left = wish = 0;
    state = STANDING;
    safe = SAFE_TICKS;
}

static void arrive(void) {
    uint8_t cell = yard[hero_at];
    hero_col = (hero_at & 0x0F) - 1;
    hero_row = (hero_at >> 4) - 1;
    if (cell == CELL_HEART) {
        yard_set(hero_at, CELL_FLOOR);
        hero_heal();
    } else if (cell == CELL_PORTAL) {
        hero_left = 1;
    }
}

static uint8_t ahead(void) {
    return hero_at + dir_cells[hero_dir];
}

// Foes and bosses stand in the way: walking at one only turns the hero towards it.
static uint8_t can_advance(void) {
    uint8_t to = ahead();
    return WALKABLE(yard[to]) && !foe_at(to) && !boss_at(CELL_X(to), CELL_Y(to));
}

static void move(uint8_t pixels) {
    while (pixels--) {
        hero_x += dir_x[hero_dir];
        hero_y += dir_y[hero_dir];
    }
}

static void walk(void) {
    move(1);
    if (--timer) return;
    state = STANDING;
    steps_walked++;
    arrive();
}

static void start_walk(void) {
    if (pad_held & PAD_DOWN) hero_dir = DIR_DOWN;
    else if (pad_held & PAD_UP) hero_dir = DIR_UP;
    else if (pad_held & PAD_LEFT) hero_dir = DIR_LEFT;
    else if (pad_held & PAD_RIGHT) hero_dir = DIR_RIGHT;
    else return;
    if (!can_advance()) return;
    hero_at = ahead();
    state = WALKING;
    timer = WALK_TICKS;
    walk();
}

static void start_bonk(void) {
    state = BONKING;
    timer = BONK_TICKS;
    sound_play(SOUND_SWING);
}

static void bonk(void) {
    if (--timer == BONK_LANDS) {
        uint8_t x = hero_x + (dir_x[hero_dir] << 4), y = hero_y + (dir_y[hero_dir] << 4);
        bonks++;
        foes_bonk(x, y);
        boss_bonk(x, y);
        yard_bonk(ahead());
    }
    if (!timer) state = STANDING;
}

static void dash(void) {
    if (!timer) {
        arrive();
        if (hero_left || dash_cells == DASH_CELLS || !can_advance()) {
            state = RESTING;
            timer = REST_AFTER_DASH;
            return;
        }
        hero_at = ahead();
        dash_cells++;
        timer = 4;
    }
    move(4);
    timer--;
}

static void start_dash(void) {
    wish = 0;
    if (!can_advance()) return;
    dashes++;
    sound_play(SOUND_DASH);
    effect_add(EFFECT_PUFF, hero_x, hero_y);
    state = DASHING;
    hero_at = ahead();
    dash_cells = 1;
    timer = 4;
    dash();
}

static void stand(void) {
    if ((wish & PAD_A) || (pad_held & PAD_A)) {
        wish = 0;
        start_bonk();
    } else if (wish & PAD_B) {
        start_dash();
    } else {
        start_walk();
    }
}

void hero_update(void) {
    if (safe) safe--;
    if (pad_pressed & (PAD_A | PAD_B)) {
        wish = pad_pressed;
        wish_ticks = WISH_TICKS;
    } else if (wish_ticks && !--wish_ticks) {
        wish = 0;
    }
    switch (state) {
    case STANDING: stand(); break;
    case WALKING: walk(); break;
    case BONKING: bonk(); break;
    case DASHING: dash(); break;
    case RESTING: if (!--timer) state = STANDING; break;
    case FALLING: if (!--timer) hero_gone = 1; break;
    }
}

void hero_hurt(void) {
    if (safe || state == DASHING || state == FALLING) return;
    hearts--;
    damage_taken++;
    safe = SAFE_TICKS;
    shake = 10;
    sound_play(SOUND_HURT);
    if (!hearts) {
        state = FALLING;
        timer = FALL_TICKS;
    }
}

void hero_heal(void) {
    hearts_found++;
    if (hearts < HEARTS) hearts++;
    sound_play(SOUND_HEART);
}

void hero_earn(uint8_t gold, uint8_t at) {
    gold_total += gold;
    sound_play(SOUND_COIN);
    effect_add(EFFECT_COIN, CELL_X(at) + 4, CELL_Y(at));
}

static void draw_hammer(uint8_t reach) {
    switch (hero_dir) {
    case DIR_DOWN: draw_cell(hero_x, hero_y + reach, OBJ_HAMMER_DOWN, 0); break;
    case DIR_UP: draw_cell(hero_x, hero_y - reach, OBJ_HAMMER_DOWN, FLIP_Y); break;
    case DIR_LEFT: draw_cell(hero_x - reach, hero_y, OBJ_HAMMER_SIDE, FLIP_X); break;
    case DIR_RIGHT: draw_cell(hero_x + reach, hero_y, OBJ_HAMMER_SIDE, 0); break;
    }
}

void hero_draw(void) {
    static const uint8_t looks[4] = {OBJ_HERO_DOWN, OBJ_HERO_UP, OBJ_HERO_SIDE, OBJ_HERO_SIDE};
    uint8_t tile = looks[hero_dir], flags = hero_dir == DIR_LEFT ? FLIP_X : 0;
    // Hurt: dark and light in turn. Never hidden, so that no sampled frame loses the hero.
    if (safe & 4 && state != FALLING && damage_taken) flags |= INVERTED;
    if (state == FALLING) {
        draw_cell(hero_x, hero_y, OBJ_HERO_FALLEN, (timer & 8) && timer > 40 ? INVERTED : 0);
        return;
    }
    if (state == WALKING) {
        if (timer & 8) tile += OBJ_HERO_DOWN_STEP - OBJ_HERO_DOWN;
        if (hero_dir < DIR_LEFT && (hero_x ^ hero_y) & 16) flags |= FLIP_X;
    } else if (state == BONKING) {
        draw_hammer(timer > BONK_LANDS ? 6 : 12);
    }
    draw_cell(hero_x, hero_y, tile, flags);
}
