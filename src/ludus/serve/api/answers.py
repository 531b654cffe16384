"""The shapes of what the orchestrator answers; what is not named here is passed on as it was told."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from ludus.serve.store.tables import ClipRow


class Answer(BaseModel):
    """An object that may hold more than its type names."""

    model_config = ConfigDict(extra="allow")


class Refusal(Answer):
    """Why a request was refused."""

    ok: bool = False
    error: str
    """For programs: one word."""
    detail: str
    """For people: one sentence."""


class Event(Answer):
    """An event, as it is kept."""

    seq: int
    event_id: str
    event_type: str
    tick: int
    ts: float
    run_id: str
    episode_id: str
    stage_id: str
    instance_id: str
    payload: dict[str, Any]


class Receipt(BaseModel):
    """What became of a batch; it is sent after the commit."""

    ok: bool = True
    accepted: int
    duplicates: int
    last_seq: int


class FeatAnswer(Answer):
    """A feat, as in its file, and how rare it is."""

    id: str
    name: str
    rarity: float | None = None
    """Share of runs that unlocked it; None before the first run."""
    unlocks: int = 0
    """How often it was unlocked."""


class Progress(BaseModel):
    """How much of each feat is done in an episode under way."""

    worker: str
    instance_id: str
    run_id: str
    episode_id: str
    tick: int
    """Game time that it has reached."""
    progress: dict[str, float]
    """Feat -> 0 to 1; 1 where it has unlocked and cannot do so again."""


class Unlock(Answer):
    """An unlock of a feat."""

    id: int
    seq: int
    """Number of the event that caused it."""
    feat_id: str
    name: str
    tier: str
    hall: str
    scope: str
    seen_key: str
    ts: float | None
    run_id: str
    episode_id: str
    instance_id: str
    score: float | None = None
    clip_status: str | None = None
    clip_url: str | None = None
    poster_url: str | None = None
    """A picture of the clip's moment."""
    reason: dict[str, Any] | None = None


class Halls(BaseModel):
    """The newest of both halls, newest first."""

    fame: list[Unlock]
    shame: list[Unlock]
    timestamp: float


class Validation(BaseModel):
    """What feats need to be told and are not, judged by what came of late."""

    ok: bool
    summary: dict[str, list[str] | int]
    unreachable: list[dict[str, Any]]
    notes: list[str]


class Goal(BaseModel):
    """A goal, as its artefact tells."""

    id: str
    meta: dict[str, Any] | None = None
    error: str | None = None
    """Why it cannot be read."""


class GateReceipt(BaseModel):
    """What a goal's gate has left of a trace that did not pass it."""

    trace_id: str
    """Digest of the frames that the trace showed."""
    failure: str
    command: str
    """Does it again."""
    device: str
    steps: int
    made: float
    """Seconds since 1970."""
    distance: list[float]
    """How far each step was from the goal, in the lane that came nearest."""


class Run(BaseModel):
    """A run that events, metrics or a folder told of, as a list has it."""

    run_id: str
    began: float
    kind: Literal["train", "eval", "told"]
    """Told: only events or metrics speak of it."""
    game: str | None
    role: str | None
    policy: str | None
    """Who played, in an evaluation."""
    seed: int | None
    folder: bool
    """Whether it has a folder here, whose episodes can be shown."""
    group: str | None
    """The same for runs that differ in nothing but their seed; None of those that tell no settings."""


class MadeCheckpoint(BaseModel):
    """The newest checkpoint of a run."""

    digest: str
    """sha256 of its weights, by which others name it as their parent."""
    step: int
    updates: int
    parent: str | None
    lineage: list[str]


class RunDetail(Run):
    """A run, with all that its folder tells of how it came to be."""

    policy_digest: str | None
    settings: dict[str, Any] | None
    """All settings of a training, or what was asked of an evaluation."""
    run: dict[str, Any] | None
    """Its run.json, whole."""
    episodes: int
    checkpoint: MadeCheckpoint | None
    parent: str | None
    """sha256 of the weights that its own began with."""
    lineage: list[str]
    """Digests of all that its weights come from, nearest first."""


class Curve(BaseModel):
    """A metric in equally long lists, one entry for each part of the run."""

    step: list[int]
    """The last of the part."""
    count: list[int]
    mean: list[float]
    min: list[float]
    max: list[float]
    last: list[float]
    time: list[float | None]
    """Seconds since 1970 of the newest value; None where nobody told."""


class Curves(BaseModel):
    """Curves of a run's metrics."""

    run_id: str
    curves: dict[str, Curve]


class Episode(Answer):
    """A line of a manifest."""

    id: str
    """`RUN:EPISODE`."""
    number: int
    """Place in the order in which episodes became known, for `before`."""


class Episodes(BaseModel):
    """A page of the episodes that were asked for."""

    total: int
    """How many there are in all, on other pages too."""
    episodes: list[Episode]


class EpisodeNames(BaseModel):
    """What episodes can be asked for by, in order."""

    runs: list[str]
    scenarios: list[str]
    policies: list[str]
    verdicts: list[str]


class Clip(BaseModel):
    """A clip that a worker is to make, or has made."""

    id: int
    """That of its unlock."""
    worker: str
    status: str
    wish: dict[str, Any]
    clip: dict[str, Any]

    @classmethod
    def of(cls, row: ClipRow) -> Clip:
        """Give the answer for a row."""
        return cls(id=row.id, worker=row.worker, status=row.status, wish=dict(row.wish), clip=dict(row.clip))


class Worker(BaseModel):
    """A worker, and what it last told of itself."""

    worker: str
    seen: float
    alive: bool
    status: dict[str, Any]


class Synced(BaseModel):
    """What a worker is to do."""

    clips: list[Clip]
    now: float


class Highlight(BaseModel):
    """A film that was handed in."""

    clip_url: str
    sha256: str
    filesize_bytes: int


class Health(Answer):
    """Whether all is well, and if not, what is wrong."""

    ok: bool
    problems: list[str] = []
