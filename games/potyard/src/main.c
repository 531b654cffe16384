// Pot Yard: a run is three yards, each with pots, a boss and a portal.
#include "biomes.h"
#include "boss.h"
#include "effects.h"
#include "foes.h"
#include "hero.h"
#include "hud.h"
#include "pad.h"
#include "rng.h"
#include "screens.h"
#include "shots.h"
#include "sound.h"
#include "telemetry.h"
#include "video.h"
#include "yard.h"

#define FIRST_SEED 7321
#define LEAVE_TICKS 32  // `stage` and `biome` keep their values for a whole step after a stage has ended

static void enter_stage(void) {
    biome = biome_of(stage);  // again: a start state may have written the seed since the card
    rng_start(seed, stage);
    video_off();
    biome_load();
    video_fill_blank();
    hero_enter();
    foes_enter();
    boss_enter();
    shots_clear();
    effects_clear();
    yard_build();
    hud_build();
    stage_ticks = 0;
    stage_result = RESULT_NONE;
    stages_started++;
    video_on(1);
    slide_in();
    phase = PHASE_PLAYING;
}

static void play_tick(void) {
    stage_ticks++;
    hero_update();
    foes_update();
    shots_update();
    boss_update();
    yard_update();
    hud_update();
    hero_draw();
    shots_draw();
    foes_draw();
    boss_draw();
    effects_draw();
    frame();
}

// Waits for SELECT or A. True if START was pressed: back to the title.
static uint8_t pause(void) {
    paused = 1;
    dim(1);
    hud_paused(1);
    do frames(1);
    while (!(pad_pressed & (PAD_SELECT | PAD_A | PAD_START)));
    dim(0);
    hud_paused(0);
    paused = 0;
    return pad_pressed & PAD_START;
}

static void leave_stage(void) {
    stage_result = hero_left ? RESULT_CLEAR : RESULT_DEATH;
    stages_ended++;
    phase = PHASE_LEFT;
    frames(LEAVE_TICKS);
    if (hero_left) fade_to_white();
    else fade_out();
}

// Plays one stage to its end; false if the player gave up.
static uint8_t play_stage(void) {
    enter_stage();
    do {
        if (pad_pressed & PAD_SELECT && pause()) return 0;
        play_tick();
    } while (!hero_left && !hero_gone);
    leave_stage();
    return 1;
}

static void play_run(void) {
    telemetry_reset();
    hearts = HEARTS;
    do {
        stage++;
        biome = biome_of(stage);
        stage_card();
        if (!play_stage()) return;
    } while (hero_left && stage < STAGES);
    if (hero_left) cleared_screen();
    else dead_screen();
    seed++;  // another yard next time
}

void main(void) {
    video_init();
    sound_init();
    seed = FIRST_SEED;
    for (;;) {
        title_screen();
        play_run();
    }
}
