"""Shows Pot Yard, played at random, at an orchestrator, as a worker does: for whoever works on the page.

python -m tests.serve.feeder http://127.0.0.1:8040 lab/token            16 lanes, 30 steps a second, until Ctrl-C
python -m tests.serve.feeder URL TOKEN_FILE --name w2 --lanes 4 --hz 60
"""

from __future__ import annotations

import argparse
import contextlib
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from ludus.core import rng
from ludus.core.protocols import World
from ludus.core.types import Mask, Step
from ludus.run.games import game_settings, open_world
from ludus.serve.live.feed import LiveFeed


def walk(world: World) -> Iterator[tuple[Step, np.ndarray[tuple[int], np.dtype[np.int64]]]]:
    """Play at random for ever, and give every step and each lane's steps in its episode."""
    step = world.reset(seeds=0)
    steps = np.zeros(world.lanes, np.int64)
    count = 0
    while True:
        done: Mask = step.done
        if done.any():
            step = world.reset(mask=done)
            steps = np.where(done, 0, steps)
        draws = rng.integers(0, "feeder", count * world.lanes + np.arange(world.lanes), high=8)
        step = world.step(draws)
        steps, count = steps + 1, count + 1
        yield step, steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("token", type=Path)
    parser.add_argument("--name", default="feeder")
    parser.add_argument("--lanes", type=int, default=16)
    parser.add_argument("--hz", type=float, default=30.0)
    told = parser.parse_args()
    pause = threading.Event()
    with closing(open_world(game_settings("potyard", {}), told.lanes, threads=1)) as world:
        token = told.token.read_text().strip()
        with closing(LiveFeed(told.url, token, told.name, world.spec, world.lanes)) as feed:
            for step, steps in walk(world):
                feed.show(step.frames, steps)
                pause.wait(1 / told.hz)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
