"""Short ways to tell feats, events and what comes of them."""

from __future__ import annotations

import json
from typing import Any

from ludus.core.types import Event, Verdict
from ludus.feats.feat import Feat
from ludus.feats.judge import FeatJudge
from ludus.feats.loader import parse_feats

HZ = 60.0


def feat(predicate: Any, *, name: str = "f", **fields: Any) -> Feat:
    """A feat of a file, with what a test is about."""
    return parse_feats(json.dumps([{"id": name, "name": "F", "predicate": predicate} | fields]))[0]


def at(
    kind: str,
    payload: dict[str, Any] | None = None,
    *,
    s: float = 0.0,
    run: str = "run",
    episode: str = "1.0",
    stage: str = "1",
    lane: int = 0,
    player: str = "player",
) -> Event:
    """An event `s` seconds into its run."""
    return Event(kind, payload or {}, run, episode, stage, lane, round(s * HZ), instance=player)


def count(name: str, delta: float = 1, **where: Any) -> Event:
    return at("counter_delta", {"name": name, "delta": delta}, **where)


def verdicts(feats: Feat | tuple[Feat, ...], *events: Event) -> tuple[Verdict, ...]:
    judge = FeatJudge(feats if isinstance(feats, tuple) else (feats,), tick_hz=HZ)
    return judge.update(judge.init(1), events)[1]


def fired(feats: Feat | tuple[Feat, ...], *events: Event) -> list[int]:
    """Places of the events at which something unlocks, an event at a time."""
    judge = FeatJudge(feats if isinstance(feats, tuple) else (feats,), tick_hz=HZ)
    memory, places = judge.init(1), []
    for place, event in enumerate(events):
        memory, found = judge.update(memory, (event,))
        places += [place] * len(found)
    return places
