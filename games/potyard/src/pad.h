// Buttons.
#pragma once
#include <stdint.h>

enum {
    PAD_RIGHT = 0x01, PAD_LEFT = 0x02, PAD_UP = 0x04, PAD_DOWN = 0x08,
    PAD_A = 0x10, PAD_B = 0x20, PAD_SELECT = 0x40, PAD_START = 0x80,
};

extern uint8_t pad_held;     // down now
extern uint8_t pad_pressed;  // down now, up a frame ago

void pad_read(void);
