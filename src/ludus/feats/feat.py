"""A feat: what is to be noticed, and what is to be made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ludus.core import digest
from ludus.feats.predicate import Predicate, text, to_json

Tier = Literal["minor", "major"]
Scope = Literal["run", "stage", "lifetime"]
Hall = Literal["fame", "shame"]
Dedupe = Literal["once_per_run", "once_per_stage", "once", "best_only"]

USUAL_SCORES = ("score", "final_reward", "reward", "steam_score", "hype_score")
"""Payload keys of which the first that holds a number is the score of a feat that names none."""


@dataclass(frozen=True, slots=True)
class ClipWindow:
    """What a clip shows: seconds of game time before and after the moment, and how fast."""

    pre_s: float
    post_s: float
    speed: float = 1.0

    def to_json(self) -> dict[str, float]:
        """Give it as it stands in a feats file."""
        return {"pre_s": self.pre_s, "post_s": self.post_s, "speed": self.speed}


@dataclass(frozen=True, slots=True)
class Score:
    """Where a feat's score comes from."""

    source: Literal["payload", "counter"]
    name: str
    """A key of the event's payload, or a counter of the feat's scope."""
    direction: Literal["max", "min"]
    """Whether more or less is better."""


@dataclass(frozen=True, slots=True)
class Feat:
    """One feat, as checked by the loader."""

    id: str
    name: str
    predicate: Predicate
    tier: Tier = "minor"
    scope: Scope = "run"
    hall: Hall = "fame"
    dedupe: Dedupe = "once_per_run"
    clip: ClipWindow | None = None
    score: Score | None = None
    description: str = ""
    hidden: bool = False
    points: int = 0

    @property
    def direction(self) -> Literal["max", "min"]:
        """Whether more or less is better: as the score says, else more for fame and less for shame."""
        return self.score.direction if self.score else ("max" if self.hall == "fame" else "min")

    @property
    def key(self) -> str:
        """The feat's id and a digest of what it means: memory is kept under it, so a changed feat begins anew."""
        meaning = f"{self.scope} {self.dedupe} {self.score} {self.direction} {text(self.predicate)}"
        return f"{self.id}@{digest.of_bytes(meaning.encode())[:8]}"

    def to_json(self) -> dict[str, Any]:
        """Give the feat as it would stand in a file, all fields written out."""
        score = self.score and {self.score.source: self.score.name, "direction": self.score.direction}
        return {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "tier": self.tier,
            "points": self.points,
            "hidden": self.hidden,
            "scope": self.scope,
            "predicate": to_json(self.predicate),
            "hall": self.hall,
            "dedupe": self.dedupe,
            **({"clip": self.clip.to_json()} if self.clip else {}),
            **({"score": score} if score else {}),
        }
