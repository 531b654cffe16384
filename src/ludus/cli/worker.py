"""`ludus worker`: play for a learner elsewhere, and push what was played."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import torch
from rich.console import Console

from ludus.core import files
from ludus.core.errors import MissingExtraError
from ludus.run.learner import RolloutError
from ludus.run.worker import Worker, work


def main(
    policy: str,
    /,
    *,
    learner: str = "http://127.0.0.1:8061",
    token: Path = Path("runs/token"),
    name: str | None = None,
    rollouts: int | None = None,
) -> int:
    """Play for a learner: it tells the game and the settings, gives weights, and takes rollouts until it is done.

    A learner that was restarted is found again with the next rollout. Rollouts that it refuses for being too old are
    told of and lost; any other refusal ends the worker.

    Args:
        policy: name of the policy to play.
        learner: URL that ludus learner printed.
        token: file of the learner's token.
        name: of this worker, by default that of the machine and the process.
        rollouts: play so many, by default until the learner has learned from all its steps.
    """
    try:
        import httpx

        from ludus.serve.learner_client import HttpLearner
    except ImportError as error:
        raise MissingExtraError("httpx", extra="serve") from error
    console = Console(stderr=True)
    named = name or f"{socket.gethostname()}-{os.getpid()}"
    headers = {"authorization": f"Bearer {files.read_text(token).strip()}"}
    with httpx.Client(base_url=learner, headers=headers, timeout=120.0, trust_env=False) as client:
        link = HttpLearner(client, policy)
        told = link.register(named)
        torch.set_num_threads(max(1, told.recipe.run.threads))
        worker = Worker(named, told.recipe, seed=told.seed)
        worker.load(told.weights)
        taken = 0
        try:
            for outcome in work(worker, link, rollouts=rollouts):
                if isinstance(outcome, RolloutError):
                    console.print(f"refused: {outcome}", markup=False, highlight=False)
                else:
                    taken += 1
        finally:
            worker.close()
    print(f"{named}: {taken} rollouts taken")
    return 0
