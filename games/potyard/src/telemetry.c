// Defines the telemetry; the linker places this file's data, in order, at 0xC0A0.
#include "telemetry.h"

#define COUNTER(type, name, meaning) type name;
#define GAUGE(type, name, meaning) type name;
#include "telemetry.def"
#undef COUNTER
#undef GAUGE

void telemetry_reset(void) {
    uint16_t kept_seed = seed;
    uint32_t kept_tick = tick;
    uint8_t kept_phase = phase, kept_practice = practice;
#define COUNTER(type, name, meaning) name = 0;
#define GAUGE(type, name, meaning) name = 0;
#include "telemetry.def"
#undef COUNTER
#undef GAUGE
    seed = kept_seed;
    tick = kept_tick;
    phase = kept_phase;
    practice = kept_practice;
}
