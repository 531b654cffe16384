"""How events are taken in: each once, in its producer's order, judged in the transaction that makes it durable.

An event, what it means to the judge, its unlocks and their clips are committed together, under the event's number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ludus.core.clock import Clock, now
from ludus.core.types import Event
from ludus.feats.unlocks import UNLOCKED
from ludus.serve import wire
from ludus.serve.store.judging import Heard, Judging, Mind, Unlocked
from ludus.serve.store.minds import pack_mind, unpack_mind
from ludus.serve.store.rows import Store
from ludus.serve.store.tables import ClipRow, EventRow
from ludus.serve.wire import Batch, EventBody, RefusedError

FIRST_CLIPS = 8
"""Unlocks of a feat in a run that all have clips; of later ones the 16th, the 32nd and so on, unless they are bests."""
SAVE_EVERY = 20_000
"""Events between two saves of the judge's memory; so many are judged again after a crash."""
PAGE = 5_000
ENOUGH = "enough"
"""Why an unlock of a feat that has many clips in its run already gets none, for programs."""
JUDGE = "feats"
ITSELF = "ludus"
"""The producer of what the orchestrator tells itself, which no judge hears."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a batch."""

    accepted: int
    duplicates: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a commit has added, to be streamed."""

    events: Sequence[EventRow]
    unlocks: Sequence[dict[str, Any]]


@dataclass(slots=True)
class _Open:
    """What the open transaction is adding."""

    seq: int
    ts: float
    rows: list[EventRow] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    cursors: dict[tuple[str, int], int] = field(default_factory=dict)
    runs: dict[str, float] = field(default_factory=dict)
    unlocks: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By feat and run."""


