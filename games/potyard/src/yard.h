// The yard: 9 x 7 cells of 16 x 16 pixels and what stands on them.
// A cell's place `at` is (row + 1) << 4 | (column + 1), so that a rim of walls needs no bounds checks.
#pragma once
#include <stdint.h>

enum {
    CELL_FLOOR, CELL_HEART, CELL_PORTAL,  // the hero may walk on these
    CELL_POT, CELL_SILVER, CELL_CHEST, CELL_CHEST_OPEN,
    CELL_ALTAR, CELL_ALTAR_SPENT, CELL_PORTAL_SHUT, CELL_ROCK, CELL_WALL,
};
enum { DIR_DOWN, DIR_UP, DIR_LEFT, DIR_RIGHT };

#define COLUMNS 9
#define ROWS 7
#define CELL(column, row) (((row) + 1) << 4 | ((column) + 1))
#define HOME CELL(4, 3)  // where the hero enters
#define WALKABLE(cell) ((cell) <= CELL_PORTAL)

// Pixels of a cell's top left corner, and the cell under the middle of a 16 x 16 thing.
#define CELL_X(at) ((uint8_t)((at) << 4) - 8)
#define CELL_Y(at) (((at) & 0xF0) - 8)
#define CELL_UNDER(x, y) ((((uint8_t)(y) + 16) & 0xF0) | ((uint8_t)(x) + 16) >> 4)

// How far apart two coordinates are. A function: SDCC 4.2 gets the expression (uint8_t)(a - (b + 8) + c) wrong.
uint8_t gap(uint8_t a, uint8_t b);
// The direction in which most of the way from one point to another lies.
uint8_t dir_to(uint8_t x, uint8_t y, uint8_t to_x, uint8_t to_y);

extern uint8_t yard[9 * 16];
extern const int8_t dir_cells[4];  // what a step in each direction adds to `at`
extern const int8_t dir_x[4], dir_y[4];
extern uint8_t pots_broken_stage;

// Lays out the stage from the seed and draws it; the LCD must be off.
void yard_build(void);
// Restocks pots, moves flames and portal.
void yard_update(void);
void yard_set(uint8_t at, uint8_t cell);
// A random floor cell at least three cells from the hero, or 0 if none was found soon.
uint8_t yard_free_cell(void);
// The hammer falls on a cell. True if something stood there.
uint8_t yard_bonk(uint8_t at);
void yard_open_portal(void);
// The altar goes out: the boss is here.
void yard_spend_altar(void);
