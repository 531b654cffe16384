"""What is streamed: rings of the newest records, one for each topic, and what each listener gets of them.

Nobody has a queue. A listener is a place in a ring; it is sent what lies between there and the head, many records in
a message, and the same message as everybody else at that place. Whoever falls behind by more than a budget of bytes
skips to the newest and is told which numbers it missed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ludus.serve import wire

TICK_S = 0.05
RING_BYTES = 24 * 1024 * 1024
RING_ROWS = 100_000
BUDGET_BYTES = 256 * 1024
"""What a listener may be behind; beyond it, the oldest records are left out."""
MESSAGE_BYTES = 64 * 1024
"""Of the records in a message; a listener who reads nothing costs a few of these and no more."""
MOST_CACHED = 64


class Topic:
    """The newest records of one kind, numbered without a hole."""

    def __init__(self, name: str, *, head: int = 0, most_rows: int = RING_ROWS, most_bytes: int = RING_BYTES) -> None:
        self.name = name
        self.head = head
        """The number of the newest record."""
        self._rows: list[bytes] = []
        self._ends: list[int] = []
        """Bytes of all records so far, at the end of each row."""
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self._bytes = 0

    @property
    def oldest(self) -> int:
        """The number of the oldest record that is still here; one beyond the head where there is none."""
        return self.head - len(self._rows) + 1

    def add(self, row: bytes) -> None:
        """Take one more record, JSON that holds its number, which is one beyond the head."""
        self.head += 1
        self._bytes += len(row)
        self._rows.append(row)
        self._ends.append(self._bytes)
        if len(self._rows) > self._most_rows or self._held() > self._most_bytes:
            drop = max(1, len(self._rows) // 8)  # rarely, and many at a time
            del self._rows[:drop], self._ends[:drop]

    def rows(self, after: int, through: int) -> Sequence[bytes]:
        """Give the records between two numbers that are here."""
        oldest = self.oldest
        return self._rows[max(0, after + 1 - oldest) : max(0, through + 1 - oldest)]

    def behind(self, after: int) -> int:
        """Give the bytes of the records beyond a number."""
        place = max(0, after + 1 - self.oldest)
        return self._bytes - self._end(place - 1) if place < len(self._rows) else 0

    def within(self, after: int, most: int) -> int:
        """Give the number of the last record beyond `after` that so many bytes reach; of the next one at least."""
        place = max(0, after + 1 - self.oldest)
        reached = bisect_right(self._ends, self._end(place - 1) + most)
        return self.oldest + max(reached, place + 1) - 1

    def newest_within(self, most: int) -> int:
        """Give the number after which the newest records begin that are at most so many bytes together."""
        if self._held() <= most:
            return self.oldest - 1
        return self.oldest + bisect_left(self._ends, self._bytes - most)

    def _end(self, place: int) -> int:
        if place >= 0:
            return self._ends[place]
        return self._ends[0] - len(self._rows[0]) if self._rows else self._bytes

    def _held(self) -> int:
        return self._bytes - self._end(-1)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records of a topic: of these runs, and of metrics these keys, of events these kinds; empty means all."""

    runs: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.runs or self.keys)

    def take(self, row: bytes) -> bytes | None:
        """Give what a record holds for this filter, None for nothing."""
        told: dict[str, Any] = msgspec.json.decode(row)
        if self.runs and told.get("run_id") not in self.runs:
            return None
        if self.keys and "values" in told:
            told["values"] = {key: value for key, value in told["values"].items() if key in self.keys}
            return msgspec.json.encode(told) if told["values"] else None
        if self.keys and told.get("event_type", told.get("feat_id")) not in self.keys:
            return None
        return row


@dataclass(slots=True)
class Place:
    """A listener's place in a topic."""

    topic: Topic
    at: int
    """The number of the last record that it was sent, or that was not for it."""
    filter: Filter
    every: int = 1
    """Ticks between messages."""
    resuming: bool = True
    """Has not been at the head yet; until then it is sent all that is here, however much."""
    told: int = 0
    """The number up to which it has been told something, whether or not there was a record in it."""
    gaps: int = 0


class Hub:
    """All topics, and the messages that are cut from them."""

    def __init__(self, topics: Sequence[Topic], *, rest: Callable[[str, int, int], str | None]) -> None:
        """Hold topics; `rest` gives where a range of a topic's records can still be read, None if nowhere."""
        self.topics = {topic.name: topic for topic in topics}
        self.epoch = wire.new_id()
        """Changes when numbers begin again: whoever sees another one asks for everything anew."""
        self._rest = rest
        self._cut: dict[tuple[str, Filter, int, int], str] = {}

    def publish(self, topic: str, told: dict[str, Any]) -> int:
        """Add a record under the next number of its topic, and give the number."""
        ring = self.topics[topic]
        ring.add(msgspec.json.encode({"seq": ring.head + 1, **told}))
        return ring.head

    def place(self, topic: str, since: int | None, filter_: Filter, every: int) -> tuple[Place, list[str]]:
        """Give a listener's place in a topic, and what to tell it first; without `since` it begins at the head."""
        ring = self.topics[topic]
        at = ring.head if since is None else min(since, ring.head)
        messages = [_text({"type": "snap", "topic": topic, "seq": at, "head": ring.head, "oldest": ring.oldest})]
        place = Place(ring, at, filter_, every, told=at)
        return place, messages + self._skip(place, ring.oldest - 1)

    def cut(self, place: Place) -> list[str]:
        """Give the messages that bring a place to the head, or to the newest of a budget, and move it there."""
        ring = place.topic
        if place.at >= ring.head:
            return []
        messages = self._skip(place, ring.oldest - 1)
        if not place.resuming and ring.behind(place.at) > BUDGET_BYTES:
            messages += self._skip(place, ring.newest_within(BUDGET_BYTES // 2))
        if place.at < ring.head:
            through = ring.within(place.at, MESSAGE_BYTES)
            message = self._message(place, through)
            place.at = through
            if message:
                messages.append(message)
                place.told = through
        place.resuming = place.resuming and place.at < ring.head
        return messages

    def tick(self) -> None:
        """Forget messages that nobody will ask for again."""
        if len(self._cut) > MOST_CACHED:
            self._cut.clear()

    def _skip(self, place: Place, through: int) -> list[str]:
        """Move a place beyond records that it cannot have, and give the notice."""
        if place.at >= through:
            return []
        first, place.at, place.told = place.told + 1, through, through
        place.gaps += 1
        rest = self._rest(place.topic.name, first, through)
        notice = {"type": "gap", "topic": place.topic.name, "from": first, "to": through}
        return [_text(notice | ({"rest": rest} if rest else {}))]

    def _message(self, place: Place, through: int) -> str:
        topic, first = place.topic, place.told + 1
        key = (topic.name, place.filter, first, through)
        found = self._cut.get(key)
        if found is None:
            rows = topic.rows(place.at, through)
            if place.filter:
                rows = [taken for row in rows if (taken := place.filter.take(row)) is not None]
            head = f'{{"type":"d","topic":"{topic.name}","from":{first},"to":{through},"rows":['
            found = self._cut[key] = f"{head}{b','.join(rows).decode()}]}}" if rows else ""
        return found


def _text(told: dict[str, Any]) -> str:
    return msgspec.json.encode(told).decode()
