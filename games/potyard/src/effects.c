#include "effects.h"

#include "gfx.h"
#include "video.h"

#define EFFECTS 6
#define EFFECT_TICKS 16

static struct {
    uint8_t kind, x, y, ticks;
} effects[EFFECTS];
static uint8_t next;  // the oldest is replaced

void effects_clear(void) {
    for (uint8_t i = 0; i < EFFECTS; i++) effects[i].ticks = 0;
}

void effect_add(uint8_t kind, uint8_t x, uint8_t y) {
    effects[next].kind = kind;
    effects[next].x = x;
    effects[next].y = y;
    effects[next].ticks = EFFECT_TICKS;
    if (++next == EFFECTS) next = 0;
}

void effects_draw(void) {
    for (uint8_t i = 0; i < EFFECTS; i++) {
        uint8_t ticks = effects[i].ticks, x = effects[i].x, y = effects[i].y;
        if (!ticks) continue;
        effects[i].ticks = ticks - 1;
        switch (effects[i].kind) {
        case EFFECT_SHARDS: draw_cell(x, y, ticks > 9 ? OBJ_SHARDS : OBJ_SHARDS_B, 0); break;
        case EFFECT_PUFF: draw_cell(x, y, ticks > 9 ? OBJ_PUFF : OBJ_PUFF_B, 0); break;
        case EFFECT_COIN: draw_small(x, y - (EFFECT_TICKS - ticks), OBJ_COIN, 0); break;
        }
    }
}
