"""Events as they travel: one JSON object each, in the names of the telemetry contract."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ludus.core.errors import FileFormatError, nearest
from ludus.core.types import Event

COUNTER_DELTA, RUN_START, STAGE_START = "counter_delta", "run_start", "stage_start"

ALIASES = {
    "counterdelta": COUNTER_DELTA,
    "counter": COUNTER_DELTA,
    "EpisodeStart": RUN_START,
    "runstart": RUN_START,
    "StageStart": STAGE_START,
}
"""What older producers call the kinds that mean something to everybody; all others compare exactly."""

_IDS = {"event_id": "id", "run_id": "run", "episode_id": "episode", "stage_id": "stage", "instance_id": "instance"}
_IGNORED = ("message", "host", "step", "lane")
_KNOWN = ("event_type", "payload", "tick", "ts", "seq", *_IDS, *_IGNORED)
_LARGEST_TICK = 2**53


def to_json(event: Event) -> dict[str, Any]:
    """Give an event as a JSON object; the lane is the World's own and does not travel, an unknown time is left out."""
    told: dict[str, Any] = {
        "event_id": event.id or f"{event.run}/{event.episode}/{event.seq}",
        "seq": event.seq,
        "event_type": event.kind,
        "tick": event.tick,
        "run_id": event.run,
        "episode_id": event.episode,
        "stage_id": event.stage,
        "instance_id": event.instance,
        "payload": dict(event.payload),
    }
    return told if event.ts is None else told | {"ts": event.ts}


def from_json(told: Any, *, tick: int = 0, lane: int = 0, where: str = "event") -> Event:
    """Give the event of a JSON object, of which `event_type` is enough; `tick` counts where it tells none.

    Aliases are mapped here, and nowhere else. Raises `FileFormatError` that names `where`, field and what was expected.
    """
    if not isinstance(told, Mapping):
        raise _fault(where, "the event", told, "a JSON object")
    for name in told:
        if name not in _KNOWN:
            raise FileFormatError(f"{where}: there is no field {name!r}; {nearest(str(name), _KNOWN)}")
    kind, payload = told.get("event_type"), told.get("payload", {})
    if not isinstance(kind, str) or not kind:
        raise _fault(where, "event_type", kind, "text, such as 'counter_delta'")
    if not isinstance(payload, Mapping):
        raise _fault(where, "payload", payload, "a JSON object")
    kind, payload = canonical(kind, payload, where=where)
    ids = {field: _text(told, name, where) for name, field in _IDS.items()}
    if "stage_id" not in told and isinstance(payload.get("stage"), int | str):
        ids["stage"] = str(payload["stage"])  # all that the seed's minimal body tells of it
    return Event(
        kind=kind,
        payload=payload,
        lane=lane,
        tick=_whole(told, "tick", tick, where),
        seq=_whole(told, "seq", 0, where),
        ts=_seconds(told, where),
        **ids,
    )


def canonical(kind: str, payload: Mapping[str, Any], *, where: str = "event") -> tuple[str, Mapping[str, Any]]:
    """Give an event's kind and payload in the contract's own words. Raises `FileFormatError` on a delta without number.

    A counter's delta is `{name, delta}`; older producers say `counter` and `value`.
    """
    kind = ALIASES.get(kind, kind)
    if kind == COUNTER_DELTA:
        name, delta = (payload.get(key, payload.get(alias)) for key, alias in (("name", "counter"), ("delta", "value")))
        if not isinstance(name, str) or not name:
            raise _fault(where, "payload.name", name, "the name of a counter")
        if not _is_number(delta):
            raise _fault(where, "payload.delta", delta, "a number")
        rest = {key: value for key, value in payload.items() if key not in ("name", "counter", "delta", "value")}
        payload = {"name": name, "delta": delta} | rest
    counters = payload.get("counters", {})
    if not isinstance(counters, Mapping) or not all(map(_is_number, counters.values())):
        raise _fault(where, "payload.counters", counters, "an object of numbers")
    return kind, payload


def _text(told: Mapping[str, Any], name: str, where: str) -> str:
    value = told.get(name)
    if value is not None and not isinstance(value, str):
        raise _fault(where, name, value, "text")
    return value or ""


def _whole(told: Mapping[str, Any], name: str, usual: int, where: str) -> int:
    value = told.get(name)
    if value is None:
        return usual
    if type(value) is not int or not 0 <= value <= _LARGEST_TICK:
        raise _fault(where, name, value, "a whole number, 0 or more")
    return value


def _seconds(told: Mapping[str, Any], where: str) -> float | None:
    value = told.get("ts")
    if value is not None and not _is_number(value):
        raise _fault(where, "ts", value, "seconds since 1970")
    return value


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def _fault(where: str, name: str, value: object, expected: str) -> FileFormatError:
    return FileFormatError(f"{where}: {name} is {value!r}, expected {expected}.")
