"""How fast the whole training loop is, beside Stable-Baselines3, PufferLib and a loop of CleanRL's shape.

All sides play the same Worlds (Pot Yard, all lanes in one core), and learn with Nature's net, as many lanes, steps,
epochs and minibatches, on one thread. They take turns, each in a process of its own, so that none finds the heap as
another left it; what counts is CPU time, warm-up left out. Two more sides are the shipped recipe, with its own net, and
what it is to replace: PyBoy and Stable-Baselines3.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from ludus.core.errors import InputError, MissingExtraError, nearest
from ludus.core.gym import WorldVectorEnv
from ludus.core.protocols import World
from ludus.gameboy.world import GameBoyWorld
from ludus.learn.memory import keep_freed
from ludus.learn.ppo import PpoConfig, Precision, autocast, make_learner, update
from ludus.learn.rollout import empty_rollout
from ludus.learn.threads import threads
from ludus.nets.agent import Door, make_agent
from ludus.nets.encoders import NetConfig
from ludus.run.collect import begin, collect
from ludus.run.recipe import read_recipe

Iterate = Callable[[], None]
"""Plays and learns from one rollout."""

STACK = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    lanes: int = 8
    horizon: int = 128
    epochs: int = 4
    minibatches: int = 4
    rounds: int = 5

    @property
    def steps(self) -> int:
        """Steps of all lanes in a rollout."""
        return self.lanes * self.horizon


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a side was."""

    side: str
    steps_per_cpu_s: tuple[float, ...]
    """Of each round."""

    @property
    def median(self) -> float:
        """The median round's."""
        return statistics.median(self.steps_per_cpu_s)


def run(plan: Plan, sides: tuple[str, ...]) -> list[Pace]:
    """Give the pace of each side; they take turns, every other round backwards.

    Raises `InputError` on a side that is not there, and it or `MissingExtraError` where a side's package is missing.
    """
    for side in sides:
        _check(side)
    spawn = multiprocessing.get_context("spawn")
    taken: dict[str, list[float]] = {side: [] for side in sides}
    with ExitStack() as stack:
        homes = {side: stack.enter_context(ProcessPoolExecutor(1, mp_context=spawn)) for side in sides}
        for side, home in homes.items():
            home.submit(_iterate, side, plan).result()
        for number in range(plan.rounds):
            for side in sides if number % 2 == 0 else reversed(sides):
                taken[side].append(plan.steps / homes[side].submit(_iterate, side, plan).result())
        for home in homes.values():
            home.submit(_open.cache_clear).result()
    return [Pace(side, tuple(taken[side])) for side in sides]


def _check(side: str) -> None:
    if side not in SIDES:
        raise InputError(f"there is no side {side!r}; {nearest(side, SIDES)}")
    for package, extra in NEEDS.get(side, {}).items():
        if find_spec(package) is None and extra is None:
            raise InputError(f"{package} is not installed; docs/training.md tells how, for pip alone does not do it.")
        if find_spec(package) is None and extra is not None:
            raise MissingExtraError(package, extra=extra)


def _iterate(side: str, plan: Plan) -> float:
    """Give the CPU seconds of a rollout and what is learned from it, in the side's own process."""
    with threads(1):
        iterate = _open(side, plan)
        began_s = time.process_time()
        iterate()
        return time.process_time() - began_s


@cache
def _open(side: str, plan: Plan) -> Iterate:
    return SIDES[side](plan)


def _world(plan: Plan) -> World:
    return GameBoyWorld("potyard", plan.lanes, events=False, threads=1)


def ludus(plan: Plan, *, precision: Precision) -> Iterate:
    """Give this package's loop."""
    config = PpoConfig(epochs=plan.epochs, minibatches=plan.minibatches, precision=precision)
    return _loop(plan, config, NetConfig(kind="nature"), stack=STACK)


def _loop(plan: Plan, config: PpoConfig, net: NetConfig, *, stack: int) -> Iterate:
    keep_freed()
    world = _world(plan)
    agent = make_agent(Door.of(world.spec, stack), net, seed=0)
    learner = make_learner(agent, config, seed=0)
    lanes = begin(world, agent, seed=0)
    rollout = empty_rollout(agent, steps=plan.horizon, lanes=plan.lanes)

    def iterate() -> None:
        nonlocal learner
        with autocast(config, rollout.reward.device):
            collect(lanes, learner.agent, rollout, seed=0, step=learner.updates * plan.horizon)
        learner, _ = update(learner, rollout, config=config)

    return iterate


def shipped_recipe(plan: Plan) -> Iterate:
    """Give this package's loop as `ludus train potyard` runs it, with the plan's lanes, steps and epochs."""
    recipe = read_recipe("potyard")
    config = recipe.ppo.model_copy(update={"epochs": plan.epochs, "minibatches": plan.minibatches})
    return _loop(plan, config, recipe.net, stack=recipe.run.stack)


def stable_baselines3(plan: Plan) -> Iterate:
    """Give Stable-Baselines3's PPO with its own Nature net."""
    from ludus.run.train_bench_sb3 import LanesAsVecEnv

    return _sb3(plan, LanesAsVecEnv(_world(plan), stack=STACK))


def pyboy_and_sb3(plan: Plan) -> Iterate:
    """Give Stable-Baselines3's PPO on PyBoy, a console for each lane."""
    from ludus.run.train_bench_pyboy import PyBoyLanes

    return _sb3(plan, PyBoyLanes(plan.lanes, stack=2))


