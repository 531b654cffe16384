"""Learners over HTTP, by the seed's addresses: workers register, get weights and push rollouts; agents are merged."""

from __future__ import annotations

import asyncio
import base64
import signal
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import msgspec
import uvloop
from fastapi import APIRouter, FastAPI, Query
from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

import ludus
from ludus.core.errors import nearest
from ludus.nets.agent import Agent
from ludus.run.learner import Learner, Played, Receipt, RolloutError
from ludus.serve import wire
from ludus.serve.api.answers import Health, Refusal
from ludus.serve.api.app import handle_errors, publish
from ludus.serve.door.keys import Keys
from ludus.serve.door.listen import bind, serve, server_for
from ludus.serve.door.security import MIB, Door, rules_for
from ludus.serve.learner.answers import Pushed, Registration, Standings, WeightsTold
from ludus.serve.learner.merge import MergeBody, PoliciesBody, merge_routes
from ludus.serve.learner.rollouts import PixelBody, RolloutBody, VectorBody, read_pixels, read_vectors, unpack_rollout
from ludus.serve.wire import Name, RefusedError

RAW = "application/octet-stream"
MOST_WAITING = 8
"""Rollouts that are read or wait for their update; more are refused, and their workers play on."""
MOST_JSON_BYTES = 8 * MIB
"""Of vectors, whose numbers take many times as much when they are read."""
BODY_BYTES = (("/push_rollout", 64 * MIB),)
NOTHING_NEWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {RAW: {"schema": {"type": "string", "format": "binary"}}}},
    204: {"description": "there is nothing newer"},
}
STATUS = {"unknown_policy": 404, "invalid": 422, "diverged": 422, "busy": 503}
"""Of a refused rollout, by its reason; 409 for all others."""


class RegisterBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """A worker that would play."""

    instance_id: Name
    policy_name: Name
    capabilities: dict[str, Any] = {}
    """`obs_dim` of vectors, or `obs_kind` pixels."""


REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"model": Refusal} for code in (400, 401, 403, 404, 409, 413, 415, 422, 503)
}
_REGISTER, _VECTORS, _PIXELS = (msgspec.json.Decoder(kind) for kind in (RegisterBody, VectorBody, PixelBody))


class School:
    """The learners of a process, and the folder of runs that merging reads and writes."""

    def __init__(self, learners: dict[str, Learner], runs: Path) -> None:
        self.learners, self.runs = learners, runs
        self._waiting = 0

    def learner(self, policy: str) -> Learner:
        """Give the learner of a policy. Raises `RolloutError`."""
        if policy not in self.learners:
            told = f"policy_name is {policy!r}; {nearest(policy, self.learners)}"
            raise RolloutError("unknown_policy", told, field="policy_name")
        return self.learners[policy]

    async def push(self, request: Request, job: Callable[[bytes], dict[str, Any]]) -> dict[str, Any]:
        """Read a rollout and learn from it in a thread, so that weights can be had meanwhile."""
        if self._waiting >= MOST_WAITING:
            raise RolloutError("busy", f"{MOST_WAITING} rollouts wait for their update; play on, and push the next.")
        self._waiting += 1
        try:
            return await run_in_threadpool(job, await request.body())
        finally:
            self._waiting -= 1

    def take(self, body: RolloutBody, read: Callable[[Any, Agent], Played]) -> dict[str, Any]:
        """Learn from a rollout of the seed's form."""
        learner = self.learner(body.policy_name)
        played = read(body, learner.state.agent)
        if body.eval_mode:
            return {"ok": True, "losses": {}, "version": learner.version, "trained": False}
        return _told(learner.push(played))

    def take_raw(self, data: bytes, policy: str, worker: str, version: int | None) -> dict[str, Any]:
        """Learn from a rollout of our own form."""
        learner = self.learner(policy)
        rollout, returns = unpack_rollout(data, learner.state.agent)
        return _told(learner.push(Played(worker, version, rollout, returns)))


def create_learner_app(school: School, keys: Keys, *, host: str = "127.0.0.1") -> ASGIApp:
    """Give the app of learners, whose changes need the token."""
    app = FastAPI(title="Ludus learner", version=ludus.__version__, docs_url=None, redoc_url=None)
    for router in (_worker_routes(school), _rollout_routes(school), merge_routes(school.learners, school.runs)):
        app.include_router(router, responses=REFUSALS)
    handle_errors(app)
    publish(app, wire.components(RegisterBody, VectorBody, PixelBody, MergeBody, PoliciesBody))

    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RolloutError), error
        status = STATUS.get(error.reason, 409)
        headers = {"retry-after": "1"} if status == 503 else None
        return JSONResponse(RefusedError(status, error.reason, str(error), **error.told).to_json(), status, headers)

    app.add_exception_handler(RolloutError, refused)
    rules = rules_for(host, body_bytes=BODY_BYTES, raw_paths=("/push_rollout",))
    return Door(app, keys, rules)


