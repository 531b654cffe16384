// Screen: tiles, background map, objects, fades. Video memory is written in VBlank, or with the LCD off between scenes.
#pragma once
#include <stdint.h>

#define FLIP_X 0x20
#define FLIP_Y 0x40
#define INVERTED 0x10  // black and white swapped: hurt, or about to strike

extern uint8_t shake;  // frames left of a shaking yard

void video_init(void);

// Scene cuts: video memory may be written at once between video_off and video_on.
void video_off(void);
void video_on(uint8_t window);
void video_tiles(uint8_t base, const uint8_t *tiles, uint8_t count);
void video_object_tiles(uint8_t base, const uint8_t *tiles, uint8_t count);
void video_fill_blank(void);

// Map addresses are column, row in 8-pixel tiles; the window's map holds the HUD.
uint16_t map_at(uint8_t column, uint8_t row);
uint16_t window_at(uint8_t column, uint8_t row);

// Queued for the next VBlank, or written at once while the LCD is off.
void put(uint16_t at, uint8_t tile);
void put_block(uint16_t at, uint8_t tile, uint8_t columns, uint8_t rows);
void put_cell(uint16_t at, uint8_t tile);
void put_text(uint16_t at, const char *text);
void put_centred(uint8_t row, const char *text);
void put_number(uint16_t at, uint16_t value, uint8_t digits);

// Objects of the frame being made; x, y are screen pixels of the top left corner. Earlier ones lie on top.
void draw_small(uint8_t x, uint8_t y, uint8_t tile, uint8_t flags);
void draw_cell(uint8_t x, uint8_t y, uint8_t tile, uint8_t flags);
void draw_big(uint8_t x, uint8_t y, uint8_t tile, uint8_t flags);

// Ends a frame: sleeps until VBlank, shows what was drawn and queued, counts the tick, reads the buttons.
void frame(void);
void frames(uint8_t count);
void fade_in(void);
void fade_out(void);
void fade_to_white(void);
void slide_in(void);  // the yard comes up from below
void dim(uint8_t on);
