"""The orchestrator as an ASGI app: routes, errors, and the door before all of it.

Other rooms attach here: `routers` are more routes of the same app, `page` is a folder of static files, whose
`index.html` answers every address that a browser is pointed to.
"""

from __future__ import annotations

import errno
import logging
import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

import ludus
from ludus.serve import wire
from ludus.serve.api.answers import Answer, Health, Receipt, Refusal
from ludus.serve.api.events import event_routes, hot_openapi, hot_routes
from ludus.serve.api.judges import judge_routes
from ludus.serve.api.lab import Lab
from ludus.serve.api.records import record_routes
from ludus.serve.api.review import review_routes
from ludus.serve.api.runs import run_routes
from ludus.serve.api.tally import CONTENT_TYPE
from ludus.serve.api.workers import ClipBody, SyncBody, worker_routes
from ludus.serve.door.asked import address_of, cookie_name
from ludus.serve.door.keys import COOKIE_S
from ludus.serve.door.security import KIB, MIB, RETRY_S, Door, rules_for, too_many
from ludus.serve.page import with_page
from ludus.serve.store.database import UnwritableError
from ludus.serve.store.metrics import MetricsBody
from ludus.serve.store.writer import MOST_WAITING, refusal
from ludus.serve.wire import RefusedError

LOG = logging.getLogger("ludus.serve")

LEAST_FREE_BYTES = 256 * MIB
BODY_BYTES = (("/events", MIB), ("/highlights", 256 * MIB), ("/runs/", MIB), ("/clips/", 64 * KIB))
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
REASONS = {400: "malformed", 404: "not_found", 405: "wrong_method", 413: "too_large", 422: "invalid"}


