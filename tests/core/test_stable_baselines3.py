from __future__ import annotations

import numpy as np
import pytest

from ludus.core.gym import WorldEnv
from tests.walk_world import WalkWorld


@pytest.mark.slow
def test_stable_baselines3_takes_the_single_face_and_learns_the_walk() -> None:
    sb3 = pytest.importorskip("stable_baselines3", reason="needs: pip install 'ludus[rl]'")
    from stable_baselines3.common.env_checker import check_env

    env = WorldEnv(WalkWorld(1), stack=2)
    check_env(env, warn=False)
    model = sb3.PPO("MlpPolicy", env, n_steps=512, batch_size=64, seed=0, device="cpu")
    before = _mean_steps(model, env)
    model.learn(2048)
    assert _mean_steps(model, env) < before


def _mean_steps(model: object, env: WorldEnv) -> float:
    """Mean length of 50 episodes: shorter is better."""
    lengths = []
    for seed in range(50):
        frames, done = env.reset(seed=seed)[0], False
        while not done:
            frames, _, terminated, truncated, info = env.step(model.predict(frames)[0])  # type: ignore[attr-defined]
            done = terminated or truncated
        lengths.append(info["tick"])
    return float(np.mean(lengths))
