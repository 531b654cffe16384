"""Feats, unlocks and halls over HTTP, and the goals that are there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query

from ludus.core import files
from ludus.core.errors import LudusError
from ludus.core.types import Event
from ludus.feats.contract import contract
from ludus.feats.drift import Drift, diff
from ludus.feats.feat import Feat
from ludus.serve import wire
from ludus.serve.answers import Answer, FeatAnswer, Halls, Unlock, Validation
from ludus.serve.lab import Lab

MISSING = ("missing_events", "missing_payload_keys", "missing_counters")
SCANNED = 20_000
"""Newest events that tell what is told."""
GOAL_META = "goal_template.meta.json"


def judge_routes(lab: Lab) -> APIRouter:
    """Give the routes of judges."""
    router = APIRouter(tags=["judges"])

    @router.get("/feats", response_model=list[FeatAnswer])
    def get_feats() -> list[dict[str, Any]]:
        """List all feats."""
        rarity = _rarity(lab)
        return [feat.to_json() | {"rarity": rarity.get(feat.id)} for feat in lab.judging.feats.values()]

    @router.get("/feats/unlocks", response_model=list[Unlock])
    def get_unlocks(limit: Annotated[int, Query(ge=1, le=1000)] = 200) -> list[dict[str, Any]]:
        """List the newest unlocks, oldest first."""
        return lab.store.unlocks(limit)

    @router.get("/feats/hall", response_model=Halls)
    def get_hall(limit: Annotated[int, Query(ge=1, le=200)] = 50) -> dict[str, Any]:
        """Show the halls of fame and shame; of a feat that keeps the best, only the best."""
        halls = {hall: lab.store.hall(hall, limit) for hall in ("fame", "shame")}
        return halls | {"timestamp": lab.now}

    @router.get("/feats/validate", response_model=Validation)
    def validate() -> dict[str, Any]:
        """Compare what feats need to be told with what the newest events tell, and name what is missing."""
        events = [wire.KEPT.decode(body).event() for _, body in lab.store.newest(SCANNED)]
        return _validate(tuple(lab.judging.feats.values()), events)

    @router.get("/leaderboards")
    def get_leaderboards() -> dict[str, list[dict[str, Any]]]:
        """Show, for each feat that keeps the best, its instances, best first."""
        return lab.judging.judge.leaderboards(lab.ingest.mind.memory) if lab.ingest.mind else {}

    @router.get("/goals", response_model=list[Answer])
    def get_goals() -> list[dict[str, Any]]:
        """List the goals, each with what its artefact tells."""
        root = lab.settings.goals
        folders = sorted(root.iterdir()) if root and root.is_dir() else []
        return [told for folder in folders if (told := _goal(folder)) is not None]

    return router


def _validate(feats: Sequence[Feat], events: Sequence[Event]) -> dict[str, Any]:
    drift = diff(contract(feats), events)
    unreachable = [told for feat in feats if any((told := _missing(feat, drift))[key] for key in MISSING)]
    summary = {key: sorted({name for told in unreachable for name in told[key]}) for key in MISSING}
    return {
        "ok": not unreachable,
        "summary": summary | {"unreachable": len(unreachable)},
        "unreachable": unreachable,
        "notes": [f"the newest {drift.events_scanned} events were looked at", *drift.notes],
    }


def _missing(feat: Feat, drift: Drift) -> dict[str, Any]:
    """Give what one feat lacks of all that is missing."""
    needs = contract([feat])
    keys = [
        f"{kind}.{key}" for kind, names in drift.missing_payload_keys.items() for key in names
        if key in needs.events.get(kind, ())
    ]  # fmt: skip
    return {
        "feat_id": feat.id,
        "name": feat.name,
        "missing_events": [kind for kind in drift.missing_events if kind in needs.events],
        "missing_payload_keys": keys + [key for key in drift.missing_payload_keys_any if key in needs.payload_keys_any],
        "missing_counters": [name for name in drift.missing_counters if name in needs.counters],
    }


def _rarity(lab: Lab) -> Mapping[str, float]:
    return lab.judging.judge.rarity(lab.ingest.mind.memory) if lab.ingest.mind else {}


def _goal(folder: Path) -> dict[str, Any] | None:
    path = folder / GOAL_META
    if not path.is_file():
        return None
    try:
        told = json.loads(files.read_text(path))
    except (LudusError, ValueError) as error:
        return {"id": folder.name, "error": str(error)}
    return {"id": folder.name, "meta": told}