def create_app(lab: Lab, *, routers: Iterable[APIRouter] = (), page: Path | None = None) -> ASGIApp:
    """Give the app of an orchestrator, to be served once; it does its chores while it is served."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with lab.running():
            yield

    app = FastAPI(title="Ludus", version=ludus.__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.router.routes += hot_routes(lab)
    app.router.routes.append(WebSocketRoute("/ws", lab.room.attend))
    app.router.routes.append(WebSocketRoute("/live", lab.live.view))
    app.router.routes.append(WebSocketRoute("/live/feed", lab.live.feed))
    for router in (
        _ground(lab),
        event_routes(lab),
        judge_routes(lab),
        run_routes(lab),
        review_routes(lab),
        record_routes(lab),
        worker_routes(lab),
        *routers,
    ):
        app.include_router(router, responses={code: {"model": Refusal} for code in (401, 403, 421, 422, 429, 503)})
    handle_errors(app, lab)
    structs = wire.components(wire.EventBody, wire.BatchBody, MetricsBody, SyncBody, ClipBody)
    publish(app, structs | {"Receipt": Receipt.model_json_schema()}, hot_openapi())
    rules = rules_for(
        lab.settings.host,
        hosts=frozenset(lab.settings.hosts),
        origins=frozenset(lab.settings.origins),
        body_bytes=BODY_BYTES,
        raw_paths=("/highlights",),
    )
    return Door(with_page(app, page) if page else app, lab.keys, rules)


def create_metrics_app(lab: Lab) -> ASGIApp:
    """Give the app of the metrics stream of old: a WebSocket at `/metrics`."""

    async def health(_request: Request) -> Response:
        return JSONResponse({"ok": True, "peers": lab.relay.peers})

    from starlette.applications import Starlette

    app = Starlette(routes=[WebSocketRoute("/metrics", _attend(lab)), Route("/healthz", health)])
    rules = rules_for(
        lab.settings.host,
        hosts=frozenset(lab.settings.hosts),
        origins=frozenset(lab.settings.origins),
        open_sockets=("/metrics",),
    )
    return Door(app, lab.keys, rules)


def handle_errors(app: FastAPI, lab: Lab | None = None) -> None:
    """Have every error of an app answered as JSON with a reason."""

    def answer(error: RefusedError) -> Response:
        if lab:
            lab.tally.refused.labels(error.reason).inc()
        headers = {"retry-after": str(RETRY_S[error.status])} if error.status in RETRY_S else None
        return JSONResponse(error.to_json(), error.status, headers)

    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError), error
        return answer(error)

    async def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError), error
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        malformed = first["type"] == "json_invalid"
        status, reason = (400, "malformed") if malformed else (422, "invalid")
        return answer(RefusedError(status, reason, f"{place}: {first['msg']}."))

    async def told(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException), error
        response = answer(RefusedError(error.status_code, REASONS.get(error.status_code, "refused"), str(error.detail)))
        response.headers.update(error.headers or {})
        return response

    async def unwritten(request: Request, error: Exception) -> Response:
        if isinstance(error, OSError) and error.errno in FULL:
            return answer(refusal(UnwritableError(str(error))))
        return await failed(request, error)

    async def unkept(_request: Request, error: Exception) -> Response:
        assert isinstance(error, UnwritableError), error
        return answer(refusal(error))

    async def failed(request: Request, error: Exception) -> Response:
        LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return JSONResponse({"ok": False, "error": "internal", "detail": "it failed here; see the log."}, 500)

    app.add_exception_handler(RefusedError, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, told)
    app.add_exception_handler(OSError, unwritten)
    app.add_exception_handler(UnwritableError, unkept)
    app.add_exception_handler(Exception, failed)


def _attend(lab: Lab) -> Any:
    async def attend(socket: WebSocket) -> None:
        await lab.relay.attend(socket)

    return attend


def _ground(lab: Lab) -> APIRouter:
    """Give the routes about the process itself, and the way in for browsers."""
    router = APIRouter(tags=["process"])

    @router.get("/healthz", response_model=Health)
    async def healthz() -> dict[str, Any]:
        """Say that the process lives."""
        return {"ok": True}

    @router.get("/readyz", response_model=Health, responses={503: {"model": Health}})
    async def readyz() -> Response:
        """Say whether events can be taken, and if not, why."""
        problems = []
        if lab.writer.waiting >= MOST_WAITING:
            problems.append("too many requests wait for the writer")
        if lab.writer.lost:
            problems.append("the database went away")
        elif lab.writer.unwritable:
            problems.append("the disk takes nothing")
        if shutil.disk_usage(lab.settings.state).free < LEAST_FREE_BYTES:
            problems.append("the disk is almost full")
        told = {"ok": not problems, "problems": problems, "head_seq": lab.ingest.head, "feats": len(lab.judging.feats)}
        return JSONResponse(told, 503 if problems else 200)

    @router.get("/metrics", response_class=Response)
    def metrics() -> Response:
        """Tell Prometheus."""
        tally = lab.tally
        tally.waiting.set(lab.writer.waiting)
        tally.listeners.set(len(lab.room.listeners))
        tally.dropped.set(lab.room.dropped)
        tally.clips.set(lab.store.pending())
        return Response(tally.text(), headers={"content-type": CONTENT_TYPE})

    @router.post("/open", response_model=Answer)
    async def mint(scope: Literal["view", "admin"] = "admin") -> dict[str, str]:
        """Give an address that opens the page in a browser, once; with the scope view it can change nothing there."""
        return {"url": f"/open?code={lab.keys.mint(scope)}"}

    @router.get("/open", response_class=Response, status_code=303)
    async def redeem(request: Request, code: str) -> Response:
        """Turn a code into the cookie of a browser."""
        cookie = lab.keys.redeem(code)
        if cookie is None:
            if lab.keys.failed(address_of(request.scope)):
                raise too_many()
            raise RefusedError(401, "wrong_code", "the code is unknown, old or used; ask for another one.")
        response = RedirectResponse("/", 303)
        name = cookie_name((request.scope.get("server") or ("", None))[1])
        response.set_cookie(name, cookie, max_age=COOKIE_S, httponly=True, samesite="strict", path="/")
        return response

    return router


def publish(app: FastAPI, schemas: dict[str, Any], paths: dict[str, Any] | None = None) -> None:
    """Have an app tell its OpenAPI document, with schemas and paths that FastAPI does not know of."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, routes=app.routes)
            for path, told in (paths or {}).items():
                made["paths"].setdefault(path, {}).update(told)
            made["components"]["schemas"] |= schemas
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign] # as FastAPI's documentation does
