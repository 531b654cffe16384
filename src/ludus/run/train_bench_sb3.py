"""Lanes of a World as Stable-Baselines3 takes them; imported only where it is installed."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

from ludus.core.gym import WorldVectorEnv
from ludus.core.protocols import World


class PlainVecEnv(VecEnv):  # type: ignore[misc]
    """What lanes have that are nothing but lanes: no attributes or methods of their own, and nothing wrapped."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:  # noqa: ARG002
        """Give an attribute for each lane."""
        return [None] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refuse: lanes have no attributes of their own."""
        raise NotImplementedError(attr_name)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Refuse: lanes have no methods of their own."""
        raise NotImplementedError(method_name)

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:  # noqa: ARG002
        """Say that nothing is wrapped."""
        return [False] * self.num_envs


class LanesAsVecEnv(PlainVecEnv):
    """All lanes stepped in one call, so that Stable-Baselines3 pays no more for its game than we do."""

    def __init__(self, world: World, *, stack: int) -> None:
        self._env = WorldVectorEnv(world, stack=stack, autoreset_mode="SameStep")
        shape = self._env.single_observation_space.shape
        super().__init__(world.lanes, spaces.Box(0, 255, shape, np.uint8), world.spec.action_space)
        self._actions: Any = None

    def reset(self) -> Any:
        """Give the first observations."""
        return self._env.reset(seed=0)[0]

    def step_async(self, actions: Any) -> None:
        """Take actions."""
        self._actions = actions

    def step_wait(self) -> Any:
        """Give what they led to."""
        seen, reward, terminated, truncated, info = self._env.step(self._actions)
        done = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for lane in np.flatnonzero(done):
            infos[lane] = {"terminal_observation": info["final_obs"][lane], "TimeLimit.truncated": truncated[lane]}
        return seen, reward.astype(np.float32), done, infos

    def close(self) -> None:
        """Close the World."""
        self._env.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:  # noqa: ARG002
        """Give an attribute for each lane."""
        return [getattr(self._env, attr_name, None)] * self.num_envs
