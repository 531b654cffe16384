"""What training must reach; each takes minutes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats

from ludus.core import files, rng
from ludus.core.protocols import Policy, World
from ludus.gameboy import GameBoyWorld
from ludus.learn.policy import load_policy
from ludus.run.actors import PolicyActor
from ludus.run.loop import Opening
from ludus.run.recipe import read_recipe
from ludus.run.train import train

EPISODES = 100
FLAGS = ["--run.threads=1", "--run.tensorboard=false"]


@pytest.mark.slow
def test_cartpole_is_held_up_in_five_of_five_seeds(tmp_path: Path) -> None:
    returns = []
    for seed in range(5):
        began_s = time.process_time()
        train(read_recipe("CartPole-v1", None, [*FLAGS, f"--run.seed={seed}"]), tmp_path / str(seed))
        assert time.process_time() - began_s < 120
        returns.append(files.read_jsonl(tmp_path / str(seed) / "metrics.jsonl")[-1]["charts/episodic_return"])
    assert scipy.stats.trim_mean(returns, 0.25) >= 475


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_pot_yard_is_learned_beyond_chance_in_a_fraction_of_three_minutes(tmp_path: Path, seed: int) -> None:
    flags = [*FLAGS, "--run.minutes=0", "--run.steps=60000", f"--run.seed={seed}"]
    saved = train(read_recipe("potyard", None, flags), tmp_path)
    played = _returns(GameBoyWorld("potyard", EPISODES), load_policy(saved.path))
    chance = _returns(GameBoyWorld("potyard", EPISODES), None)
    low = scipy.stats.bootstrap((played,), np.mean, rng=np.random.default_rng(0)).confidence_interval.low
    high = scipy.stats.bootstrap((chance,), np.mean, rng=np.random.default_rng(0)).confidence_interval.high
    assert low > high and played.mean() > 3 * abs(chance.mean())


def _returns(world: World, policy: Policy[Any] | None) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Returns of one episode in each lane, by a policy or by chance."""
    seeds = 1000 + np.arange(world.lanes)
    actor = None if policy is None else PolicyActor(policy, world.spec, world.lanes)
    if actor:
        actor.begin([(lane, Opening("", int(seed), 0)) for lane, seed in enumerate(seeds)])
    step = world.reset(seeds=seeds.tolist())
    total, number = np.zeros(world.lanes), 0
    while not step.done.all():
        chosen = actor.act(step).actions if actor else rng.integers(seeds, "play", number, high=8)
        step, number = world.step(chosen, mask=~step.done), number + 1
        total += step.reward
    return total
