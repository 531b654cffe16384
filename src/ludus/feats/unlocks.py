"""Unlocks: the record of each, the halls they hang in, and the file that they are kept in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ludus.core import files
from ludus.core.errors import FileFormatError
from ludus.core.types import Verdict
from ludus.feats.feat import Feat

UNLOCKED = "FeatUnlocked"
"""The kind of the event whose payload is the record of an unlock."""

MOST = 1_000
"""Records that the file keeps; what has been unlocked is remembered beside them, however old."""


def record(feat: Feat, verdict: Verdict) -> dict[str, Any]:
    """Give the record of an unlock. A clip that is asked for is pending; whoever makes it says how that went."""
    evidence = verdict.evidence
    clip = {"clip_status": "pending"} if feat.clip else {"clip_status": "skipped", "clip_reason": "no_clip_asked_for"}
    return {
        "feat_id": feat.id,
        "name": feat.name,
        "tier": feat.tier,
        "hall": feat.hall,
        "scope": feat.scope,
        "points": feat.points,
        "seen_key": evidence["seen_key"],
        "ts": evidence["ts"],
        "tick": verdict.tick,
        "run_id": verdict.run,
        "episode_id": verdict.episode,
        "instance_id": evidence["instance_id"],
        "stage": verdict.stage,
        "biome": evidence["biome"],
        "score": evidence["score"],
        "clip": feat.clip.to_json() if feat.clip else None,
        "evidence": {name: evidence[name] for name in ("event_id", "event_type", "payload")},
        **clip,
    }


class Unlocks:
    """Unlocks in their order, each once, and the file that outlives the process."""

    def __init__(self, path: Path | None = None) -> None:
        """Go on from a file, if it is there. Raises `FileFormatError` on one that holds something else."""
        self._path = path
        self.records: list[dict[str, Any]] = []
        self._seen: dict[str, dict[str, None]] = {}
        self.memory: str | None = None
        """What the judge has saved, as text, so that lifetimes and boards go on."""
        if path is not None and path.exists():
            self._read(path)

    def add(self, feat: Feat, verdict: Verdict) -> dict[str, Any] | None:
        """Give the record of an unlock that is new, None for one that was here before."""
        made = record(feat, verdict)
        seen = self._seen.setdefault(feat.key, {})
        if made["seen_key"] in seen:
            return None
        seen[made["seen_key"]] = None
        if feat.dedupe == "best_only":  # a better one takes the place of the one before
            self.records = [kept for kept in self.records if kept["feat_id"] != feat.id]
        self.records = [*self.records, made][-MOST:]
        return made

    def hall(self, name: str, *, limit: int = 50) -> list[dict[str, Any]]:
        """Give the last unlocks of the hall of fame or shame, newest first."""
        return [kept for kept in reversed(self.records) if kept["hall"] == name][:limit]

    def save(self) -> None:
        """Write the file, all of it or none."""
        if self._path is None:
            return
        told = {
            "unlocks": self.records,
            "seen": {key: [*keys] for key, keys in self._seen.items()},
            "memory": self.memory,
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        files.write_atomic(self._path, (json.dumps(told, indent=1) + "\n").encode())

    def _read(self, path: Path) -> None:
        try:
            told = json.loads(files.read_text(path))
            self.records = _records(told["unlocks"])
            self._seen = {key: dict.fromkeys(map(str, keys)) for key, keys in told.get("seen", {}).items()}
            self.memory = told.get("memory")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FileFormatError(
                f"{path}: {error!r}; expected an object whose 'unlocks' is a list of records; move the file away."
            ) from error


def _records(told: Iterable[Any]) -> list[dict[str, Any]]:
    listed = [*told]
    if not all(isinstance(kept, dict) and {"feat_id", "hall"} <= kept.keys() for kept in listed):
        raise ValueError("a record without feat_id and hall")
    return listed
