"""`ludus compare`: two evaluated runs beside each other, as a table and a plot."""

from __future__ import annotations

import json as json_format
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ludus.run.compare import CLAIM, Comparison, Estimate, compare

WIDTH = 50


def main(one: Path, other: Path, /, *, json: bool = False) -> int:
    """Compare two runs of ludus eval on the seeds that both played: interquartile means, their difference, wins.

    Args:
        one: folder of a run.
        other: folder of another one of the same game.
        json: print JSON instead of a table and a plot.
    """
    found = compare(one, other)
    if json:
        told = {
            "policies": found.names,
            "episodes": len(found.returns[0]),
            "verdict": found.verdict,
            "wins": found.wins,
        }
        estimates = {"iqm": [asdict(each) for each in found.iqm], "difference": asdict(found.difference)}
        print(json_format.dumps(told | estimates, indent=2))
        return 0
    console = Console()
    table = Table("", "policy", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("return, IQM", "95 % interval", "mean", "least", "most"):
        table.add_column(name, justify="right")
    for row, name, iqm, returns in zip(("first", "second"), found.names, found.iqm, found.returns, strict=True):
        spread = (f"{returns.mean():.2f}", f"{returns.min():.2f}", f"{returns.max():.2f}")
        table.add_row(row, escape(name), f"{iqm.value:.2f}", _interval(iqm), *spread)
    console.print(table)
    for line in plot(found):
        console.print(line, markup=False, highlight=False, no_wrap=True, overflow="crop")
    difference, count = found.difference, len(found.returns[0])
    console.print(
        f"difference {difference.value:+.2f} ({_interval(difference)}), the first returns more on {found.wins:.0%} of "
        f"{count} seeds: {found.verdict}.",
        highlight=False,
        soft_wrap=True,
    )
    if count < CLAIM:
        console.print(f"A claim needs {CLAIM} seeds.", highlight=False)
    return 0


def plot(found: Comparison) -> list[str]:
    """Give the shares of each run's episodes up to every return, the higher the denser, on one axis."""
    low = min(float(returns.min()) for returns in found.returns)
    high = max(float(returns.max()) for returns in found.returns)
    edges = np.linspace(low, high if high > low else low + 1, WIDTH + 1)
    counts = [np.histogram(returns, edges)[0] for returns in found.returns]
    top = max(int(count.max()) for count in counts)
    blocks = " ▁▂▃▄▅▆▇█"
    rows = ["".join(blocks[-(-int(n) * 8 // top)] for n in count) for count in counts]
    axis = f"{low:.0f}".ljust(WIDTH - len(f"{high:.0f}")) + f"{high:.0f}"
    return [f"first  {rows[0]}", f"second {rows[1]}", f"       {axis}"]


def _interval(estimate: Estimate) -> str:
    return f"{estimate.low:.2f} to {estimate.high:.2f}"
