"""How long lists of episodes take, in milliseconds of CPU: python -m tests.serve.listed 100000."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from ludus.serve.store.backends import open_database
from ludus.serve.store.lines import Order, Wanted
from ludus.serve.store.rows import Store

RUNS, PAGE = 20, 120
ASKED: dict[str, tuple[Wanted, Order]] = {
    "newest": (Wanted(), "newest"),
    "of one run": (Wanted(run="r3"), "best"),
    "by return": (Wanted(), "best"),
    "by words": (Wanted(q="seed 7 random"), "newest"),
    "by verdict, with film": (Wanted(verdict="pot_10", video=True), "worst"),
}


def measure(folder: Path, episodes: int) -> dict[str, int]:
    """Give what a page of each kind costs, with the number of all of that kind."""
    store = Store(open_database(folder / "lab.db"))
    line: dict[str, Any] = {"scenario": "potyard", "policy": "random", "seed": 7, "steps": 100, "terminated": True}
    line |= {"verdicts": [{"name": "pot_10"}] * 3, "video": {"path": "v.mp4"}, "files": {"digests": "0" * 2_500}}
    each = episodes // RUNS
    for run in range(RUNS):
        told = [(f"r{run}:e{n}", f"r{run}", line | {"return": float(n * 37 % 1000)}) for n in range(each)]
        with store.transaction():
            store.put_episodes(told)
    took = {}
    for name, (wanted, order) in ASKED.items():
        began = time.thread_time()
        store.episodes(PAGE, wanted, order=order)
        store.episode_count(wanted)
        took[name] = round(1000 * (time.thread_time() - began))
    store.close()
    return took


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(json.dumps(measure(Path(folder), int(sys.argv[1])), indent=1) + "\n")


if __name__ == "__main__":
    main()
