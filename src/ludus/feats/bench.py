"""How many events a second the judge of feats takes: files of any size, and a stream mixed as Pot Yard's is."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ludus.core import rng
from ludus.core.types import Event
from ludus.feats.feat import Feat
from ludus.feats.judge import FeatJudge
from ludus.feats.loader import parse_feats

TICK_HZ = 59.7275
STEP_TICKS = 24
COUNTER_SHARE = 0.85
"""Of all events, as in Pot Yard played at random: the rest are the game's own kinds."""
EVENTS_PER_LANE_STEP = 0.7
STEPS_PER_STAGE, STAGES = 60, 3
FAMILY = 10
"""Feats that speak of one kind of event and one counter: an event touches these and no others."""


@dataclass(frozen=True, slots=True)
class Result:
    """One measured file of feats."""

    feats: int
    lanes: int
    events: int
    verdicts: int
    cpu_s: float

    @property
    def events_per_s(self) -> float:
        """Events in a second of CPU time, on one core."""
        return self.events / self.cpu_s


def run(sizes: tuple[int, ...], *, lanes: int, steps: int, rounds: int) -> Iterator[Result]:
    """Give the best round of each size; sizes take turns, so that a noisy machine is noisy for all."""
    setups = [(make_feats(size), make_stream(size, lanes, steps)) for size in sizes]
    best: dict[int, Result] = {}
    for _ in range(rounds):
        for size, (feats, stream) in zip(sizes, setups, strict=True):
            result = _measure(feats, stream, lanes)
            if size not in best or result.cpu_s < best[size].cpu_s:
                best[size] = result
    yield from best.values()


def make_feats(count: int) -> tuple[Feat, ...]:
    """Give feats of every operator, scope and dedupe, in families of ten."""
    listed = [_feat(number // FAMILY, number % FAMILY, number) for number in range(count)]
    return parse_feats(json.dumps(listed), f"{count} feats")


def make_stream(feats: int, lanes: int, steps: int) -> list[tuple[Event, ...]]:
    """Give the events of every step of all lanes, about the kinds and counters of so many feats."""
    families = max(1, feats // FAMILY)
    moments = np.arange(steps * lanes)
    counters = (rng.uniform(0, "kind", moments) < COUNTER_SHARE).reshape(steps, lanes).tolist()
    happens = (rng.uniform(0, "happens", moments) < EVENTS_PER_LANE_STEP).reshape(steps, lanes).tolist()
    family = rng.integers(0, "family", moments, high=families).reshape(steps, lanes).tolist()
    choice = rng.integers(0, "choice", moments, high=12).reshape(steps, lanes).tolist()
    stream = []
    for step in range(steps):
        moment = []
        for lane in range(lanes):
            if happens[step][lane]:
                what = _payload(family[step][lane], choice[step][lane], counters[step][lane])
                stage = step // STEPS_PER_STAGE
                ids = ("bench", f"{lane}.{stage // STAGES}", str(stage % STAGES + 1))
                moment.append(Event(*what, *ids, lane, step * STEP_TICKS, seq=step))
        stream.append(tuple(moment))
    return stream


def _measure(feats: tuple[Feat, ...], stream: list[tuple[Event, ...]], lanes: int) -> Result:
    judge = FeatJudge(feats, tick_hz=TICK_HZ)
    memory, found = judge.init(lanes), 0
    begin = time.process_time()
    for moment in stream:
        memory, verdicts = judge.update(memory, moment)
        found += len(verdicts)
    spent = time.process_time() - begin
    return Result(len(feats), lanes, sum(map(len, stream)), found, spent)


def _payload(family: int, choice: int, counter: bool) -> tuple[str, dict[str, Any]]:
    if counter:
        return "counter_delta", {"name": f"counter_{family}", "delta": 1}
    kind = ("done", "done", "done", "done", "broken", "spawned", "defeated")[choice % 7]
    return f"{kind}_{family}", {"result": "clear" if choice < 6 else "death", "stage": choice % 3, "score": choice}


def _feat(family: int, which: int, number: int) -> dict[str, Any]:
    counter, done, broken = f"counter_{family}", f"done_{family}", f"broken_{family}"
    clear = {"event_happened": [done, {"result": "clear"}]}
    scope, dedupe, predicate = [
        ("run", "once_per_run", {"counter_gte": [counter, 20]}),
        ("stage", "once_per_stage", {"counter_gte": [counter, 5]}),
        ("lifetime", "once", {"counter_gte": [counter, 500]}),
        ("run", "once_per_run", clear),
        ("stage", "once_per_stage", {"and": [{"counter_gte": [counter, 2]}, clear]}),
        ("run", "once_per_run", {"event_then_within": [f"spawned_{family}", f"defeated_{family}", 20]}),
        ("run", "once_per_run", {"count_gte": [done, 5]}),
        ("run", "once_per_run", {"streak": [done, 3, broken]}),
        ("stage", "once_per_stage", {"and": [clear, {"not": {"event_happened": broken}}]}),
        ("run", "best_only", {"and": [clear, {"payload_gte": ["score", 3]}]}),
    ][which]
    clip = {"pre_s": 12, "post_s": 6, "speed": 3.0}
    return {
        "id": f"bench.{number}",
        "name": f"Bench {number}",
        "scope": scope,
        "predicate": predicate,
        "dedupe": dedupe,
        "clip": clip,
    }
