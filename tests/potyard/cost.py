"""What a card costs: steps of Pot Yard with its card against the same steps of its ROM alone, in the same run.

python -m tests.potyard.cost
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ludus.core import rng
from ludus.gameboy import GameBoyWorld
from ludus.gameboy.library import open_game


@dataclass(frozen=True)
class Cost:
    """What a step of N lanes costs: medians over steps, each beside the same step of the ROM alone."""

    step_s: float
    """Seconds of the ROM alone."""
    read: float
    """Reading the watches, as a part of that."""
    card: float
    """What watches, rewards and ends add, as a part of that."""
    events: float
    """What these and events, told and drained, add."""
    told: float
    """Events in a step, the mean."""


def measure(lanes: int, steps: int, *, threads: int = 1) -> Cost:
    """Play the same random actions on three Worlds, in an order that changes from step to step."""
    card, cartridge = open_game("potyard")
    worlds = {
        "rom": GameBoyWorld(cartridge, lanes, threads=threads, codec=card.codec, view=card.view),
        "card": GameBoyWorld(card, lanes, threads=threads, events=False),
        "events": GameBoyWorld(card, lanes, threads=threads),
    }
    for world in worlds.values():
        world.reset(seeds=0)
    _align(worlds, np.ones(lanes, np.bool_))
    times: dict[str, list[float]] = {name: [] for name in worlds}
    told = 0
    for number in range(steps):
        actions = rng.integers(np.arange(lanes), "play", number, high=len(worlds["rom"].codec))
        ended = np.zeros(lanes, np.bool_)
        for name in np.roll(list(worlds), number).tolist():
            start = time.perf_counter()
            step = worlds[name].step(actions)
            told += len(worlds[name].events())
            times[name].append(time.perf_counter() - start)
            if name != "rom":
                ended = step.done
                worlds[name].reset(mask=ended)
        _align(worlds, ended)
    took = {name: np.array(found) for name, found in times.items()}
    step_s = float(np.median(took["rom"]))
    added = {name: float(np.median(took[name] / took["rom"])) - 1 for name in ("card", "events")}
    return Cost(step_s, _reading(worlds["card"]) / step_s, added["card"], added["events"], told / steps)


def _align(worlds: dict[str, GameBoyWorld], lanes: npt.NDArray[np.bool_]) -> None:
    """Put the lanes of the card's World into the World of the ROM alone, so that both play the same."""
    for lane in np.flatnonzero(lanes).tolist():
        worlds["rom"].load(lane, worlds["card"].save(lane))


def _reading(world: GameBoyWorld) -> float:
    times = []
    for _ in range(200):
        start = time.perf_counter()
        world._rules.reader.read(world._core)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def describe(lanes: int, cost: Cost) -> str:
    """One line of figures."""
    each = 1e6 * (cost.events - cost.card) * cost.step_s / max(cost.told, 1)
    return (
        f"{lanes:4} lanes: step {1e6 * cost.step_s:6.0f} us; watches {100 * cost.read:.2f} %; with rewards and ends "
        f"{100 * cost.card:+.1f} %; with {cost.told:.0f} events a step, {each:.1f} us each, {100 * cost.events:+.1f} %"
    )


if __name__ == "__main__":
    for lanes, steps in ((1, 2000), (16, 500), (64, 200), (256, 60)):
        print(describe(lanes, measure(lanes, steps)))  # noqa: T201
