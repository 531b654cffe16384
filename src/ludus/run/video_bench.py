"""What video costs in place: the same episodes played without and with it, turn by turn, in one process.

CPU time is that of this process and its children, so whoever else uses the machine is left out as far as that can be.
An arm is a whole evaluation into a new folder, everything included that a run does. Arms alternate off, on, on, off, so
that a machine that becomes slower or warmer is so for both; pairs share their seeds; the first pairs only warm up.
"""

from __future__ import annotations

import math
import os
import platform
import resource
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

from ludus.core.errors import InputError
from ludus.core.protocols import Policy
from ludus.core.types import Episode
from ludus.episodes.provenance import git_state, versions
from ludus.run.evaluate import evaluate
from ludus.run.policies import policy_name

Renderer = Literal["synthetic", "sim-view"]
UNSTEADY = 0.25
"""Difference between the medians of the two halves, as a part of the greater, from which nothing is concluded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured. Raises `InputError`."""

    game: str = "potyard"
    policy: str | Policy[Any] = "random"
    renderer: Renderer = "synthetic"
    episodes: int = 100
    """Of each arm: few, so that both arms of a pair find the machine in the same mood."""
    lanes: int = 16
    pairs: int = 31
    warm_ups: int = 2
    budget: float = 0.05

    def __post_init__(self) -> None:
        if self.pairs < 2:
            raise InputError(f"pairs is {self.pairs}, expected 2 or more: early ones are held against late ones.")


@dataclass(frozen=True, slots=True)
class Arm:
    """One evaluation, without or with video."""

    steps: int
    cpu_s: float
    wall_s: float
    encode_ms: float = 0.0
    """For a frame: packing, drawing, and handing to the system."""
    blocked: float = 0.0
    """Part of the wall time in which writes were waited for."""
    bytes: float = 0.0
    """For a frame."""

    @property
    def cpu_us(self) -> float:
        """CPU time of a step of one lane, everything included."""
        return self.cpu_s / self.steps * 1e6


@dataclass(frozen=True, slots=True)
class Pair:
    """The same episodes, without video and with it."""

    off: Arm
    on: Arm

    @property
    def cpu(self) -> float:
        """What video adds to the CPU time, as a part of it."""
        return self.on.cpu_us / self.off.cpu_us - 1

    @property
    def wall(self) -> float:
        """What video adds to the wall time, as a part of it."""
        return self.on.wall_s / self.off.wall_s - 1


def measure(plan: Plan, folder: Path) -> Iterator[Pair]:
    """Play and give the pairs, warm-ups left out, each when it is there. All stays in the folder.

    For a file system that has just lost many files takes longer to make new ones: ext4 looks past every inode that was
    freed within minutes. So whoever measures several plans deletes nothing before the last is over, and begins no
    sooner than some minutes after many files were deleted.
    """
    for number in range(plan.warm_ups + plan.pairs):
        order = (False, True) if number % 2 == 0 else (True, False)
        arms = {on: _play(plan, folder / f"{number}-{on}", seed=1000 * number, video=on) for on in order}
        if number >= plan.warm_ups:
            yield Pair(arms[False], arms[True])


def receipt(plan: Plan, pairs: Sequence[Pair]) -> dict[str, Any]:
    """Give what was measured as a JSON object: medians, spread, where and with what.

    `target_met` is null where the medians of the two halves of the pairs disagree by more than a quarter of a step's
    cost for video, and by more than the budget: then the machine was too unsteady to tell.
    """
    cpu, wall = [pair.cpu for pair in pairs], [pair.wall for pair in pairs]
    half = len(cpu) // 2
    early, late = statistics.median(cpu[:half]), statistics.median(cpu[half:])
    apart = abs(early - late)
    steady = apart <= max(UNSTEADY * max(abs(early), abs(late)), plan.budget / 2)
    return {
        "game": plan.game,
        "policy": policy_name(plan.policy),
        "renderer": plan.renderer,
        "lanes": plan.lanes,
        "pairs": len(pairs),
        "steps": sum(pair.off.steps + pair.on.steps for pair in pairs),
        "cpu_overhead": _spread(cpu),
        "wall_overhead": _spread(wall),
        "off_cpu_us_per_step": round(statistics.median(pair.off.cpu_us for pair in pairs), 2),
        "added_cpu_us_per_step": round(statistics.median(pair.on.cpu_us - pair.off.cpu_us for pair in pairs), 2),
        "encode_ms_per_frame": round(statistics.median(pair.on.encode_ms for pair in pairs), 5),
        "blocked_share_of_wall": round(statistics.median(pair.on.blocked for pair in pairs), 5),
        "bytes_per_frame": round(statistics.median(pair.on.bytes for pair in pairs)),
        "budget": plan.budget,
        "halves": [round(early, 4), round(late, 4)],
        "target_met": statistics.median(cpu) <= plan.budget if steady else None,
    }


def surroundings() -> dict[str, Any]:
    """Give where it was measured."""
    return {
        "machine": platform.machine(),
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "versions": versions(),
        "git": git_state(),
    }


def _play(plan: Plan, out: Path, *, seed: int, video: bool) -> Arm:
    with _clocks() as spent:
        evaluation = evaluate(
            plan.game,
            policy=plan.policy,
            episodes=plan.episodes,
            seed=seed,
            out=out,
            lanes=plan.lanes,
            video_enabled=video,
            video_renderer=plan.renderer,
        )
    steps = sum(episode.steps for episode in evaluation.episodes)
    cpu_s, wall_s = spent
    if not video:
        return Arm(steps, cpu_s, wall_s)
    return _filmed(evaluation.episodes, steps, cpu_s, wall_s)


def _filmed(episodes: Sequence[Episode], steps: int, cpu_s: float, wall_s: float) -> Arm:
    videos = [episode.video for episode in episodes]
    missing = [video for video in videos if video["status"] != "ok"]
    assert not missing, missing[0]
    encode_ms = sum(video["encode_ms_per_frame"] * video["frames"] for video in videos) / steps
    blocked_ms = sum(video["overhead"]["blocked_ms"] for video in videos)
    size = sum(video["filesize_bytes"] for video in videos)
    return Arm(steps, cpu_s, wall_s, encode_ms, blocked_ms / 1e3 / wall_s, size / steps)


@contextmanager
def _clocks() -> Iterator[list[float]]:
    """Fill in CPU and wall seconds that the block took."""
    spent: list[float] = []
    cpu, wall = _cpu_s(), time.perf_counter()
    yield spent
    spent += [_cpu_s() - cpu, time.perf_counter() - wall]


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in used)


def _cpu_name() -> str:
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def _spread(values: Sequence[float]) -> dict[str, float]:
    """Give the median with its 95 % interval, the least, and the quartiles.

    The interval lies between two of the values (Conover, Practical Nonparametric Statistics, 3rd ed., 3.2).
    """
    ordered, (q1, median, q3) = sorted(values), statistics.quantiles(values, n=4)
    tails = accumulate(math.comb(len(values), below) for below in range(len(values)))
    outside = max(0, sum(2 * tail <= 0.05 * 2 ** len(values) for tail in tails) - 1)
    low, high = ordered[outside], ordered[-1 - outside]
    told = {"median": median, "low": low, "high": high, "min": ordered[0], "q1": q1, "q3": q3}
    return {name: round(value, 4) for name, value in told.items()}
