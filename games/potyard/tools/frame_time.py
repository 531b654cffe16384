#!/usr/bin/env python3
"""Measures how much of each frame the game is awake, and that it writes video memory only in VBlank.

    python tools/frame_time.py [--seed N]    plays the demo of a seed, 0 to 15, on PyBoy: pip install 'ludus[bench]'

A hook where the main loop goes to sleep and one where the queued tiles have been written read LY, the line being drawn.
PyBoy counts frames otherwise while the LCD is off, so the demo may lose its way there; what is measured does not mind.
"""

import argparse
import statistics

from pyboy import PyBoy

from ludus.gameboy.codec import find_codec
from ludus.gameboy.library import read_card, shipped
from ludus.gameboy.trace import load_actions

LY, LCDC = 0xFF44, 0xFF40
LINES, VBLANK = 154, 144


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=4)
    seed = parser.parse_args().seed
    card = read_card(shipped()["potyard"])
    boy = PyBoy(str(card.rom), window="null", sound_emulated=False)
    boy.set_emulation_speed(0)
    symbols = dict(line.split()[::-1] for line in card.rom.with_suffix(".sym").read_text().splitlines()[1:])
    awake, flushed = [], []

    def note(into):
        if boy.memory[LCDC] & 0x80:
            into.append((boy.memory[LY] - VBLANK) % LINES)

    def hold(button, frames):
        if button:
            boy.button_press(button)
        boy.tick(frames, True)
        if button:
            boy.button_release(button)

    hold(None, 400)
    boy.memory[card.watch["seed"].address] = seed
    hold("start", 8)
    hold(None, 125)
    for name, into in (("vblank_wait", awake), ("queue_flushed", flushed)):
        boy.hook_register(0, int(symbols[name].split(":")[1], 16), note, into)
    names = find_codec(card.codec).names
    actions = load_actions(card.demo, codec=card.codec)[:, seed]
    for action in actions:
        hold(names[action].lower() if names[action] != "NOOP" else None, 8)
        hold(None, 16)
    cut = [100 * lines / LINES for lines in sorted(awake)]
    print(f"awake: mean {statistics.mean(cut):.1f} % of a frame", end="")
    print(f", 99 % of frames at most {cut[len(cut) * 99 // 100]:.1f} %, worst {cut[-1]:.1f} %")
    late = sum(line >= LINES - VBLANK for line in flushed)
    print(f"video memory: last write on line {max(flushed) + VBLANK} of VBlank's 144..153, {late} too late")


if __name__ == "__main__":
    main()
