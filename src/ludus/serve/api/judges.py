"""Feats, unlocks and halls over HTTP, and the goals that are there."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query
from fastapi import Path as UrlPath
from starlette.responses import Response

from ludus.core import files
from ludus.core.errors import LudusError
from ludus.core.types import Event
from ludus.episodes.pictures import png
from ludus.feats.contract import contract
from ludus.feats.drift import Drift, diff
from ludus.feats.feat import Feat
from ludus.gameboy.machine import SHADES
from ludus.goals.artefact import META, read_templates
from ludus.serve import wire
from ludus.serve.api.answers import FeatAnswer, GateReceipt, Goal, Halls, Progress, Refusal, Unlock, Validation
from ludus.serve.api.lab import Lab
from ludus.serve.api.records import MISSING, Text, missing
from ludus.serve.store.shelf import NAME
from ludus.serve.wire import RefusedError

LOG = logging.getLogger("ludus.serve")

LACKING = ("missing_events", "missing_payload_keys", "missing_counters")
SCANNED = 20_000
"""Newest events that tell what is told."""
RECEIPTS, MOST_RECEIPTS = "goal", 20
"""Folder below that of runs, where `ludus goal replay` leaves them."""
GoalId = Annotated[str, UrlPath(max_length=120)]
GREYS = np.array(SHADES, np.uint8)
PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}}
DAMAGED: dict[int | str, dict[str, Any]] = {409: {"model": Refusal}}


def judge_routes(lab: Lab) -> APIRouter:
    """Give the routes of judges."""
    router = APIRouter(tags=["judges"])

    @router.get("/feats", response_model=list[FeatAnswer])
    def get_feats() -> list[dict[str, Any]]:
        """List all feats."""
        rarity = _rarity(lab)
        unlocks = lab.store.unlock_counts()
        return [
            feat.to_json() | {"rarity": rarity.get(feat.id), "unlocks": unlocks.get(feat.id, 0)}
            for feat in lab.judging.feats.values()
        ]

    @router.get("/feats/progress", response_model=list[Progress])
    def get_progress(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> list[dict[str, Any]]:
        """Show how much of each feat is done in the episodes under way, the one that spoke last first."""
        mind = lab.ingest.mind
        return lab.judging.progress(mind, limit) if mind else []

    @router.get("/feats/unlocks", response_model=list[Unlock])
    def get_unlocks(
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
        feat: Text = None,
        run: Text = None,
        after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    ) -> list[dict[str, Any]]:
        """List the newest unlocks, oldest first: all, or those of a feat or a run, or those after the one of an id."""
        return lab.store.unlocks(limit, feat=feat, run=run, after=after)

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

    _goal_routes(router, lab)
    return router


def _goal_routes(router: APIRouter, lab: Lab) -> None:
    @router.get("/goals", response_model=list[Goal])
    def get_goals() -> list[dict[str, Any]]:
        """List the goals, each with what its artefact tells."""
        root = lab.settings.goals
        folders = sorted(root.iterdir()) if root and root.is_dir() else []
        return [_goal(folder) for folder in folders if (folder / META).is_file()]

    @router.get("/goals/{id}", response_model=Goal, responses=MISSING)
    def get_goal(id: GoalId) -> dict[str, Any]:  # noqa: A002 # the word of the path
        """Show a goal."""
        return _goal(find_goal(lab, id))

    @router.get("/goals/{id}/receipts", response_model=list[GateReceipt], responses=MISSING)
    def get_receipts(id: GoalId) -> list[dict[str, Any]]:  # noqa: A002
        """List what the goal's gate has left of traces that did not pass it, newest first."""
        find_goal(lab, id)
        paths = (lab.settings.runs / RECEIPTS).glob(f"{id}-*/receipt.json")
        found = [told for path in paths if (told := _receipt(path)) is not None and told["goal"] == id]
        return sorted(found, key=itemgetter("made"), reverse=True)[:MOST_RECEIPTS]

    @router.get("/goals/{id}/template.png", response_class=Response, responses=MISSING | DAMAGED | PNG)
    def get_template(id: GoalId, number: Annotated[int, Query(ge=0, le=2**53)] = 0) -> Response:  # noqa: A002
        """Give a template of a goal as PNG, 80 x 72."""
        folder = find_goal(lab, id)
        try:
            templates = read_templates(folder)
        except LudusError as error:
            raise RefusedError(409, "damaged", str(error)) from error
        if number >= len(templates):
            raise missing("template", str(number))
        return Response(png(GREYS[templates[number]]), media_type="image/png")


def find_goal(lab: Lab, id_: str) -> Path:
    """Give the folder of a goal. Raises `RefusedError`."""
    root = lab.settings.goals
    folder = root / id_ if root and NAME.fullmatch(id_) else None
    if folder is None or folder.is_symlink() or not (folder / META).is_file():
        raise missing("goal", id_)
    return folder


def _validate(feats: Sequence[Feat], events: Sequence[Event]) -> dict[str, Any]:
    drift = diff(contract(feats), events)
    unreachable = [told for feat in feats if any((told := _missing(feat, drift))[key] for key in LACKING)]
    summary = {key: sorted({name for told in unreachable for name in told[key]}) for key in LACKING}
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


def _goal(folder: Path) -> dict[str, Any]:
    try:
        return {"id": folder.name, "meta": json.loads(files.read_text(folder / META))}
    except (LudusError, ValueError) as error:
        return {"id": folder.name, "error": str(error)}


def _receipt(path: Path) -> dict[str, Any] | None:
    """Give what a receipt tells, None where it cannot be read, which is logged."""
    try:
        told, curve = (json.loads(files.read_text(path.parent / name)) for name in (path.name, "dist_curve.json"))
        lane, made = told["nearest"]["lane"], path.stat().st_mtime
        return {**told, "made": made, "distance": [row[lane] for row in curve]}
    except (LudusError, OSError, ValueError, KeyError, IndexError, TypeError) as error:
        LOG.warning("%s cannot be read: %s", path, error)
        return None
