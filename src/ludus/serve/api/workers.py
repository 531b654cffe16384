"""The other end of workers over HTTP: they tell of themselves and fetch what they are to do; nobody calls them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path
from msgspec import Meta, Struct
from starlette.requests import Request

from ludus.serve import wire
from ludus.serve.api.answers import Answer, Clip, Refusal, Synced, Worker
from ludus.serve.api.lab import Lab
from ludus.serve.api.records import FILM, MISSING, RunId
from ludus.serve.store.metrics import MetricsBody
from ludus.serve.wire import RefusedError

LEASE_S = 120.0
MOST_STATUS_BYTES = 16 * 1024
WorkerName = Annotated[str, Path(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9._-]+$")]


class SyncBody(Struct, forbid_unknown_fields=True):
    """What a worker tells of itself, and how many clips it would make."""

    status: dict[str, Any] = {}
    want: Annotated[int, Meta(ge=0, le=32)] = 0
    anew: bool = False
    """It has just begun and holds no clips: those that it was given before are given again at once."""


class ClipBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """What became of a clip."""

    worker: wire.Name
    status: Literal["ready", "skipped", "failed", "rerenderable"]
    clip_url: str | None = None
    """Of a ready one: what handing in the film gave."""
    poster_url: str | None = None
    """Of a ready one, if there is one: what handing in a picture of its moment gave."""
    reason: dict[str, Any] | None = None
    """Of any other: `{code, detail}`."""
    clip: dict[str, Any] = {}
    """Anything else that is known of it, such as `frames`."""


_SYNC, _CLIP, _METRICS = (msgspec.json.Decoder(kind) for kind in (SyncBody, ClipBody, MetricsBody))


def worker_routes(lab: Lab) -> APIRouter:
    """Give the routes of workers."""
    router = APIRouter(tags=["workers"])

    @router.get("/workers", response_model=list[Worker])
    def get_workers() -> list[dict[str, Any]]:
        """List all workers that were ever heard of."""
        return [told | {"alive": lab.alive(told)} for told in lab.store.workers()]

    @router.post("/workers/{worker}/sync", response_model=Synced, openapi_extra=wire.body_of(SyncBody))
    async def sync(worker: WorkerName, request: Request) -> dict[str, Any]:
        """Take what a worker tells of itself, and give it clips to make, which are its own for two minutes."""
        body: SyncBody = wire.read(_SYNC, await request.body())
        wire.pack(body.status, "the status", MOST_STATUS_BYTES)
        at = lab.now

        def keep() -> list[Clip]:
            lab.store.see_worker(worker, at, body.status)
            if body.anew:
                lab.store.release(worker)
            return [Clip.of(row) for row in lab.store.lease(worker, now=at, seconds=LEASE_S, limit=body.want)]

        clips = await lab.writer.run(keep)
        lab.hub.publish("workers", {"worker": worker, "seen": at, "status": body.status})
        return {"clips": clips, "now": at}

    told_once: dict[int | str, dict[str, Any]] = {**MISSING, 409: {"model": Refusal}}

    @router.post("/clips/{id}", response_model=Answer, responses=told_once, openapi_extra=wire.body_of(ClipBody))
    async def post_clip(id: Annotated[int, Path(ge=1, le=2**53)], request: Request) -> dict[str, Any]:  # noqa: A002
        """Take what became of a clip; it is told once, by the worker whose clip it is."""
        body: ClipBody = wire.read(_CLIP, await request.body())
        told = _result(lab, body)
        if not await lab.writer.run(lambda: lab.store.settle(id, body.worker, body.status, told)):
            raise RefusedError(409, "not_pending", f"clip {id} is not pending, or not of {body.worker!r}.")
        lab.tell_clip(id)
        return {"ok": True}

    @router.post("/runs/{run}/metrics", response_model=Answer, openapi_extra=wire.body_of(MetricsBody))
    async def post_metrics(run: RunId, request: Request) -> dict[str, Any]:
        """Take up to 500 rows of metrics of a run."""
        body: MetricsBody = wire.read(_METRICS, await request.body())
        at = lab.now
        lab.take_metrics(run, body.rows)
        await lab.writer.run(lambda: lab.store.put_run(run, at, {}))
        return {"ok": True, "accepted": len(body.rows)}

    return router


def _result(lab: Lab, body: ClipBody) -> dict[str, Any]:
    wire.pack([body.clip, body.reason], "what is told of the clip")
    if body.status != "ready":
        reason = body.reason or {"code": body.status, "detail": "the worker gave no reason"}
        return {**body.clip, "reason": reason}
    told = {**body.clip, "clip_url": _handed_in(lab, body.clip_url or "")}
    return told if body.poster_url is None else told | {"poster_url": _handed_in(lab, body.poster_url)}


def _handed_in(lab: Lab, url: str) -> str:
    name = url.removeprefix("/highlights/")
    if not FILM.fullmatch(name) or not (lab.highlights / name).is_file():
        raise RefusedError(422, "no_film", "a ready clip needs the URLs of what was handed in before.")
    return f"/highlights/{name}"
