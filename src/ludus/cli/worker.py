"""`ludus worker`: play for a learner elsewhere, and push what was played."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from rich.console import Console

from ludus.core import files
from ludus.run.learner import Registered, RolloutError
from ludus.run.worker import Worker, work

if TYPE_CHECKING:
    import httpx

    from ludus.serve.worker.lab import LabWorker


def main(
    policy: str,
    /,
    *,
    learner: str = "http://127.0.0.1:8061",
    token: Path = Path("runs/token"),
    name: str | None = None,
    rollouts: int | None = None,
    lab: str | None = None,
    lab_token: Path = Path("lab/token"),
    state: Path | None = None,
    port: int = 0,
) -> int:
    """Play for a learner: it tells the game and the settings, gives weights, and takes rollouts until it is done.

    A learner that was restarted is found again with the next rollout. Rollouts that it refuses for being too old are
    told of and lost; any other refusal ends the worker. With --lab it also tells an orchestrator what happens, films
    every episode, makes the clips that feats ask for, and shows its lanes live; play never waits for any of that.

    Args:
        policy: name of the policy to play.
        learner: URL that ludus learner printed.
        token: file of the learner's token.
        name: of this worker, by default that of the machine and the process.
        rollouts: play so many, by default until the learner has learned from all its steps.
        lab: URL of an orchestrator, as ludus serve printed it, or unix:PATH of its --uds.
        lab_token: file of the orchestrator's token.
        state: folder of events not yet told and of films, by default runs/workers/NAME; who was killed goes on there.
        port: of the worker's own /status and /highlight/encode, with --lab; 0 takes any that is free.
    """
    from ludus.serve.learner.client import HttpLearner

    console = Console(stderr=True)
    named = name or f"{socket.gethostname()}-{os.getpid()}"
    place = state or Path("runs/workers") / named
    with ExitStack() as stack:
        secret = files.read_text(token).strip()
        client = stack.enter_context(_client(learner, secret))
        _log(place / "log.jsonl" if lab else None, secret, worker=named, run=policy)
        link = HttpLearner(client, policy)
        told = link.register(named)
        torch.set_num_threads(max(1, told.recipe.run.threads))
        if lab is None:
            worker, part = Worker(named, told.recipe, seed=told.seed), None
        else:
            worker, part = _open_both(named, told, lab, files.read_text(lab_token).strip(), place, port, stack)
        stack.callback(worker.close)
        worker.load(told.weights)
        taken = 0
        for outcome in work(worker, link, rollouts=rollouts):
            taken += not isinstance(outcome, RolloutError)
            if isinstance(outcome, RolloutError):
                console.print(f"refused: {outcome}", markup=False, highlight=False)
            if part is not None:
                part.version = worker.version
    print(f"{named}: {taken} rollouts taken")
    return 0


def _client(learner: str, secret: str) -> httpx.Client:
    import httpx

    headers = {"authorization": f"Bearer {secret}"}
    return httpx.Client(base_url=learner, headers=headers, timeout=120.0, trust_env=False)


def _log(file: Path | None, secret: str, **bound: Any) -> None:
    from ludus.serve.logs import set_up_logs

    set_up_logs(file, secrets=[secret], role="worker", **bound)


def _open_both(
    name: str, told: Registered, lab: str, token: str, state: Path, port: int, stack: ExitStack
) -> tuple[Worker, LabWorker]:
    """Give a worker, and its part in a lab, which reads along."""
    from ludus.core.clock import SystemClock
    from ludus.episodes.naming import scenario
    from ludus.run.games import open_world
    from ludus.run.watching import Turns
    from ludus.serve.door.keys import Keys
    from ludus.serve.lab.supervise import ended_by_sigterm
    from ludus.serve.worker.lab import LabWorker
    from ludus.serve.worker.server import WorkerServer, create_worker_app

    stack.enter_context(ended_by_sigterm())
    run = told.recipe.run
    world = open_world(told.recipe.world, run.lanes, threads=min(run.lanes, torch.get_num_threads()))
    part = LabWorker(lab, token, name, world, run=told.policy, state=state, role=told.recipe.world.role)
    stack.callback(part.close)
    server = WorkerServer(create_worker_app(part.status, part.encode, Keys(token, SystemClock())), port)
    stack.callback(server.close)
    part.url = server.url
    turns = Turns(world, part.read, scenario=scenario(name), seed=told.seed, run=told.policy, instance=told.policy)
    return Worker(name, told.recipe, seed=told.seed, world=world, watch=turns), part
