"""What episodes come to: the mean return and how sure it is, lengths, ends, videos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ludus.core import rng
from ludus.core.types import Episode

RESAMPLES = 4_000
CHUNK = 250
"""Resamples that are drawn at once, to bound the memory."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Of at least one episode."""

    episodes: int
    mean: float
    low: float | None
    high: float | None
    """95 % interval of the mean return; None of a single episode, which tells nothing of it."""
    least: float
    most: float
    steps: int
    """Of all together."""
    mean_steps: float
    ends: Mapping[str, int]
    """terminated, truncated -> how many ended so; both may be true of one."""
    videos: Mapping[str, int]
    """ok, or status and reason as in "skipped: disabled" -> how many."""
    verdicts: Mapping[str, int]
    """Name -> how many episodes had it."""


def summarize(episodes: Sequence[Episode]) -> Summary:
    """Give what episodes come to."""
    returns = np.array([episode.total for episode in episodes], np.float64)
    interval = mean_interval(returns)
    steps = sum(episode.steps for episode in episodes)
    named = Counter(name for episode in episodes for name in {verdict["name"] for verdict in episode.verdicts})
    return Summary(
        episodes=len(episodes),
        mean=float(returns.mean()),
        low=interval and interval[0],
        high=interval and interval[1],
        least=float(returns.min()),
        most=float(returns.max()),
        steps=steps,
        mean_steps=steps / len(episodes),
        ends={name: sum(getattr(episode, name) for episode in episodes) for name in ("terminated", "truncated")},
        videos=dict(Counter(video_status(episode) for episode in episodes).most_common()),
        verdicts=dict(sorted(named.items())),
    )


def video_status(episode: Episode) -> str:
    """Give what became of an episode's video: "ok", or its status and the code of the reason."""
    reason = episode.video.get("reason")
    return f"{episode.video['status']}: {reason['code']}" if reason else str(episode.video["status"])


def mean_interval(values: npt.NDArray[np.float64]) -> tuple[float, float] | None:
    """Give the 95 % interval of the mean by bootstrap, the same for the same values in any order; None of one value.

    Percentiles of the means of resamples (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, 13.3).
    """
    if len(values) < 2:
        return None
    values = np.sort(values)
    means = []
    for first in range(0, RESAMPLES, CHUNK):
        words = rng.bits(0, "bootstrap", np.arange(first, first + CHUNK), words=len(values))
        drawn = words.astype(np.uint64) * np.uint64(len(values)) >> np.uint64(32)
        means.append(values[drawn].mean(axis=1))
    low, high = np.percentile(np.concatenate(means), (2.5, 97.5))
    return float(low), float(high)
