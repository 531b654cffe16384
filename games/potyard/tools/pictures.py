#!/usr/bin/env python3
"""Takes the pictures of the tour from the scripted player's runs, each scene the first time that it is seen.

    python tools/pictures.py FOLDER    full size, and as the half view (every second pixel) shows it

Needs `pip install 'ludus[pictures]'`.
"""

import sys
from pathlib import Path

import numpy as np

from ludus.gameboy import GameBoyWorld
from ludus.gameboy.pictures import grey, write_png
from ludus.gameboy.trace import load_actions

SCALE = 4


def scene(watches):
    """The name of what is on the screen now, or None."""
    biome = watches["biome"]
    if watches["phase"] == "playing" and watches["portal_open"]:
        return f"{biome}-portal"
    if watches["phase"] == "playing" and 0 < watches["boss_hp"] <= 4:
        return f"{biome}-boss"
    if watches["phase"] == "playing" and watches["stage_ticks"] > 200:
        return f"{biome}-yard"
    return {"card": f"{biome}-card", "cleared": "cleared", "dead": "dead"}.get(watches["phase"])


class Album:
    def __init__(self, folder):
        self.folder, self.taken = folder, set()
        self.folder.mkdir(parents=True, exist_ok=True)

    def add(self, name, frame):
        if name is None or name in self.taken:
            return
        self.taken.add(name)
        for suffix, shades, scale in (("", frame, SCALE), ("-half", frame[::2, ::2], 2 * SCALE)):
            write_png(self.folder / f"{name}{suffix}.png", grey(shades.repeat(scale, 0).repeat(scale, 1)))


def main(folder):
    album = Album(folder)
    title = GameBoyWorld("potyard", 1, view="full", start="title")
    album.add("title", title.reset().frames[0])
    actions = load_actions(title.card.demo, codec=title.codec.id)
    world = GameBoyWorld("potyard", actions.shape[1], view="full")
    step = world.reset(seeds=0)
    for row in actions:
        step = world.step(row, mask=~step.done)
        for lane in range(world.lanes):
            album.add(scene(world.watches(lane)), step.frames[lane])
    step = world.reset(seeds=0)
    while not step.done.all():
        step = world.step(np.zeros(world.lanes, int), mask=~step.done)
    album.add("dead", step.frames[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
