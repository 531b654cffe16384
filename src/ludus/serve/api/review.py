"""One episode, step by step, over HTTP: what was done, earned and happened, how it looked, how near a goal it came."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from fastapi import APIRouter, Path, Query
from pyarrow import ArrowException
from pydantic import BaseModel
from starlette.responses import Response

from ludus.core.errors import LudusError
from ludus.core.events import from_json, to_json
from ludus.core.types import Event
from ludus.episodes.pictures import png
from ludus.episodes.steps import Steps, read_steps
from ludus.gameboy.codec import CODECS
from ludus.goals.artefact import load_goal
from ludus.serve.api.answers import Answer, Refusal
from ludus.serve.api.judges import GREYS, PNG, find_goal
from ludus.serve.api.lab import Lab
from ludus.serve.api.records import MISSING, EpisodeId, find_episode, missing, read_part
from ludus.serve.api.rewatch import Rewatch, Watched, nearness
from ludus.serve.store.lines import table
from ludus.serve.wire import RefusedError

Name = Annotated[str, Query(max_length=120)]
REPLAYED: dict[int | str, dict[str, Any]] = {**MISSING, 409: {"model": Refusal}}


class StepEvent(Answer):
    """An event of an episode."""

    step: int
    """The step that brought it, from 0."""
    event_type: str
    tick: int
    stage_id: str
    payload: dict[str, Any]


class Timeline(BaseModel):
    """An episode in columns, one entry for each step; step i is frame i of the film."""

    id: str
    steps: int
    step_s: float | None
    """Seconds of game time in a step."""
    action_names: list[str] | None
    """What the numbers of actions mean, as the run told; None where nobody knows."""
    action: list[Any]
    """A number, or a list of them."""
    reward: list[float | None]
    value: list[float | None] | None
    """What the policy expected; None where it told nothing."""
    log_prob: list[float | None] | None
    tick: list[int]
    """Game time after the step."""
    terminated: bool
    truncated: bool
    events: list[StepEvent]


class DistanceCurve(BaseModel):
    """How far an episode was from a goal: 0 where equal, 1 for black on white."""

    id: str
    goal: str
    tau: float
    """A step counts that is nearer."""
    k_consecutive: int
    """Steps in a row that have to count."""
    before: float
    """Of the frame before any action, which does not count."""
    distance: list[float]
    """One for each step."""
    consec: list[int]
    """Steps in a row that counted."""
    reached: int | None
    """The step with which the goal is done."""
    nearest: int | None
    """The step that comes nearest."""


def review_routes(lab: Lab) -> APIRouter:
    """Give the routes about the steps of one episode."""
    router = APIRouter(tags=["records"])
    rewatch = Rewatch()

    @router.get("/episodes/{id}/timeline", response_model=Timeline, responses=REPLAYED)
    def get_timeline(id: EpisodeId) -> dict[str, Any]:  # noqa: A002 # the word of the path
        """Show what was done, earned and expected at every step, and what happened."""
        told = find_episode(lab, id)
        held, happened = (read_part(lab, told, part) for part in ("steps", "events"))
        if held is None:
            raise missing("steps", id)
        try:
            steps = read_steps(held)
            events = _events(happened or b"", steps)
        except (LudusError, ArrowException, KeyError, ValueError) as error:
            raise RefusedError(409, "damaged", f"the steps of {id} cannot be read: {error}.") from error
        return {"id": id, **_columns(steps, _about(lab, id)), "events": events}

    @router.get("/episodes/{id}/distance", response_model=DistanceCurve, responses=REPLAYED)
    def get_distance(id: EpisodeId, goal: Name) -> dict[str, Any]:  # noqa: A002
        """Show how near an episode came to a goal, step by step; it is played again for that."""
        folder = find_goal(lab, goal)
        watched = _watch(lab, rewatch, id)
        try:
            found = load_goal(folder)
            near = nearness(watched, found)
        except LudusError as error:
            raise RefusedError(409, "goal_does_not_fit", str(error)) from error
        return {
            "id": id,
            "goal": goal,
            "tau": found.meta.tau,
            "k_consecutive": found.meta.k_consecutive,
            "before": near.before,
            "distance": near.distance.tolist(),
            "consec": near.consec.tolist(),
            "reached": near.reached,
            "nearest": int(near.distance.argmin()) if len(near.distance) else None,
        }

    @router.get("/episodes/{id}/frames/{step}", response_class=Response, responses=REPLAYED | PNG)
    def get_frame(id: EpisodeId, step: Annotated[int, Path(ge=0, le=2**53)]) -> Response:  # noqa: A002
        """Give the picture after a step as PNG, a pixel for each that was seen; it is played again for that."""
        watched = _watch(lab, rewatch, id)
        if step + 1 >= len(watched.frames):
            raise missing("step", str(step))
        return Response(png(GREYS[watched.frames[step + 1]]), media_type="image/png")

    return router


def _watch(lab: Lab, rewatch: Rewatch, id_: str) -> Watched:
    told = find_episode(lab, id_)
    trace = read_part(lab, told, "trace")
    if trace is None:
        raise missing("trace", id_)
    run, _, short = id_.partition(":")
    try:
        return rewatch.watch(lab.shelf.root / run, told | {"id": short}, trace)
    except LudusError as error:
        raise RefusedError(409, "not_playable", str(error)) from error


def _about(lab: Lab, id_: str) -> Mapping[str, Any]:
    """Give the `run.json` of an episode's run, which may tell nothing."""
    return table((lab.store.run(id_.partition(":")[0]) or {}).get("run"))


def _action_names(about: Mapping[str, Any], codec: Any) -> list[str] | None:
    """Give the names that a run told; those of a codec do for runs from before any was told."""
    told = about.get("action_names")
    if isinstance(told, list) and all(isinstance(name, str) for name in told):
        return told
    return list(CODECS[codec].names) if isinstance(codec, str) and codec in CODECS else None


def _columns(steps: Steps, about: Mapping[str, Any]) -> dict[str, Any]:
    world = table(table(about.get("facts")).get("world"))
    hz, per_step, codec = (world.get(name) for name in ("tick_hz", "ticks_per_step", "codec"))
    timed = isinstance(hz, float | int) and isinstance(per_step, int) and hz > 0
    return {
        "steps": len(steps),
        "step_s": per_step / hz if timed else None,  # type: ignore[operator] # `timed` says that both are numbers
        "action_names": _action_names(about, codec),
        "action": steps.actions.tolist(),
        "reward": _short(steps.reward),
        "value": None if steps.value is None else _short(steps.value),
        "log_prob": None if steps.log_prob is None else _short(steps.log_prob),
        "tick": steps.tick.tolist(),
        "terminated": steps.terminated,
        "truncated": steps.truncated,
    }


def _short(column: npt.NDArray[np.float32]) -> list[float | None]:
    """Give float32 in as few digits as tell them apart, None for what JSON has no number for."""
    return [value if math.isfinite(value := float(str(number))) else None for number in column]


def _events(happened: bytes, steps: Steps) -> list[dict[str, Any]]:
    """Give events, each with the first step whose time is not before its own."""
    if not len(steps):
        return []
    lines = enumerate(happened.splitlines(), start=1)
    told = [from_json(json.loads(row), where=f"line {line}") for line, row in lines]
    found = np.searchsorted(steps.tick, [event.tick for event in told]).clip(max=len(steps) - 1).tolist()
    return [_event(event, step) for event, step in zip(told, found, strict=True)]


def _event(event: Event, step: int) -> dict[str, Any]:
    return to_json(event) | {"step": step}
