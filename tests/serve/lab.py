"""Small things that the tests of serving share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ludus.core.clock import Clock, ManualClock
from ludus.feats.loader import parse_feats
from ludus.serve.ingest import Ingest, Receipt
from ludus.serve.judging import Judging
from ludus.serve.store import Store
from ludus.serve.wire import read_batch
from ludus.serve.writer import Writer

TICK_HZ = 60.0
FEATS = [
    {
        "id": "minor.pots.20_in_run",
        "name": "Pot Popper",
        "predicate": {"counter_gte": ["pots_broken", 20]},
        "clip": {"pre_s": 12, "post_s": 6, "speed": 3.0},
    },
    {
        "id": "major.vader_in_20",
        "name": "Quick Work",
        "tier": "major",
        "predicate": {"event_then_within": [["boss_spawned", {"boss_id": "bark_vader"}], ["boss_defeated", {}], 20]},
    },
    {
        "id": "shame.fall",
        "name": "Down Again",
        "hall": "shame",
        "dedupe": "best_only",
        "predicate": {"event_happened": ["fell", {}]},
        "score": {"payload": "depth", "direction": "max"},
        "clip": {"pre_s": 2, "post_s": 1},
    },
]


def judging(feats: Sequence[Any] = FEATS) -> Judging:
    return Judging(parse_feats(json.dumps(feats)), tick_hz=TICK_HZ)


def pots(count: int, *, first_tick: int = 0, run: str = "run", episode: str = "1.0") -> list[dict[str, Any]]:
    """So many broken pots, one a tick."""
    payload = {"name": "pots_broken", "delta": 1}
    place = {"run_id": run, "episode_id": episode}
    return [{"event_type": "counter_delta", "payload": payload, "tick": first_tick + n, **place} for n in range(count)]


def batch(events: Sequence[Any], *, producer: str = "worker-1", epoch: int = 1, first: int = 1) -> bytes:
    return json.dumps({"producer": producer, "epoch": epoch, "first": first, "events": list(events)}).encode()


class Desk:
    """A store with its writer, as the orchestrator has them."""

    def __init__(self, store: Store, *, feats: Sequence[Any] | None = FEATS, clock: Clock | None = None) -> None:
        self.store = store
        self.clock = clock or ManualClock()
        self.ingest = Ingest(store, self.clock, None if feats is None else judging(feats))
        self.heard_again = self.ingest.replay()
        self.writer = Writer(store, self.ingest)

    def post(self, body: bytes) -> Receipt:
        told = read_batch(body)
        return self.writer.submit(lambda: self.ingest.take(told)).result()

    def close(self) -> None:
        self.writer.close()
