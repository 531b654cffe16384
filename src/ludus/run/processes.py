"""Workers as processes of this machine: they write into one rollout in shared memory, each in lanes of its own.

All play with the same weights, then one update is made of all lanes, so what comes out follows from the seed and from
how many there are, not from who is faster. Pipes carry versions and returns; frames and weights lie in shared memory,
weights as safetensors.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import torch
import torch.multiprocessing
from torch import Tensor

from ludus.core.errors import InputError, LudusError
from ludus.learn.rollout import Rollout, empty_rollout, lanes_of
from ludus.learn.threads import threads
from ludus.run.learner import Learner, Played, Receipt, Weights, worker_seed
from ludus.run.recipe import Recipe
from ludus.run.worker import Worker

CREW = "processes"
"""The name by which the learner knows them, for they play one rollout."""


@dataclass(frozen=True, slots=True, eq=False)
class _Desk:
    """What a process shares with the learner."""

    weights: Tensor
    """`uint8[bytes]`."""
    rollout: Rollout
    """Its own lanes."""


def train_processes(learner: Learner, *, workers: int, updates: int | None = None) -> Iterator[Receipt]:
    """Play in so many processes and learn, for so many updates or until the recipe's steps are spent.

    Raises `InputError` where the recipe's lanes cannot be split, `LudusError` where a process ended.
    """
    run = learner.recipe.run
    size = lanes_each(learner.recipe, workers=workers, updates=updates)
    agent = learner.state.agent
    whole = empty_rollout(agent, steps=run.horizon, lanes=run.lanes)
    held = learner.register(CREW).weights
    board = torch.frombuffer(bytearray(held.data), dtype=torch.uint8)
    for tensor in (board, *whole.tensors().values()):
        if tensor.numel():  # an empty one has nothing to share
            tensor.share_memory_()  # type: ignore[no-untyped-call]
    crew: list[tuple[Connection, BaseProcess]] = []
    try:
        for number in range(workers):
            desk = _Desk(board, lanes_of(whole, slice(number * size, (number + 1) * size)))
            crew.append(_hire(desk, learner.recipe, number))
        count = 0
        while updates is None or count < updates:
            receipt = learner.push(_play(crew, board, held, whole))
            yield receipt
            count += 1
            if receipt.done:
                return
            held = learner.weights() or held
    finally:
        for connection, process in crew:
            connection.close()
            process.terminate()
            process.join()


def lanes_each(recipe: Recipe, *, workers: int, updates: int | None) -> int:
    """Give the lanes of each worker. Raises `InputError` where they cannot be split, or training would have no end."""
    run = recipe.run
    if workers < 1 or run.lanes % workers:
        raise InputError(f"run.lanes is {run.lanes}, expected a multiple of the {workers} workers.")
    if updates is None and not run.steps:
        raise InputError("run.steps is 0 and no number of updates is given, expected one of them: how long to train.")
    return run.lanes // workers


def _hire(desk: _Desk, recipe: Recipe, number: int) -> tuple[Connection, BaseProcess]:
    context = torch.multiprocessing.get_context("spawn")
    ours, theirs = multiprocessing.Pipe()
    process = context.Process(target=_work, args=(theirs, desk, recipe, number), daemon=True)
    process.start()
    theirs.close()  # so that the end of the process is the end of the pipe
    return ours, process


def _play(crew: list[tuple[Connection, BaseProcess]], board: Tensor, weights: Weights, whole: Rollout) -> Played:
    """Have all processes play one rollout with these weights, and give it."""
    board.copy_(torch.frombuffer(bytearray(weights.data), dtype=torch.uint8))
    returns: list[float] = []
    try:
        for connection, _ in crew:
            connection.send(weights.version)
        for connection, _ in crew:
            told = connection.recv()
            if isinstance(told, str):
                raise LudusError(told)
            returns += told
    except (EOFError, BrokenPipeError, ConnectionResetError) as error:
        raise LudusError(
            "a worker process ended before its rollout was played; what the learner has saved stays, begin again there."
        ) from error
    return Played(CREW, weights.version, whole, tuple(returns))


def _work(connection: Connection, desk: _Desk, recipe: Recipe, number: int) -> None:
    """Play whenever told to, until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends its workers
    with threads(recipe.run.threads or 1):
        try:
            seed = worker_seed(recipe.run.seed, number)
            worker = Worker(f"{CREW}.{number}", recipe, seed=seed, rollout=desk.rollout)
            while True:
                version: int = connection.recv()
                worker.load(Weights(version, desk.weights.numpy().tobytes()))
                connection.send(list(worker.play().returns))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return
        except LudusError as error:
            connection.send(str(error))
