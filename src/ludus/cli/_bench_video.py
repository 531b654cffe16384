"""`ludus bench video`: what `ludus eval --video` costs in place."""

from __future__ import annotations

import itertools
import json
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ludus.core.config import switch
from ludus.core.files import write_atomic
from ludus.core.protocols import Policy
from ludus.run import video_bench
from ludus.run.games import game_settings, open_world
from ludus.run.video_bench import Renderer

STACK = 2
"""Frames that the untrained net sees, as in the recipe of Pot Yard."""


def run_video(
    *,
    game: str = "potyard",
    policies: tuple[str, ...] = ("random", "cnn"),
    renderers: tuple[Renderer, ...] = ("synthetic", "sim-view"),
    episodes: int = 100,
    lanes: int = 16,
    pairs: int = 31,
    warm_ups: int = 2,
    budget: float = 0.05,
    out: Path | None = None,
) -> int:
    """Measure what `ludus eval --video` costs: whole evaluations without and with video, in turns, by CPU time.

    On a file system that has just lost many files, making new ones takes longer: wait some minutes after deleting any.
    Over the budget it warns; with LUDUS_PERF_ENFORCE=1 it exits with 1, also where the machine is too unsteady to tell.

    Args:
        game: as for ludus eval.
        policies: as for ludus eval; cnn is an untrained net of the default size.
        renderers: what is filmed.
        episodes: of each arm.
        lanes: played together.
        pairs: of arms, after the warm-ups.
        warm_ups: pairs that do not count.
        budget: part of the CPU time of play that video may take.
        out: write the receipt there, as JSON.
    """
    rows = []
    with TemporaryDirectory(prefix="ludus-bench-", dir=".") as folder:
        for name, renderer in itertools.product(policies, renderers):
            plan = video_bench.Plan(
                game=game,
                policy=_net(game) if name == "cnn" else name,
                renderer=renderer,
                episodes=episodes,
                lanes=lanes,
                pairs=pairs,
                warm_ups=warm_ups,
                budget=budget,
            )
            row = video_bench.receipt(plan, list(video_bench.measure(plan, Path(folder) / f"{name}-{renderer}")))
            row["policy"] = name
            rows.append(row)
            cost = row["cpu_overhead"]
            print(
                f"{game}, {name}, {renderer}: {cost['median']:.1%} CPU "
                f"(95 %: {cost['low']:.1%} to {cost['high']:.1%}), "
                f"{row['added_cpu_us_per_step']} of {row['off_cpu_us_per_step']} us a step, "
                f"{row['encode_ms_per_frame'] * 1000:.1f} us and {row['bytes_per_frame']} bytes a frame"
            )
    if out is not None:
        told = {"what": "ludus bench video", "where": video_bench.surroundings(), "rows": rows}
        write_atomic(out, (json.dumps(told, indent=2) + "\n").encode())
    over = [row for row in rows if not row["target_met"]]
    for row in over:
        said = "over the budget" if row["target_met"] is False else "too unsteady to tell"
        print(f"warning: {row['policy']}, {row['renderer']}: {said} of {budget:.0%}")
    return 1 if over and switch("perf.enforce") else 0


def _net(game: str) -> Policy[Any]:
    """Give a policy that asks an untrained net of the default size."""
    from ludus.learn.policy import NetPolicy
    from ludus.nets.agent import Door, make_agent
    from ludus.nets.encoders import NetConfig

    with closing(open_world(game_settings(game, {}), 1)) as world:
        return NetPolicy(make_agent(Door.of(world.spec, STACK), NetConfig(), seed=0).eval())