class Ingest:
    """Takes batches within the writer's transactions, each event once, in the order of its producer."""

    def __init__(
        self, store: Store, clock: Clock, judging: Judging | None, publish: Callable[[Fresh], None] | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._judging = judging
        self._publish = publish
        self._cursors = store.cursors()
        self._runs: set[str] = set()
        self._counts = Counter(store.unlock_counts_of_runs())
        self._seq = store.head()
        self._mind = judging.init() if judging else None
        self._next = self._mind
        self._saved = 0
        self._open = _Open(0, 0.0)
        self._unlocks: list[dict[str, Any]] = []

    @property
    def head(self) -> int:
        """The number of the last event that is committed."""
        return self._seq

    @property
    def mind(self) -> Mind | None:
        """What the judge remembers of all that is committed; a value, for any thread to read."""
        return self._mind

    def replay(self) -> int:
        """Bring the judge to where the store is, from its saved memory; give how many events it heard again."""
        if self._judging is None:
            return 0
        saved = self._store.memory(JUDGE)
        if saved:
            self._saved, self._next = saved[0], unpack_mind(self._judging, saved[1])
        at, heard = self._saved, 0
        while rows := self._store.history(after=at, limit=PAGE):
            at, heard = rows[-1].seq, heard + len(rows)
            with self._store.transaction():
                self._judge([Heard(row.producer, wire.KEPT.decode(row.body).event()) for row in rows], at)
        self._mind = self._next
        return heard

    def take(self, batch: Batch) -> Receipt:
        """Take a batch into the open transaction. Raises `RefusedError` where numbers are missing before it."""
        key = (batch.producer, batch.epoch)
        last = self._open.cursors.get(key, self._cursors.get(key, 0))
        if batch.producer and batch.first > last + 1:
            detail = f"the batch begins with {batch.first}, expected {last + 1}; send what lies before it."
            raise RefusedError(409, "expected_pseq", detail, expected=last + 1)
        known = max(0, last + 1 - batch.first) if batch.producer else 0
        before = len(self._open.rows)
        for place in range(known, len(batch.events)):
            self._add(batch, batch.events[place], place)
        added = len(self._open.rows) - before
        if batch.producer:
            self._open.cursors[key] = max(last, batch.first + len(batch.events) - 1)
        return Receipt(added, len(batch.events) - added, self._open.seq)

    def begin(self) -> None:
        """Take note that a transaction has begun; what an undone one gathered is gone."""
        self._open = _Open(self._seq, now(self._clock))
        self._next, self._unlocks = self._mind, []

    def finish(self) -> None:
        """Write what it has gathered; the commit comes next."""
        if not self._open.rows and not self._open.cursors:
            return
        heard = self._open.heard
        for unlocked in self._judge(heard, self._open.seq):
            self._tell(unlocked)
        self._store.append(self._open.rows, self._open.cursors)
        for run, began in self._open.runs.items():
            self._store.put_run(run, began, {})

    def committed(self) -> None:
        """Take note that all of it is kept, and publish it."""
        self._seq, self._mind = self._open.seq, self._next
        self._cursors |= self._open.cursors
        self._runs |= self._open.runs.keys()
        self._counts += self._open.unlocks
        if self._publish and self._open.rows:
            self._publish(Fresh(self._open.rows, self._unlocks))

    def save(self) -> None:
        """Save the judge's memory, in a transaction of its own."""
        if self._judging and self._mind is not None and self._seq > self._saved:
            with self._store.transaction():
                self._store.remember(JUDGE, self._seq, pack_mind(self._judging, self._mind))
            self._saved = self._seq

    def _add(self, batch: Batch, event: EventBody, place: int) -> None:
        seq, pseq = self._open.seq + 1, batch.first + place if batch.producer else 0
        if not batch.producer and event.event_id and not self._store.claim(event.event_id, seq):
            return
        if event.tick is None:
            ts = self._open.ts if event.ts is None else event.ts
            event.tick = round(ts * self._judging.tick_hz) if self._judging else 0
        event_id = event.event_id or (f"{batch.producer}:{batch.epoch}:{pseq}" if pseq else f"{ITSELF}:{seq}")
        body = wire.tell(event, batch.payloads[place], seq=seq, event_id=event_id, now=self._open.ts)
        self._keep(EventRow(seq, batch.producer, batch.epoch, pseq, event.run_id, event.event_type, body))
        if self._judging:
            self._open.heard.append(Heard(batch.producer, _event(event, seq, event_id, self._open.ts)))

    def _keep(self, row: EventRow) -> None:
        self._open.rows.append(row)
        self._open.seq = row.seq
        if row.run and row.run not in self._runs:
            self._open.runs.setdefault(row.run, self._open.ts)

    def _judge(self, heard: list[Heard], seq: int) -> list[dict[str, Any]]:
        """Judge events, keep what they unlock and the memory if it is time, and give the unlocks that are new."""
        if self._judging is None or self._next is None:
            return []
        self._next, unlocked = self._judging.hear(self._next, [told for told in heard if told.producer != ITSELF])
        records = [record for each in unlocked if (record := self._keep_unlock(each)) is not None]
        if seq - self._saved >= SAVE_EVERY:
            self._store.remember(JUDGE, seq, pack_mind(self._judging, self._next))
            self._saved = seq
        return records

    def _keep_unlock(self, unlocked: Unlocked) -> dict[str, Any] | None:
        number = self._store.unlock(unlocked.row)
        if number is None:
            return None
        record = {"id": number, "seq": unlocked.row.seq, **unlocked.row.record}
        if unlocked.wish is None:
            return record
        reason = self._no_clip(unlocked)
        status, clip = ("skipped", {"reason": reason}) if reason else ("pending", {})
        self._store.wish(ClipRow(number, unlocked.producer, status, unlocked.wish, clip))
        if unlocked.producer:
            self._store.see_worker(unlocked.producer, self._open.ts)
        return record | {"clip_status": status} | clip

    def _no_clip(self, unlocked: Unlocked) -> dict[str, str] | None:
        """Give why an unlock is to have no clip, None where it is to have one."""
        if not unlocked.producer:
            return {"code": "no_worker", "detail": "its event names no producer that could make a clip"}
        key = (unlocked.row.feat, unlocked.row.run)
        self._open.unlocks[key] += 1
        number = self._counts[key] + self._open.unlocks[key]
        if unlocked.row.best_only or number <= FIRST_CLIPS or number.bit_count() == 1:
            return None
        detail = f"unlock {number} of this feat in this run; of the first {FIRST_CLIPS}, 16, 32, 64... there are clips"
        return {"code": ENOUGH, "detail": detail}

    def _tell(self, record: dict[str, Any]) -> None:
        """Add the event that says that a feat was unlocked."""
        seq = self._open.seq + 1
        event = EventBody(event_type=UNLOCKED, tick=record["tick"], run_id=record["run_id"])
        event.episode_id, event.instance_id = record["episode_id"], record["instance_id"]
        payload = wire.encode(record)
        body = wire.tell(event, payload, seq=seq, event_id=f"{ITSELF}:{seq}", now=self._open.ts)
        self._keep(EventRow(seq, ITSELF, 0, 0, record["run_id"], UNLOCKED, body))
        self._unlocks.append(record)


def _event(event: EventBody, seq: int, event_id: str, ts: float) -> Event:
    return Event(
        kind=event.event_type,
        payload=event.payload,
        run=event.run_id,
        episode=event.episode_id,
        stage=event.stage_id,
        lane=0,
        tick=event.tick or 0,
        seq=seq,
        instance=event.instance_id,
        id=event_id,
        ts=ts if event.ts is None else event.ts,
    )
