"""What feats mean, as plainly as it can be said: every value is computed from the whole stream so far.

It shares the language's values (`ludus.feats.predicate`) with the engine, and nothing else. Its streams are sane: ids
of runs and stages never come again in a lane, and each lane has an instance of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ludus.core.types import Event
from ludus.feats import predicate as says
from ludus.feats.feat import USUAL_SCORES, Feat

Resets = tuple[says.Predicate, ...]


@dataclass(frozen=True)
class Unlock:
    feat: str
    at: int
    """Place of the event in the stream."""
    score: float | None


class Oracle:
    def __init__(self, events: Sequence[Event], tick_hz: float) -> None:
        self.events = events
        self.tick_hz = tick_hz
        self.runs, self.stages = self._begin("run_start", "episode"), self._begin("stage_start", "stage")

    def unlocks(self, feats: Sequence[Feat]) -> list[Unlock]:
        found: list[Unlock] = []
        keys: set[tuple[str, Any]] = set()
        bests: dict[str, float] = {}
        for at, event in enumerate(self.events):
            for feat in feats:
                if not self.turns_true(feat, at):
                    continue
                score = self.score(feat, at)
                if feat.dedupe == "best_only":
                    sign = 1 if feat.direction == "max" else -1
                    rank = float("-inf") if score is None else sign * score
                    if feat.id in bests and rank <= bests[feat.id]:
                        continue
                    bests[feat.id] = rank
                else:
                    run = (event.lane, event.episode, self.openings(at, "run_start", self.same_episode(at)))
                    stage = (*run, event.stage, self.openings(at, "stage_start", self.same_stage_id(at)))
                    key = {"once_per_run": run, "once_per_stage": stage, "once": event.instance}[feat.dedupe]
                    if (feat.id, key) in keys:
                        continue
                    keys.add((feat.id, key))
                found.append(Unlock(feat.id, at, score))
        return found

    def turns_true(self, feat: Feat, at: int) -> bool:
        scope, predicate = feat.scope, feat.predicate
        if not self.value(predicate, at, scope, ()):
            return False
        earlier = self.history(at, scope, ())[:-1]
        return not (self.idle(predicate, earlier[-1], scope, ()) if earlier else self.fresh(predicate))

    def score(self, feat: Feat, at: int) -> float | None:
        if feat.score and feat.score.source == "counter":
            return self.counter(feat.score.name, self.history(at, feat.scope, ()))
        for name in [feat.score.name] if feat.score else USUAL_SCORES:
            value = self.events[at].payload.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return value
        return None

    # Meanings.

    def value(self, predicate: says.Predicate, at: int, scope: str, resets: Resets) -> bool:
        """At the moment of an event."""
        match predicate:
            case says.Happened(pattern):
                return self.fits(pattern, at)
            case says.PayloadBound(key, bound, at_least):
                value = self.events[at].payload.get(key)
                if isinstance(value, bool) or not isinstance(value, int | float):
                    return False
                return value >= bound if at_least else value <= bound
            case says.Count(pattern, n, within_s) if within_s is not None:
                hits = [j for j in self.history(at, "run", resets, scope) if self.fits(pattern, j)]
                return hits[-1:] == [at] and len(hits) >= n and self.seconds(hits[-n], at) <= within_s
            case says.Sequence(patterns, within_s):
                return self.fits(patterns[-1], at) and any(
                    self.seconds(start, at) <= within_s
                    for start in self.starts(patterns, at, self.history(at, "run", resets, scope))
                )
            case says.All(parts):
                return all(self.value(part, at, scope, resets) for part in parts)
            case says.AnyOf(k, parts):
                return sum(self.value(part, at, scope, resets) for part in parts) >= k
            case says.Restarted(part, when):
                if self.value(when, at, scope, resets):
                    return self.fresh(part)
                return self.value(part, at, scope, (*resets, when))
            case _:
                return self.idle(predicate, at, scope, resets)

    def idle(self, predicate: says.Predicate, at: int, scope: str, resets: Resets) -> bool:
        """Between an event and the next."""
        match predicate:
            case says.CounterReached(name, value):
                counted = self.counter(name, self.history(at, scope, resets))
                return counted is not None and counted >= value
            case says.Count(pattern, n, None):
                return sum(self.fits(pattern, j) for j in self.history(at, scope, resets)) >= n
            case says.All(parts):
                return all(self.idle(part, at, scope, resets) for part in parts)
            case says.AnyOf(k, parts):
                return sum(self.idle(part, at, scope, resets) for part in parts) >= k
            case says.Never(part):
                past = self.history(at, scope, resets)
                return not self.fresh(part) and not any(self.value(part, j, scope, resets) for j in past)
            case says.Restarted(part, when):
                return self.idle(part, at, scope, (*resets, when))
            case _:
                return False

    def fresh(self, predicate: says.Predicate) -> bool:
        """Where nothing has happened yet."""
        match predicate:
            case says.All(parts):
                return all(map(self.fresh, parts))
            case says.AnyOf(k, parts):
                return sum(map(self.fresh, parts)) >= k
            case says.Never(part):
                return not self.fresh(part)
            case says.Restarted(part, _):
                return self.fresh(part)
            case _:
                return False

    # The past.

    def history(self, at: int, span: str, resets: Resets, scope: str | None = None) -> list[int]:
        """Events up to `at`, with it, of its run, stage or life, after the last that each reset was true at."""
        past = [j for j in range(at + 1) if self.whose(j, span) == self.whose(at, span)]
        for depth, when in enumerate(resets):
            hits = [j for j in past if self.value(when, j, scope or span, resets[:depth])]
            past = [j for j in past if j > hits[-1]] if hits else past
        return past

    def whose(self, at: int, span: str) -> tuple[object, ...]:
        event = self.events[at]
        if span == "lifetime":
            return (event.instance,)
        run = (event.lane, self.runs[at])
        return run if span == "run" else (*run, self.stages[at])

    def counter(self, name: str, past: list[int]) -> float | None:
        changes = [change for j in past for change in self.changes(name, j)]
        return sum(changes) if changes else None

    def changes(self, name: str, at: int) -> list[float]:
        """What an event adds to a counter: its delta, or what its snapshot adds to what the run has."""
        event, changes = self.events[at], []
        if event.kind == "counter_delta" and event.payload["name"] == name:
            changes.append(event.payload["delta"])
        snapshot = event.payload.get("counters", {})
        if name in snapshot:
            before = self.counter(name, self.history(at, "run", ())[:-1]) or 0
            changes.append(snapshot[name] - before - sum(changes))
        return changes

    def starts(self, patterns: Sequence[says.Pattern], at: int, past: list[int]) -> list[int]:
        """Where a sequence can have begun that is complete at `at`."""
        if len(patterns) == 1:
            return [at]
        return [
            start
            for j in past
            if self.events[j].tick < self.events[at].tick and self.fits(patterns[-2], j)
            for start in self.starts(patterns[:-1], j, past)
        ]

    def fits(self, pattern: says.Pattern, at: int) -> bool:
        event = self.events[at]
        return event.kind == pattern.kind and all(
            key in event.payload and exactly(event.payload[key], value) for key, value in pattern.where
        )

    def seconds(self, start: int, end: int) -> float:
        return (self.events[end].tick - self.events[start].tick) / self.tick_hz

    # Runs and stages.

    def _begin(self, start: str, of: str) -> list[int]:
        """Number each event's run or stage in its lane."""
        numbers, last = [], dict[int, tuple[int, tuple[str, ...]]]()
        for event in self.events:
            ids = (event.run, event.episode) if of == "episode" else (event.run, event.episode, event.stage)
            number, before = last.get(event.lane, (0, None))
            starts = (start,) if of == "episode" else (start, "run_start")
            if ids != before or event.kind in starts:
                number += 1
            last[event.lane] = (number, ids)
            numbers.append(number)
        return numbers

    def same_episode(self, at: int) -> list[int]:
        event = self.events[at]
        return [
            j for j in range(at + 1) if (self.events[j].lane, self.events[j].episode) == (event.lane, event.episode)
        ]

    def same_stage_id(self, at: int) -> list[int]:
        """Events of this stage id since the run was last opened anew."""
        past = self.same_episode(at)
        opened = [j for j in past if self.events[j].kind == "run_start"]
        since = opened[-1] if len(opened) > 1 else 0
        return [j for j in past if j >= since and self.events[j].stage == self.events[at].stage]

    def openings(self, at: int, kind: str, past: list[int]) -> int:
        """The first start event opens what its ids have begun already; each further one begins another."""
        return max(1, sum(self.events[j].kind == kind for j in past))


def exactly(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)
