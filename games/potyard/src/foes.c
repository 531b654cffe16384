#include "foes.h"

#include "effects.h"
#include "gfx.h"
#include "hero.h"
#include "rng.h"
#include "shots.h"
#include "sound.h"
#include "telemetry.h"
#include "video.h"
#include "yard.h"

#define FOES 4
#define RETURN_TICKS 240
#define RISE_TICKS 32
#define WALK_TICKS 32  // half a pixel a tick
#define LOOK_TICKS 40
#define AIM_TICKS 28

enum { NOWHERE, AWAY, RISING, WAITING, WALKING, AIMING };

// Not static: the scripted player finds it in the linker's symbols.
struct foe {
    uint8_t state, shoots, x, y, at, dir, timer, unused;
} foes[FOES];

void foes_enter(void) {
    static const uint8_t walkers[] = {0, 1, 2, 2}, shooters[] = {0, 1, 1, 2};
    uint8_t count = practice ? 0 : walkers[stage] + shooters[stage];
    for (uint8_t i = 0; i < FOES; i++) {
        foes[i].state = i < count ? AWAY : NOWHERE;
        foes[i].shoots = i >= walkers[stage];
        foes[i].timer = 30 + (i << 4);
    }
}

void foes_leave(void) {
    for (struct foe *foe = foes; foe != foes + FOES; foe++) {
        if (foe->state > AWAY) effect_add(EFFECT_PUFF, foe->x, foe->y);
        foe->state = NOWHERE;
    }
}

uint8_t foe_at(uint8_t at) {
    for (struct foe *foe = foes; foe != foes + FOES; foe++)
        if (foe->state > AWAY && foe->at == at) return 1;
    return 0;
}

static void rise(struct foe *foe) {
    uint8_t at = yard_free_cell();
    if (!at) {
        foe->timer = 16;
        return;
    }
    foe->at = at;
    foe->x = CELL_X(at);
    foe->y = CELL_Y(at);
    foe->state = RISING;
    foe->timer = RISE_TICKS;
}

static uint8_t hero_side(struct foe *foe) {
    return dir_to(foe->x, foe->y, hero_x, hero_y);
}

static void set_out(struct foe *foe) {
    uint8_t luck = rng_byte(), to;
    foe->dir = luck & 4 ? hero_side(foe) : luck & 3;
    to = foe->at + dir_cells[foe->dir];
    if (yard[to] != CELL_FLOOR || foe_at(to)) {
        foe->timer = 8;
        return;
    }
    foe->at = to;
    foe->state = WALKING;
    foe->timer = WALK_TICKS;
}

static void look(struct foe *foe) {
    if (gap(hero_x, foe->x) <= 8 || gap(hero_y, foe->y) <= 8) {
        foe->dir = hero_side(foe);
        foe->state = AIMING;
        foe->timer = AIM_TICKS;
        sound_play(SOUND_TELL);
    } else {
        foe->timer = LOOK_TICKS;
    }
}

static void shoot(struct foe *foe) {
    static const uint8_t octants[4] = {0, 4, 6, 2};
    shot_add(foe->x, foe->y, octants[foe->dir], 0);
    foe->state = WAITING;
    foe->timer = LOOK_TICKS * 3;
}

static void act(struct foe *foe) {
    if (foe->state == WALKING && foe->timer & 1) {
        foe->x += dir_x[foe->dir];
        foe->y += dir_y[foe->dir];
    }
    if (--foe->timer) return;
    switch (foe->state) {
    case AWAY:
        rise(foe);
        break;
    case RISING:
        foe->state = WAITING;
        foe->timer = LOOK_TICKS;
        break;
    case WAITING:
        if (foe->shoots) look(foe);
        else set_out(foe);
        break;
    case WALKING:
        foe->state = WAITING;
        foe->timer = 44 - (stage << 3);  // livelier in every stage
        break;
    case AIMING:
        shoot(foe);
        break;
    }
}

void foes_update(void) {
    for (struct foe *foe = foes; foe != foes + FOES; foe++) {
        if (foe->state == NOWHERE) continue;
        act(foe);
        if (foe->state > RISING && gap(foe->x, hero_x) <= 11 && gap(foe->y, hero_y) <= 11) hero_hurt();
    }
}

void foes_bonk(uint8_t x, uint8_t y) {
    for (struct foe *foe = foes; foe != foes + FOES; foe++)
        if (foe->state > RISING && gap(foe->x, x) <= 13 && gap(foe->y, y) <= 13) {
            enemies_defeated++;
            effect_add(EFFECT_PUFF, foe->x, foe->y);
            hero_earn(3, foe->at);
            sound_play(SOUND_BREAK);
            foe->state = AWAY;
            foe->timer = RETURN_TICKS;
        }
}

void foes_draw(void) {
    for (struct foe *foe = foes; foe != foes + FOES; foe++) {
        uint8_t tile = foe->shoots ? OBJ_SHOOTER : OBJ_WALKER;
        if (foe->state <= AWAY) continue;
        if (foe->state == RISING) {
            tile = foe->timer & 8 ? OBJ_PUFF : OBJ_PUFF_B;
        } else if (foe->shoots) {
            if (foe->state == AIMING) tile = OBJ_SHOOTER_TELL;
        } else if (foe->timer & 8) {
            tile = OBJ_WALKER_STEP;
        }
        draw_cell(foe->x, foe->y, tile, foe->state == AIMING && foe->timer & 4 ? INVERTED : 0);
    }
}
