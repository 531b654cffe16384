"""Policies by name: random, scripted, a factory of somebody's module, or a trained checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from ludus.core import rng
from ludus.core.errors import InputError
from ludus.core.gym_game import action_bounds
from ludus.core.protocols import Policy, WorldSpec
from ludus.core.types import Actions
from ludus.run.games import GameSettings

Integers = npt.NDArray[np.int64]
AnyPolicy = Policy[Any]
Factory = Callable[[WorldSpec], AnyPolicy]

BLOCK = 64
"""Steps whose actions are drawn at once; it changes the cost, not the actions."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What the random policy carries: actions drawn ahead."""

    seeds: Integers
    step: Integers
    """`int64[N]`, of the episode."""
    actions: Actions
    """`[N, BLOCK, *action_space.shape]`, from the last multiple of BLOCK on."""


class RandomPolicy:
    """Every action equally likely, keyed by (seed of the episode, step). Raises `InputError` on unbounded actions."""

    def __init__(self, space: spaces.Space[Any]) -> None:
        self._space = space
        self._low, self._high = action_bounds(space)
        if not (np.isfinite(self._low).all() and np.isfinite(self._high).all()):
            raise InputError(f"actions are {space}, but random ones need bounds; give another --policy.")

    def init(self, lanes: int) -> Drawn:
        """Give the carry of episodes with the seeds 0 to N - 1."""
        return self.seeded(np.arange(lanes))

    def seeded(self, seeds: Integers) -> Drawn:
        """Give the carry of episodes with these seeds."""
        step = np.zeros(len(seeds), np.int64)
        return Drawn(seeds, step, self._draw(seeds, step))

    def act(self, frames: npt.NDArray[Any], carry: Drawn) -> tuple[Actions, Drawn]:
        """Give actions, whatever the frames."""
        assert len(frames) == len(carry.step), (frames.shape, carry.step.shape)
        chosen = carry.actions[np.arange(len(carry.step)), carry.step % BLOCK]
        step, drawn = carry.step + 1, carry.actions
        if (due := step % BLOCK == 0).any():
            drawn = drawn.copy()
            drawn[due] = self._draw(carry.seeds[due], step[due])
        return chosen, Drawn(carry.seeds, step, drawn)

    def _draw(self, seeds: Integers, first: Integers) -> Actions:
        steps = first[:, None] + np.arange(BLOCK)
        drawn = np.empty((*steps.shape, *self._low.shape), self._low.dtype)
        for part in np.ndindex(self._low.shape):
            stream = " ".join(["random policy", *map(str, part)])
            low, high = self._low[part], self._high[part]
            if self._low.dtype.kind == "f":
                drawn[..., *part] = low + (np.float64(high) - low) * rng.uniform(seeds[:, None], stream, steps)
            else:
                many = int(high) - int(low) + 1
                drawn[..., *part] = low + rng.integers(seeds[:, None], stream, steps, high=many)
        return drawn


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where in the script each lane is: `int64[N]` each."""

    lane: Integers
    step: Integers


class ScriptedPolicy:
    """A card's demo: the episode of seed i plays its lane i, and nothing after its end."""

    def __init__(self, actions: Actions) -> None:
        self._actions = actions

    def init(self, lanes: int) -> Place:
        """Give the carry of episodes with the seeds 0 to N - 1."""
        return self.seeded(np.arange(lanes))

    def seeded(self, seeds: Integers) -> Place:
        """Give the carry of episodes with these seeds. Raises `InputError` on one without a script."""
        scripts = self._actions.shape[1]
        for seed in seeds.tolist():
            if not 0 <= seed < scripts:
                raise InputError(f"the demo has no script for seed {seed}, expected 0 to {scripts - 1}.")
        return Place(seeds, np.zeros(len(seeds), np.int64))

    def act(self, frames: npt.NDArray[Any], carry: Place) -> tuple[Actions, Place]:
        """Give the next actions of the scripts, whatever the frames."""
        assert len(frames) == len(carry.step), (frames.shape, carry.step.shape)
        over = carry.step >= len(self._actions)
        chosen = self._actions[np.where(over, 0, carry.step), carry.lane]
        return np.where(over, 0, chosen), Place(carry.lane, carry.step + 1)


def make_policy(name: str, game: GameSettings, spec: WorldSpec) -> AnyPolicy:
    """Give the policy of a name. Raises `InputError` that says what names there are."""
    if name == "random":
        return RandomPolicy(spec.action_space)
    if name == "scripted":
        return ScriptedPolicy(_demo(game))
    if (folder := find_agent(name, game)) is not None:
        return _load_checkpoint(folder, spec)
    module, colon, attribute = name.partition(":")
    if not colon:
        raise InputError(
            f"policy is {name!r}, expected random, scripted, an agent that ships with the game, the folder of a "
            "checkpoint or of a training run, or MODULE:FACTORY, which takes the WorldSpec and gives a Policy."
        )
    return _check(_find(name, module, attribute)(spec), name)


def find_agent(name: str, game: GameSettings) -> Path | None:
    """Give the folder of a trained agent: one that ships with the game, or a checkpoint's or run's path; else None."""
    from ludus.gameboy.library import shipped_agents

    return shipped_agents(game.game).get(name) or (Path(name) if Path(name).exists() else None)


def policy_name(policy: str | AnyPolicy) -> str:
    """Give what a policy is called in the record."""
    return policy if isinstance(policy, str) else f"{type(policy).__module__}:{type(policy).__qualname__}"


def policy_facts(policy: str | AnyPolicy, game: GameSettings) -> dict[str, str | None]:
    """Give what tells a policy from others in the record: its name, and the digest of a checkpoint's weights."""
    name = policy_name(policy)
    if isinstance(policy, str) and (folder := find_agent(policy, game)) is not None:
        from ludus.learn.checkpoint import find_checkpoint, read_checkpoint

        return {"name": name, "digest": read_checkpoint(find_checkpoint(folder))[0].digest}
    return {"name": name, "digest": None}


def _find(name: str, module: str, attribute: str) -> Factory:
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"policy is {name!r}: {error}; expected MODULE:FACTORY that Python can import.") from error
    if not callable(found):
        raise InputError(f"policy is {name!r}, which is {type(found).__name__}; expected a function.")
    return found  # type: ignore[no-any-return] # what it gives is checked


def _check(policy: Any, name: str) -> AnyPolicy:
    if not isinstance(policy, Policy):
        raise InputError(f"{name} gives {type(policy).__name__}, expected a Policy: something with init and act.")
    return policy


def _demo(game: GameSettings) -> Actions:
    if game.of_gymnasium:
        raise InputError(f"policy is 'scripted', but {game.game!r} has no card that names a demo; choose another.")
    from ludus.gameboy.library import open_game
    from ludus.gameboy.trace import load_actions

    card, _ = open_game(game.game)
    if card.demo is None:
        raise InputError(f"policy is 'scripted', but the card of {game.game!r} names no demo; choose another.")
    if game.codec not in (None, card.codec) or game.start not in (None, next(iter(card.start), None)):
        raise InputError("a demo is played from the card's first start with its own codec; leave start and codec.")
    return load_actions(card.demo, codec=card.codec)


def _load_checkpoint(path: Path, spec: WorldSpec) -> AnyPolicy:
    from ludus.learn.policy import load_policy

    policy: AnyPolicy = load_policy(path, spec=spec)
    return policy
