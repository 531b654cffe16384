"""Recipes: all settings of a training run, as blocks of TOML."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from ludus.core import config
from ludus.core.config import Settings
from ludus.core.errors import InputError, nearest
from ludus.learn.ppo import PpoConfig
from ludus.nets.encoders import NetConfig
from ludus.run.games import GameSettings


class RunConfig(Settings):
    """How long and how wide."""

    seed: int = 0
    lanes: int = 64
    horizon: int = 64
    """Steps of each lane in a rollout."""
    stack: int = 2
    """Frames that the net sees, the newest and those before it."""
    steps: int = 0
    """Steps of all lanes together after which the run ends; 0 for no such end."""
    minutes: float = 0.0
    """Minutes after which the run ends; 0 for no such end. With both, whichever comes first."""
    threads: int = 0
    """Of torch and of the World; 0 for all CPUs with pictures, 1 with vectors. Results repeat under equal ones only."""
    device: str = "cpu"
    checkpoint_updates: int = 50
    """A checkpoint is written every so many updates, and at the end."""
    keep: int = 3
    """Newest checkpoints that are kept, beside the best."""
    tensorboard: bool = True
    wandb: bool = False
    """Files for Weights & Biases too, which nothing sends by itself; needs the extra `wandb`."""


class Recipe(Settings):
    """A training run, whole."""

    world: GameSettings
    net: NetConfig = NetConfig()
    ppo: PpoConfig = PpoConfig()
    run: RunConfig = RunConfig()


def recipes() -> dict[str, Path]:
    """Give the shipped recipes by name."""
    folder = Path(str(resources.files("ludus.learn") / "recipes"))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def read_recipe(game: str, recipe: str | None = None, flags: Sequence[str] = ()) -> Recipe:
    """Give a recipe: a shipped name or a path, by default the one of the game's name, then flags over it.

    Raises `InputError` on an unknown name, `SettingsError` on settings that do not fit.
    """
    shipped = recipes()
    blocks: list[Path] = []
    if recipe is None:
        own = game.replace("/", "-").lower()
        blocks += [shipped[own]] if own in shipped else []
    elif recipe in shipped:
        blocks.append(shipped[recipe])
    elif recipe.endswith((".toml", ".json")):
        blocks.append(Path(recipe))
    else:
        raise InputError(f"there is no recipe {recipe!r}; {nearest(recipe, shipped)} Or give the path of a .toml.")
    return config.load(Recipe, blocks, [f"--world.game={game}", *flags])
