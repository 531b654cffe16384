"""Events over HTTP: taken in batches, read in pages, streamed. The two hot routes are plain Starlette and msgspec."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ludus.serve import wire
from ludus.serve.api.answers import Event
from ludus.serve.api.lab import Lab
from ludus.serve.wire import RefusedError

HEARTBEAT_S = 15.0
PAGE = 1_000
RunId = Annotated[str, Query(max_length=200, pattern=wire.PRINTABLE)]


def hot_routes(lab: Lab) -> list[Route]:
    """Give the routes that have to be fast."""

    async def post_events(request: Request) -> Response:
        batch = wire.read_batch(await request.body())
        with lab.tally.commit_s.time():
            receipt = await lab.writer.run(lambda: lab.ingest.take(batch))
        lab.tally.duplicates.inc(receipt.duplicates)
        told = {
            "ok": True,
            "accepted": receipt.accepted,
            "duplicates": receipt.duplicates,
            "last_seq": receipt.last_seq,
        }
        return Response(msgspec.json.encode(told), media_type="application/json")

    async def stream_events(request: Request) -> Response:
        asked = request.headers.get("last-event-id", request.query_params.get("after"))
        after = lab.ingest.head if asked is None else _number(asked)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(_stream(lab, after), media_type="text/event-stream", headers=headers)

    return [
        Route("/events", post_events, methods=["POST"]),
        Route("/events/stream", stream_events, methods=["GET"]),
    ]


def event_routes(lab: Lab) -> APIRouter:
    """Give the routes that read events."""
    router = APIRouter(tags=["events"])

    @router.get("/events", response_model=list[Event])
    def get_events(
        limit: Annotated[int, Query(ge=1, le=5_000)] = 200,
        after: Annotated[int | None, Query(ge=0, le=2**53)] = None,
        run: RunId | None = None,
    ) -> Response:
        """Give events in their order: the newest, or those beyond the number `after`."""
        if after is None and run is None:
            found = lab.store.newest(limit)
        else:
            found = lab.store.events(after=after or 0, limit=limit, run=run)
        return Response(b"[" + b",".join(body for _, body in found) + b"]", media_type="application/json")

    return router


async def _stream(lab: Lab, after: int) -> AsyncIterator[bytes]:
    """Give events as server-sent ones, from the store until the ring has them, and a comment when there are none."""
    topic = lab.hub.topics["events"]
    yield b": events of this lab\n\n"
    while True:
        fresh = lab.fresh
        rows: Sequence[tuple[int, bytes]] = ()
        if after + 1 < topic.oldest and after < lab.ingest.head:
            rows = await run_in_threadpool(lab.store.events, after=after, limit=PAGE)
        elif after < topic.head:
            bodies = topic.rows(after, min(after + PAGE, topic.head))
            rows = [*enumerate(bodies, start=after + 1)]
        if rows:
            after = rows[-1][0]
            yield b"".join(b"id: %d\ndata: %b\n\n" % row for row in rows)
            continue
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                await fresh.wait()
        except TimeoutError:
            yield b": \n\n"


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise RefusedError(422, "invalid", f"the last event's id is {text[:40]!r}, expected a number.")
    return int(text)


def hot_openapi() -> dict[str, Any]:
    """Give the paths of the hot routes for the OpenAPI document."""
    refused = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}}
    refusals = {str(code): {"description": "refused", **refused} for code in (400, 401, 403, 409, 413, 415, 422, 503)}
    receipt = {"application/json": {"schema": {"$ref": "#/components/schemas/Receipt"}}}
    post = {
        "tags": ["events"],
        "operationId": "post_events",
        "summary": "Take an event, or a batch of up to 500 of one producer; the answer comes after the commit.",
        **wire.body_of(wire.EventBody, wire.BatchBody),
        "responses": {"200": {"description": "kept", "content": receipt}, **refusals},
    }
    stream = {
        "tags": ["events"],
        "operationId": "stream_events",
        "summary": "Stream events from now on, or from beyond a number (`Last-Event-ID` counts too).",
        "parameters": [{"name": "after", "in": "query", "schema": {"type": "integer", "minimum": 0}}],
        "responses": {
            "200": {
                "description": "server-sent events",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            **refusals,
        },
    }
    return {"/events": {"post": post}, "/events/stream": {"get": stream}}
