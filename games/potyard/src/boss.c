#include "boss.h"

#include "effects.h"
#include "foes.h"
#include "gfx.h"
#include "hero.h"
#include "hud.h"
#include "rng.h"
#include "shots.h"
#include "sound.h"
#include "telemetry.h"
#include "video.h"
#include "yard.h"

#define POTS_TO_WAKE 8
#define TICKS_TO_WAKE 2700
#define ENTER_TICKS 64
#define TELL_TICKS 48
#define CHARGE_TICKS 40
#define DIVE_TICKS 80
#define FOLLOW_TICKS 20   // of a dive; then the place is settled
#define BREATH_TICKS 40   // of a rest: the king stands still
#define FALL_TICKS 64
#define HIT_TICKS 20
#define TOUCH 18   // of 24: the hero may brush a shoulder
#define LEFT_RIM 8
#define RIGHT_RIM 120
#define TOP_RIM 8
#define BOTTOM_RIM 88

enum { ABSENT, ENTERING, RESTING, TELLING, STRIKING, HIDDEN, FALLEN };

// Not static: the scripted player finds them in the linker's symbols.
uint8_t boss_state, boss_x, boss_y, boss_dir, boss_timer;

static uint8_t hit;

void boss_enter(void) {
    boss_id = BOSS_NONE;
    boss_state = ABSENT;
    boss_hp = hit = 0;
    boss_curse_activations_stage = 0;
}

static void rest(void) {
    boss_state = RESTING;
    boss_timer = 88 - (stage << 3) - (boss_curse_activations_stage << 3);
}

static void wake(void) {
    boss_id = biome;
    boss_hp = 4 + stage + (boss_curse_activations_stage << 1);
    boss_spawned++;
    boss_state = ENTERING;
    boss_timer = ENTER_TICKS;
    boss_x = 64;
    boss_y = hero_row < 3 ? 72 : 24;  // away from the hero
    foes_leave();
    yard_spend_altar();
    hud_boss_name();
    sound_play(SOUND_TELL);
}

// Moves one pixel; false at the rim.
static uint8_t advance(uint8_t dir) {
    uint8_t x = boss_x + dir_x[dir], y = boss_y + dir_y[dir];
    if (x < LEFT_RIM || x > RIGHT_RIM || y < TOP_RIM || y > BOTTOM_RIM) return 0;
    boss_x = x;
    boss_y = y;
    return 1;
}

static uint8_t hero_side(void) {
    return dir_to(boss_x + 8, boss_y + 8, hero_x, hero_y);
}

static void throw_fan(uint8_t count, uint8_t octant, uint8_t spread) {
    while (count--) {
        shot_add(boss_x + 8, boss_y + 8, octant, 1);
        octant += spread;
    }
}

static void tell(void) {
    boss_state = TELLING;
    boss_timer = TELL_TICKS;
    boss_dir = hero_side();
    sound_play(SOUND_TELL);
}

static void strike(void) {
    uint8_t octant = octant_to(boss_x + 8, boss_y + 8, hero_x, hero_y);
    boss_state = STRIKING;
    boss_timer = 8;
    switch (boss_id) {
    case BARK_VADER:
        boss_timer = CHARGE_TICKS;
        throw_fan(boss_curse_activations_stage, octant, 2);
        break;
    case DUNE_WORM:
        throw_fan(4, boss_curse_activations_stage & 1, 2);
        break;
    case BONE_KING:
        throw_fan(boss_curse_activations_stage + 3, octant - 1, 1);
        break;
    }
    sound_play(SOUND_SWING);
}

static void strike_on(void) {
    if (boss_id == BARK_VADER) {
        if (!advance(boss_dir) || !advance(boss_dir)) {
            shake = 12;
            rest();
            return;
        }
    }
    if (--boss_timer) return;
    if (boss_id == DUNE_WORM) {
        boss_state = HIDDEN;
        boss_timer = DIVE_TICKS;
    } else {
        rest();
    }
}

