#include "video.h"

#include "gb.h"
#include "gfx.h"
#include "pad.h"
#include "telemetry.h"

#define QUEUE_ROOM 64  // 64 * 12 M-cycles and the object copy fit into VBlank's 1140
#define OBJECTS 40

#define LCD_ON 0xC7       // LCD, window map 9C00, tiles 8800, map 9800, objects 8x16 on, background on
#define WINDOW_ON 0x20

// In crt0.s.
void vblank_wait(void);
void oam_dma(void);
void queue_flush(void);

uint8_t __at(0xC000) objects[4 * OBJECTS];  // page-aligned for DMA; telemetry follows at 0xC0A0
uint8_t queue[3 * QUEUE_ROOM];
uint8_t queue_count;
uint8_t shake;

static uint8_t *object;        // next free entry of the object list
static uint8_t *objects_shown; // end of the entries used a frame ago
static uint8_t lcd_is_on;
static uint8_t scroll;         // how far the yard still has to slide in

void video_init(void) {
    lcd_is_on = 1;
    object = objects_shown = objects;
    video_off();
    IE = 1;
    __asm__("ei");
}

void video_off(void) {
    if (lcd_is_on && (LCDC & 0x80)) {
        if (IE) {
            vblank_wait();
        } else {
            while (REGISTER(0xFF44) < 144) {}  // at power on no interrupt tells
        }
    }
    LCDC = 0;
    lcd_is_on = 0;
    queue_count = 0;
    SCX = SCY = shake = scroll = 0;
    for (uint8_t *o = objects; o != objects + sizeof objects; o++) *o = 0;
    object = objects_shown = objects;
    oam_dma();
}

void video_on(uint8_t window) {
    WX = 7;
    WY = 128;
    BGP = OBP0 = OBP1 = 0xFF;  // black, until faded or slid in
    lcd_is_on = 1;
    LCDC = window ? LCD_ON | WINDOW_ON : LCD_ON;
}

static void copy(uint8_t *to, const uint8_t *from, uint8_t tiles) {
    for (; tiles; tiles--)
        for (uint8_t i = 0; i < 16; i++) *to++ = *from++;
}

// Background tile numbers are signed around 0x9000.
void video_tiles(uint8_t base, const uint8_t *tiles, uint8_t count) {
    while (count--) {
        copy((uint8_t *)((base < 128 ? 0x9000 : 0x8000) + ((uint16_t)base << 4)), tiles, 1);
        tiles += 16;
        base++;
    }
}

void video_object_tiles(uint8_t base, const uint8_t *tiles, uint8_t count) {
    copy((uint8_t *)(0x8000 + ((uint16_t)base << 4)), tiles, count);
}

void video_fill_blank(void) {
    for (uint8_t *at = (uint8_t *)0x9800; at != (uint8_t *)0xA000; at++) *at = BG_BLANK;
}

uint16_t map_at(uint8_t column, uint8_t row) {
    return 0x9800 + ((uint16_t)row << 5) + column;
}

uint16_t window_at(uint8_t column, uint8_t row) {
    return 0x9C00 + ((uint16_t)row << 5) + column;
}

void put(uint16_t at, uint8_t tile) {
    if (!lcd_is_on) {
        *(uint8_t *)at = tile;
        return;
    }
    if (queue_count == QUEUE_ROOM) return;
    uint8_t *entry = queue + queue_count + queue_count + queue_count;
    *entry++ = (uint8_t)at;
    *entry++ = at >> 8;
    *entry = tile;
    queue_count++;
}

void put_block(uint16_t at, uint8_t tile, uint8_t columns, uint8_t rows) {
    for (; rows; rows--) {
        for (uint8_t i = 0; i < columns; i++) put(at + i, tile++);
        at += 32;
    }
}

void put_cell(uint16_t at, uint8_t tile) {
    put(at, tile);
    put(at + 1, tile + 1);
    put(at + 32, tile + 2);
    put(at + 33, tile + 3);
}

