"""A learner and workers as actors of Ray: what `run.processes` is on one machine, on as many as there are.

All play with the same weights, then one update is made of all lanes, so what comes out is what as many processes would
give, whichever machines they are on. Weights and rollouts go from actor to actor through Ray's store; this process only
says whose turn it is. The learner is on this machine, where its files are to lie; workers play on CPUs, wherever Ray
has one free.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ludus.core import config
from ludus.core.errors import InputError, LudusError
from ludus.core.extras import from_extra
from ludus.core.types import Checkpoint
from ludus.learn.rollout import Rollout, join
from ludus.run.learner import Learner, Played, Receipt, Weights, worker_seed
from ludus.run.processes import lanes_each
from ludus.run.recipe import Recipe
from ludus.run.worker import Worker

CREW = "actors"
"""The name by which the learner knows the workers, for they play one rollout."""
PATIENCE_S = 300.0
"""Until every actor is there: Ray has to find it a CPU, and it imports torch and opens its game."""
KNOCK_S = 10.0
"""Until who listens at an address has answered."""

Handle = Any
"""What Ray gives of an actor, or of what will be; Ray is an extra, and its types are not known here."""


class _Actor:
    """A process that holds one thing, a learner or a worker; made by a call, so that its errors come back typed."""

    def open(self, make: Callable[[], Any], folder: str, threads: int) -> tuple[str, str]:
        """Make the thing, and give the actor's id and where it is."""
        import ray

        if Path(folder).is_dir():  # so that relative paths are those of the command, where the machine has its folder
            os.chdir(folder)
        torch.set_num_threads(max(1, threads))
        self._held = make()
        return ray.get_runtime_context().get_actor_id(), f"{platform.node()}, process {os.getpid()}"

    def do(self, work: Callable[..., Any], *told: Any) -> Any:
        """Give what a function makes of the thing."""
        return work(self._held, *told)


class Cluster:
    """A learner and its workers, as `open_cluster` gives them."""

    def __init__(self, recipe: Recipe, actors: dict[str, Handle], places: dict[str, str]) -> None:
        """actors: by name, the learner first. places: by Ray's id of the actor, its name and where it is."""
        self.places = places
        self._recipe = recipe
        self._learner, *self._workers = actors.values()

    def train(self, updates: int | None = None) -> Iterator[Receipt]:
        """Play and learn, for so many updates or until the recipe's steps are spent; raises as `train_processes`."""
        lanes_each(self._recipe, workers=len(self._workers), updates=updates)
        count = 0
        while updates is None or count < updates:
            weights = self._learner.do.remote(Learner.weights)
            played = [worker.do.remote(_play, weights) for worker in self._workers]
            receipt: Receipt = self._get(self._learner.do.remote(_learn, *played))
            yield receipt
            count += 1
            if receipt.done:
                return

    def weights(self) -> Weights:
        """Give the newest weights."""
        newest: Weights = self._get(self._learner.do.remote(Learner.weights))
        return newest

    def save(self) -> Checkpoint | None:
        """Write a checkpoint, and give the newest; None without a folder."""
        saved: Checkpoint | None = self._get(self._learner.do.remote(Learner.save))
        return saved

    def _get(self, wanted: Handle) -> Any:
        return _get(wanted, self.places)


@contextmanager
def open_cluster(
    make: Callable[[], Learner], recipe: Recipe, *, workers: int, address: str | None = None
) -> Iterator[Cluster]:
    """Have Ray hold a learner and so many workers; when left, they end, and Ray too where it was begun here.

    make: gives the learner of the recipe, and can be pickled, as `partial(open_learner, name, recipe)` can. address:
    HOST:PORT of a Ray that runs, also on this machine; by default one is begun here, for this machine alone. Raises
    what the learner or a worker raises, `InputError` where there are too few CPUs, `LudusError` where an actor ended,
    `MissingExtraError` without Ray.
    """
    run = recipe.run
    lanes = lanes_each(recipe, workers=workers, updates=1)
    part = recipe.model_copy(update={"run": run.model_copy(update={"lanes": lanes, "device": "cpu"})})
    begun = _begin(address, cpus=1 + workers)
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    kind = ray.remote(_Actor)
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    gpus = int(torch.device(run.device).type == "cuda")
    makers: dict[str, Callable[[], Any]] = {"the learner": partial(_open_learner, make)}
    actors = {"the learner": kind.options(num_cpus=1, num_gpus=gpus, scheduling_strategy=here).remote()}
    for number in range(workers):
        makers[f"worker {number}"] = partial(_hire, part, number)
        actors[f"worker {number}"] = kind.options(num_cpus=1).remote()
    try:
        opened = {name: actor.open.remote(makers[name], str(Path.cwd()), run.threads) for name, actor in actors.items()}
        told = {name: _get(wanted, {}) for name, wanted in opened.items()}
        yield Cluster(recipe, actors, {id_: f"{name} ({place})" for name, (id_, place) in told.items()})
    finally:
        for actor in actors.values():
            ray.kill(actor)
        if begun:
            ray.shutdown()


