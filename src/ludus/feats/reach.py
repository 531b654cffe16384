"""Whether anything can make a feat unlock: its predicate against what a producer can tell.

It proves the negative only: a feat that is out of reach never unlocks, one within reach may still be hard.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ludus.core.errors import nearest
from ludus.feats.feat import USUAL_SCORES, Feat
from ludus.feats.predicate import (
    All,
    AnyOf,
    Count,
    CounterReached,
    Happened,
    Never,
    Pattern,
    PayloadBound,
    Predicate,
    Restarted,
    Scalar,
    Sequence,
)


@dataclass(frozen=True, slots=True)
class Values:
    """What a payload key can hold."""

    words: frozenset[str] = frozenset()
    low: float = 0
    high: float = -1
    """Numbers from low to high; none where high is below."""

    def has(self, value: Scalar) -> bool:
        """Say whether it can hold this."""
        if isinstance(value, str):
            return value in self.words
        if isinstance(value, bool) or value is None:
            return False
        return self.low <= value <= self.high

    def reaches(self, bound: float, *, at_least: bool) -> bool:
        """Say whether it can hold a number of at least, or at most, so much."""
        return self.low <= self.high and (self.high >= bound if at_least else self.low <= bound)


@dataclass(frozen=True, slots=True)
class Teller:
    """One source of events of a kind."""

    kind: str
    source: str
    """What it is, for people: `[[event]] 3 of card.toml`."""
    payload: Mapping[str, Values] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """All that a producer can tell."""

    tellers: tuple[Teller, ...]
    counters: Mapping[str, str]
    """Counter -> its source, for people."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What feeds a feat, or what is missing."""

    feat: Feat
    fed_by: tuple[str, ...]
    missing_events: tuple[str, ...] = ()
    missing_payload_keys: tuple[str, ...] = ()
    missing_counters: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    """Why it cannot unlock; none where it can."""

    def to_json(self) -> dict[str, Any]:
        """Give it as `GET /feats/validate` has it."""
        return {
            "feat_id": self.feat.id,
            "name": self.feat.name,
            "missing_events": [*self.missing_events],
            "missing_payload_keys": [*self.missing_payload_keys],
            "missing_counters": [*self.missing_counters],
            "reasons": [*self.reasons],
        }


Moments = list[Teller] | None
"""Tellers of which one has told the current event; None where it may be any."""


class _Proof:
    """Walks one feat's predicate."""

    def __init__(self, telemetry: Telemetry) -> None:
        self.telemetry = telemetry
        self.fed_by: dict[str, None] = {}
        self.events: dict[str, None] = {}
        self.keys: dict[str, None] = {}
        self.counters: dict[str, None] = {}
        self.reasons: dict[str, None] = {}

    def moments(self, predicate: Predicate) -> Moments:
        """Give who can tell the event at which it is true; nobody where it can never be."""
        match predicate:
            case Happened(pattern):
                return self.who(pattern)
            case Count(pattern, _, within_s):
                told = self.who(pattern)
                return told if within_s is not None or not told else None
            case Sequence(patterns, _):
                steps = [self.who(pattern) for pattern in patterns]
                return steps[-1] if all(steps) else []
            case PayloadBound(key, bound, at_least):
                return self.bound(key, bound, at_least)
            case CounterReached(name, _):
                return None if self.counter(name) else []
            case All(parts):
                return self.together([self.moments(part) for part in parts])
            case AnyOf(k, parts):
                return self.some(k, [self.moments(part) for part in parts])
            case Never(part):
                return self.never(part)
            case Restarted(part, when):
                self.moments(when)
                return self.moments(part)

    def who(self, pattern: Pattern) -> list[Teller]:
        """Give who can tell such an event."""
        telling = [teller for teller in self.telemetry.tellers if teller.kind == pattern.kind]
        if not telling:
            known = dict.fromkeys(teller.kind for teller in self.telemetry.tellers)
            self.events[pattern.kind] = None
            self.reasons[f"nothing tells {pattern.kind!r}; {nearest(pattern.kind, known)}"] = None
            return []
        fits = [teller for teller in telling if all(_holds(teller, *pair) for pair in pattern.where)]
        if not fits:
            for key, value in pattern.where:
                self.explain(telling, key, value)
        for teller in fits:
            filters = "".join(f" {key}={value!r}" for key, value in pattern.where)
            self.fed_by[f"{pattern.kind}{filters} by {teller.source}"] = None
        return fits

    def explain(self, telling: list[Teller], key: str, value: Scalar) -> None:
        kind = telling[0].kind
        if not any(key in teller.payload for teller in telling):
            self.keys[f"{kind}.{key}"] = None
            known = dict.fromkeys(name for teller in telling for name in teller.payload)
            self.reasons[f"{kind!r} has no key {key!r}; {nearest(key, known)}"] = None
        elif not any(_holds(teller, key, value) for teller in telling):
            words = sorted({word for teller in telling for word in teller.payload.get(key, Values()).words})
            self.reasons[f"{kind}.{key} is never {value!r}; {nearest(str(value), words)}"] = None

    def bound(self, key: str, bound: float, at_least: bool) -> list[Teller]:
        has = [teller for teller in self.telemetry.tellers if key in teller.payload]
        if not has:
            self.keys[key] = None
            self.reasons[f"no event has the key {key!r}"] = None
        fits = [teller for teller in has if teller.payload[key].reaches(bound, at_least=at_least)]
        if has and not fits:
            self.reasons[f"{key!r} is never {'at least' if at_least else 'at most'} {bound}"] = None
        return fits

    def counter(self, name: str) -> bool:
        source = self.telemetry.counters.get(name)
        if source is None:
            self.counters[name] = None
            self.reasons[f"nothing counts {name!r}; {nearest(name, self.telemetry.counters)}"] = None
            return False
        self.fed_by[f"counter {name} by {source}"] = None
        return True

    def together(self, found: list[Moments]) -> Moments:
        listed = [moments for moments in found if moments is not None]
        if not listed:
            return None
        shared = [teller for teller in listed[0] if all(teller in moments for moments in listed)]
        if not shared and all(listed):
            self.reasons["no event can be all that an 'and' asks of the current event; use sequence_within"] = None
        return shared

    def some(self, k: int, found: list[Moments]) -> Moments:
        able = [moments for moments in found if moments is None or moments]
        if len(able) < k:
            return []
        if any(moments is None for moments in able):
            return None
        return [teller for moments in able for teller in moments or ()]

    def never(self, part: Predicate) -> Moments:
        if fresh(part):
            self.reasons["a 'not' of what is true from the start is never true"] = None
            return []
        _Proof.moments(self, part)
        return None


