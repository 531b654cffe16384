"""What `GymWorld` must know of a Gymnasium game before it plays: how to make one, what is seen of it, what it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import Enum
from functools import partial
from importlib import import_module
from typing import Any, Literal, get_args

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from ludus.core.errors import InputError, MissingExtraError, nearest
from ludus.core.extras import from_extra
from ludus.core.protocols import WorldSpec

Env = gymnasium.Env[Any, Any]
Make = Callable[[], Env] | str
Show = Literal["auto", "render", "vector"]
Frame = npt.NDArray[Any]
Number = np.number[Any]

EXTRA = "games"
MODULES = {"ALE/": "ale_py", "BabyAI-": "minigrid", "MiniGrid-": "minigrid"}
"""The module that registers the ids with a prefix."""
STEP_HZ = 30.0
"""Steps in a second of a game that names no `render_fps`."""


@dataclass(frozen=True, slots=True)
class Game:
    """A Gymnasium game as it will be played."""

    make: Callable[[], Env]
    """Gives one more environment of the game."""
    see: Callable[[Env, Any], Frame]
    """Gives the frame of an environment that has just given an observation; what it is has yet to be checked."""
    spec: WorldSpec
    low: npt.NDArray[Number]
    """`[*action_space.shape]`, the least action, in the dtype of actions."""
    high: npt.NDArray[Number]
    """`[*action_space.shape]`, the greatest."""
    action_names: tuple[str, ...] | None
    """What each number of an action means; None where actions are no plain numbers from 0."""


def read_game(make: Make, *, show: Show, step_hz: float | None, settings: Mapping[str, Any]) -> Game:
    """Give the game, tried once. Raises `InputError`, and `MissingExtraError` where a package of ours would help."""
    if show not in get_args(Show):
        raise InputError(f"show is {show!r}, {nearest(str(show), get_args(Show))}")
    if callable(make) and settings:
        raise InputError(f"settings are {dict(settings)}, expected none beside a callable; let it pass them itself.")
    factory = make if callable(make) else partial(_make, make, dict(settings))
    with closing(factory()) as env:
        seen = _see_observations(env.observation_space, show)
        if seen is not None:
            return _game(factory, env, *seen, step_hz)
        if isinstance(make, str) and "rgb_array" in env.metadata.get("render_modes", ()):
            factory = partial(_make, make, {"render_mode": "rgb_array"} | dict(settings))
    with closing(factory()) as env:
        _check_renders(env)
        env.reset(seed=0)
        return _game(factory, env, _render, check_frame(_render(env, None), None, "the game").shape, step_hz)


def check_frame(frame: Any, shape: tuple[int, ...] | None, name: str) -> Frame:
    """Give a frame that is a picture or vector of the shape. Raises `InputError`.

    Without a shape any picture `uint8[H, W, 3]` is one.
    """
    if not isinstance(frame, np.ndarray):
        raise InputError(f"{name} shows {type(frame).__name__}, expected an array.")
    dtype = np.float32 if shape is not None and len(shape) == 1 else np.uint8
    fits = frame.ndim == 3 and frame.shape[2] == 3 if shape is None else frame.shape == shape
    if frame.dtype != dtype or not fits:
        expected = f"{np.dtype(dtype)}[{'H, W, 3' if shape is None else ', '.join(map(str, shape))}]"
        raise InputError(
            f"{name} shows {frame.dtype}{list(frame.shape)}, expected {expected}; wrap it so that all its frames are."
        )
    return frame


def _make(name: str, settings: dict[str, Any]) -> Env:
    """Make a registered game. Raises `InputError` on an id or settings that Gymnasium refuses."""
    for prefix, module in MODULES.items():
        if name.startswith(prefix):
            _register(module)
    try:
        env: Env = gymnasium.make(name, **settings)
    except gymnasium.error.DependencyNotInstalled as error:
        raise InputError(f"the game {name!r} misses a package: {error}") from error
    except (gymnasium.error.Error, ModuleNotFoundError, TypeError) as error:
        raise InputError(
            f"make is {name!r} with settings {settings}, expected what gymnasium.make takes; it says: {error}"
        ) from error
    return env


def _register(module: str) -> None:
    with from_extra():
        games = import_module(module)
    if module == "ale_py":
        games.ALEInterface.setLoggerMode(games.LoggerMode.Error)  # else a banner for every lane
    gymnasium.register_envs(games)


def _see_observations(
    space: spaces.Space[Any], show: Show
) -> tuple[Callable[[Env, Any], Frame], tuple[int, ...]] | None:
    """Give how observations become frames, and the shape of these; None where the game is to be rendered."""
    if show == "vector":
        return partial(_flatten, space), _flat_shape(space)
    if show == "render" or not isinstance(space, spaces.Box) or space.dtype != np.uint8 or len(space.shape) < 2:
        return None
    match space.shape:
        case (_, _):
            return lambda _, seen: seen, space.shape
        case (height, width, 1):
            return lambda _, seen: seen[:, :, 0], (height, width)
        case (_, _, 3):
            return lambda _, seen: seen, space.shape
        case (1, height, width):
            return lambda _, seen: seen[0], (height, width)
        case (3, height, width):
            return lambda _, seen: np.moveaxis(seen, 0, -1), (height, width, 3)
        case shape:
            raise InputError(
                f"observations are uint8{list(shape)}, expected one picture of 1 or 3 channels; leave stacks to "
                "ludus.core.gym, or say show='render'."
            )


def _flat_shape(space: spaces.Space[Any]) -> tuple[int, ...]:
    try:
        flat: spaces.Space[Any] = spaces.flatten_space(space)
    except NotImplementedError:  # a kind of space that Gymnasium does not know
        flat = space
    if not isinstance(flat, spaces.Box):
        raise InputError(
            f"show is 'vector', but observations of {space} have no fixed number of values; wrap the game."
        )
    return flat.shape


def _flatten(space: spaces.Space[Any], _: Env, seen: Any) -> Frame:
    return np.asarray(spaces.flatten(space, seen), np.float32)


def _check_renders(env: Env) -> None:
    if env.render_mode == "rgb_array":
        return
    name, modes = _name(env), list(env.metadata.get("render_modes", ()))
    if "rgb_array" in modes:
        raise InputError(
            f"{name} has no image observations and render_mode {env.render_mode!r}, expected 'rgb_array'; "
            "make it with that, or say show='vector'."
        )
    raise InputError(
        f"{name} has no image observations and renders {modes or 'nothing'}, expected 'rgb_array' among them; "
        "say show='vector', or wrap it in one that shows pictures."
    )


def _render(env: Env, _: Any) -> Any:
    try:
        return env.render()
    except gymnasium.error.DependencyNotInstalled as error:
        raise MissingExtraError(f"pygame, which draws {_name(env)},", extra=EXTRA) from error


def _game(
    make: Callable[[], Env],
    env: Env,
    see: Callable[[Env, Any], Frame],
    frame_shape: tuple[int, ...],
    step_hz: float | None,
) -> Game:
    low, high = action_bounds(env.action_space)
    spec = WorldSpec(
        id=_name(env),
        frame_shape=tuple(frame_shape),
        shades=tuple(range(256)) if len(frame_shape) == 2 else None,
        action_space=env.action_space,
        tick_hz=float(step_hz or env.metadata.get("render_fps") or STEP_HZ),
        ticks_per_step=1,
    )
    return Game(make, see, spec, low, high, _action_names(env))


def _action_names(env: Env) -> tuple[str, ...] | None:
    """Give the words of the game for its actions, as ALE and MiniGrid have them, else their numbers."""
    space, inner = env.action_space, env.unwrapped
    if not isinstance(space, spaces.Discrete) or space.start != 0:
        return None
    meanings, known = getattr(inner, "get_action_meanings", None), getattr(inner, "actions", None)
    if callable(meanings):
        names = tuple(map(str, meanings()))
    elif isinstance(known, type) and issubclass(known, Enum):
        names = tuple(action.name for action in known)
    else:
        names = ()
    # Words of a game that was wrapped into fewer or more actions are about other numbers.
    return names if len(names) == space.n else tuple(map(str, range(int(space.n))))


def action_bounds(space: spaces.Space[Any]) -> tuple[npt.NDArray[Number], npt.NDArray[Number]]:
    """Give the least and the greatest action of a lane, in the dtype of actions. Raises `InputError`."""
    match space:
        case spaces.Discrete():
            return np.array(space.start), np.array(space.start + space.n - 1)
        case spaces.MultiDiscrete():
            return space.start, space.start + space.nvec - 1
        case spaces.MultiBinary():
            return np.zeros(space.shape, np.int8), np.ones(space.shape, np.int8)
        case spaces.Box():
            return space.low, space.high
    raise InputError(f"actions are {space}, expected Discrete, MultiDiscrete, MultiBinary or Box; wrap the game.")


def _name(env: Env) -> str:
    return env.spec.id if env.spec is not None else type(env.unwrapped).__name__