def run_learners(school: School, keys: Keys, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve learners until told to stop, then save them; `ready` is told the URL. Raises `InputError`."""
    bound = bind(host, port)
    server = server_for(create_learner_app(school, keys, host=host))

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        ready(f"http://{f'[{host}]' if ':' in host else host}:{bound.getsockname()[1]}")  # the socket waits already
        await serve([(server, [bound])], stop)

    try:
        uvloop.run(run())
    finally:
        for learner in school.learners.values():
            learner.save()


def _worker_routes(school: School) -> APIRouter:
    router = APIRouter(tags=["workers"])

    @router.get("/healthz", response_model=Health)
    async def healthz() -> dict[str, Any]:
        """Say that the process lives."""
        return {"ok": True}

    @router.post("/register_worker", response_model=Registration, openapi_extra=wire.body_of(RegisterBody))
    async def register_worker(request: Request) -> dict[str, Any]:
        """Take a worker in, and give it what it needs to play."""
        body: RegisterBody = wire.read(_REGISTER, await request.body())
        learner = school.learner(body.policy_name)
        _check_capabilities(body.capabilities, learner)
        told = learner.register(body.instance_id)
        recipe = told.recipe.model_dump(mode="json")
        return {
            "ok": True,
            "policy_name": told.policy,
            "version": told.weights.version,
            "seed": told.seed,
            "recipe": recipe,
        }

    @router.get("/get_weights", response_model=WeightsTold, responses=NOTHING_NEWER)
    def get_weights(
        request: Request, policy_name: str, since_version: Annotated[int, Query(ge=-1, le=2**53)] = -1
    ) -> Response:
        """Give the newest weights, safetensors in base64, or as they are to those who accept octets."""
        weights = school.learner(policy_name).weights(since_version)
        if weights is None:
            return Response(status_code=204)
        if request.headers.get("accept") == RAW:
            return Response(weights.data, media_type=RAW, headers={"x-ludus-version": str(weights.version)})
        coded = base64.b64encode(weights.data).decode()
        told = {"policy_name": policy_name, "weights_b64": coded, "version": weights.version}
        return JSONResponse(told | {"format": "safetensors"})

    @router.get("/metrics", response_model=Standings)
    def get_metrics(policy_name: str | None = None) -> dict[str, Any]:
        """Tell how policies stand, or how one does."""
        chosen = school.learners if policy_name is None else {policy_name: school.learner(policy_name)}
        return {"policies": {name: _standing(learner) for name, learner in chosen.items()}}

    return router


def _rollout_routes(school: School) -> APIRouter:
    router = APIRouter(tags=["rollouts"])

    @router.post("/push_rollout", response_model=Pushed, openapi_extra=wire.body_of(VectorBody, raw=RAW))
    async def push_rollout(
        request: Request,
        policy_name: str = "",
        instance_id: str = "",
        policy_version: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    ) -> dict[str, Any]:
        """Learn from a rollout: the seed's JSON, or our own octets, whose worker and version the address tells."""

        def learn(data: bytes) -> dict[str, Any]:
            if request.headers.get("content-type") == RAW:
                return school.take_raw(data, policy_name, instance_id, policy_version)
            if len(data) > MOST_JSON_BYTES:
                told = f"the JSON is larger than {MOST_JSON_BYTES} bytes; push fewer steps, or {RAW}."
                raise RefusedError(413, "too_large", told)
            return school.take(wire.read(_VECTORS, data), read_vectors)

        return await school.push(request, learn)

    @router.post("/push_rollout_pixels", response_model=Pushed, openapi_extra=wire.body_of(PixelBody))
    async def push_rollout_pixels(request: Request) -> dict[str, Any]:
        """Learn from a rollout of pictures."""
        return await school.push(request, lambda data: school.take(wire.read(_PIXELS, data), read_pixels))

    return router


def _told(receipt: Receipt) -> dict[str, Any]:
    told = asdict(receipt)
    return {"ok": True, "losses": told.pop("metrics"), "trained": True, **told}


def _standing(learner: Learner) -> dict[str, Any]:
    names = ("version", "step", "progress", "elapsed_s", "refused", "workers", "metrics")
    return {name: getattr(learner, name) for name in names}


def _check_capabilities(told: Mapping[str, Any], learner: Learner) -> None:
    """Refuse a worker that sees something else than the policy."""
    stacked = learner.state.agent.door.stacked
    if len(stacked) > 2 and "obs_dim" in told and told.get("obs_kind") != "pixels":
        raise _refused("capabilities.obs_dim", f"is given, but the policy sees pictures {list(stacked)}")
    if len(stacked) == 2 and told.get("obs_kind") == "pixels":
        raise _refused("capabilities.obs_kind", f"is 'pixels', but the policy sees vectors {list(stacked)}")
    size = stacked[0] * stacked[1]
    if len(stacked) == 2 and told.get("obs_dim", size) != size:
        raise _refused("capabilities.obs_dim", f"is {str(told['obs_dim'])[:40]}, the policy sees {size} numbers")


def _refused(field: str, detail: str) -> RefusedError:
    return RefusedError(422, "invalid", f"{field}: {detail}.", field=field)
