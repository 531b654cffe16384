"""Games by name: a card's id, the path of a card or a ROM, or a Gymnasium id, and the World that plays it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ludus.core.config import Settings, check
from ludus.core.errors import FileFormatError, InputError, SettingsError, nearest
from ludus.core.protocols import World

GYM_ID = re.compile(r"(?:[\w.]+:)?(?:[\w-]+/)*[\w:.-]+-v\d+")
PATHS = (".toml", ".gb", ".gbc")
CARD_ONLY = ("role", "start", "codec", "view", "frames_per_step")
GYM_ONLY = ("show", "options")


class GameSettings(Settings):
    """A game and how it is played: all that decides, with a seed and actions, what its World shows."""

    game: str
    role: str | None = None
    """Whose rewards count, a role of the card."""
    start: str | None = None
    """Where episodes begin, a start of the card."""
    codec: str | None = None
    view: str | None = None
    frames_per_step: int | None = None
    max_steps: int | None = Field(default=None, ge=1)
    """Steps after which an episode is cut off."""
    goals: tuple[str, ...] = ()
    """Folders of goals (`ludus goal`) to reach one after another: rewards, starts and ends are theirs."""
    show: Literal["auto", "render", "vector"] = "auto"
    """What is seen of a Gymnasium game (`ludus.core.gym_world.GymWorld`)."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments for `gymnasium.make`."""

    @property
    def of_gymnasium(self) -> bool:
        """The game is one of Gymnasium's, by the looks of its name."""
        return bool(GYM_ID.fullmatch(self.game)) and not self.game.endswith(PATHS) and not Path(self.game).exists()


def game_settings(game: str, settings: Mapping[str, Any]) -> GameSettings:
    """Give a game and how it is played. Raises `SettingsError` on what is unknown or of the wrong type."""
    return check(GameSettings, {"game": game} | dict(settings))


def open_world(settings: GameSettings, lanes: int, *, threads: int | None = None) -> World:
    """Give N lanes of a game. threads: those of a Game Boy, by default the CPUs. Raises `LudusError`s of its World."""
    _check(settings)
    if settings.of_gymnasium:
        from ludus.core.gym_world import GymWorld

        return GymWorld(
            settings.game, lanes, show=settings.show, max_steps=settings.max_steps, settings=settings.options
        )
    from ludus.gameboy.world import GameBoyWorld

    _check_name(settings.game)
    told = {name: getattr(settings, name) for name in (*CARD_ONLY, "max_steps")}
    world = GameBoyWorld(settings.game, lanes, threads=threads, **told)
    if not settings.goals:
        return world
    from ludus.run.goal import goal_world

    return goal_world(world, [Path(folder) for folder in settings.goals], max_steps=settings.max_steps)


def game_id(settings: GameSettings) -> str:
    """Give the id of a game: its card's, or Gymnasium's. Raises as `open_world` does where there is no such game."""
    if settings.of_gymnasium:
        return settings.game.rpartition(":")[2]
    from ludus.gameboy.library import open_game

    _check_name(settings.game)
    return open_game(settings.game)[0].id


def codec_id(world: World) -> str:
    """Give what the numbers of a World's actions mean: a codec's id, else the action space in words."""
    codec = getattr(getattr(world, "inner", world), "codec", None)
    return str(world.spec.action_space) if codec is None else str(codec.id)


def _check(settings: GameSettings) -> None:
    """Refuse what the game's kind does not know, rather than leave it out in silence."""
    fields, kind = (
        ((*CARD_ONLY, "goals"), "a Gymnasium game") if settings.of_gymnasium else (GYM_ONLY, "a Game Boy game")
    )
    for name in fields:
        if getattr(settings, name) != GameSettings.model_fields[name].get_default(call_default_factory=True):
            raise InputError(f"{name} is {getattr(settings, name)!r}, but {settings.game!r} is {kind}; leave it out.")


def _check_name(game: str) -> None:
    from ludus.gameboy.library import shipped

    if game not in shipped() and not game.endswith(PATHS) and not Path(game).exists():
        raise InputError(
            f"there is no game {game!r}; {nearest(game, shipped())} Or give the path of a card (.toml) or of a ROM "
            "(.gb), or an id of Gymnasium such as CartPole-v1 or ALE/Breakout-v5."
        )


def recorded_game(told: Mapping[str, Any], root: Path) -> GameSettings:
    """Give the game that a run in the folder `root` played, as its `run.json` tells it. Raises `FileFormatError`."""
    try:
        return check(GameSettings, told["facts"]["game"])
    except (KeyError, TypeError, SettingsError) as error:
        raise FileFormatError(f"{root}: run.json tells no game that could be played: {error}.") from error
