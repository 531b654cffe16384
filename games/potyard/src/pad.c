#include "pad.h"

#include "gb.h"

uint8_t pad_held, pad_pressed;

void pad_read(void) {
    uint8_t before = pad_held, now;
    P1 = 0x20;
    now = P1;
    now = P1 & 0x0F;  // read twice: the lines need a moment to settle
    P1 = 0x10;
    for (uint8_t i = 0; i < 3; i++) (void)P1;
    now |= P1 << 4;
    P1 = 0x30;
    pad_held = ~now;
    pad_pressed = pad_held & ~before;
}
