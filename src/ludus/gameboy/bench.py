"""How fast the core steps games, beside PyBoy in the same run.

Both sides press the same buttons: each step holds one for 8 of 24 frames and draws the last frame. They take turns in
short rounds, so that a noisy machine is noisy for both; the best round is the least disturbed, the median the usual.
CPU time is measured beside wall time, and is what to compare on a machine that others use too.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ludus.core import rng
from ludus.core.errors import InputError
from ludus.core.extras import from_extra
from ludus.gameboy.cartridge import Cartridge
from ludus.gameboy.codec import find_codec
from ludus.gameboy.machine import FRAME_HZ
from ludus.gameboy.world import GameBoyWorld

FRAMES_PER_STEP, HELD = 24, 8
CODEC = find_codec("pokemonred_puffer_v0")
WARM_UP_STEPS = 25
"""600 frames: past boot ROMs and logos."""
SCHEDULE = 512
"""Steps after which the buttons repeat."""

StepOnce = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured."""

    lanes: int = 1
    threads: int = 1
    view: str = "full"
    skip: bool = True
    seconds: float = 1.0
    """Of each round."""
    rounds: int = 5


@dataclass(frozen=True, slots=True)
class Round:
    """One measured stretch of steps."""

    steps: int
    """Of all lanes together."""
    wall_s: float
    cpu_s: float

    @property
    def steps_per_s(self) -> float:
        """Steps of all lanes in a second."""
        return self.steps / self.wall_s

    @property
    def frames_per_s(self) -> float:
        """Frames of all lanes in a second: steps times 24."""
        return self.steps_per_s * FRAMES_PER_STEP

    @property
    def times_real(self) -> float:
        """How many Game Boys' real time that is, at 59.7275 frames a second."""
        return self.frames_per_s / FRAME_HZ

    @property
    def steps_per_cpu_s(self) -> float:
        """Steps in a second of CPU time, all threads added."""
        return self.steps / self.cpu_s


@dataclass(frozen=True, slots=True)
class Side:
    """The rounds of one side."""

    rounds: tuple[Round, ...]

    @property
    def best(self) -> Round:
        """The quickest round."""
        return max(self.rounds, key=lambda r: r.steps_per_s)

    @property
    def median(self) -> float:
        """The median of steps in a second."""
        return statistics.median(r.steps_per_s for r in self.rounds)

    @property
    def best_cpu(self) -> float:
        """The most steps in a second of CPU time."""
        return max(r.steps_per_cpu_s for r in self.rounds)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one ROM."""

    rom: str
    plan: Plan
    ours: Side
    peer: Side | None
    """PyBoy, one console, where it was asked for."""

    @property
    def ratio(self) -> float | None:
        """Our steps in a second over the peer's, best round against best round."""
        return self.ours.best.steps_per_s / self.peer.best.steps_per_s if self.peer else None

    @property
    def median_ratio(self) -> float | None:
        """The same of the medians."""
        return self.ours.median / self.peer.median if self.peer else None

    @property
    def cpu_ratio(self) -> float | None:
        """The same by CPU time."""
        return self.ours.best_cpu / self.peer.best_cpu if self.peer else None

    def row(self) -> dict[str, Any]:
        """Give the result as a program reads it."""
        best = self.ours.best
        row: dict[str, Any] = {
            "rom": self.rom,
            "lanes": self.plan.lanes,
            "threads": self.plan.threads,
            "view": self.plan.view,
            "skip": self.plan.skip,
            "steps_per_s": best.steps_per_s,
            "frames_per_s": best.frames_per_s,
            "times_real": best.times_real,
            "median_steps_per_s": self.ours.median,
            "steps_per_cpu_s": self.ours.best_cpu,
        }
        if self.peer:
            row["peer"] = {
                "name": "pyboy",
                "steps_per_s": self.peer.best.steps_per_s,
                "frames_per_s": self.peer.best.frames_per_s,
                "times_real": self.peer.best.times_real,
                "median_steps_per_s": self.peer.median,
                "steps_per_cpu_s": self.peer.best_cpu,
            }
            row |= {"ratio": self.ratio, "median_ratio": self.median_ratio, "cpu_ratio": self.cpu_ratio}
        return row


