"""`ludus learner`: hold a policy's weights, and learn from what workers play."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from ludus.core.clock import Every, SystemClock
from ludus.core.errors import InputError
from ludus.run.cluster import Cluster, open_cluster
from ludus.run.learner import MOST_LAG, Learner, Receipt, open_learner
from ludus.run.processes import train_processes
from ludus.run.recipe import read_recipe

LINE_S = 10.0
"""Seconds between lines of how it stands."""


def main(
    name: str,
    game: str,
    /,
    *,
    recipe: str | None = None,
    role: str | None = None,
    steps: int | None = None,
    minutes: float = 0.0,
    seed: int | None = None,
    runs: Path = Path("runs"),
    ancestor: Path | None = None,
    processes: int = 0,
    actors: int = 0,
    cluster: str | None = None,
    host: str = "127.0.0.1",
    port: int = 8061,
    most_lag: int = MOST_LAG,
    settings: tuple[str, ...] = (),
) -> int:
    """Hold a policy's weights, and learn from what workers play: `ludus worker` over HTTP, or workers of its own.

    It goes on from the checkpoints in RUNS/NAME. Over HTTP it also merges agents in RUNS (POST /learner/merge), and
    stops by Ctrl-C; whatever changes anything needs the token in RUNS/token. docs/training.md tells more.

    Args:
        name: of the policy, and of its folder in RUNS.
        game: as in ludus train.
        recipe: name of a shipped recipe or path of a .toml; by default the game's own.
        role: whose rewards to learn from, a role of the card.
        steps: learn from so many steps of all workers together.
        minutes: learn for so long, from the first rollout on; 0 for no such end.
        seed: of the weights, and of all workers' lanes and chances.
        runs: folder of the folders of runs.
        ancestor: a checkpoint, or a run, whose weights to begin with.
        processes: play in so many processes of this machine instead of serving; equal seeds give equal weights then.
        actors: the same in so many actors of Ray, and the learner in one more; docs/scale_out.md.
        cluster: HOST:PORT of the Ray to use, by default one that begins and ends with this, on this machine alone.
        host: address to listen at.
        port: of HTTP; 0 takes any that is free.
        most_lag: versions that a rollout's weights may be behind; what is older is refused.
        settings: settings as a.b=c, over the recipe; --a.b=c says the same.
    """
    _check(name, processes, actors)
    told = {"world.role": role, "run.seed": seed, "run.steps": steps}
    flags = [f"--{key}={value}" for key, value in told.items() if value is not None]
    chosen = read_recipe(game, recipe, [*settings, *flags])
    torch.set_num_threads(max(1, chosen.run.threads))
    rest: dict[str, Any] = {"ancestor": ancestor, "most_lag": most_lag, "minutes": minutes}
    opening = partial(open_learner, name, chosen, folder=runs / name, **rest)
    if actors:
        with open_cluster(opening, chosen, workers=actors, address=cluster) as crew:
            _train(crew, crew.train())
    elif processes:
        learner = opening()
        _train(learner, train_processes(learner, workers=processes))
    else:
        _serve(opening(), name, runs, host, port)
    return 0


def _check(name: str, processes: int, actors: int) -> None:
    if not name.replace("-", "").replace("_", "").replace(".", "").isalnum() or name.startswith("."):
        raise InputError(f"the name is {name!r}, expected letters, digits, '-', '_' and '.'; it names a folder.")
    if processes and actors:
        raise InputError(f"there are {processes} processes and {actors} actors, expected one of them.")


def _serve(learner: Learner, name: str, runs: Path, host: str, port: int) -> None:
    from ludus.serve.door.keys import Keys, read_token
    from ludus.serve.learner.api import School, run_learners
    from ludus.serve.logs import set_up_logs

    runs.mkdir(parents=True, exist_ok=True)
    token = read_token(runs / "token")
    set_up_logs(runs / name / "log.jsonl", secrets=[token], role="learner", run=name)
    keys = Keys(token, SystemClock())
    run_learners(School({name: learner}, runs), keys, host, port, lambda url: print(f"learner {url}", flush=True))


def _train(learner: Learner | Cluster, receipts: Iterator[Receipt]) -> None:
    console, clock, due = Console(stderr=True), SystemClock(), Every(LINE_S)
    try:
        for receipt in receipts:
            if due(clock.seconds()):
                score = receipt.metrics.get("charts/episodic_return", float("nan"))
                console.print(f"{receipt.step:,} steps  {receipt.version:,} updates  return {score:.2f}", markup=False)
    finally:
        saved = learner.save()
    assert saved is not None
    print(f"{saved.step:,} steps, {saved.updates:,} updates: {saved.path}")
