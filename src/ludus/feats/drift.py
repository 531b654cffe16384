"""Whether a stream tells what the telemetry contract asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ludus.core.errors import nearest
from ludus.core.events import COUNTER_DELTA
from ludus.core.types import Event
from ludus.feats.contract import Contract, same
from ludus.feats.predicate import Scalar


@dataclass(frozen=True, slots=True)
class Drift:
    """What a contract asks for and a stream does not tell."""

    events_scanned: int
    missing_events: tuple[str, ...] = ()
    missing_payload_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    missing_values: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    """`KIND.KEY` -> values that were never seen, though the key was."""
    missing_payload_keys_any: tuple[str, ...] = ()
    missing_counters: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """Names that were seen instead, perhaps."""

    @property
    def found(self) -> bool:
        """Whether there is any."""
        return bool(
            self.missing_events
            or self.missing_payload_keys
            or self.missing_values
            or self.missing_payload_keys_any
            or self.missing_counters
        )


class _Seen:
    """What a stream has told."""

    def __init__(self) -> None:
        self.events = 0
        self.keys: dict[str, set[str]] = defaultdict(set)
        self.values: dict[tuple[str, str], list[Any]] = defaultdict(list)
        self.counters: set[str] = set()

    def take(self, event: Event, wanted: Iterable[str]) -> None:
        """Take note of an event, and of its values of the wanted payload keys."""
        self.events += 1
        self.keys[event.kind].update(event.payload)
        if event.kind == COUNTER_DELTA:
            self.counters.add(str(event.payload.get("name")))
        snapshot = event.payload.get("counters")
        self.counters.update(snapshot if isinstance(snapshot, Mapping) else ())
        for key in wanted:
            if key in event.payload:
                found, listed = event.payload[key], self.values[event.kind, key]
                if not any(same(found, other) for other in listed):
                    listed.append(found)


def diff(asked: Contract, events: Iterable[Event]) -> Drift:
    """Give what a contract asks for and a stream of events does not tell."""
    seen = _Seen()
    for event in events:
        seen.take(event, asked.values.get(event.kind, ()))
    kinds = sorted(asked.events)
    keys = {kind: tuple(sorted(asked.events[kind] - seen.keys[kind])) for kind in kinds if kind in seen.keys}
    values = {
        f"{kind}.{key}": tuple(value for value in wanted if not any(same(value, other) for other in found))
        for kind, by_key in asked.values.items()
        for key, wanted in by_key.items()
        if (found := seen.values.get((kind, key)))
    }
    drift = Drift(
        events_scanned=seen.events,
        missing_events=tuple(kind for kind in kinds if kind not in seen.keys),
        missing_payload_keys={kind: names for kind, names in keys.items() if names},
        missing_values={place: wanted for place, wanted in values.items() if wanted},
        missing_payload_keys_any=tuple(sorted(asked.payload_keys_any.difference(*seen.keys.values()))),
        missing_counters=tuple(sorted(asked.counters - seen.counters)),
    )
    return replace(drift, notes=tuple(_hints(drift, seen)))


def _hints(drift: Drift, seen: _Seen) -> Iterator[str]:
    """Name what was seen instead, perhaps."""
    for kind in drift.missing_events:
        yield f"event {kind!r}: {nearest(kind, sorted(seen.keys))}"
    for kind, names in drift.missing_payload_keys.items():
        yield from (f"payload key {kind}.{name}: {nearest(name, sorted(seen.keys[kind]))}" for name in names)
    for name in drift.missing_counters:
        yield f"counter {name!r}: {nearest(name, sorted(seen.counters))}"
