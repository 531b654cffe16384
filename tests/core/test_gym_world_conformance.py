"""Gymnasium games of every kind, as Worlds: pictures of their own, drawn ones, vectors; numbers, parts, forces."""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from ludus.core.gym_world import GymWorld
from tests.dots_env import DotsEnv
from tests.world_conformance import WorldConformance


class TestColourObservations(WorldConformance):
    def make(self, lanes: int, threads: int = 1) -> GymWorld:
        return GymWorld(DotsEnv, lanes, max_steps=30)


class TestGreyObservations(WorldConformance):
    def make(self, lanes: int, threads: int = 1) -> GymWorld:
        return GymWorld(partial(DotsEnv, "grey first", spaces.MultiBinary(3)), lanes, max_steps=30)


class TestVectors(WorldConformance):
    def make(self, lanes: int, threads: int = 1) -> GymWorld:
        forces = spaces.Box(-1, 1, (2,), np.float32)
        return GymWorld(partial(DotsEnv, "place", forces), lanes, show="vector", max_steps=30)


class TestActionsInParts(WorldConformance):
    def make(self, lanes: int, threads: int = 1) -> GymWorld:
        parts = spaces.MultiDiscrete([3, 2], start=[-1, 0])
        return GymWorld(partial(DotsEnv, "place", parts, render_mode="rgb_array"), lanes, max_steps=30)


class TestCartPole(WorldConformance):
    def make(self, lanes: int, threads: int = 1) -> GymWorld:
        pytest.importorskip("pygame", reason="pygame is not installed: pip install 'ludus[games]'")
        return GymWorld(small_cart_pole, lanes)


class TestCartPoleVectors(WorldConformance):
    def make(self, lanes: int, threads: int = 1) -> GymWorld:
        return GymWorld("CartPole-v1", lanes, show="vector")


class TestMiniGrid(WorldConformance):
    def make(self, lanes: int, threads: int = 1) -> GymWorld:
        pytest.importorskip("minigrid", reason="minigrid is not installed: pip install 'ludus[games]'")
        settings = {"tile_size": 4, "max_steps": 50}
        return GymWorld("MiniGrid-Empty-Random-5x5-v0", lanes, settings=settings)


@pytest.mark.slow  # a seeded reset of ALE loads the game anew; a short check of it is in test_gym_world.py
class TestBreakout(WorldConformance):
    steps = 12

    def make(self, lanes: int, threads: int = 1) -> GymWorld:
        pytest.importorskip("ale_py", reason="ale-py is not installed: pip install 'ludus[games]'")
        return GymWorld("ALE/Breakout-v5", lanes, max_steps=20, settings={"obs_type": "grayscale"})


def small_cart_pole() -> gymnasium.Env[Any, Any]:
    """CartPole drawn on 300x200 pixels, which takes a small part of the time."""
    env = gymnasium.make("CartPole-v1", render_mode="rgb_array")
    game: Any = env.unwrapped
    game.screen_width, game.screen_height = 300, 200
    return env
