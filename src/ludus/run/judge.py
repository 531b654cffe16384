"""Judges recorded episodes again, from their events alone, and tells where the verdicts come out differently."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ludus.core import files
from ludus.core.errors import FileFormatError, InputError
from ludus.core.events import from_json
from ludus.core.types import Episode, Event, Verdict
from ludus.episodes.store import Store
from ludus.feats.feat import Feat
from ludus.feats.judge import FeatJudge
from ludus.feats.loader import parse_feats, read_feats
from ludus.run.feats import FEATS


@dataclass(frozen=True, slots=True)
class Judged:
    """What feats say of a run."""

    episodes: int
    events: int
    verdicts: Mapping[str, int]
    """Feat id -> episodes in which it unlocked, each judged by itself, as the loop does."""
    unlocked: Mapping[str, int]
    """Feat id -> unlocks over the whole run, in which a lifetime goes on and a best must be beaten."""
    rarity: Mapping[str, float]
    leaderboards: Mapping[str, Sequence[Mapping[str, Any]]]
    compared: bool
    """Whether these are the feats that the run was judged by."""
    differences: tuple[str, ...]
    """Where the manifest has other verdicts."""


def judge(out: str | Path, *, feats: Path | None = None) -> Judged:
    """Judge every episode of a run by its recorded events, by the feats that the run was judged by, or by a file's.

    Raises `InputError` on a folder that holds no run, or one that was judged by no feats where no file is given.
    """
    store = Store(Path(out))
    told, episodes = store.run(), sorted(store.episodes(), key=lambda episode: episode.index)
    if told is None or not episodes:
        raise InputError(f"{out}: no run with episodes is there; give the folder that ludus eval wrote.")
    recorded = _recorded(told, Path(out))
    chosen = read_feats(feats) if feats else recorded
    if chosen is None:
        raise InputError(f"{out}: the run was judged by no feats; give some with --feats FILE.")
    compared = recorded is not None and [feat.to_json() for feat in chosen] == [feat.to_json() for feat in recorded]
    return _judge(store, episodes, chosen, float(told["facts"]["world"]["tick_hz"]), compared=compared)


def _judge(
    store: Store, episodes: Sequence[Episode], feats: Sequence[Feat], tick_hz: float, *, compared: bool
) -> Judged:
    judge = FeatJudge(feats, tick_hz=tick_hz)
    whole, count = judge.init(1), 0
    unlocked: Counter[str] = Counter()
    inside: Counter[str] = Counter()
    differences: list[str] = []
    for episode in episodes:
        events = read_events(store.root, episode)
        count += len(events)
        verdicts = judge.update(judge.init(1), events)[1]
        inside.update({verdict.name for verdict in verdicts})
        if compared:
            differences += _differences(episode, verdicts)
        whole, more = judge.update(whole, events)
        unlocked.update(verdict.name for verdict in more)
    return Judged(
        episodes=len(episodes),
        events=count,
        verdicts=dict(inside),
        unlocked=dict(unlocked),
        rarity=judge.rarity(whole),
        leaderboards=judge.leaderboards(whole),
        compared=compared,
        differences=tuple(differences),
    )


def _recorded(told: Mapping[str, Any], root: Path) -> tuple[Feat, ...] | None:
    """Give the feats that a run was judged by."""
    try:
        held = told["facts"]["judges"].get(FEATS, {}).get("feats")
    except (AttributeError, KeyError, TypeError) as error:
        raise FileFormatError(f"{root}: run.json tells no judges: {error!r}.") from error
    return None if held is None else parse_feats(json.dumps([*held.values()]), f"{root}/run.json")


def read_events(root: Path, episode: Episode) -> list[Event]:
    """Give the recorded events of an episode of the run in the folder `root`. Raises `FileFormatError`."""
    artefact = episode.files.get("events")
    if artefact is None:
        return []
    rows = files.read_jsonl(root / artefact.path)
    return [from_json(row, where=f"{artefact.path}, line {line}") for line, row in enumerate(rows, start=1)]


def _differences(episode: Episode, verdicts: Sequence[Verdict]) -> list[str]:
    """Tell where the verdicts of an episode's line are not these."""
    keys = ("name", "tick", "stage", "evidence")
    held = [{key: verdict[key] for key in keys} for verdict in episode.verdicts if verdict["judge"] == FEATS]
    found = [json.loads(json.dumps({key: getattr(verdict, key) for key in keys})) for verdict in verdicts]
    lost = [f"{_told(episode, row)} is recorded, and not found now" for row in held if row not in found]
    return lost + [f"{_told(episode, row)} is found now, and not recorded" for row in found if row not in held]


def _told(episode: Episode, row: Mapping[str, Any]) -> str:
    return f"{episode.id}: {row['name']} at tick {row['tick']}"