def _sb3(plan: Plan, lanes: Any) -> Iterate:
    from stable_baselines3 import PPO

    model = PPO(
        "CnnPolicy",
        lanes,
        n_steps=plan.horizon,
        batch_size=plan.steps // plan.minibatches,
        n_epochs=plan.epochs,
        seed=0,
        device="cpu",
    )
    return lambda: model.learn(plan.steps, reset_num_timesteps=False) and None


def pufferlib(plan: Plan) -> Iterate:
    """Give PufferLib's trainer with its own Nature net."""
    from ludus.run.train_bench_puffer import trainer

    minibatch = plan.steps // plan.minibatches
    made = trainer(_world(plan), stack=STACK, horizon=plan.horizon, epochs=plan.epochs, minibatch=minibatch)

    def iterate() -> None:
        made.evaluate()
        made.train()

    return iterate


def cleanrl(plan: Plan) -> Iterate:
    """Give a loop as in CleanRL's ppo_atari.py (Huang et al. 2022): floats stored, distributions, plain Adam."""
    torch.manual_seed(0)
    envs = WorldVectorEnv(_world(plan), stack=STACK, autoreset_mode="SameStep")
    net = _CleanRlNet(int(_choices(envs.single_action_space).n))
    optimizer = torch.optim.Adam(net.parameters(), lr=2.5e-4, eps=1e-5)
    shape = (plan.horizon, plan.lanes)
    stacked = envs.single_observation_space.shape
    assert stacked is not None
    obs = torch.zeros(*shape, *stacked)
    actions, log_probs, rewards, dones, values = (torch.zeros(shape) for _ in range(5))
    seen = torch.tensor(envs.reset(seed=0)[0])
    done = torch.zeros(plan.lanes)

    def iterate() -> None:
        nonlocal seen, done
        for t in range(plan.horizon):
            obs[t], dones[t] = seen, done
            with torch.no_grad():
                actions[t], log_probs[t], _, values[t] = net(obs[t])
            frames, reward, terminated, truncated, _ = envs.step(actions[t].long().numpy())
            rewards[t] = torch.tensor(reward)
            seen, done = torch.tensor(frames), torch.tensor(terminated | truncated).float()
        with torch.no_grad():
            following, ended, running = net(seen.float())[3], done, torch.zeros(plan.lanes)
            advantages = torch.zeros(shape)
            for t in reversed(range(plan.horizon)):
                delta = rewards[t] + 0.99 * following * (1 - ended) - values[t]
                advantages[t] = running = delta + 0.99 * 0.95 * (1 - ended) * running
                following, ended = values[t], dones[t]
        flat = [each.flatten(0, 1) for each in (obs, actions, log_probs, advantages, advantages + values)]
        for _ in range(plan.epochs):
            order = np.random.default_rng(0).permutation(plan.steps)
            for part in np.array_split(order, plan.minibatches):
                _learn(net, optimizer, *(each[part] for each in flat))

    return iterate


class _CleanRlNet(nn.Module):
    def __init__(self, choices: int) -> None:
        super().__init__()
        self.network = nn.Sequential(
            nn.Conv2d(STACK, 32, 8, stride=4),
            nn.ReLU(),
            nn.Conv2d(32, 64, 4, stride=2),
            nn.ReLU(),
            nn.Conv2d(64, 64, 3, stride=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.LazyLinear(512),
            nn.ReLU(),
        )
        self.network(torch.zeros(1, STACK, 72, 80))
        self.actor, self.critic = nn.Linear(512, choices), nn.Linear(512, 1)

    def forward(self, frames: Tensor, action: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        hidden = self.network(frames / 255.0)
        chances = torch.distributions.Categorical(logits=self.actor(hidden))
        taken = chances.sample() if action is None else action  # type: ignore[no-untyped-call]
        return taken, chances.log_prob(taken), chances.entropy(), self.critic(hidden)[:, 0]  # type: ignore[no-untyped-call]


def _learn(
    net: _CleanRlNet,
    optimizer: torch.optim.Optimizer,
    frames: Tensor,
    action: Tensor,
    log_prob: Tensor,
    advantage: Tensor,
    target: Tensor,
) -> None:
    _, now, entropy, value = net(frames, action)
    ratio = (now - log_prob).exp()
    advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    policy_loss = torch.max(-advantage * ratio, -advantage * ratio.clamp(0.9, 1.1)).mean()
    loss = policy_loss - 0.01 * entropy.mean() + 0.5 * 0.5 * ((value - target) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 0.5)
    optimizer.step()


def _choices(space: spaces.Space[Any]) -> spaces.Discrete:
    assert isinstance(space, spaces.Discrete), space
    return space


SIDES: dict[str, Callable[[Plan], Iterate]] = {
    "ludus": lambda plan: ludus(plan, precision="auto"),
    "ludus-fp32": lambda plan: ludus(plan, precision="fp32"),
    "sb3": stable_baselines3,
    "pufferlib": pufferlib,
    "recipe": shipped_recipe,
    "pyboy-sb3": pyboy_and_sb3,
    "cleanrl": cleanrl,
}

NEEDS: dict[str, dict[str, str | None]] = {
    "sb3": {"stable_baselines3": "rl"},
    "pufferlib": {"pufferlib": None},
    "pyboy-sb3": {"pyboy": "bench", "stable_baselines3": "rl"},
}
"""Packages of a side, and the extra that brings each; None where none does."""
