"""Games as Gymnasium environments: `Ludus/PotYard-v0`, and `Ludus/GameBoy-v0` for any other game."""

from __future__ import annotations

from typing import Any

import gymnasium

from ludus.core.gym import WorldEnv, WorldVectorEnv
from ludus.gameboy.library import Game
from ludus.gameboy.world import GameBoyWorld

IDS: dict[str, dict[str, Any]] = {"Ludus/GameBoy-v0": {}, "Ludus/PotYard-v0": {"game": "potyard"}}
"""Id -> the settings that it brings."""


def register() -> None:
    """Make the environments known to Gymnasium; a second call does nothing."""
    here = "ludus.gameboy.envs"
    for name, settings in IDS.items():
        if name not in gymnasium.registry:
            gymnasium.register(
                name,
                entry_point=f"{here}:make_env",
                vector_entry_point=f"{here}:make_vector_env",
                kwargs=settings,
            )


def make_env(
    game: Game, *, stack: int = 4, render_mode: str | None = None, events: bool = False, **settings: Any
) -> WorldEnv:
    """Give one lane of a game as a `gymnasium.Env`; `settings` are those of `GameBoyWorld`.

    With `events` whoever asks for them has to drain `env.unwrapped.world.events()`.
    """
    return WorldEnv(GameBoyWorld(game, 1, events=events, **settings), stack=stack, render_mode=render_mode)


def make_vector_env(
    game: Game,
    num_envs: int = 1,
    *,
    stack: int = 4,
    autoreset_mode: str = "NextStep",
    events: bool = False,
    **settings: Any,
) -> WorldVectorEnv:
    """Give N lanes of a game as a `gymnasium.vector.VectorEnv`, otherwise as `make_env` does."""
    world = GameBoyWorld(game, num_envs, events=events, **settings)
    return WorldVectorEnv(world, stack=stack, autoreset_mode=autoreset_mode)
