"""Records the scripted player in the first sixteen seeds: the trace that the package ships, and its digests.

python -m tests.potyard.record
"""

from __future__ import annotations

import json

import numpy as np

from ludus.core import digest, files
from ludus.core.types import Actions
from ludus.gameboy import GameBoyWorld
from ludus.gameboy.trace import save_actions
from tests.potyard.bot import choose, players
from tests.potyard.memory import CARD, FOLDER

LANES = 16
DIGESTS = FOLDER.parents[3] / "tests" / "potyard" / "golden.json"


def record(lanes: int = LANES) -> Actions:
    """The actions `int64[T, N]` of the scripted player, lane i with seed i, until every lane has ended."""
    world = GameBoyWorld("potyard", lanes)
    running, team, rows = ~world.reset(seeds=0).done, players(world), []
    while running.any():
        rows.append(choose(world, team, running))
        running = ~world.step(rows[-1], mask=running).done
    return np.array(rows)


def replay(actions: Actions) -> tuple[GameBoyWorld, dict[str, str]]:
    """Play actions in as many lanes, each until it ends; give the World and every seed's digest of all its frames."""
    world = GameBoyWorld("potyard", actions.shape[1])
    step = world.reset(seeds=0)
    chains = [digest.roll("", frame) for frame in step.frames]
    for row in actions:
        running = ~step.done
        step = world.step(row, mask=running)
        for lane in np.flatnonzero(running):
            chains[lane] = digest.roll(chains[lane], step.frames[lane])
    return world, {str(seed): chain for seed, chain in enumerate(chains)}


if __name__ == "__main__":
    actions = record()
    save_actions(FOLDER / "scripted.jsonl", actions, codec=CARD.codec)
    files.write_atomic(DIGESTS, (json.dumps(replay(actions)[1], indent=2) + "\n").encode())
