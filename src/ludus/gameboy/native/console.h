// The console: runs the CPU until something else in the machine needs attention, and gives it.
#pragma once
#include "bus.h"
#include "rom.h"

namespace gb::console {

GB_FN u8 pending(const Lane& g) { return g.irq_flags & g.irq_enable & 0x1F; }

// When, seen from `now`, the next thing happens that the running program could notice without asking.
GB_FN u64 next_event(Lane& g, u64 now) {
  if (g.mode == STOPPED) return g.boundary + FRAME_T;
  u64 next = ppu::next_event(g, now);
  if (g.irq_enable & IRQ_TIMER) next = least(next, timer::next_interrupt(g));
  if (g.irq_enable & IRQ_SERIAL) next = least(next, serial::next_interrupt(g));
  if (g.dma_active && g.mode != HALTED) next = least(next, dma::end(g));
  return next;
}

// Brings every chip up to `now`.
GB_FN void catch_up(Console& con, u64 now) {
  Lane& g = con.g;
  if (g.mode != STOPPED) {
    bus::catch_up_interrupts(g, now);
    if (g.dma_active) bus::dma_catch_up(con, now);
  }
  if ((g.mode == STOPPED || !ppu::on(g)) && now >= g.boundary + FRAME_T) {  // a frame's time without a picture
    g.frames++;
    g.boundary += FRAME_T;
  }
}

GB_FN void push_byte(Console& con, u16 addr, u8 value, u64 now) {
  u8* page = con.write_page[addr >> 12];
  if (GB_LIKELY(page != nullptr)) page[addr] = value;
  else bus::write(con, addr, value, now);
}

// Pushes PC and jumps to the handler: five machine cycles. Pushing onto IE can take the interrupt away: then to 0000.
GB_FN void dispatch(Console& con, Cpu& c, u16& pc) {
  Lane& g = con.g;
  push_byte(con, --c.sp, u8(pc >> 8), c.clock + 12);
  const u8 enabled = g.irq_enable;
  --c.sp;
  catch_up(con, c.clock + 16);
  u8 flags = g.irq_flags;
  push_byte(con, c.sp, u8(pc), c.clock + 16);
  if (c.sp != 0xFF0F) flags = g.irq_flags;
  const u8 taken = enabled & flags & 0x1F;
  pc = 0;
  for (u32 bit = 0; bit < 5; bit++) {
    if (!(taken >> bit & 1)) continue;
    g.irq_flags &= ~(1 << bit);
    if (bit == 1) ppu::follow_again(g);
    pc = u16(0x40 + 8 * bit);
    break;
  }
  g.ime = 0;
  c.clock += 20;
}

// The first moments after HALT: an interrupt that is already waiting ends it at once.
GB_FN void begin_halt(Console& con, Cpu& c, u16& pc) {
  Lane& g = con.g;
  g.mode = RUNNING;
  if (!pending(g)) {
    bus::dma_catch_up(con, c.clock);
    g.mode = HALTED;
  } else if (g.ime) {
    pc--;  // the handler returns to HALT
  } else {
    g.halt_bug = 1;
  }
}

// Passes the time until an interrupt wakes the CPU or `target` frames are done. While halted the flags are sampled two
// T-cycles into each machine cycle, the first one excepted (mooneye acceptance/halt_*, intr_timing).
GB_FN void stay_halted(Console& con, Cpu& c, u64 target) {
  Lane& g = con.g;
  const u64 halted_at = c.clock;
  while (g.frames < target) {
    const u64 event = pending(g) ? 0 : next_event(g, c.clock);
    const u64 cycles = event > c.clock + 6 ? (event - c.clock + 1) / 4 : 1;
    catch_up(con, c.clock + 4 * cycles + 2);
    c.clock += 4 * cycles;
    if (pending(g)) {
      c.clock += 4;
      g.mode = RUNNING;
      if (g.dma_active) g.dma_start += c.clock - halted_at - 4;
      return;
    }
  }
  if (g.dma_active) g.dma_start += c.clock - halted_at;
}

// STOP: the clock of every chip stands still until a selected button line goes low.
GB_FN void stay_stopped(Console& con, Cpu& c, u64 target) {
  Lane& g = con.g;
  if (!g.stopped_at) g.stopped_at = c.clock;
  while (g.frames < target) {
    if ((joypad::read(g) & 15) != 15) {
      const u64 slept = c.clock - g.stopped_at;
      g.line_start += slept, g.ppu_at += slept, g.div_zero += slept, g.tima_at += slept, g.serial_at += slept, g.dma_start += slept;
      g.stopped_at = 0;
      g.mode = RUNNING;
      return;
    }
    c.clock = (g.boundary + FRAME_T + 3) & ~3ull;
    catch_up(con, c.clock);
  }
}

GB_FN void stay_locked(Console& con, Cpu& c, u64 target) {
  while (con.g.frames < target) {
    c.clock = (next_event(con.g, c.clock) + 3) & ~3ull;
    catch_up(con, c.clock);
  }
}

enum Outcome { RUN, RUN_TWICE, DONE };  // RUN_TWICE: the HALT bug, the next byte is fetched without moving PC

// Between two instructions, when something may have happened.
GB_SLOW Outcome attend(Console& con, Cpu& c, u16& pc, u64 target) {
  Lane& g = con.g;
  con.loop_dirty = 1;
  for (;;) {
    catch_up(con, c.clock);
    if (g.mode == HALTING) begin_halt(con, c, pc);
    if (g.mode == HALTED) stay_halted(con, c, target);
    if (g.mode == STOPPED) stay_stopped(con, c, target);
    if (g.mode == LOCKED) stay_locked(con, c, target);
    con.next_event = 0;
    if (g.frames >= target) return DONE;
    const bool take = g.ime && pending(g);
    if (g.ei_pending) g.ime = 1, g.ei_pending = 0;  // EI counts from the instruction after the next
    if (!take) break;
    dispatch(con, c, pc);
  }
  con.next_event = g.ime && pending(g) ? 0 : next_event(g, c.clock);
  if (!g.halt_bug) return RUN;
  g.halt_bug = 0;
  return RUN_TWICE;
}

GB_FN Cpu load(const Lane& g) { return {g.clock, 0, 0, g.bc, g.de, g.hl, g.sp, g.a, g.f, 1, 0}; }

GB_FN void store(Lane& g, const Cpu& c, u16 pc) {
  g.clock = c.clock, g.bc = c.bc, g.de = c.de, g.hl = c.hl, g.sp = c.sp, g.pc = pc, g.a = c.a, g.f = c.f;
}

// Runs code from anywhere, until something needs attention or it enters decoded ROM. `twice`: the first opcode is fetched
// without moving PC. With Break: true once LD B,B has run.
template <bool Break>
GB_SLOW bool run_anywhere(Console& con, Cpu& cpu, u16& pc, bool twice) {
  ConsoleBus<false> bus{con};
  Cpu c = cpu;  // a copy, so that the registers of the loop need no address
  u32 opcode;
  bus.relocate(c, pc);
  do {
    opcode = bus.fetch(c);
    if (GB_UNLIKELY(twice)) c.ip--, twice = false;
#define GB_CASE(op) case op: sm83::execute<op>(c, bus); break;
    switch (opcode) { GB_ALL_BYTES(GB_CASE) }
#undef GB_CASE
    if (Break && opcode == 0x40) break;
  } while (c.clock < con.next_event && !con.entered);
  cpu = c, pc = bus.pc(c);
  return Break && opcode == 0x40;
}

// Runs until `target` frames are done. With Break, also until the instruction LD B,B has run: then true.
template <bool Break>
GB_FN bool run(Console& con, u64 target) {
  Cpu c = load(con.g);
  u16 pc = con.g.pc;
  bool broke = false, decoded = true;
  con.next_event = 0;
  con.loop_dirty = 1;
  bus::map_pages(con);
  while (!broke) {
    const Outcome outcome = c.clock >= con.next_event ? attend(con, c, pc, target) : RUN;
    if (outcome == DONE) break;
    if (!Break && decoded && outcome == RUN && bus::has_decoded(con, pc)) {
      decoded = rom::run(con, c, pc);
    } else {
      broke = run_anywhere<Break>(con, c, pc, outcome == RUN_TWICE);
      decoded = true;
    }
  }
  store(con.g, c, pc);
  return broke;
}

// What was only remembered to save work is not part of the state.
GB_FN void forget(Lane& g) {
  if (!timer::running(g)) g.tima_at = g.clock;
  if (!serial::running(g)) g.serial_at = g.clock;
  g.ppu_next = 0;
  g.object_lines_known = 0;
  for (u32 i = 0; i < 5; i++) g.object_lines[i] = 0;
  if (ppu::on(g)) ppu::move_to(g, g.ppu_at);
  else g.ppu_at = g.line_start = g.clock, g.line = 0;
  if (ppu::on(g) && g.latch_line == g.line_start) return;
  g.latch_line = NEVER;
  g.latch_hblank = 0;
}

// Runs one frame, or with Break until LD B,B: then true. Draws it if the console has a picture.
template <bool Break>
GB_FN bool run_frame(Console& con) {
  const bool broke = run<Break>(con, con.g.frames + 1);
  if (con.pic && broke) picture::catch_up(con.g, *con.pic, con.g.clock);
  if (con.pic && !broke) picture::finish(con.g, *con.pic, con.g.clock);
  forget(con.g);
  return broke;
}

// A step: `frames` frames with `buttons` pressed for the first `hold`; the last one is drawn into `pixels` unless that is null.
GB_FN void step(Console& con, Picture& pic, u8 buttons, u32 frames, u32 hold, u8* pixels, u8 row_step) {
  for (u32 frame = 0; frame < frames; frame++) {
    joypad::change(con.g, con.g.joyp_select, frame < hold ? buttons : 0);
    if (pixels && frame + 1 == frames) {
      con.pic = &pic;
      pic.pixels = pixels, pic.row_step = row_step;
    }
    run_frame<false>(con);
    if (!con.pic) picture::begin(con.g, pic);
  }
}

}  // namespace gb::console
