"""What lists tell of runs and episodes, taken out of what their folders tell, and how episodes are asked for.

What comes from a folder is others': whatever is not of the kind that is expected counts as not told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ludus.core import digest

Outcome = Literal["terminated", "truncated"]
Order = Literal["newest", "oldest", "best", "worst", "longest", "shortest", "noticed"]

ORDERS: Mapping[Order, str] = {
    "newest": "number DESC",
    "oldest": "number",
    "best": "total IS NULL, total DESC, number DESC",
    "worst": "total IS NULL, total, number DESC",
    "longest": "steps DESC, number DESC",
    "shortest": "steps, number DESC",
    "noticed": "noticed DESC, number DESC",
}
MOST_STEPS, MOST_TOTAL = 2**53, 1e300


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which episodes are asked for; None, or no word, for all."""

    run: str | None = None
    scenario: str | None = None
    policy: str | None = None
    """Its name or path, of which the last part counts."""
    verdict: str | None = None
    """The feat or goal that a verdict of theirs names."""
    outcome: Outcome | None = None
    video: bool | None = None
    """Whether there is a film."""
    min_return: float | None = None
    q: str = ""
    """Words, each of which is somewhere in the id, the scenario, the policy or `seed N`."""

    def where(self) -> tuple[str, dict[str, Any]]:
        """Give it as a condition of SQL, and the values in it."""
        words = {f"word{place}": _like(word) for place, word in enumerate(self.q.lower().split())}
        parts = {
            "run = :run": ("run", self.run),
            "scenario = :scenario": ("scenario", self.scenario),
            "policy = :policy": ("policy", self.policy and last_part(self.policy)),
            r"verdicts LIKE :verdict ESCAPE '\'": ("verdict", self.verdict and _like(f"\n{self.verdict}\n")),
            "outcome = :outcome": ("outcome", self.outcome),
            "filmed = :filmed": ("filmed", None if self.video is None else int(self.video)),
            "total >= :min_return": ("min_return", self.min_return),
        } | {rf"words LIKE :{name} ESCAPE '\'": (name, word) for name, word in words.items()}
        used = {part: told for part, told in parts.items() if told[1] is not None}
        return " AND ".join(used) or "true", dict(used.values())


def run_line(told: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a list tells of a run, by all that is told of it."""
    facts, settings = table(table(told.get("run")).get("facts")), table(told.get("settings"))
    game = table(settings.get("world")) or table(facts.get("game"))
    source = settings or facts
    return {
        "kind": "train" if settings else "eval" if facts else "told",
        "game": _text(game.get("game")),
        "role": _text(game.get("role")),
        "policy": _text(table(facts.get("policy")).get("name")),
        "seed": _whole(table(settings.get("run")).get("seed") if settings else facts.get("seed")),
        "folder": told.get("folder") is True,
        "group": _seedless(source) if source else None,
    }


def episode_line(told: Mapping[str, Any], *, id_: str) -> dict[str, Any]:
    """Give the columns by which an episode is found, of the line of its manifest."""
    scenario, policy = _text(told.get("scenario")) or "", _text(told.get("policy")) or ""
    total, verdicts = told.get("return"), told.get("verdicts")
    names = [_text(table(verdict).get("name")) for verdict in verdicts] if isinstance(verdicts, list) else []
    ended = [outcome for outcome in ("terminated", "truncated") if told.get(outcome) is True]
    return {
        "scenario": scenario,
        "policy": last_part(policy),
        "outcome": ended[0] if ended else "",
        "filmed": int(isinstance(table(told.get("video")).get("path"), str)),
        "steps": _whole(told.get("steps")) or 0,
        "total": float(total) if isinstance(total, int | float) and abs(total) < MOST_TOTAL else None,
        "noticed": len(names),
        "verdicts": "\n".join(["", *sorted({name for name in names if name}), ""]),
        "words": _clean(f"{id_} {scenario} {policy} seed {told.get('seed')}".lower()),
    }


def last_part(policy: str) -> str:
    """Give how a policy is called: the last part of its path."""
    return policy.rstrip("/").rpartition("/")[2]


def table(told: Any) -> Mapping[str, Any]:
    """Give an object as it is, and nothing for anything else."""
    return told if isinstance(told, Mapping) else {}


def _text(told: Any) -> str | None:
    return _clean(told) if isinstance(told, str) else None


def _clean(text: str) -> str:
    """Give a text as every database takes it."""
    return text.encode(errors="replace").decode().replace("\0", "")


def _whole(told: Any) -> int | None:
    return told if type(told) is int and abs(told) <= MOST_STEPS else None


def _like(text: str) -> str:
    """Give a pattern for texts that hold this one."""
    for special in "\\%_":
        text = text.replace(special, f"\\{special}")
    return f"%{text}%"


def _seedless(settings: Mapping[str, Any]) -> str:
    """Give what is the same for runs that differ in nothing but their seed."""
    inner = {name: told for name, told in table(settings.get("run")).items() if name != "seed"}
    rest = {name: told for name, told in settings.items() if name != "seed"} | ({"run": inner} if inner else {})
    return digest.of_bytes(json.dumps(rest, sort_keys=True).encode())[:16]
