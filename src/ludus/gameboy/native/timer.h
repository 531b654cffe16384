// Timer: DIV, TIMA, TMA, TAC over the 16-bit system counter. TIMA counts falling edges of one counter bit.
// Pan Docs, "Timer Obscure Behaviour".
#pragma once
#include "lane.h"

namespace gb::timer {

GB_FN u32 shift(const Lane& g) { return (g.tac & 3) ? 2 + 2 * (g.tac & 3) : 10; }
GB_FN u64 period(const Lane& g) { return 1ull << shift(g); }  // T-cycles between ticks of TIMA

GB_FN bool running(const Lane& g) { return (g.tac & 4) || g.reload_pending; }

GB_FN u16 counter(const Lane& g, u64 now) { return u16(now - g.div_zero); }

GB_FN bool signal(const Lane& g, u64 now) { return (g.tac & 4) && (counter(g, now) & period(g) >> 1); }

GB_FN void finish_reload(Lane& g, u64 now) {
  if (!g.reload_pending || now < g.overflow_at + 4) return;
  g.reload_pending = 0;
  g.tima = g.tma;
  g.irq_flags |= IRQ_TIMER;
}

GB_FN u64 overflow_moment(const Lane& g) {  // the next overflow if nobody writes
  return g.div_zero + (((g.tima_at - g.div_zero) >> shift(g)) + (256 - g.tima)) * period(g);
}

GB_SLOW void catch_up(Lane& g, u64 now) {
  finish_reload(g, now);
  if (g.tac & 4) {
    const u64 p = period(g);
    u64 ticks = ((now - g.div_zero) >> shift(g)) - ((g.tima_at - g.div_zero) >> shift(g));
    if (g.tima + ticks < 256) {
      g.tima = u8(g.tima + ticks);
    } else {
      g.overflow_at = overflow_moment(g);
      ticks -= 256 - g.tima;
      // Whole rounds from TMA to the next overflow, at once; each of them raised the interrupt.
      const u64 round = 256 - g.tma;
      if (ticks >= round) g.irq_flags |= IRQ_TIMER;
      g.overflow_at += ticks / round * round * p;
      g.reload_pending = 1;
      g.tima = 0;
      finish_reload(g, now);
      if (!g.reload_pending) g.tima = u8(g.tma + ticks % round);
    }
  }
  g.tima_at = now;
}

GB_FN u64 next_interrupt(const Lane& g) {
  if (g.reload_pending) return g.overflow_at + 4;
  return (g.tac & 4) ? overflow_moment(g) + 4 : NEVER;
}

// A falling edge made by a write instead of by time.
GB_FN void glitch(Lane& g, u64 now) {
  if (++g.tima == 0) {
    g.overflow_at = now;
    g.reload_pending = 1;
  }
}

GB_FN void write_div(Lane& g, u64 now) {
  catch_up(g, now);
  const bool edge = signal(g, now);
  g.div_zero = now;
  if (edge) glitch(g, now);
}

GB_FN void write_tac(Lane& g, u64 now, u8 value) {
  catch_up(g, now);
  const bool before = signal(g, now);
  g.tac = value & 7;
  if (before && !signal(g, now)) glitch(g, now);
}

GB_FN bool just_reloaded(const Lane& g, u64 now) {
  return !g.reload_pending && g.overflow_at != NEVER && now - g.overflow_at - 4 < 4;
}

GB_FN void write_tima(Lane& g, u64 now, u8 value) {
  catch_up(g, now);
  if (just_reloaded(g, now)) return;  // the reload wins
  g.tima = value;
  if (g.reload_pending) {  // a write between overflow and reload calls reload and interrupt off
    g.reload_pending = 0;
    g.overflow_at = NEVER;
  }
}

GB_FN void write_tma(Lane& g, u64 now, u8 value) {
  catch_up(g, now);
  g.tma = value;
  if (just_reloaded(g, now)) g.tima = value;
}

}  // namespace gb::timer