def _begin(address: str | None, *, cpus: int) -> bool:
    """Reach Ray, or begin one, and say whether it is ours to end; one that this process uses already is taken as it is.

    Raises `InputError`, `LudusError` where none is at the address, `MissingExtraError`.
    """
    there = sys.modules.get("ray")
    begun = there is None or not there.is_initialized()
    if begun:
        config.guard_ray(alone=address is None)
    with from_extra():
        import ray
    if begun and address:
        _knock(address)
    if begun:
        ours: dict[str, Any] = {} if address else {"num_cpus": cpus, "include_dashboard": False}
        try:
            ray.init(address or "local", log_to_driver=False, logging_level="WARNING", **ours)
        except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise LudusError(f"Ray cannot be reached at {address or 'this machine'}: {error}") from error
    found = ray.cluster_resources().get("CPU", 0)
    if found < cpus:
        if begun:
            ray.shutdown()
        raise InputError(f"Ray has {found:g} CPUs, expected {cpus}: one for each worker, and one for the learner.")
    return begun


def _knock(address: str) -> None:
    """See whether anybody is there, for Ray would try for many minutes. Raises `InputError`, `LudusError`."""
    host, colon, port = address.rpartition(":")
    if not colon or "/" in host or not port.isdecimal():
        raise InputError(f"the address is {address!r}, expected HOST:PORT of a Ray that runs, on this machine too.")
    try:
        socket.create_connection((host, int(port)), timeout=KNOCK_S).close()
    except (OSError, OverflowError) as error:
        raise LudusError(f"nothing answers at {address}: {error}; begin Ray there with `ray start --head`.") from error


def _get(wanted: Handle, places: dict[str, str]) -> Any:
    """Give what an actor answers. Raises what it raised, and `LudusError` that names one which ended."""
    import ray

    try:
        return ray.get(wanted, timeout=None if places else PATIENCE_S)
    except ray.exceptions.GetTimeoutError as error:
        raise LudusError(f"Ray has no place for an actor after {PATIENCE_S:g} s; `ray status` tells why.") from error
    except ray.exceptions.RayError as error:
        cause: Any = error
        while isinstance(cause, ray.exceptions.RayTaskError):  # one that waited for another's answer wraps its error
            cause = cause.cause
        if isinstance(cause, LudusError):
            raise cause from None
        if isinstance(cause, ray.exceptions.RayActorError):
            who = places.get(cause.actor_id, "an actor")
            raise LudusError(f"{who} ended; what the learner has saved stays, begin again there.") from error
        raise


def _open_learner(make: Callable[[], Learner]) -> Learner:
    learner = make()
    learner.register(CREW)
    return learner


def _hire(recipe: Recipe, number: int) -> Worker:
    return Worker(f"{CREW}.{number}", recipe, seed=worker_seed(recipe.run.seed, number))


def _play(worker: Worker, weights: Weights) -> Played:
    worker.load(weights)
    return worker.play()


def _learn(learner: Learner, *played: Played) -> Receipt:
    """Learn from what all workers played, side by side."""
    device = torch.device(learner.recipe.run.device)
    whole = join([one.rollout for one in played])
    whole = Rollout(**{name: tensor.to(device) for name, tensor in whole.tensors().items()})
    returns = tuple(reward for one in played for reward in one.returns)
    return learner.push(Played(CREW, played[0].version, whole, returns))