def fresh(predicate: Predicate) -> bool:
    """Say whether it is true where nothing has happened yet."""
    match predicate:
        case All(parts):
            return all(map(fresh, parts))
        case AnyOf(k, parts):
            return sum(map(fresh, parts)) >= k
        case Never(part):
            return not fresh(part)
        case Restarted(part, _):
            return fresh(part)
        case _:
            return False


def examine(feats: Iterable[Feat], telemetry: Telemetry) -> tuple[Reach, ...]:
    """Give for each feat what feeds it, or why nothing can make it unlock."""
    return tuple(_examine(feat, telemetry) for feat in feats)


def _examine(feat: Feat, telemetry: Telemetry) -> Reach:
    proof = _Proof(telemetry)
    moments = proof.moments(feat.predicate)
    possible = moments is None or bool(moments)
    if fresh(feat.predicate) and not _restarts(feat.predicate):
        possible = False
        proof.reasons["it is true from the start, and so never turns true"] = None
    if possible and (lack := _no_score(feat, moments, telemetry)):
        possible = False
        proof.reasons[lack] = None
    return Reach(
        feat=feat,
        fed_by=tuple(proof.fed_by),
        missing_events=tuple(proof.events),
        missing_payload_keys=tuple(proof.keys),
        missing_counters=tuple(proof.counters),
        reasons=() if possible else tuple(proof.reasons) or ("its parts exclude each other",),
    )


def _no_score(feat: Feat, moments: Moments, telemetry: Telemetry) -> str:
    """Say what is missing for a feat that is about a score."""
    if feat.dedupe != "best_only" and feat.score is None:
        return ""
    if feat.score and feat.score.source == "counter":
        return "" if feat.score.name in telemetry.counters else f"nothing counts its score, {feat.score.name!r}"
    tellers = telemetry.tellers if moments is None else moments
    names = [feat.score.name] if feat.score else USUAL_SCORES
    if any(name in teller.payload for teller in tellers for name in names):
        return ""
    return f"no event that it unlocks at has its score, {' or '.join(map(repr, names))}"


def _holds(teller: Teller, key: str, value: Scalar) -> bool:
    return key in teller.payload and teller.payload[key].has(value)


def _restarts(predicate: Predicate) -> bool:
    match predicate:
        case Restarted():
            return True
        case All(parts) | AnyOf(_, parts):
            return any(map(_restarts, parts))
        case Never(part):
            return _restarts(part)
        case _:
            return False
