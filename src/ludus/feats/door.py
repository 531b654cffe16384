"""The door: from what producers send to the events that a judge hears."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ludus.core.events import from_json
from ludus.core.types import Event

REMEMBERED_IDS = 65_536
"""An event that is sent again counts once while its id is among so many of the last ones."""


class Door:
    """Stamps events as they come: lane, place in the stream, and the time where a producer tells none.

    A lane is one episode of one instance; an event that names neither run nor episode belongs to the one that its
    instance spoke of last. Game time never goes back in a lane: a late event counts at the time that was reached.
    """

    def __init__(self, *, tick_hz: float) -> None:
        self._tick_hz = tick_hz
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._lanes: dict[tuple[str, str, str], int] = {}
        self._current: dict[str, tuple[str, str, str]] = {}
        self._ticks: dict[int, int] = {}
        self._seq = 0

    def receive(self, told: Any, *, now: float | None = None, where: str = "event") -> Event | None:
        """Give the event of a JSON object, None for one that was here already. Raises `FileFormatError`.

        now: the receiver's time, in seconds since 1970, for events that tell none.
        """
        event = from_json(told, tick=-1, where=where)
        if event.id and self._is_known(event.id):
            return None
        ts = now if event.ts is None else event.ts
        lane = self._lane(event)
        tick = event.tick if event.tick >= 0 else round((ts or 0.0) * self._tick_hz)
        tick = self._ticks[lane] = max(tick, self._ticks.get(lane, 0))
        seq, self._seq = self._seq, self._seq + 1
        return replace(event, lane=lane, tick=tick, ts=ts, seq=seq)

    def receive_all(self, rows: Iterable[Any], *, where: str = "events") -> list[Event]:
        """Give the events of a recorded stream, each once."""
        numbered = (self.receive(row, where=f"{where}, line {line}") for line, row in enumerate(rows, start=1))
        return [event for event in numbered if event is not None]

    def _is_known(self, name: str) -> bool:
        if name in self._ids:
            return True
        self._ids[name] = None
        if len(self._ids) > REMEMBERED_IDS:
            self._ids.popitem(last=False)
        return False

    def _lane(self, event: Event) -> int:
        place = (event.instance, event.run, event.episode)
        if not event.run and not event.episode:
            place = self._current.get(event.instance, place)
        self._current[event.instance] = place
        return self._lanes.setdefault(place, len(self._lanes))
