"""The shapes of what learners answer, for their OpenAPI document and whoever writes a worker of their own."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from ludus.serve.api.answers import Answer


class Registration(BaseModel):
    """What a worker needs to begin."""

    ok: bool = True
    policy_name: str
    version: int
    """Of the newest weights."""
    seed: int
    """Of the worker's lanes and chances."""
    recipe: dict[str, Any]
    """All settings: game, net, how it learns."""


class WeightsTold(BaseModel):
    """Weights, to those who do not ask for octets."""

    policy_name: str
    weights_b64: str
    """Safetensors in base64."""
    version: int
    format: Literal["safetensors"] = "safetensors"


class Pushed(BaseModel):
    """What became of a rollout."""

    ok: bool = True
    trained: bool
    """False of an evaluation, which nothing is learned from."""
    version: int
    losses: dict[str, float]
    lag: int | None = None
    """Versions that the weights that played were behind; None where the rollout did not say."""
    corrected: bool | None = None
    """By V-trace."""
    step: int | None = None
    """Steps that were learned from so far."""
    done: bool | None = None
    """Enough is learned: a worker may stop."""


class Standing(BaseModel):
    """How a policy stands."""

    version: int
    step: int
    progress: float
    elapsed_s: float
    refused: int
    workers: dict[str, int | None]
    """Registered ones, and the version that each played with last."""
    metrics: dict[str, float]


class Standings(BaseModel):
    """How policies stand, by name."""

    policies: dict[str, Standing]


class Merging(Answer):
    """What a merge came to."""

    promoted: bool
    reason: str
    settings: dict[str, Any]
    ancestor: dict[str, Any]
    sources: list[dict[str, Any]]
    kept: list[str]
    """Weights that stayed the ancestor's."""
    similarity: dict[str, Any]
    gate: dict[str, Any] | None
    """None where nothing was played."""
    checkpoint: str | None
    digest: str | None
    """sha256 of the merged weights."""


class Merged(BaseModel):
    """A merge, and where its run is."""

    ok: bool = True
    target: str
    report: Merging
