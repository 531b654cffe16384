"""Episodes and films over HTTP. What is in a URL is an id, which is looked up; no path comes from outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import Annotated, Any, BinaryIO, Literal

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import FileResponse

from ludus.serve import wire
from ludus.serve.api.answers import Clip, Episode, EpisodeNames, Episodes, Highlight, Refusal
from ludus.serve.api.films import receive_film
from ludus.serve.api.lab import Lab
from ludus.serve.beneath import NotPlainError, OpenedResponse, open_beneath
from ludus.serve.store.lines import Order, Outcome, Wanted, table
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
        found = part_of(lab, find_episode(lab, id), part)
        if found is None:
            raise missing(part, id)
        return _answer(*found)


def _film_routes(router: APIRouter, lab: Lab) -> None:
    @router.get("/clips", response_model=list[Clip])
    def get_clips(limit: Limit = 200, before: Before = None, status: Status | None = None) -> list[Clip]:
        """List the newest clips, newest first."""
        return [Clip.of(row) for row in lab.store.clips(limit, before=before, status=status)]

    @router.get("/highlights/{name}", response_class=FileResponse, responses=MISSING)
    def get_highlight(name: Annotated[str, Path(max_length=200)]) -> FileResponse:
        """Give a film by the name under which it was handed in, in ranges too."""
        if not FILM.fullmatch(name):
            raise missing("highlight", name)
        try:
            with plain():
                return _answer(name, open_beneath(lab.highlights, name))
        except OSError as error:
            raise missing("highlight", name) from error

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


def part_of(lab: Lab, told: dict[str, Any], part: str) -> tuple[str, BinaryIO] | None:
    """Give a file of an episode, its name and it opened, as its line names it; None where it is not there.

    Raises `RefusedError` where a link leads to it.
    """
    run, _, short = told["id"].partition(":")
    found = table(told.get("video") if part == "video" else table(told.get("files")).get(part)).get("path")
    name = f"thumbs/{short}.png" if part == "thumb" else found
    if not isinstance(name, str):
        return None
    with plain():
        file = lab.shelf.open(run, name)
    return (name, file) if file else None


def read_part(lab: Lab, told: dict[str, Any], part: str) -> bytes | None:
    """Give the bytes of a file of an episode; None where it is not there. Raises `RefusedError`."""
    found = part_of(lab, told, part)
    if found is None:
        return None
    with found[1] as file:
        return file.read()


@contextmanager
def plain() -> Iterator[None]:
    """Refuse what is no plain file."""
    try:
        yield
    except NotPlainError as error:
        raise RefusedError(404, "not_plain", str(error)) from error


def _answer(name: str, file: BinaryIO) -> OpenedResponse:
    path = PurePath(name)
    return OpenedResponse(file, media_type=KINDS[path.suffix], content_disposition_type="inline", filename=path.name)


def missing(what: str, name: str) -> RefusedError:
    """Give the refusal of an id that names nothing."""
    return RefusedError(404, "not_found", f"there is no {what} {name[:80]!r}.")
