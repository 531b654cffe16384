"""Gymnasium's faces over any World: `WorldEnv` for one lane, `WorldVectorEnv` for many.

Observations are the last K frames, newest last: `uint8[K, H, W]` and `uint8[N, K, H, W]`; colours are one more axis at
the end, and vectors are `float32[K, D]` and `float32[N, K, D]`. At a reset all K are the first frame. `info["tick"]`
is game time. Without a seed a reset goes on to the next episode of the seed a lane has, so nothing here is ever seeded
by chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from ludus.core.errors import InputError
from ludus.core.lanes import check_mask
from ludus.core.protocols import World, WorldSpec
from ludus.core.types import Frames, Mask, Step

Info = dict[str, Any]
Floats = npt.NDArray[np.float64]


class WorldEnv(gymnasium.Env[Frames, Any]):
    """A World of one lane as a `gymnasium.Env`, with `rgb_array` rendering where the World shows pictures."""

    def __init__(self, world: World, *, stack: int = 4, render_mode: str | None = None) -> None:
        if world.lanes != 1:
            raise InputError(f"the World has {world.lanes} lanes, expected 1; use WorldVectorEnv for more.")
        modes = ["rgb_array"] if world.spec.pictures else []
        if render_mode is not None and render_mode not in modes:
            known = "None or 'rgb_array'" if modes else "None, for this World shows vectors"
            raise InputError(f"render_mode is {render_mode!r}, expected {known}.")
        self.world = world
        self.render_mode = render_mode
        self.metadata = {"render_modes": modes, "render_fps": world.spec.step_hz}
        self.observation_space = _observation_space(world.spec, stack)
        self.action_space = world.spec.action_space
        self._stack = np.zeros((1, *self.observation_space.shape), world.spec.frame_dtype)

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[Frames, Info]:
        """Begin an episode; `options` must be empty."""
        super().reset(seed=seed)
        _refuse_options(options, known=())
        step = self.world.reset(seeds=None if seed is None else [seed])
        _fill(self._stack, step.frames, np.ones(1, np.bool_))
        return self._stack[0].copy(), {"tick": int(step.tick[0])}

    def step(self, action: Any) -> tuple[Frames, float, bool, bool, Info]:
        """Act once. Raises `LaneEndedError` after an episode's end until `reset`."""
        step = self.world.step(np.asarray(action)[None])
        self._stack = _push(self._stack, step.frames)
        info = {"tick": int(step.tick[0])}
        return self._stack[0].copy(), float(step.reward[0]), bool(step.terminated[0]), bool(step.truncated[0]), info

    def render(self) -> npt.NDArray[np.uint8] | None:
        """Give the newest frame as `uint8[H, W, 3]`, None without a render mode."""
        if self.render_mode is None:
            return None
        newest, shades = self._stack[0, -1], self.world.spec.shades
        return newest.copy() if shades is None else _grey(newest, shades)

    def close(self) -> None:
        """Close the World."""
        self.world.close()


class WorldVectorEnv(VectorEnv[Frames, Any, npt.NDArray[Any]]):
    """A World of N lanes as a `gymnasium.vector.VectorEnv`. What follows an episode's end is `autoreset_mode`.

    - `NEXT_STEP`: the next step resets the lane instead; its action is not read, its reward is 0.
    - `SAME_STEP`: the same step resets the lane; the last observation and info are in `info["final_obs"]` and
      `info["final_info"]`, in the lanes that the masks `_final_obs` and `_final_info` name.
    - `DISABLED`: the caller resets, with `reset(options={"reset_mask": bool[N]})`, before the next step.
    """

    def __init__(
        self, world: World, *, stack: int = 4, autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP
    ) -> None:
        self.world = world
        self.num_envs = world.lanes
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {"autoreset_mode": self.autoreset_mode, "render_fps": world.spec.step_hz}
        self.single_observation_space = _observation_space(world.spec, stack)
        self.single_action_space = world.spec.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._stack = np.zeros((self.num_envs, *self.single_observation_space.shape), world.spec.frame_dtype)
        self._ended = np.zeros(self.num_envs, np.bool_)

    def reset(
        self, *, seed: int | list[int] | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[Frames, Info]:
        """Begin an episode in all lanes or those of `options["reset_mask"]`; an int seeds lane i with `seed + i`."""
        super().reset(seed=seed if isinstance(seed, int) else None)
        _refuse_options(options, known=("reset_mask",))
        mask = check_mask((options or {}).get("reset_mask"), self.num_envs)
        step = self.world.reset(seeds=seed, mask=mask)
        _fill(self._stack, step.frames, mask)
        self._ended = step.done
        return self._stack.copy(), _vector_info(step, mask)

    def step(self, actions: Any) -> tuple[Frames, Floats, Mask, Mask, Info]:
        """Act once in every lane."""
        restarts = self._ended if self.autoreset_mode is AutoresetMode.NEXT_STEP else np.zeros_like(self._ended)
        if restarts.any():
            self.world.reset(mask=restarts)
        step = self.world.step(actions, mask=~restarts)
        self._stack = _push(self._stack, step.frames)
        _fill(self._stack, step.frames, restarts)
        self._ended = step.done
        info: Info = {}
        shown = step
        if self.autoreset_mode is AutoresetMode.SAME_STEP and self._ended.any():
            info = self._final(step)
            shown = self.world.reset(mask=self._ended)
            _fill(self._stack, shown.frames, self._ended)
            self._ended = shown.done
        info |= _vector_info(shown, np.ones(self.num_envs, np.bool_))
        return self._stack.copy(), step.reward.astype(np.float64), step.terminated, step.truncated, info

    def close_extras(self, **kwargs: Any) -> None:
        """Close the World."""
        assert not kwargs, kwargs
        self.world.close()

    def _final(self, step: Step) -> Info:
        ended = step.done
        last = np.full(self.num_envs, None, dtype=object)
        for lane in np.flatnonzero(ended):
            last[lane] = self._stack[lane].copy()
        return {
            "final_obs": last,
            "_final_obs": ended.copy(),
            "final_info": _vector_info(step, ended),
            "_final_info": ended.copy(),
        }


def _observation_space(spec: WorldSpec, stack: int) -> Box[Any]:
    if stack < 1:
        raise InputError(f"stack is {stack}, expected at least 1 frame.")
    shape = (stack, *spec.frame_shape)
    if not spec.pictures:
        return Box(-np.inf, np.inf, shape, np.float32)
    return Box(0, 255 if spec.shades is None else len(spec.shades) - 1, shape, np.uint8)


def _grey(frame: Frames, shades: tuple[int, ...]) -> Frames:
    """Give a frame `uint8[H, W]` as the greys that it stands for, `uint8[H, W, 3]`."""
    return np.repeat(np.array(shades, np.uint8)[frame][:, :, None], 3, axis=2)


def _push(stack: Frames, frames: Frames) -> Frames:
    """Give the stack with frames `[N, *frame_shape]` as the newest."""
    return np.concatenate([stack[:, 1:], frames[:, None]], axis=1)


def _fill(stack: Frames, frames: Frames, mask: Mask) -> None:
    """Leave only the new frame in the stacks of the lanes that the mask names."""
    stack[mask] = frames[mask, None]


def _vector_info(step: Step, mask: Mask) -> Info:
    return {"tick": np.where(mask, step.tick, 0), "_tick": mask.copy()}


def _refuse_options(options: Mapping[str, Any] | None, *, known: tuple[str, ...]) -> None:
    unknown = set(options or {}) - set(known)
    if unknown:
        raise InputError(f"unknown reset options {sorted(unknown)}, expected {list(known) or 'none'}.")
