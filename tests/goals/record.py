"""Records the goals of Pot Yard: a scripted player finds the way, the tools capture the screens it gets to.

python -m tests.goals.record
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from ludus.cli import main
from ludus.core import files
from ludus.gameboy import GameBoyWorld
from ludus.gameboy.trace import save_actions
from ludus.run.goal import CODEC
from tests.potyard.bot import Scripted
from tests.potyard.memory import FOLDER
from tests.potyard.paths import Walk

GOALS = FOLDER / "goals"
SEED = 15
CARD_STEPS = 5
"""Steps from a stage's end to the last that shows the next one's card."""
MARGIN = 0.05
"""What moves on a card makes 0.02 of it, and all that is no card is 0.13 away."""


class Busy(Scripted):
    """Never stands still: the codec of goals has no NOOP. Where there is nothing to do it presses B, to no effect."""

    def value(self, here: Walk, action: str) -> float:
        return -np.inf if action == "NOOP" else super().value(here, action)

    def act(self) -> str:
        action = super().act()
        return "B" if action == "NOOP" else action


def record(folder: Path) -> dict[str, list[str]]:
    """Write traces and a start below a folder, and give the arguments of `ludus goal capture` for each goal."""
    world = GameBoyWorld("potyard", 1, codec=CODEC)
    player, rows, begun, ends = Busy(partial(world.peek, 0)), list[list[int]](), 0, list[int]()
    world.reset(seeds=SEED)
    while not ends or len(rows) < ends[-1] + CARD_STEPS or len(ends) < 2:
        rows.append([world.codec.number(player.act())])
        world.step(rows[-1])
        kinds = [event.kind for event in world.events()]
        ends += [len(rows)] * ("stage_end" in kinds)
        if "stage_start" in kinds and ends:
            begun = len(rows)
            files.write_atomic(folder / "second_yard.state", world.save(0))
    save_actions(folder / "desert.jsonl", rows[: ends[0] + CARD_STEPS], codec=CODEC)
    save_actions(folder / "crypt.jsonl", rows[begun:], codec=CODEC)
    first = ["--start", "first_yard", "--seed", str(SEED), "--actions", f"{folder}/desert.jsonl"]
    second = ["--start", f"{folder}/second_yard.state", "--actions", f"{folder}/crypt.jsonl", "--templates", "2"]
    return {"desert": first, "crypt": second}


def capture_all(goals: Path) -> None:
    """Write all goals below a folder."""
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in record(Path(folder)).items():
            out = goals / name
            assert main(["goal", "capture", "potyard", "--out", str(out), "--force", *arguments]) == 0
            assert main(["goal", "calibrate", str(out), "--margin", str(MARGIN)]) == 0


if __name__ == "__main__":
    capture_all(GOALS)
