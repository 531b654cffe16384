"""The telemetry contract: what feats need to be told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ludus.core.errors import FileFormatError
from ludus.feats.feat import Feat
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
)
from ludus.feats.predicate import Sequence as Ordered

NOTES = [
    "Counters are told by counter_delta {name, delta}, or as a snapshot by payload.counters of any event.",
    "events: the payload keys that feats read of a kind; values: those that their filters ask for.",
    "payload_keys_any: keys that feats read of whatever event has them.",
]


@dataclass(frozen=True, slots=True)
class Contract:
    """What feats need to be told."""

    events: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Kind -> payload keys."""
    values: Mapping[str, Mapping[str, Sequence[Scalar]]] = field(default_factory=dict)
    """Kind -> payload key -> values that filters ask for."""
    payload_keys_any: frozenset[str] = frozenset()
    counters: frozenset[str] = frozenset()

    def to_json(self) -> dict[str, Any]:
        """Give it as its file has it."""
        return {
            "events": {kind: sorted(self.events[kind]) for kind in sorted(self.events)},
            "values": {
                kind: {key: [*keys[key]] for key in sorted(keys)} for kind, keys in sorted(self.values.items()) if keys
            },
            "payload_keys_any": sorted(self.payload_keys_any),
            "counters": sorted(self.counters),
            "notes": NOTES,
        }


class _Gathering:
    def __init__(self) -> None:
        self.events: dict[str, set[str]] = defaultdict(set)
        self.values: dict[str, dict[str, list[Scalar]]] = defaultdict(lambda: defaultdict(list))
        self.anywhere: set[str] = set()
        self.counters: set[str] = set()

    def take(self, predicate: Predicate, current: frozenset[str] = frozenset()) -> None:
        """Gather from a predicate; `current` are the kinds that the current event must have beside it."""
        match predicate:
            case Happened(pattern) | Count(pattern, _, _):
                self.pattern(pattern)
            case Ordered(patterns, _):
                for pattern in patterns:
                    self.pattern(pattern)
            case PayloadBound(key, _, _):
                self.key(key, current)
            case CounterReached(name, _):
                self.counters.add(name)
            case All(parts):
                current = current | frozenset().union(*map(kinds_of_moment, parts))
                for part in parts:
                    self.take(part, current)
            case AnyOf(_, parts):
                for part in parts:
                    self.take(part, current)
            case Never(part):
                self.take(part)
            case Restarted(part, when):
                self.take(part, current)
                self.take(when)

    def pattern(self, pattern: Pattern) -> None:
        self.events[pattern.kind].update(key for key, _ in pattern.where)
        for key, value in pattern.where:
            listed = self.values[pattern.kind][key]
            if not any(same(value, other) for other in listed):
                listed.append(value)

    def key(self, key: str, current: frozenset[str]) -> None:
        for kind in current:
            self.events[kind].add(key)
        if not current:
            self.anywhere.add(key)


def kinds_of_moment(predicate: Predicate) -> frozenset[str]:
    """Give the kinds of which the current event is one where the predicate is true; none where it may be any."""
    match predicate:
        case Happened(pattern) | Count(pattern, _, float() | int()):
            return frozenset({pattern.kind})
        case Ordered(patterns, _):
            return frozenset({patterns[-1].kind})
        case All(parts):
            return next(filter(None, map(kinds_of_moment, parts)), frozenset())
        case AnyOf(1, parts):
            kinds = [*map(kinds_of_moment, parts)]
            return frozenset().union(*kinds) if all(kinds) else frozenset()
        case Restarted(part, _):
            return kinds_of_moment(part)
        case _:
            return frozenset()


def contract(feats: Iterable[Feat]) -> Contract:
    """Give what feats need to be told."""
    gathered = _Gathering()
    for feat in feats:
        gathered.take(feat.predicate)
        if feat.score and feat.score.source == "counter":
            gathered.counters.add(feat.score.name)
        elif feat.score:
            gathered.key(feat.score.name, kinds_of_moment(feat.predicate))
    return Contract(
        events={kind: frozenset(keys) for kind, keys in gathered.events.items()},
        values=_listed(gathered.values),
        payload_keys_any=frozenset(gathered.anywhere),
        counters=frozenset(gathered.counters),
    )


def read_contract(told: Any, file: str) -> Contract:
    """Give the contract of a file's JSON. Raises `FileFormatError`."""
    try:
        return Contract(
            events={kind: frozenset(keys) for kind, keys in told["events"].items()},
            values={
                kind: {key: tuple(found) for key, found in keys.items()}
                for kind, keys in told.get("values", {}).items()
            },
            payload_keys_any=frozenset(told["payload_keys_any"]),
            counters=frozenset(told["counters"]),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise FileFormatError(
            f"{file}: {error!r}; expected events, payload_keys_any and counters, as `ludus feats contract` writes them."
        ) from error


def same(one: object, other: object) -> bool:
    """Say whether two values are the same as filters see them: true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _listed(values: Mapping[str, Mapping[str, Sequence[Scalar]]]) -> dict[str, dict[str, tuple[Scalar, ...]]]:
    return {kind: {key: tuple(sorted(found, key=repr)) for key, found in keys.items()} for kind, keys in values.items()}
