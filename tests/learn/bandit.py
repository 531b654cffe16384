"""Rollouts of a bandit that shows nothing: one action is good, the others are not."""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces

from ludus.learn.ppo import Learner, PpoConfig, make_learner
from ludus.learn.rollout import Rollout, empty_rollout
from ludus.nets.agent import Door, make_agent
from ludus.nets.encoders import NetConfig

THREE = spaces.Discrete(3)


def learner(config: PpoConfig, *, space: spaces.Space[Any] = THREE, **net: Any) -> Learner:
    door = Door((1, 16, 16), 3, space)
    return make_learner(make_agent(door, NetConfig(**({"size": 0.25} | net)), seed=0), config, seed=0)


def vectors(config: PpoConfig, *, space: spaces.Space[Any] = THREE, **net: Any) -> Learner:
    door = Door((1, 2), 255, space)
    return make_learner(make_agent(door, NetConfig(**({"kind": "mlp"} | net)), seed=0), config, seed=0)


@torch.no_grad()
def play(learner: Learner, *, seed: int = 0, steps: int = 8, lanes: int = 16, good: int = 1) -> Rollout:
    """Give a rollout in which the first part of an action pays 1 if it is the good one; every step ends an episode."""
    generator = torch.Generator().manual_seed(seed)
    agent = learner.agent
    rollout = empty_rollout(agent, steps=steps, lanes=lanes)
    shape = rollout.frames.shape
    if rollout.frames.dtype == torch.uint8:
        rollout.frames[:] = torch.randint(0, 4, shape, generator=generator, dtype=torch.uint8)
    else:
        rollout.frames[:] = torch.randn(shape, generator=generator)
    rollout.first[:] = True
    rollout.terminated[:] = True
    thought = agent.unroll(rollout.frames, rollout.carry, rollout.first)
    chances = torch.rand(steps, lanes, agent.head.parts, generator=generator, dtype=torch.float64)
    rollout.action[:] = agent.head.sample(thought.logits[:-1], chances)
    rollout.log_prob[:] = agent.head.log_prob(thought.logits[:-1], rollout.action)
    rollout.value[:] = thought.value
    rollout.reward[:] = (rollout.action[..., 0] == good).float()
    return rollout