static uint8_t glyph(char c) {
    if (c >= 'A') return BG_GLYPH_41 + (c - 'A');
    if (c >= '0' && c <= '9') return BG_GLYPH_30 + (c - '0');
    if (c == '!') return BG_GLYPH_21;
    if (c == '>') return BG_GLYPH_3E;
    if (c == '.') return BG_GLYPH_2E;
    return BG_BLANK;
}

void put_text(uint16_t at, const char *text) {
    for (; *text; text++) put(at++, glyph(*text));
}

void put_centred(uint8_t row, const char *text) {
    uint8_t length = 0;
    while (text[length]) length++;
    put_text(map_at((21 - length) >> 1, row), text);
}

void put_number(uint16_t at, uint16_t value, uint8_t digits) {
    static const uint16_t powers[] = {1, 10, 100, 1000, 10000};
    while (digits--) {
        uint8_t digit = 0;
        while (value >= powers[digits]) {  // the machine cannot divide
            value -= powers[digits];
            digit++;
        }
        put(at++, BG_GLYPH_30 + (digit > 9 ? 9 : digit));
    }
}

void draw_small(uint8_t x, uint8_t y, uint8_t tile, uint8_t flags) {
    if (object == objects + sizeof objects) return;
    *object++ = y + 16;
    *object++ = x + 8;
    *object++ = tile;
    *object++ = flags;
}

void draw_cell(uint8_t x, uint8_t y, uint8_t tile, uint8_t flags) {
    if (flags & FLIP_X) {
        draw_small(x, y, tile + 2, flags);
        draw_small(x + 8, y, tile, flags);
    } else {
        draw_small(x, y, tile, flags);
        draw_small(x + 8, y, tile + 2, flags);
    }
}

void draw_big(uint8_t x, uint8_t y, uint8_t tile, uint8_t flags) {
    draw_cell(x, y, tile, flags);
    draw_cell(x + 16, y, tile + 4, flags);
    draw_cell(x, y + 16, tile + 8, flags);
    draw_cell(x + 16, y + 16, tile + 12, flags);
}

void frame(void) {
    uint8_t *end = object;
    for (; object < objects_shown; object += 4) *object = 0;  // entries of the last frame that this one does not use
    objects_shown = end;
    vblank_wait();
    oam_dma();
    queue_flush();
    SCY = scroll;
    SCX = 0;
    if (shake) {
        shake--;
        SCX = shake & 2;
        SCY = shake & 1;
    }
    object = objects;
    tick++;
    pad_read();
}

void frames(uint8_t count) {
    while (count--) {
        object = objects_shown;  // keep what is on the screen
        frame();
    }
}

// Shades of the background and of the two object palettes, from black over full light (3) to white.
#define FULL_LIGHT 3
static const uint8_t fade_bg[] = {0xFF, 0xFE, 0xF9, 0xE4, 0x90, 0x40, 0x00};
static const uint8_t fade_obj[] = {0xFF, 0xFE, 0xF9, 0xE0, 0x90, 0x40, 0x00};
static const uint8_t fade_inverted[] = {0xFF, 0xFF, 0x7F, 0x2C, 0x18, 0x04, 0x00};

static void set_light(uint8_t level) {
    BGP = fade_bg[level];
    OBP0 = fade_obj[level];
    OBP1 = fade_inverted[level];
}

static void fade_step(uint8_t level) {
    set_light(level);
    frames(4);
}

void fade_in(void) {
    for (uint8_t level = 0; level <= FULL_LIGHT; level++) fade_step(level);
}

void fade_out(void) {
    for (uint8_t level = FULL_LIGHT + 1; level--;) fade_step(level);
}

void fade_to_white(void) {
    for (uint8_t level = FULL_LIGHT; level < sizeof fade_bg; level++) fade_step(level);
}

// The map's lower half is blank, so that the yard can scroll in over the wrapping edge.
void slide_in(void) {
    set_light(FULL_LIGHT);
    for (scroll = 128; scroll; scroll += 4) frames(1);
}

void dim(uint8_t on) {
    set_light(on ? FULL_LIGHT - 1 : FULL_LIGHT);
}