// Under the sand it follows the hero, then stops: the warning stays where it will come up.
static void hide(void) {
    uint8_t x = hero_x < 16 ? LEFT_RIM : hero_x - 8, y = hero_y < 16 ? TOP_RIM : hero_y - 8;
    if (boss_timer == DIVE_TICKS - FOLLOW_TICKS) {
        boss_x = x > RIGHT_RIM ? RIGHT_RIM : x;
        boss_y = y > BOTTOM_RIM ? BOTTOM_RIM : y;
    }
    if (--boss_timer) return;
    shake = 12;
    sound_play(SOUND_BREAK);
    rest();
}

static void fall(void) {
    if ((boss_timer & 15) == 8) {
        effect_add(EFFECT_PUFF, boss_x + (rng_byte() & 15), boss_y + (rng_byte() & 15));
        sound_play(SOUND_BREAK);
    }
    if (--boss_timer) return;
    boss_state = ABSENT;
    boss_id = BOSS_NONE;
    hud_boss_life(0);
    yard_open_portal();
}

uint8_t boss_at(uint8_t x, uint8_t y) {
    if (boss_state < RESTING || boss_state > STRIKING) return 0;
    return gap(x, boss_x + 8) <= TOUCH && gap(y, boss_y + 8) <= TOUCH;
}

static void touch(void) {
    if (boss_at(hero_x, hero_y)) hero_hurt();
}

void boss_update(void) {
    if (hit) hit--;
    switch (boss_state) {
    case ABSENT:
        if (!practice && !portal_open && (pots_broken_stage >= POTS_TO_WAKE || stage_ticks >= TICKS_TO_WAKE)) wake();
        break;
    case ENTERING:
        if (!--boss_timer) {
            hud_boss_life(boss_hp);
            shake = 16;
            sound_play(SOUND_BREAK);
            rest();
        }
        break;
    case RESTING:
        if (boss_id == BONE_KING && boss_timer & 1 && boss_timer > BREATH_TICKS && !hit) advance(hero_side());
        touch();
        if (!--boss_timer) tell();
        break;
    case TELLING:
        touch();
        if (!--boss_timer) strike();
        break;
    case STRIKING:
        touch();
        strike_on();
        break;
    case HIDDEN:
        hide();
        break;
    case FALLEN:
        fall();
        break;
    }
}

void boss_bonk(uint8_t x, uint8_t y) {
    static const uint8_t reward[] = {30, 60, 90, 120};
    if (hit || boss_state < RESTING || boss_state > STRIKING) return;
    if (gap(x, boss_x + 8) > 22 || gap(y, boss_y + 8) > 22) return;
    hit = HIT_TICKS;
    shake = 4;
    sound_play(SOUND_BREAK);
    effect_add(EFFECT_SHARDS, x, y);
    boss_hp--;
    hud_boss_life(boss_hp);
    if (boss_hp) return;
    boss_defeated++;
    boss_state = FALLEN;
    boss_timer = FALL_TICKS;
    shots_clear();
    hero_earn(reward[boss_curse_activations_stage], CELL_UNDER(boss_x + 8, boss_y + 8));
}

static void draw_warning(void) {
    uint8_t flags = boss_timer & 4 ? INVERTED : 0;
    draw_cell(boss_x, boss_y + 8, OBJ_WARNING, flags);
    draw_cell(boss_x + 16, boss_y + 8, OBJ_WARNING, flags);
}

void boss_draw(void) {
    switch (boss_state) {
    case ENTERING:
        draw_warning();
        break;
    case HIDDEN:
        if (boss_timer < DIVE_TICKS - FOLLOW_TICKS) draw_warning();
        break;
    case RESTING:
        draw_big(boss_x, boss_y - (boss_timer >> 4 & 1), OBJ_BOSS, hit & 4 ? INVERTED : 0);
        break;
    case TELLING:
    case STRIKING:
        draw_big(boss_x, boss_y, OBJ_BOSS_TELL, (hit | (boss_state == TELLING ? boss_timer : 0)) & 4 ? INVERTED : 0);
        break;
    case FALLEN:
        draw_big(boss_x, boss_y, OBJ_BOSS, boss_timer & 4 ? INVERTED : 0);
        break;
    }
}
