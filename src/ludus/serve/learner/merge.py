"""Agents are merged over HTTP, by the seed's body and by that of old."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter
from msgspec import Meta, Raw, Struct
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from ludus.core.errors import AncestryError, InputError, nearest
from ludus.learn.merge import MergeConfig
from ludus.run.learner import Learner
from ludus.run.merge import Trial, merge
from ludus.serve import wire
from ludus.serve.learner.answers import Merged
from ludus.serve.wire import Name, RefusedError

NAME = re.compile(r"[A-Za-z0-9._-]{1,80}")


class MergeBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """Agents to make one of; runs by name."""

    sources: Annotated[list[Name], Meta(min_length=2, max_length=16)]
    target: Name = "God"
    method: str = "ties"
    density: float | None = None
    ancestor: Name | None = None
    episodes: Annotated[int, Meta(ge=0, le=10_000)] = 0
    """To judge by, of each role and agent; 0 to judge nothing, and then nothing is promoted."""
    dry_run: bool = False


class PoliciesBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """The same in the words of old."""

    source_policies: Annotated[list[Name], Meta(min_length=2, max_length=16)]
    target_policy: Name = "God"
    base_policy: Name | None = None
    method: str = "ties"
    topk: float | None = None
    dry_run: bool = False

    def body(self) -> MergeBody:
        """Give it in ours; `weighted` is the linear method."""
        return MergeBody(
            sources=self.source_policies,
            target=self.target_policy,
            method="linear" if self.method == "weighted" else self.method,
            density=self.topk,
            ancestor=self.base_policy,
            dry_run=self.dry_run,
        )


_FIELDS, _MERGE, _POLICIES = (msgspec.json.Decoder(kind) for kind in (dict[str, Raw], MergeBody, PoliciesBody))


class _Merging:
    """The runs of a folder, those of learners among them, to be merged one merge at a time."""

    def __init__(self, learners: Mapping[str, Learner], runs: Path) -> None:
        self._learners, self._runs = learners, runs
        self._lock = threading.Lock()

    def merge(self, body: MergeBody) -> dict[str, Any]:
        """Merge runs, learners' newest weights among them, and give the report. Raises `RefusedError`."""
        named = {"sources": body.sources, "ancestor": [body.ancestor] if body.ancestor else []}
        for field, names in named.items():
            for name in names:
                self._save(name, field)
        if body.target in self._learners or body.target in (*body.sources, body.ancestor) or not _safe(body.target):
            raise _refused("target", f"{body.target!r} is taken; name another")
        more = {} if body.density is None else {"density": body.density}
        if not self._lock.acquire(blocking=False):
            raise RefusedError(503, "busy", "another merge is under way; ask again when it is done.")
        try:
            report = merge(
                [self._runs / name for name in body.sources],
                self._runs / body.target,
                config=MergeConfig.model_validate({"method": body.method} | more),
                trial=Trial(episodes=body.episodes) if body.episodes else None,
                ancestor=self._runs / body.ancestor if body.ancestor else None,
                dry_run=body.dry_run,
            )
        except AncestryError as error:
            raise RefusedError(409, "no_ancestor", str(error), field="sources") from error
        except InputError as error:
            raise RefusedError(422, "invalid", str(error), field="sources") from error
        except ValidationError as error:
            problem = error.errors()[0]
            field = str(problem["loc"][0])
            raise _refused(field, problem["msg"]) from error
        finally:
            self._lock.release()
        told = json.loads(json.dumps(asdict(report)), parse_constant=lambda _: None)  # JSON has no word for NaN
        return {"ok": True, "target": body.target, "report": told}

    def _save(self, name: str, field: str) -> None:
        if not _safe(name):
            raise _refused(field, f"{name!r} is no name of a run")
        if name in self._learners:
            self._learners[name].save()
        if not (self._runs / name).is_dir():
            known = [path.name for path in self._runs.iterdir()] if self._runs.is_dir() else []
            detail = f"{field}: there is no run {name!r}; {nearest(name, known)}"
            raise RefusedError(404, "not_found", detail, field=field)


def merge_routes(learners: Mapping[str, Learner], runs: Path) -> APIRouter:
    """Give the routes of merging."""
    merging = _Merging(learners, runs)
    router = APIRouter(tags=["merging"])

    async def post_merge(request: Request) -> dict[str, Any]:
        """Make one agent of several that come from one, and tell how alike they are and what became of it."""
        data = await request.body()
        if "source_policies" in wire.read(_FIELDS, data):
            body = wire.read(_POLICIES, data).body()
        else:
            body = wire.read(_MERGE, data)
        return await run_in_threadpool(merging.merge, body)

    for path in ("/learner/merge", "/merge_policies"):
        router.post(path, response_model=Merged, openapi_extra=wire.body_of(MergeBody, PoliciesBody))(post_merge)
    return router


def _safe(name: str) -> bool:
    return NAME.fullmatch(name) is not None and not name.startswith(".")


def _refused(field: str, detail: str) -> RefusedError:
    return RefusedError(422, "invalid", f"{field}: {detail}.", field=field)
