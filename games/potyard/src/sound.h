// Short noises and tones. Nothing in the game waits for them.
#pragma once
#include <stdint.h>

enum {
    SOUND_BREAK, SOUND_COIN, SOUND_HURT, SOUND_SWING, SOUND_DASH,
    SOUND_HEART, SOUND_CURSE, SOUND_TELL, SOUND_PORTAL, SOUND_SELECT,
};

void sound_init(void);
void sound_play(uint8_t sound);
