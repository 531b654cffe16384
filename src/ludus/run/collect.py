"""Lanes of a World, played by a net, into a rollout. T steps, N lanes, K stack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ludus.core import rng, stack
from ludus.core.protocols import Choice, World
from ludus.core.types import Frames, Mask, Step
from ludus.learn.checkpoint import Arrays
from ludus.learn.policy import chances
from ludus.learn.rollout import Rollout
from ludus.nets.agent import Agent

Watch = Callable[[Step, Mask, Choice | None], None]
"""Shown every step with the lanes that moved and what they did, and every reset with its lanes and None."""


@dataclass(slots=True, eq=False)
class Lanes:
    """N lanes in the middle of their episodes."""

    world: World
    seen: Frames
    """`[N, K, ...]`, what the net sees next."""
    first: Mask
    """`bool[N]`: that begins an episode."""
    carry: npt.NDArray[np.float32]
    """`float32[N, C]`, the net's memory."""
    returns: npt.NDArray[np.float64]
    """`[N]`, of the episodes so far."""
    lengths: npt.NDArray[np.int64]
    """`[N]`, of the episodes so far."""

    def save(self) -> Arrays:
        """Give everything, the World's lanes too, as named arrays."""
        states = {f"world.{lane}": np.frombuffer(self.world.save(lane), np.uint8) for lane in range(self.world.lanes)}
        rest = {name: getattr(self, name) for name in ("seen", "first", "carry", "returns", "lengths")}
        return states | rest

    @classmethod
    def load(cls, world: World, arrays: Arrays) -> Lanes:
        """Give the lanes that were saved, put back into a World. Raises `StateError` where it is another."""
        for lane in range(world.lanes):
            world.load(lane, arrays[f"world.{lane}"].tobytes())
        copies = {name: arrays[name].copy() for name in ("seen", "first", "carry", "returns", "lengths")}
        return cls(world, **copies)


@dataclass(frozen=True, slots=True)
class Ended:
    """An episode that ended."""

    reward: float
    """Undiscounted return."""
    length: int


def begin(world: World, agent: Agent, *, seed: int, watch: Watch | None = None) -> Lanes:
    """Begin the first episode in every lane; lanes' seeds follow from the run's."""
    lanes = world.lanes
    seeds = rng.integers(seed, "lanes", np.arange(lanes), high=2**31)
    step = world.reset(seeds=seeds.tolist())
    if watch is not None:
        watch(step, np.ones(lanes, np.bool_), None)
    carry = np.zeros((lanes, agent.carry_size), np.float32)
    seen = stack.begin(step.frames, agent.door.stacked[0])
    return Lanes(world, seen, np.ones(lanes, np.bool_), carry, np.zeros(lanes), np.zeros(lanes, np.int64))


@torch.no_grad()
def collect(
    lanes: Lanes, agent: Agent, rollout: Rollout, *, seed: int, step: int, watch: Watch | None = None
) -> list[Ended]:
    """Fill the rollout, and give the episodes that ended on the way.

    step: steps that a lane has done before, which key the chances that actions are drawn with. watch: sees all of it,
    and changes nothing; it may drain the World's events, which nobody else reads.
    """
    ended: list[Ended] = []
    device = rollout.reward.device
    index = (step + np.arange(rollout.steps)[:, None]) * rollout.lanes + np.arange(rollout.lanes)
    drawn = chances(seed, "act", index, agent.head.parts).to(device)
    carry = torch.from_numpy(lanes.carry).to(device)
    rollout.carry.copy_(carry)
    rollout.final_value.zero_()
    for t in range(rollout.steps):
        rollout.frames[t] = torch.from_numpy(lanes.seen)
        rollout.first[t] = torch.from_numpy(lanes.first)
        thought = agent(rollout.frames[t], carry, rollout.first[t], _allowed(rollout, t))
        action = agent.head.sample(thought.logits, drawn[t])
        rollout.action[t], rollout.value[t], carry = action, thought.value, thought.carry
        rollout.log_prob[t] = agent.head.log_prob(thought.logits, action)
        actions = agent.head.to_world(action.cpu().numpy())
        moved = lanes.world.step(actions)
        if watch is not None:
            told = Choice(actions, thought.value.float().cpu().numpy(), rollout.log_prob[t].cpu().numpy())
            watch(moved, np.ones(len(moved.reward), np.bool_), told)
        rollout.reward[t] = torch.from_numpy(moved.reward)
        rollout.terminated[t] = torch.from_numpy(moved.terminated)
        rollout.truncated[t] = torch.from_numpy(moved.truncated & ~moved.terminated)
        ended += _advance(lanes, agent, moved, carry, rollout.final_value[t], watch)
    if watch is None:
        lanes.world.events()  # nobody reads them, and they would pile up
    rollout.frames[-1] = torch.from_numpy(lanes.seen)
    rollout.first[-1] = torch.from_numpy(lanes.first)
    rollout.value[-1] = agent(rollout.frames[-1], carry, rollout.first[-1]).value
    lanes.carry = carry.cpu().numpy().copy()
    return ended


def _allowed(rollout: Rollout, t: int) -> Tensor | None:
    return None if rollout.allowed is None else rollout.allowed[t]


def _advance(
    lanes: Lanes, agent: Agent, moved: Step, carry: Tensor, final_value: Tensor, watch: Watch | None
) -> list[Ended]:
    """Take a step into the lanes, begin episodes where it ended some, and give these."""
    nobody = np.zeros(len(moved.reward), np.bool_)
    lanes.seen = stack.push(lanes.seen, moved.frames, first=nobody)
    lanes.returns += moved.reward
    lanes.lengths += 1
    done = moved.done
    lanes.first = done
    if not done.any():
        return []
    cut = np.flatnonzero(moved.truncated & ~moved.terminated)
    if cut.size:
        last = torch.from_numpy(lanes.seen[cut]).to(carry.device)
        goes_on = torch.zeros(len(cut), dtype=torch.bool, device=carry.device)
        final_value[cut] = agent(last, carry[cut], goes_on).value
    ended = [Ended(float(lanes.returns[lane]), int(lanes.lengths[lane])) for lane in np.flatnonzero(done)]
    lanes.returns[done], lanes.lengths[done] = 0.0, 0
    begun = lanes.world.reset(mask=done)
    if watch is not None:
        watch(begun, done, None)
    lanes.seen[done] = begun.frames[done, None]
    return ended
