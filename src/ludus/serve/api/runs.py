"""Runs over HTTP: what they are, by which settings, from whom, and the curves of their metrics."""

from __future__ import annotations

from typing import Annotated, Any

import pyarrow as pa
from fastapi import APIRouter, Query

from ludus.serve.api.answers import Curves, Run, RunDetail
from ludus.serve.api.lab import Lab
from ludus.serve.api.records import MISSING, Limit, RunId, missing
from ludus.serve.store import metrics
from ludus.serve.store.lines import Wanted, run_line, table


def run_routes(lab: Lab) -> APIRouter:
    """Give the routes of runs."""
    router = APIRouter(tags=["records"])

    @router.get("/runs", response_model=list[Run])
    def get_runs(limit: Limit = 200) -> list[dict[str, Any]]:
        """List the newest runs, newest first."""
        return lab.store.runs(limit)

    @router.get("/runs/{run}", response_model=RunDetail, responses=MISSING)
    def get_run(run: RunId) -> dict[str, Any]:
        """Show a run: its game, role and policy, its settings, and the checkpoints that it comes from and has made."""
        told = lab.store.run(run)
        if told is None:
            raise missing("run", run)
        about = table(told.get("run"))
        facts, checkpoint = table(about.get("facts")), lab.shelf.checkpoint(run)
        return {
            "run_id": run,
            "began": told["began"],
            **run_line(told),
            "policy_digest": table(facts.get("policy")).get("digest"),
            "settings": table(told.get("settings")) or facts or None,
            "run": about or None,
            "episodes": lab.store.episode_count(Wanted(run=run)),
            "checkpoint": checkpoint,
            "parent": checkpoint["parent"] if checkpoint else None,
            "lineage": checkpoint["lineage"] if checkpoint else [],
        }

    @router.get("/runs/{run}/metrics", response_model=Curves, responses=MISSING)
    def get_metrics(
        run: RunId,
        points: Annotated[int, Query(ge=2, le=5_000)] = 500,
        keys: Annotated[list[str], Query(max_length=64)] = [],  # noqa: B006 # FastAPI copies it
    ) -> dict[str, Any]:
        """Give the curves of a run's metrics, each of at most so many points."""
        # What workers tell of a run and what its learner writes into its folder are parts of one.
        rows = pa.concat_tables([lab.metrics.rows(run), metrics.table(lab.shelf.metrics(run))])
        if not rows.num_rows and lab.store.run(run) is None:
            raise missing("run", run)
        return {"run_id": run, "curves": metrics.curves(rows, points=points, keys=keys)}

    return router
