"""Feats, unlocks and halls over HTTP, and the goals that are there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query

from ludus.core import files
from ludus.core.errors import LudusError
from ludus.serve.answers import Answer, Feat, Halls, Unlock
from ludus.serve.lab import Lab

GOAL_META = "goal_template.meta.json"


def judge_routes(lab: Lab) -> APIRouter:
    """Give the routes of judges."""
    router = APIRouter(tags=["judges"])

    @router.get("/feats", response_model=list[Feat])
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
