"""Two evaluated runs, seed by seed: who returns more, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.stats

from ludus.core import rng
from ludus.core.errors import InputError
from ludus.episodes import manifest

RESAMPLES = 4000
CLAIM = 100
"""Paired episodes that a claim needs."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the episodes that two runs share tell."""

    names: tuple[str, str]
    """Their policies."""
    returns: tuple[Numbers, Numbers]
    """`float64[E]` each, episode by episode with the same seeds."""
    iqm: tuple[Estimate, Estimate]
    """Interquartile means (Agarwal et al. 2021), which a few lucky episodes do not move."""
    difference: Estimate
    """Of the IQMs, the first run's less the second's; whole seeds are drawn again, so pairs stay pairs."""
    wins: float
    """The part of the seeds on which the first returns more, ties counted half."""

    @property
    def verdict(self) -> str:
        """Which run is better, as far as the interval of the difference tells."""
        if self.difference.low > 0:
            return "the first is better"
        return "the second is better" if self.difference.high < 0 else "no difference is shown"


def compare(one: Path, other: Path) -> Comparison:
    """Compare the runs of two folders that `ludus eval` made, on the seeds that both played.

    Raises `InputError` where they are of different games, or share fewer than two seeds.
    """
    runs = [manifest.read(folder / "episodes.jsonl") for folder in (one, other)]
    for folder, run in zip((one, other), runs, strict=True):
        if not run:
            raise InputError(f"{folder}: no episode is recorded there; give the folder of a run of ludus eval.")
    games = [sorted({episode.scenario for episode in run}) for run in runs]
    if games[0] != games[1]:
        raise InputError(
            f"{one} played {games[0]} and {other} {games[1]}, expected the same game; evaluate both in it."
        )
    totals = [{episode.seed: episode.total for episode in run} for run in runs]
    seeds = sorted(totals[0].keys() & totals[1].keys())
    if len(seeds) < 2:
        raise InputError(
            f"{one} and {other} share {len(seeds)} seeds, expected at least 2; evaluate both with one --seed."
        )
    first, second = (np.array([total[seed] for seed in seeds], np.float64) for total in totals)
    words = rng.bits(0, "compare", np.arange(RESAMPLES), words=len(seeds)).astype(np.uint64)
    drawn = words * np.uint64(len(seeds)) >> np.uint64(32)
    draws = [scipy.stats.trim_mean(values[drawn], 0.25, axis=1) for values in (first, second)]
    points = [float(scipy.stats.trim_mean(values, 0.25)) for values in (first, second)]
    return Comparison(
        names=(runs[0][0].policy, runs[1][0].policy),
        returns=(first, second),
        iqm=(_estimate(points[0], draws[0]), _estimate(points[1], draws[1])),
        difference=_estimate(points[0] - points[1], draws[0] - draws[1]),
        wins=float(np.mean((first > second) + 0.5 * (first == second))),
    )


def _estimate(value: float, draws: Numbers) -> Estimate:
    low, high = np.percentile(draws, (2.5, 97.5))
    return Estimate(value, float(low), float(high))
