"""Traces on disk: one JSON object an episode, with all that is needed to play it again and to know that it came out.

    {"schema_version": 1, "id": "potyard__7__0", "world": "gameboy:potyard", "start": 7,
     "codec": "pokemonred_puffer_v1", "dtype": "int64", "shape": [113], "actions": [3, 0, ...],
     "digest": "..."}

`start` is the seed that a World is reset with. `actions` are flat, in C order; numbers of floating-point actions are
written so that they come back bit for bit. `digest` chains (`ludus.core.digest.roll`) the frame of the reset and then
the frame of every step, as raw bytes in C order.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from ludus.core.errors import TraceError
from ludus.core.types import Trace

SCHEMA_VERSION = 1
FIELDS = {"schema_version", "id", "world", "start", "codec", "dtype", "shape", "actions", "digest"}


@dataclass(frozen=True, slots=True, eq=False)
class EpisodeTrace:
    """A trace of one lane, and the episode and World that it belongs to."""

    id: str
    world: str
    trace: Trace

    @property
    def steps(self) -> int:
        """T."""
        return len(self.trace.actions)


def pack(told: EpisodeTrace) -> bytes:
    """Give a trace of one lane as JSON."""
    actions = told.trace.actions[:, 0]
    body = {
        "schema_version": SCHEMA_VERSION,
        "id": told.id,
        "world": told.world,
        "start": told.trace.start[0],
        "codec": told.trace.codec,
        "dtype": actions.dtype.name,
        "shape": list(actions.shape),
        "actions": actions.ravel().tolist(),
        "digest": told.trace.digest,
    }
    return (json.dumps(body, allow_nan=False, separators=(",", ":")) + "\n").encode()


def unpack(data: bytes, name: str) -> EpisodeTrace:
    """Give the trace in a file's bytes. Raises `TraceError` that names the file and what does not fit."""
    try:
        body = json.loads(data)
    except ValueError as error:
        raise TraceError(f"{name}: {error}; the file is damaged, play the episode again with --resume.") from error
    if not isinstance(body, dict) or body.keys() != FIELDS or body["schema_version"] != SCHEMA_VERSION:
        keys = sorted(body) if isinstance(body, dict) else type(body).__name__
        raise TraceError(f"{name}: holds {keys}, expected {sorted(FIELDS)} in schema version {SCHEMA_VERSION}.")
    try:
        actions = _actions(body)
    except (TypeError, ValueError, OverflowError) as error:
        raise TraceError(f"{name}: actions do not fit dtype {body['dtype']!r} and shape: {error}.") from error
    return EpisodeTrace(body["id"], body["world"], Trace((body["start"],), body["codec"], actions, body["digest"]))


def _actions(body: dict[str, Any]) -> Any:
    """Give `[T, 1, ...]`."""
    dtype, (steps, *shape) = np.dtype(body["dtype"]), body["shape"]
    if dtype.kind not in "iuf":
        raise ValueError("actions are numbers")
    return np.array(body["actions"], dtype).reshape(steps, 1, *shape)
