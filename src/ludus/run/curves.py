"""Learning curves: what runs returned as they went on, small enough to be kept, and drawn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ludus.core import files
from ludus.core.errors import FileFormatError, InputError
from ludus.run.plots import Panel, Series

RETURN = "charts/episodic_return"
POINTS = 60


@dataclass(frozen=True, slots=True)
class Curve:
    """A metric of one or more runs that differ by their seed."""

    name: str
    steps: tuple[float, ...]
    runs: tuple[tuple[float, ...], ...]
    """Of each run, the metric after so many steps."""


def read_curve(name: str, runs: Sequence[Path], *, metric: str = RETURN) -> Curve:
    """Give a curve of runs' folders, as far as the shortest goes. Raises `InputError` where one has no such metric."""
    told = []
    for run in runs:
        rows = [row for row in files.read_jsonl(run / "metrics.jsonl") if metric in row]
        if not rows:
            raise InputError(f"{run}: metrics.jsonl holds no {metric!r} yet; name another metric, or train longer.")
        told.append(([row["global_step"] for row in rows], [row[metric] for row in rows]))
    first, last = max(steps[0] for steps, _ in told), min(steps[-1] for steps, _ in told)
    grid = np.unique(np.linspace(first, last, POINTS).round())
    values = (np.interp(grid, steps, row) for steps, row in told)
    return Curve(name, tuple(grid.tolist()), tuple(tuple(round(float(v), 4) for v in row) for row in values))


def write_curves(path: Path, curves: Sequence[Curve], *, metric: str = RETURN) -> None:
    """Write curves as JSON that `read_curves` gives back."""
    text = json.dumps({"metric": metric, "curves": [asdict(curve) for curve in curves]}, separators=(",", ":"))
    files.write_atomic(path, (text + "\n").encode())


def read_curves(path: Path) -> list[Curve]:
    """Give the curves of a file. Raises `FileFormatError`."""
    try:
        told = json.loads(files.read_text(path))["curves"]
        return [Curve(each["name"], tuple(each["steps"]), tuple(map(tuple, each["runs"]))) for each in told]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise FileFormatError(f"{path}: {error!r}; expected what ludus curves --keep has written.") from error


def panels(curves: Sequence[Curve]) -> list[Panel]:
    """Give a panel for each curve: the mean of its runs, and a band from the least of them to the most."""
    drawn = []
    for curve in curves:
        values = np.array(curve.runs)
        band = (values.min(0).tolist(), values.max(0).tolist()) if len(values) > 1 else None
        many = f", {len(values)} seeds" if len(values) > 1 else ""
        drawn.append(
            Panel(f"{curve.name}{many}", [Series("", curve.steps, values.mean(0).tolist(), band)], x_name="steps")
        )
    return drawn
