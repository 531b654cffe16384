#include "shots.h"

#include "effects.h"
#include "gfx.h"
#include "hero.h"
#include "telemetry.h"
#include "video.h"
#include "yard.h"

#define SHOTS 6

// Not static: the scripted player finds it in the linker's symbols.
struct shot {
    uint8_t x, y, octant, high;  // x is 0 where the entry is free
} shots[SHOTS];

static const int8_t octant_x[8] = {0, 1, 1, 1, 0, -1, -1, -1};
static const int8_t octant_y[8] = {1, 1, 0, -1, -1, -1, 0, 1};

void shots_clear(void) {
    for (uint8_t i = 0; i < SHOTS; i++) shots[i].x = 0;
}

void shot_add(uint8_t x, uint8_t y, uint8_t octant, uint8_t high) {
    for (struct shot *shot = shots; shot != shots + SHOTS; shot++)
        if (!shot->x) {
            shot->x = x;
            shot->y = y;
            shot->octant = octant & 7;
            shot->high = high;
            return;
        }
}

static void fly(struct shot *shot) {
    uint8_t x = shot->x + octant_x[shot->octant], y = shot->y + octant_y[shot->octant], cell;
    shot->x = x;
    shot->y = y;
    cell = yard[CELL_UNDER(x, y)];
    if (cell == CELL_WALL || (!shot->high && !WALKABLE(cell))) {
        effect_add(EFFECT_PUFF, x, y);
        shot->x = 0;
    } else if (gap(x, hero_x) <= 9 && gap(y, hero_y) <= 9) {
        hero_hurt();
        shot->x = 0;
    }
}

// Three pixels in two ticks: slower than a dash, faster than a walk.
void shots_update(void) {
    for (struct shot *shot = shots; shot != shots + SHOTS; shot++) {
        if (shot->x) fly(shot);
        if (shot->x && (uint8_t)tick & 1) fly(shot);
    }
}

void shots_draw(void) {
    for (struct shot *shot = shots; shot != shots + SHOTS; shot++)
        if (shot->x) draw_cell(shot->x, shot->y, OBJ_SHOT, 0);
}

uint8_t octant_to(uint8_t x, uint8_t y, uint8_t to_x, uint8_t to_y) {
    uint8_t right = to_x > x, down = to_y > y;
    uint8_t dx = gap(x, to_x), dy = gap(y, to_y);
    if (dy >> 1 >= dx) return down ? 0 : 4;
    if (dx >> 1 >= dy) return right ? 2 : 6;
    if (down) return right ? 1 : 7;
    return right ? 3 : 5;
}
