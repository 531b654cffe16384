"""How well players do in Pot Yard, by the rewards and events of its card: figures for LOG.md.

python -m tests.potyard.measure random --seeds 100
python -m tests.potyard.measure scripted --seeds 20
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ludus.core import rng
from ludus.gameboy import GameBoyWorld
from ludus.gameboy.rules import COUNTER_DELTA
from tests.potyard.bot import Greedy, Scripted, choose, players

SEEING = {"scripted": Scripted, "greedy": Greedy}


@dataclass
class Result:
    """One episode in each of N lanes, lane i with seed i."""

    returns: npt.NDArray[np.float64]
    first_reward: npt.NDArray[np.float64]
    """The step of the first positive reward, infinite where there was none."""
    steps: npt.NDArray[np.int64]
    cleared: npt.NDArray[np.bool_]
    events: Counter[str] = field(default_factory=Counter)
    counters: Counter[str] = field(default_factory=Counter)


def measure(player: str, lanes: int, *, role: str | None = None, max_steps: int | None = None) -> Result:
    """Play until every lane has ended."""
    world = GameBoyWorld("potyard", lanes, role=role, max_steps=max_steps)
    team = players(world, SEEING[player]) if player in SEEING else []
    running = ~world.reset(seeds=0).done
    result = Result(np.zeros(lanes), np.full(lanes, np.inf), np.zeros(lanes, np.int64), np.zeros(lanes, np.bool_))
    number = 0
    while running.any():
        random = rng.integers(np.arange(lanes), "play", number, high=len(world.codec))
        step = world.step(choose(world, team, running) if team else random, mask=running)
        number += 1
        result.returns += step.reward
        result.steps[running] = number
        first = (step.reward > 0) & np.isinf(result.first_reward)
        result.first_reward[first] = number
        for event in world.events():
            result.events[event.kind] += 1
            if event.kind == COUNTER_DELTA:
                result.counters[event.payload["name"]] += event.payload["delta"]
            result.cleared[event.lane] |= event.kind == "run_cleared"
        running = ~step.done
    return result


def interval(values: npt.NDArray[np.float64], *, resamples: int = 10_000) -> tuple[float, float]:
    """The 95 % interval of the mean, by the bootstrap's percentiles."""
    picks = rng.integers(0, "bootstrap", np.arange(resamples * len(values)), high=len(values))
    low, high = np.percentile(values[picks.reshape(resamples, -1)].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def describe(result: Result) -> str:
    """The figures as text."""
    low, high = interval(result.returns)
    found = np.isfinite(result.first_reward)
    return f"""\
  return        mean {result.returns.mean():.2f}, 95 % interval {low:.2f} to {high:.2f}, \
from {result.returns.min():g} to {result.returns.max():g}
  first reward  step {np.median(result.first_reward[found]):g} (median), in {found.sum()} episodes
  length        {result.steps.mean():.0f} steps (mean), {result.cleared.sum()} runs cleared
  {len(result.events)} kinds of events: {dict(result.events.most_common())}
  {len(result.counters)} counters: {dict(result.counters.most_common())}"""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("player", choices=[*SEEING, "random"])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--role")
    asked = parser.parse_args()
    print(describe(measure(asked.player, asked.seeds, role=asked.role)))  # noqa: T201
