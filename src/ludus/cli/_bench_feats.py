"""`ludus bench feats`: how many events a second the judge of feats takes on one core."""

from __future__ import annotations

import json as json_format
from dataclasses import asdict

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ludus.core import config
from ludus.core.errors import InputError
from ludus.feats import bench

BUDGET = 200_000
"""Events a second that any file of feats must take."""


def run_feats(
    *, sizes: tuple[int, ...] = (100, 1_000), lanes: int = 64, steps: int = 1_000, rounds: int = 5, json: bool = False
) -> int:
    """Measure the judge of feats: files of several sizes, a stream that is mostly counters, as Pot Yard's is.

    An event touches as few feats of a large file as of a small one. With LUDUS_PERF_ENFORCE=1 fewer than 200,000
    events a second exit with 1.

    Args:
        sizes: feats in each file.
        lanes: whose events come together.
        steps: of each lane, an event in seven of ten.
        rounds: alternating rounds of all sizes; the best of each counts, by CPU time.
        json: print JSON instead of a table.
    """
    if min(lanes, steps, rounds, *sizes) < 1:
        raise InputError("sizes, lanes, steps and rounds are numbers from 1; one of them is less.")
    results = list(bench.run(sizes, lanes=lanes, steps=steps, rounds=rounds))
    if json:
        told = [asdict(result) | {"events_per_s": result.events_per_s} for result in results]
        print(json_format.dumps({"results": told}, indent=2))
    else:
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for name in ("feats", "lanes", "events", "unlocks", "events/s", "us an event", "to the first"):
            table.add_column(name, justify="right")
        for one in results:
            rate, ratio = one.events_per_s, one.events_per_s / results[0].events_per_s
            counts = (one.feats, one.lanes, one.events, one.verdicts)
            table.add_row(*(f"{count:,}" for count in counts), f"{rate:,.0f}", f"{1e6 / rate:.2f}", f"{ratio:.2f}")
        Console().print(table)
    missed = any(one.events_per_s < BUDGET for one in results)
    return 1 if missed and config.switch("perf.enforce") else 0
