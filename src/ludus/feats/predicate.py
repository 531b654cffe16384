"""The language of feats as values: what a predicate can say.

Game time is a chain of moments. At an event's moment it happens; between events nothing does. So whatever speaks of
the current event is true for that moment alone, and what counts or remembers stays true between events too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Pattern:
    """Events of one kind whose payload holds these values; both compare exactly, and true is not 1."""

    kind: str
    where: tuple[tuple[str, Scalar], ...] = ()


@dataclass(frozen=True, slots=True)
class Happened:
    """The current event fits."""

    pattern: Pattern


@dataclass(frozen=True, slots=True)
class PayloadBound:
    """The current event's payload has a number there, of at least or at most so much."""

    key: str
    value: float
    at_least: bool = True


@dataclass(frozen=True, slots=True)
class CounterReached:
    """The counter of the feat's scope is there, and so high."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Count:
    """So many fitting events in the scope; with seconds, the current one fits and is the last of `n` within them."""

    pattern: Pattern
    n: int
    within_s: float | None = None


@dataclass(frozen=True, slots=True)
class Sequence:
    """The current event fits the last pattern; before it, each strictly earlier, the others in order, in one run."""

    patterns: tuple[Pattern, ...]
    within_s: float


@dataclass(frozen=True, slots=True)
class All:
    """Every part is true."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least `k` of the parts are true."""

    k: int
    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Never:
    """The part has not been true in the scope so far: the language's `not`."""

    part: Predicate


@dataclass(frozen=True, slots=True)
class Restarted:
    """The part, whose history begins anew after each moment in which `when` is true; that moment is not part of it."""

    part: Predicate
    when: Predicate


Predicate = Happened | PayloadBound | CounterReached | Count | Sequence | All | AnyOf | Never | Restarted


def to_json(predicate: Predicate) -> dict[str, Any]:
    """Give a predicate in the language of the file, in one way however it was written."""
    match predicate:
        case Happened(pattern):
            return {"event_happened": pattern_to_json(pattern)}
        case PayloadBound(key, value, at_least):
            return {"payload_gte" if at_least else "payload_lte": [key, value]}
        case CounterReached(name, value):
            return {"counter_gte": [name, value]}
        case Count(pattern, n, None):
            return {"count_gte": [pattern_to_json(pattern), n]}
        case Count(pattern, n, within_s):
            return {"count_gte": [pattern_to_json(pattern), n, within_s]}
        case Sequence(patterns, within_s):
            name = "event_then_within" if len(patterns) == 2 else "sequence_within"
            return {name: [*map(pattern_to_json, patterns), within_s]}
        case All(parts):
            return {"and": [to_json(part) for part in parts]}
        case AnyOf(1, parts):
            return {"or": [to_json(part) for part in parts]}
        case AnyOf(k, parts):
            return {"any_k_of": [k, [to_json(part) for part in parts]]}
        case Never(part):
            return {"not": to_json(part)}
        case Restarted(part, when):
            inner = to_json(part)
            # An object holds one reset_if, so a second one goes round an `and` of one part.
            return {"and": [inner], "reset_if": to_json(when)} if "reset_if" in inner else inner | _reset(when)


def pattern_to_json(pattern: Pattern) -> list[Any]:
    """Give a pattern as `[kind, filters]`."""
    return [pattern.kind, dict(pattern.where)]


def text(predicate: Predicate) -> str:
    """Give a predicate's canonical text: equal texts mean the same. Unlike `==`, it tells true from 1."""
    return json.dumps(to_json(predicate), sort_keys=True, separators=(",", ":"))


def _reset(when: Predicate) -> dict[str, Any]:
    return {"reset_if": to_json(when)}
