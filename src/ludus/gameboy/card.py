"""Game cards: a game as data. What a card may hold, in the words of its TOML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, FiniteFloat, PrivateAttr, field_validator
from pydantic_core import PydanticCustomError

from ludus.core.config import Settings
from ludus.core.errors import InputError, SettingsError
from ludus.gameboy.codec import find_codec
from ludus.gameboy.watches import Watch


class EventRule(Settings):
    """One kind of event."""

    kind: str = Field(min_length=1)
    when: str
    """An expression over watches (`ludus.gameboy.expression`)."""
    payload: dict[str, str] = Field(default_factory=dict)
    """Key in the payload -> the watch whose value, or word for it, stands there."""


class Weights(Settings):
    """What is worth how much."""

    watches: dict[str, FiniteFloat] = Field(default_factory=dict)
    """Watch -> reward for each 1 that it goes up."""
    events: dict[str, FiniteFloat] = Field(default_factory=dict)
    """Kind of event -> reward for each."""
    step: FiniteFloat | None = None
    """Reward for every step, 0 unless given."""


class Role(Weights):
    """Weights that lie over those of another role, or over the card's `[reward]`."""

    base: str | None = None


class End(Settings):
    """When an episode ends."""

    terminated: str | None = None
    """An expression: the game itself has ended."""
    truncated: str | None = None
    """An expression: the episode is cut off."""
    max_steps: int | None = Field(default=None, ge=1)
    """Steps after which the episode is cut off."""


class StartRule(Settings):
    """How an episode begins: from power on, a saved state or another start, then by what is played there."""

    state: Path | None = None
    """A state that a `GameBoy` or a World saved."""
    after: str | None = None
    """Another start of the card."""
    play: tuple[str, ...] = ()
    """Steps of a recipe (`ludus.gameboy.start`)."""


class Card(Settings):
    """A game. Paths lie beside the card's file."""

    id: str
    title: str
    rom: Path
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    include: tuple[Path, ...] = ()
    """Files that this one lies over, key by key: for watches that a build generates."""
    codec: str = "full_v0"
    frames_per_step: int = Field(default=24, ge=1)
    release_after_frames: int = Field(default=8, ge=0)
    view: Literal["full", "half", "mean", "packed"] = "half"
    start: dict[str, StartRule] = Field(default_factory=dict)
    """The first is what episodes begin with unless another is named."""
    watch: dict[str, Watch] = Field(default_factory=dict)
    stage: str | None = None
    """The watch whose value, or word for it, is the stage id of events."""
    event: tuple[EventRule, ...] = ()
    reward: Weights = Weights()
    role: dict[str, Role] = Field(default_factory=dict)
    end: End = End()
    feats: Path | None = None
    goals: Path | None = None
    demo: Path | None = None
    """A trace of the game well played from the first start, lane i with seed i."""

    _files: dict[str, str] = PrivateAttr(default_factory=lambda: {"": "card"})
    """Top of a key -> the file that holds it; "" for the rest."""

    @field_validator("codec")
    @classmethod
    def _check_codec(cls, value: str) -> str:
        try:
            find_codec(value)
        except InputError as error:
            raise PydanticCustomError("codec", "{reason}", {"reason": str(error)}) from error
        return value

    def at(self, file: Path, files: Mapping[str, str]) -> Card:
        """Give the card as it lies in a file: its paths found from there, its errors naming that file or another.

        files: for the first two names of a key, such as `watch.hearts`, the other file that holds it.
        """
        folder = file.parent
        starts = {
            name: start.model_copy(update={"state": start.state and folder / start.state})
            for name, start in self.start.items()
        }
        named = {name: getattr(self, name) for name in ("rom", "feats", "goals", "demo")}
        found = self.model_copy(
            update={name: path and folder / path for name, path in named.items()} | {"start": starts}
        )
        found._files = {"": str(file)} | dict(files)
        return found

    def fault(self, key: str, value: object, reason: str) -> SettingsError:
        """Give the error about a setting of this card, in the words of `ludus.core.config`."""
        file = self._files.get(".".join(key.split(".")[:2]), self._files[""])
        return SettingsError(f"{file}: setting {key!r} is {value!r}: {reason}")
