#include "sound.h"

#include "gb.h"

// Tones: sweep, duty and length, envelope, frequency. Noises: 0xFF, length, envelope, colour, unused.
static const uint8_t sounds[][5] = {
    {0xFF, 0x10, 0xF1, 0x42, 0},     // break
    {0x00, 0x80, 0xA1, 0xD6, 0x87},  // coin
    {0x1E, 0x80, 0xF2, 0x00, 0x84},  // hurt
    {0xFF, 0x30, 0x61, 0x31, 0},     // swing
    {0xFF, 0x20, 0x72, 0x20, 0},     // dash
    {0x16, 0x80, 0xA3, 0x00, 0x86},  // heart
    {0x2D, 0x40, 0xF5, 0x80, 0x85},  // curse
    {0x15, 0x00, 0xB3, 0x00, 0x83},  // tell
    {0x35, 0x80, 0xC6, 0x80, 0x86},  // portal
    {0x00, 0x80, 0x81, 0xB0, 0x86},  // select
};

void sound_init(void) {
    NR52 = 0x80;
    NR51 = 0xFF;
    NR50 = 0x44;
}

void sound_play(uint8_t sound) {
    const uint8_t *bytes = sounds[sound];
    if (bytes[0] == 0xFF) {
        NR41 = bytes[1];
        NR42 = bytes[2];
        NR43 = bytes[3];
        NR44 = 0x80;
    } else {
        NR10 = bytes[0];
        NR11 = bytes[1];
        NR12 = bytes[2];
        NR13 = bytes[3];
        NR14 = bytes[4];
    }
}
