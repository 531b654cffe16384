// The hardware registers the game uses (Pan Docs names).
#pragma once
#include <stdint.h>

#define REGISTER(address) (*(volatile uint8_t *)(address))

#define P1 REGISTER(0xFF00)
#define NR10 REGISTER(0xFF10)
#define NR11 REGISTER(0xFF11)
#define NR12 REGISTER(0xFF12)
#define NR13 REGISTER(0xFF13)
#define NR14 REGISTER(0xFF14)
#define NR41 REGISTER(0xFF20)
#define NR42 REGISTER(0xFF21)
#define NR43 REGISTER(0xFF22)
#define NR44 REGISTER(0xFF23)
#define NR50 REGISTER(0xFF24)
#define NR51 REGISTER(0xFF25)
#define NR52 REGISTER(0xFF26)
#define LCDC REGISTER(0xFF40)
#define SCY REGISTER(0xFF42)
#define SCX REGISTER(0xFF43)
#define BGP REGISTER(0xFF47)
#define OBP0 REGISTER(0xFF48)
#define OBP1 REGISTER(0xFF49)
#define WY REGISTER(0xFF4A)
#define WX REGISTER(0xFF4B)
#define IE REGISTER(0xFFFF)
