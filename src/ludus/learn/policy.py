"""A trained net as a `Policy`: frames in, actions out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ludus.core import rng
from ludus.core.errors import InputError
from ludus.core.protocols import Choice, WorldSpec
from ludus.learn.checkpoint import find_checkpoint, load_agent
from ludus.learn.threads import threads
from ludus.nets.agent import Agent, Door

HALF_STEP = 2.0**-54


@dataclass(frozen=True, slots=True, eq=False)
class NetCarry:
    """What a net's policy carries."""

    memory: npt.NDArray[np.float32]
    """`float32[N, C]`, the net's own."""
    seed: npt.NDArray[np.int64]
    """`int64[N]`, of the episode."""
    step: npt.NDArray[np.int64]
    """`int64[N]`, of the episode."""


@dataclass(frozen=True, slots=True, eq=False)
class NetPolicy:
    """Acts by a net; what it draws is keyed by (seed of the episode, step).

    All of it is thought on one thread: a few lanes are too little for more, threads that wait for each other take five
    times the CPU, and what it plays does not depend on how many there are.
    """

    agent: Agent
    greedy: bool = False
    """Take the likeliest action instead of drawing one."""

    @property
    def stack(self) -> int:
        """K, the frames that it wants to see."""
        return self.agent.door.stacked[0]

    def init(self, lanes: int) -> NetCarry:
        """Give the carry of episodes with the seeds 0 to N - 1."""
        return self.seeded(np.arange(lanes))

    def seeded(self, seeds: npt.NDArray[np.int64]) -> NetCarry:
        """Give the carry with which episodes of these seeds begin."""
        memory = np.zeros((len(seeds), self.agent.carry_size), np.float32)
        return NetCarry(memory, seeds.astype(np.int64), np.zeros(len(seeds), np.int64))

    def act(self, frames: npt.NDArray[Any], carry: NetCarry) -> tuple[Any, NetCarry]:
        """Give actions for frames `[N, K, *frame_shape]`, newest of K last, in the action space of the World."""
        choice, carry = self.choose(frames, carry)
        return choice.actions, carry

    @torch.no_grad()
    def choose(self, frames: npt.NDArray[Any], carry: NetCarry) -> tuple[Choice, NetCarry]:
        """Give actions, the returns that the net expects (as it learned them, scaled and discounted), and log-probs."""
        goes_on = torch.zeros(len(frames), dtype=torch.bool)
        seen = torch.from_numpy(np.require(frames, requirements=["C", "W"]))
        with threads(1):
            thought = self.agent(seen, torch.from_numpy(carry.memory), goes_on)
            head = self.agent.head
            if self.greedy:
                actions = head.mode(thought.logits)
            else:
                actions = head.sample(thought.logits, chances(carry.seed[:, None], "policy", carry.step, head.parts))
            log_prob = head.log_prob(thought.logits, actions).sum(-1)
        choice = Choice(head.to_world(actions.numpy()), thought.value.numpy(), log_prob.numpy())
        return choice, NetCarry(thought.carry.numpy(), carry.seed, carry.step + 1)


def chances(seed: int | npt.NDArray[np.int64], stream: str, index: npt.NDArray[np.int64], parts: int) -> Tensor:
    """Give `float64[*index.shape, parts]` in (0, 1), keyed by seed, index and part: what actions are drawn with."""
    keys = index[..., None] * parts + np.arange(parts)
    return torch.from_numpy(rng.uniform(seed, stream, keys) + HALF_STEP)


def load_policy(path: Path, *, spec: WorldSpec | None = None, greedy: bool = False) -> NetPolicy:
    """Give the policy of a checkpoint, or of a run's best one.

    Raises `InputError`, also where a World of this spec shows other frames than the net reads, or takes other actions.
    """
    folder = find_checkpoint(path)
    agent = load_agent(folder).eval()
    if spec is not None and (door := Door.of(spec, agent.door.stacked[0])) != agent.door:
        raise InputError(f"{folder} was trained for {_words(agent.door)}, but {spec.id} has {_words(door)}.")
    return NetPolicy(agent, greedy)


def _words(door: Door) -> str:
    return f"frames {list(door.stacked[1:])} of 0 to {door.levels} and actions {door.actions}"
