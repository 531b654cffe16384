"""Episodes and films over HTTP. What is in a URL is an id, which is looked up; no path comes from outside."""

from __future__ import annotations

import re
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import FileResponse

from ludus.serve import wire
from ludus.serve.api.answers import Clip, Episode, EpisodeNames, Episodes, Highlight, Refusal
from ludus.serve.api.films import receive_film
from ludus.serve.api.lab import Lab
from ludus.serve.store.lines import Order, Outcome, Wanted
from ludus.serve.store.shelf import KINDS
from ludus.serve.wire import RefusedError

FILM = re.compile(r"[0-9a-f]{64}\.(mp4|webm|png|jpg)")
RunId = Annotated[str, Path(max_length=200, pattern=wire.PRINTABLE)]
EpisodeId = Annotated[str, Path(max_length=400, pattern=wire.PRINTABLE)]
Text = Annotated[str | None, Query(max_length=200, pattern=wire.PRINTABLE)]
Policy = Annotated[
    str | None, Query(max_length=400, pattern=wire.PRINTABLE, description="Its name or path; the last part counts.")
]
WORDS = "Words, each of which is in the id, the scenario, the policy or `seed N`."
Before = Annotated[int | None, Query(ge=0, le=2**53)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Status = Literal["pending", "ready", "skipped", "failed", "rerenderable"]
MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Refusal}}


def record_routes(lab: Lab) -> APIRouter:
    """Give the routes of what is kept."""
    router = APIRouter(tags=["records"])
    _episode_routes(router, lab)
    _film_routes(router, lab)
    return router


def _episode_routes(router: APIRouter, lab: Lab) -> None:
    @router.get("/episodes", response_model=Episodes)
    def get_episodes(
        run: Text = None,
        scenario: Text = None,
        policy: Policy = None,
        verdict: Text = None,
        outcome: Annotated[Outcome | None, Query(description="How they ended; some, being cut off, have none.")] = None,
        video: Annotated[bool | None, Query(description="Only those with a film, or only those without.")] = None,
        min_return: Annotated[float | None, Query(allow_inf_nan=False)] = None,
        q: Annotated[str, Query(max_length=200, pattern=wire.PRINTABLE, description=WORDS)] = "",
        order: Annotated[Order, Query(description="`best` and `worst` by return, `noticed` by verdicts.")] = "newest",
        limit: Limit = 200,
        offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
        before: Annotated[int | None, Query(ge=0, le=2**53, description="Only those with a lower `number`.")] = None,
    ) -> dict[str, Any]:
        """List episodes, a page of them, and tell how many there are in all of the kind that is asked for."""
        wanted = Wanted(
            run=run,
            scenario=scenario,
            policy=policy,
            verdict=verdict,
            outcome=outcome,
            video=video,
            min_return=min_return,
            q=q,
        )
        found = lab.store.episodes(limit, wanted, order=order, offset=offset, before=before)
        return {"total": lab.store.episode_count(wanted), "episodes": found}

    @router.get("/episodes/names", response_model=EpisodeNames)
    def get_episode_names() -> dict[str, list[str]]:
        """List the runs, scenarios, policies and verdicts that there are episodes of: what can be asked for."""
        return lab.store.episode_names()

    @router.get("/episodes/{id}", response_model=Episode, responses=MISSING)
    def get_episode(id: EpisodeId) -> dict[str, Any]:  # noqa: A002 # the word of the path
        """Show an episode."""
        return find_episode(lab, id)

    @router.get("/episodes/{id}/{part}", response_class=FileResponse, responses=MISSING)
    def get_part(id: EpisodeId, part: Literal["video", "trace", "steps", "events", "thumb"]) -> FileResponse:  # noqa: A002
        """Give a file of an episode; videos in ranges too."""
        path = part_of(lab, find_episode(lab, id), part)
        if path is None:
            raise missing(part, id)
        return _file(path)


def _film_routes(router: APIRouter, lab: Lab) -> None:
    @router.get("/clips", response_model=list[Clip])
    def get_clips(limit: Limit = 200, before: Before = None, status: Status | None = None) -> list[Clip]:
        """List the newest clips, newest first."""
        return [Clip.of(row) for row in lab.store.clips(limit, before=before, status=status)]

    @router.get("/highlights/{name}", response_class=FileResponse, responses=MISSING)
    def get_highlight(name: Annotated[str, Path(max_length=200)]) -> FileResponse:
        """Give a film by the name under which it was handed in, in ranges too."""
        path = lab.highlights / name
        if not FILM.fullmatch(name) or path.is_symlink() or not path.is_file():
            raise missing("highlight", name)
        return _file(path)

    @router.post("/highlights", response_model=Highlight, status_code=201)
    async def post_highlight(request: Request) -> Highlight:
        """Take a film, the body as it is; it is kept under the sha256 of its bytes."""
        return await receive_film(request.stream(), lab.highlights)


def find_episode(lab: Lab, id_: str) -> dict[str, Any]:
    """Give the line of an episode. Raises `RefusedError`."""
    found = lab.store.episode(id_)
    if found is None:
        raise missing("episode", id_)
    return found


def part_of(lab: Lab, told: dict[str, Any], part: str) -> FilePath | None:
    """Give a file of an episode, as its line names it; None where it is not there."""
    run, _, short = told["id"].partition(":")
    found = told.get("video") if part == "video" else told.get("files", {}).get(part)
    name = f"thumbs/{short}.png" if part == "thumb" else found.get("path") if isinstance(found, dict) else None
    return lab.shelf.file(run, name) if isinstance(name, str) else None


def _file(path: FilePath) -> FileResponse:
    return FileResponse(path, media_type=KINDS[path.suffix], content_disposition_type="inline", filename=path.name)


def missing(what: str, name: str) -> RefusedError:
    """Give the refusal of an id that names nothing."""
    return RefusedError(404, "not_found", f"there is no {what} {name[:80]!r}.")