def run(cartridges: Sequence[tuple[str, Cartridge]], plan: Plan, *, peer: str | None = None) -> Iterator[Result]:
    """Give the result of each named cartridge. Raises `InputError`, or `MissingExtraError` without PyBoy."""
    if peer not in (None, "pyboy"):
        raise InputError(f"--peer is {peer!r}, expected 'pyboy', the one peer there is.")
    if plan.seconds <= 0 or plan.rounds < 1:
        raise InputError(f"{plan.rounds} rounds of {plan.seconds} s, expected at least 1 round of more than 0 s.")
    for name, cartridge in cartridges:
        yield _run_one(name, cartridge, plan, peer is not None)


def geometric_mean(ratios: Sequence[float]) -> float:
    """Give the geometric mean of ratios."""
    return statistics.geometric_mean(ratios)


def actions(step: int, lanes: int) -> Any:
    """Give the actions `int64[N]` of a step, the same for every side: lane i's are keyed by its number."""
    return rng.integers(np.arange(lanes), "bench", step, high=len(CODEC))


def _run_one(name: str, cartridge: Cartridge, plan: Plan, with_peer: bool) -> Result:
    world = GameBoyWorld(
        cartridge,
        plan.lanes,
        threads=plan.threads,
        codec=CODEC.id,
        view=plan.view,
        skip=plan.skip,
        frames_per_step=FRAMES_PER_STEP,
        release_after_frames=HELD,
    )
    world.reset()
    schedule = [actions(step, plan.lanes) for step in range(SCHEDULE)]
    steps: list[StepOnce] = [lambda step: _discard(world.step(schedule[step % SCHEDULE]))]
    if not with_peer:
        return Result(name, plan, _take_turns(steps, plan)[0], None)
    console = open_pyboy(cartridge)
    steps.append(_pyboy_step(console, [int(row[0]) for row in schedule]))
    ours, peer = _take_turns(steps, plan)
    console.stop(save=False)
    return Result(name, plan, ours, peer)


def _take_turns(sides: Sequence[StepOnce], plan: Plan) -> list[Side]:
    """Measure sides in rounds, first this one first, then that one; the first has the plan's lanes, others one."""
    rounds: list[list[Round]] = [[] for _ in sides]
    taken = [0] * len(sides)
    for index, step_once in enumerate(sides):
        for _ in range(WARM_UP_STEPS):
            step_once(taken[index])
            taken[index] += 1
    for number in range(plan.rounds):
        for index in sorted(range(len(sides)), reverse=number % 2 == 1):
            lanes = plan.lanes if index == 0 else 1
            found = _measure(sides[index], taken[index], lanes, plan.seconds)
            taken[index] += found.steps // lanes
            rounds[index].append(found)
    return [Side(tuple(found)) for found in rounds]


def _measure(step_once: StepOnce, first: int, lanes: int, seconds: float) -> Round:
    steps = 0
    cpu, wall = time.process_time(), time.perf_counter()
    end = wall + seconds
    while (now := time.perf_counter()) < end:
        step_once(first + steps)
        steps += 1
    return Round(steps * lanes, now - wall, time.process_time() - cpu)


def _discard(shown: object) -> None:
    del shown


def open_pyboy(cartridge: Cartridge) -> Any:
    """Give PyBoy with a game in it, as fast as it goes, without sound or window. Raises `MissingExtraError`."""
    with from_extra(), warnings.catch_warnings(action="ignore"):  # it warns of the SDL that it brings
        from pyboy import PyBoy
    with tempfile.TemporaryDirectory() as folder:  # it wants a file, and writes beside it
        path = Path(folder) / "game.gb"
        path.write_bytes(cartridge.rom)
        console = PyBoy(str(path), window="null", sound_emulated=False, log_level="CRITICAL")
    console.set_emulation_speed(0)
    return console


def _pyboy_step(console: Any, schedule: Sequence[int]) -> StepOnce:
    names = [name.lower() for name in CODEC.names]

    def step_once(step: int) -> None:
        console.button(names[schedule[step % len(schedule)]], HELD)
        console.tick(FRAMES_PER_STEP, True)

    return step_once
