"""Bring your own game: a ROM and a card of a few lines make a World with rewards and events. Read from top to bottom.

    python examples/bring_your_own_game.py GAME.gb C0A0

Without arguments it takes Pot Yard's ROM as if nobody had written a card for it.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from ludus.gameboy import GameBoyWorld
from ludus.gameboy.cartridge import read_cartridge
from ludus.gameboy.changes import Changes
from ludus.gameboy.library import open_game

rom = read_cartridge(Path(sys.argv[1]) if sys.argv[1:] else open_game("potyard")[1])
address = sys.argv[2] if sys.argv[2:] else "C0A0"
random = np.random.default_rng(0)

# 1. Which bytes of memory only ever go up? One of them may count what you care about.
#    On the command line: ludus watch GAME.gb --counters
look = GameBoyWorld(rom, 1)
look.reset()
changes = Changes(np.frombuffer(look.peek(0, 0xC000, 0xE000), np.uint8).astype(np.int64))
for _ in range(200):
    look.step(random.integers(0, len(look.codec), 1))
    changes.note(np.frombuffer(look.peek(0, 0xC000, 0xE000), np.uint8).astype(np.int64))
risen = [f"{0xC000 + change.index:04X}: {change.first} to {change.now}" for change in changes.rows() if not change.fell]
print(f"{rom.title}: {len(risen)} bytes only went up, such as {', '.join(risen[:5])}")

# 2. The card: where it is, what happens when it changes, and what that is worth.
folder = Path(tempfile.mkdtemp())
(folder / "game.gb").write_bytes(rom.rom)
(folder / "card.toml").write_text(f"""
id = "mine"
title = "My own game"
rom = "game.gb"
sha256 = "{rom.sha256}"
codec = "pokemonred_puffer_v1"

[start.playing]  # whatever leads from power on into the game
play = ["wait 300", "press start 8", "wait 200"]

[watch.pots]
address = 0x{address}
type = "u8"
role = "counter"

[[event]]
kind = "fifth_pot"
when = "pots: <5 -> >=5"

[reward]
watches = {{ pots = 1 }}
events = {{ fifth_pot = 5 }}

[end]
truncated = "pots >= 20"
max_steps = 300
""")

# 3. Play it: in 16 lanes, with the rewards and events of the card.
world = GameBoyWorld(folder / "card.toml", 16)
step = world.reset(seeds=0)
returns, events = np.zeros(world.lanes), Counter[str]()
for _ in range(300):
    step = world.step(random.integers(0, len(world.codec), world.lanes), mask=~step.done)
    returns += step.reward
    events.update(event.kind for event in world.events())
    if step.done.all():
        break
print(f"frames {step.frames.shape}, returns {returns.tolist()}, events {dict(events)}")
