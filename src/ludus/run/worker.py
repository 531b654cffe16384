"""A worker: plays lanes of a World with the weights it has, and hands rollouts to a learner through a link."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import safetensors.torch
import torch

from ludus.core.protocols import World
from ludus.learn.checkpoint import load_weights
from ludus.learn.ppo import autocast
from ludus.learn.rollout import Rollout, empty_rollout
from ludus.nets.agent import Door, make_agent
from ludus.run.collect import Watch, begin, collect
from ludus.run.games import open_world
from ludus.run.learner import Played, Receipt, Registered, RolloutError, Weights
from ludus.run.recipe import Recipe

AGAIN = ("unregistered", "stale", "future")
"""Refusals after which a worker takes new weights and goes on."""


class Link(Protocol):
    """A learner as a worker sees it: itself, or what stands for it elsewhere."""

    def register(self, worker: str) -> Registered:
        """Take the worker in."""
        ...

    def weights(self, since: int = -1) -> Weights | None:
        """Give the newest weights, None where they are those of version `since`."""
        ...

    def push(self, played: Played) -> Receipt:
        """Learn from a rollout. Raises `RolloutError`."""
        ...


class Worker:
    """Lanes of a World and a net to play them; `load` weights before it plays."""

    def __init__(
        self,
        name: str,
        recipe: Recipe,
        *,
        seed: int,
        world: World | None = None,
        rollout: Rollout | None = None,
        watch: Watch | None = None,
    ) -> None:
        """rollout: where it writes what it plays, by default a place of its own; its lanes are the worker's.

        watch: is shown every step and reset.
        """
        run = recipe.run
        lanes = rollout.lanes if rollout else run.lanes
        self.name, self.version = name, -1
        self._recipe, self._seed, self._step = recipe, seed, 0
        self._world = world or open_world(recipe.world, lanes, threads=min(lanes, torch.get_num_threads()))
        agent = make_agent(Door.of(self._world.spec, run.stack), recipe.net, seed=0)
        agent = agent.to(torch.device(run.device))
        self._agent = agent.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # as learners have it
        self._rollout = rollout or empty_rollout(agent, steps=run.horizon, lanes=lanes)
        self._watch = watch
        self._lanes = begin(self._world, agent, seed=seed, watch=watch)

    def load(self, weights: Weights) -> None:
        """Play with these from now on. Raises `FileFormatError` on those of another net."""
        load_weights(self._agent, safetensors.torch.load(weights.data), name=f"version {weights.version}")
        self.version = weights.version

    def play(self) -> Played:
        """Give the next rollout; the next call writes over it."""
        with autocast(self._recipe.ppo, self._rollout.reward.device):
            ended = collect(
                self._lanes, self._agent, self._rollout, seed=self._seed, step=self._step, watch=self._watch
            )
        self._step += self._rollout.steps
        return Played(self.name, self.version, self._rollout, tuple(episode.reward for episode in ended))

    def close(self) -> None:
        """Close the World."""
        self._world.close()


def work(worker: Worker, link: Link, *, rollouts: int | None = None) -> Iterator[Receipt | RolloutError]:
    """Play and push so many rollouts, or until the learner has learned enough, and give what became of each.

    A rollout that was refused for its weights is lost, and the worker goes on with the newest; so it does where the
    learner has forgotten it. Raises `RolloutError` on any other refusal, and what the link raises.
    """
    if worker.version < 0:
        worker.load(link.register(worker.name).weights)
    count = 0
    while rollouts is None or count < rollouts:
        count += 1
        try:
            receipt = link.push(worker.play())
        except RolloutError as error:
            if error.reason == "spent":
                return
            if error.reason not in (*AGAIN, "busy"):
                raise
            yield error
            if error.reason != "busy":
                worker.load(link.register(worker.name).weights)
            continue
        yield receipt
        if receipt.done:
            return
        if (newer := link.weights(worker.version)) is not None:
            worker.load(newer)
