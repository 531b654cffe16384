from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Discrete
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import ludus.gameboy
from ludus.core.gym import WorldVectorEnv
from ludus.gameboy import envs
from tests.gameboy.roms import scroller

SETTINGS: dict[str, Any] = {"frames_per_step": 3, "release_after_frames": 2, "max_steps": 10}


def test_gymnasium_makes_one() -> None:
    env = gymnasium.make("Ludus/GameBoy-v0", game=scroller(), **SETTINGS)
    assert env.observation_space.shape == (4, 72, 80)
    frames, info = env.reset(seed=3)
    assert (frames.shape, info["tick"]) == ((4, 72, 80), 0)
    rewards = [env.step(0)[1:4] for _ in range(10)]
    assert rewards == [(0.0, False, False)] * 9 + [(0.0, False, True)]
    env.close()


def test_gymnasium_imports_ludus_where_the_id_names_it() -> None:
    assert gymnasium.make("ludus.gameboy:Ludus/GameBoy-v0", game=scroller()).spec is not None


def test_the_gymnasium_checker_passes() -> None:
    check_env(gymnasium.make("Ludus/GameBoy-v0", game=scroller(), view="full", render_mode="rgb_array").unwrapped)


def test_gymnasium_makes_many() -> None:
    env = gymnasium.make_vec(
        "Ludus/GameBoy-v0", num_envs=64, game=scroller(), stack=2, view="mean", autoreset_mode="SameStep", **SETTINGS
    )
    assert isinstance(env, WorldVectorEnv)
    assert (env.num_envs, env.autoreset_mode) == (64, AutoresetMode.SAME_STEP)
    frames, _ = env.reset(seed=0)
    assert (frames.shape, str(frames.dtype)) == ((64, 2, 72, 80), "uint8")
    env.close()


def test_registering_twice_does_nothing() -> None:
    before = [gymnasium.registry[name] for name in envs.IDS]
    envs.register()
    assert all(gymnasium.registry[name] is spec for name, spec in zip(envs.IDS, before, strict=True))
    assert set(ludus.gameboy.__all__) >= {"GameBoy", "GameBoyWorld"}


def test_a_loop_in_the_style_of_cleanrl_collects_rollouts() -> None:
    """Storage first, then steps into it; with next-step autoreset a done marks the last frame of an episode."""
    steps, lanes = 32, 8
    env = gymnasium.make_vec("Ludus/GameBoy-v0", num_envs=lanes, game=scroller(), **SETTINGS)
    assert env.observation_space.shape == (lanes, 4, 72, 80)
    obs = np.zeros((steps, *env.observation_space.shape), np.uint8)
    dones = np.zeros((steps, lanes), np.bool_)
    next_obs, _ = env.reset(seed=1)
    next_done = np.zeros(lanes, np.bool_)
    for step in range(steps):
        assert isinstance(env.single_action_space, Discrete)
        obs[step], dones[step] = next_obs, next_done
        actions = (
            next_obs[:, -1].reshape(lanes, -1).sum(axis=1, dtype=np.int64) + np.arange(lanes)
        ) % env.single_action_space.n
        next_obs, rewards, terminated, truncated, _ = env.step(actions)
        next_done = terminated | truncated
        assert rewards.shape == (lanes,)
    assert np.flatnonzero(dones.any(axis=1)).tolist() == [10, 21]
    assert (obs[10] != obs[11]).any()
    np.testing.assert_array_equal(obs[11], obs[0])
    env.close()


@pytest.mark.slow
def test_stable_baselines3_learns_on_it() -> None:
    sb3 = pytest.importorskip("stable_baselines3", reason="needs: pip install 'ludus[rl]'")
    from stable_baselines3.common.env_checker import check_env as check

    env = gymnasium.make("Ludus/GameBoy-v0", game=scroller(), **SETTINGS)
    check(env.unwrapped, warn=False)
    shades = {"normalize_images": False}  # it would take frames for 0 to 255
    model = sb3.PPO("CnnPolicy", env, 1e-3, 64, 32, n_epochs=1, policy_kwargs=shades, seed=0, device="cpu")
    model.learn(128)
    action, _ = model.predict(env.reset(seed=0)[0])
    assert env.action_space.contains(int(action))
