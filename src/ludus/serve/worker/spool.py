"""A worker's end of the event stream: what is not acknowledged is kept on disk, and sent again in order."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from ludus.core import files
from ludus.core.events import to_json
from ludus.core.types import Event
from ludus.serve import wire
from ludus.serve.door.listen import unix_path
from ludus.serve.wire import MOST_EVENTS, RefusedError

MOST_BYTES = 256 * 1024 * 1024
SEGMENT_EVENTS = 5_000
SEGMENT = re.compile(r"\d{16}-\d{16}\.jsonl")
SPOOL_DROPPED = "spool_dropped"
BATCH_BYTES = 768 * 1024
"""Of events in a batch, well below what the orchestrator takes."""


@dataclass(frozen=True, slots=True)
class _Segment:
    """A file of events that are numbered from `first`."""

    path: Path
    epoch: int
    first: int

    @classmethod
    def at(cls, folder: Path, epoch: int, first: int) -> _Segment:
        return cls(folder / f"{epoch:016}-{first:016}.jsonl", epoch, first)

    @classmethod
    def of(cls, path: Path) -> _Segment:
        epoch, first = map(int, path.stem.split("-"))
        return cls(path, epoch, first)


class Spool:
    """Numbered events of one producer in a folder, from the first that is not acknowledged.

    They lie in segments, `EPOCH-FIRST.jsonl`; one whose events are all acknowledged is deleted, but for the last, which
    keeps the count. What was acknowledged in a segment that is still there is sent again after a restart, and the
    orchestrator knows it.
    """

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES, segment_events: int = SEGMENT_EVENTS) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._segment_events = segment_events
        self._guard = threading.RLock()
        folder.mkdir(parents=True, exist_ok=True)
        found = sorted(path for path in folder.glob("*.jsonl") if SEGMENT.fullmatch(path.name))
        self._segments = [_Segment.of(path) for path in found]
        if not self._segments:
            self._segments = [_Segment.at(folder, 1 + int.from_bytes(os.urandom(4)), 1)]
        last = self._segments[-1]
        self._next = last.first + len(files.read_log(last.path))
        self._front: list[Any] | None = None
        self._acknowledged = self._segments[0].first - 1
        self.dropped = 0
        """Events that found no room, since the last time that there was some."""

    @property
    def epoch(self) -> int:
        """The epoch of the oldest event."""
        return self._segments[0].epoch

    @property
    def first(self) -> int:
        """The number of the oldest event that is not acknowledged."""
        return self._acknowledged + 1

    def __len__(self) -> int:
        """Events that are not acknowledged."""
        return self._next - self.first

    def add(self, events: Sequence[Event]) -> None:
        """Keep events, on the disk when this returns; where there is no room, count them, and tell so once there is.

        Raises `RefusedError` on an event that no orchestrator would take.
        """
        rows = [to_json(event) for event in events]
        for row in rows:
            wire.read_batch(json.dumps(row).encode())
        with self._guard:
            if sum(path.stat().st_size for path in self._folder.glob("*.jsonl")) >= self._most_bytes:
                self.dropped += len(rows)
                return
            if self.dropped:
                rows.insert(0, {"event_type": SPOOL_DROPPED, "payload": {"n": self.dropped}})
                self.dropped = 0
            last = self._segments[-1]
            if self._next - last.first >= self._segment_events:
                last = _Segment.at(self._folder, last.epoch, self._next)
                self._segments.append(last)
            files.append_jsonl(last.path, rows)
            self._next += len(rows)
            if len(self._segments) == 1:
                self._front = None  # it has grown

    def batch(self, producer: str, most: int = MOST_EVENTS) -> dict[str, Any] | None:
        """Give the oldest batch, None if there is nothing to send."""
        with self._guard:
            if not len(self):
                return None
            self._sweep()
            front = self._segments[0]
            if self._front is None:
                self._front = files.read_log(front.path)
            begin = self.first - front.first
            size, end = 0, begin
            while end < min(begin + most, len(self._front)):
                size += len(json.dumps(self._front[end]))
                if size > BATCH_BYTES and end > begin:
                    break
                end += 1
            return {"producer": producer, "epoch": front.epoch, "first": self.first, "events": self._front[begin:end]}

    def acknowledge(self, through: int) -> None:
        """Forget events up to a number, which the orchestrator has."""
        with self._guard:
            self._acknowledged = max(self._acknowledged, min(through, self._next - 1))
            self._sweep()

    def _sweep(self) -> None:
        """Delete segments whose events are all acknowledged, but for the last."""
        while len(self._segments) > 1 and self._segments[1].first <= self.first:
            self._segments.pop(0).path.unlink()
            self._front = None

    def begin_again(self) -> None:
        """Give all that is here numbers from 1, in the next epoch, because the orchestrator has lost what it had."""
        with self._guard:
            epoch, gone = self._segments[-1].epoch + 1, self._segments[0].first - 1
            for place, old in enumerate(self._segments):
                self._segments[place] = _Segment.at(self._folder, epoch, old.first - gone)
                old.path.rename(self._segments[place].path)
            self._next, self._acknowledged, self._front = self._next - gone, 0, None


class Reporter:
    """Sends a spool to an orchestrator, one batch after another."""

    def __init__(self, spool: Spool, producer: str, client: httpx.Client) -> None:
        self.spool = spool
        self.producer = producer
        self._client = client

    def send(self) -> bool:
        """Send the oldest batch; whether it was taken. False says that the orchestrator is away or busy: come later.

        Raises `RefusedError` on what it will never take.
        """
        batch = self.spool.batch(self.producer)
        if batch is None:
            return True
        last = batch["first"] + len(batch["events"]) - 1
        try:
            answer = self._client.post("/events", json=batch)
        except httpx.TransportError:
            return False
        if answer.status_code == 200:
            self.spool.acknowledge(last)
            return True
        told = _told(answer)
        if answer.status_code == 409 and told.get("error") == "expected_pseq":
            return self._realign(int(told["expected"]))
        if answer.status_code in (408, 429) or answer.status_code >= 500:
            return False
        raise RefusedError(
            answer.status_code, str(told.get("error")), f"the orchestrator refused: {told.get('detail')}"
        )

    def send_all(self) -> bool:
        """Send all that is there; whether all of it was taken."""
        while len(self.spool):
            if not self.send():
                return False
        return True

    def _realign(self, expected: int) -> bool:
        """Go on where the orchestrator is; where it has lost what was acknowledged, begin to count again."""
        if expected > self.spool.first:
            self.spool.acknowledge(expected - 1)
        else:
            self.spool.begin_again()
        return True


def client_for(url: str, token: str, *, timeout_s: float = 10.0) -> httpx.Client:
    """Give what asks an orchestrator, to be closed after use; url: `http://...`, or `unix:PATH` of its socket."""
    told: dict[str, Any] = {"headers": {"authorization": f"Bearer {token}"}, "timeout": timeout_s, "trust_env": False}
    if (path := unix_path(url)) is not None:
        return httpx.Client(base_url="http://localhost", transport=httpx.HTTPTransport(uds=path), **told)
    return httpx.Client(base_url=url, **told)


def _told(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
