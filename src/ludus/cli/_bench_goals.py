"""`ludus bench goals`: what the distance from a goal costs."""

from __future__ import annotations

import json as json_format
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table


def run_goals(
    *,
    lanes: int = 16_384,
    rounds: int = 15,
    device: Literal["cpu", "cuda"] = "cpu",
    threads: int = 1,
    json: bool = False,
) -> int:
    """Measure how long the distance of all lanes from a goal takes, beside a copy of their frames.

    Args:
        lanes: frames at a time.
        rounds: alternating rounds of both; the best of each counts.
        device: cpu or cuda.
        threads: threads on a CPU; with several, its time is that of all together.
        json: print JSON instead of a table.
    """
    from ludus.goals import bench

    results = list(bench.run(lanes=lanes, rounds=rounds, device=device, threads=threads))
    if json:
        print(json_format.dumps({"results": [result.row() for result in results]}, indent=2))
        return 0
    table = Table("frames", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("lanes", "copy us", "distance us", "ratio"):
        table.add_column(name, justify="right")
    for one in results:
        table.add_row(
            one.frames, f"{one.lanes:,}", f"{one.copy_us:,.0f}", f"{one.distance_us:,.0f}", f"{one.ratio:.2f}"
        )
    Console().print(table)
    return 0
