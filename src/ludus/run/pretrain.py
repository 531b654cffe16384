"""`pretrain_mae`: an encoder learns how a game looks from random play, and is measured against its untrained twin."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ludus.core import rng, stack
from ludus.core.protocols import World
from ludus.core.types import Checkpoint
from ludus.gameboy.world import GameBoyWorld
from ludus.learn.checkpoint import Facts, load_agent, save_checkpoint
from ludus.learn.mae import errors, fit, make_autoencoder, probe
from ludus.learn.ppo import make_learner
from ludus.learn.profile import numeric_profile
from ludus.learn.threads import threads
from ludus.nets.agent import Door, make_agent
from ludus.nets.mae import MaeConfig
from ludus.run.games import open_world
from ludus.run.policies import RandomPolicy
from ludus.run.recipe import Recipe

EVERY = 2
"""Steps between frames that are kept, for neighbours look alike."""


@dataclass(frozen=True, slots=True)
class Pretrained:
    """What came of it, all of it on frames that were not learned from."""

    checkpoint: Checkpoint
    """To begin a run with, as its ancestor."""
    error: float
    """Mean squared error of hidden pixels, each 0 to 1."""
    guess: float
    """The same of guessing each pixel's mean."""
    probe: float | None
    """Mean R^2 of a linear map from features to what the game's card watches; None where nothing is watched."""
    twin: float | None
    """The same of the net that was not trained."""

    @property
    def better(self) -> bool:
        """It tells hidden pixels better than a guess, and its features say more than its twin's."""
        return self.error < self.guess and (self.probe is None or self.twin is None or self.probe > self.twin)


def pretrain_mae(recipe: Recipe, folder: Path, config: MaeConfig) -> Pretrained:
    """Play at random, train the encoder of the recipe's net, save it as a checkpoint, load that, and measure it."""
    seed = recipe.run.seed
    with threads(recipe.run.threads or 1):
        world = open_world(recipe.world, recipe.run.lanes)
        door = Door.of(world.spec, recipe.run.stack)
        frames, watched = _gather(world, door.stacked[0], config.frames, seed)
        world.close()
        agent, twin = (make_agent(door, recipe.net, seed=seed) for _ in range(2))
        cut = 3 * len(frames) // 4
        coder = make_autoencoder(agent.encoder, config, seed=seed)
        fit(coder, frames[:cut], config, seed=seed)
        error, guess = errors(coder, frames[cut:], config, seed=seed)
        facts = Facts(
            world.spec.id, 0, recipe.model_dump(mode="json"), numeric_profile(torch.device("cpu"), torch.float32)
        )
        saved = save_checkpoint(folder / "checkpoints", make_learner(agent, recipe.ppo, seed=seed), facts, {})
        told = None if watched is None else float(probe(load_agent(saved.path).encoder, frames, watched).mean())
        untold = None if watched is None else float(probe(twin.encoder, frames, watched).mean())
    return Pretrained(saved, error, guess, told, untold)


def _gather(world: World, size: int, count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Give stacks `uint8[F, K, ...]` of random play, and what the card watches of that varies, `float64[F, V]`."""
    seeds = rng.integers(seed, "lanes", np.arange(world.lanes), high=2**31)
    policy = RandomPolicy(world.spec.action_space)
    carry = policy.seeded(seeds)
    step = world.reset(seeds=seeds.tolist())
    seen = stack.begin(step.frames, size)
    frames: list[npt.NDArray[Any]] = []
    values: list[npt.NDArray[np.int64]] = []
    while len(frames) * world.lanes < count:
        for _ in range(EVERY):
            done = step.done
            if done.any():
                step = world.reset(mask=done)
                seen = stack.push(seen, step.frames, first=done)
            actions, carry = policy.act(seen, carry)
            step = world.step(actions)
            seen = stack.push(seen, step.frames, first=np.zeros(world.lanes, np.bool_))
        frames.append(seen)
        if isinstance(world, GameBoyWorld):
            values.append(world.values)
    stacked = torch.from_numpy(np.concatenate(frames)[:count])
    if not values or not values[0].size:
        return stacked, None
    watched = np.concatenate(values)[:count].astype(np.float64)
    quarter = watched[3 * count // 4 :]
    return stacked, torch.from_numpy(watched[:, (quarter != quarter[0]).any(0)])
