"""What travels live: the header of a picture, and the messages between workers, orchestrator and pages."""

from __future__ import annotations

import struct
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta, Struct

from ludus.serve.wire import Id, RefusedError

VERSION = 1
JPEG, KEY, DELTA, DESCRIPTION = range(4)
"""Kinds of payload: a tile; an access unit of H.264 that can be shown alone; one that needs those before; an avcC."""
HEADER = struct.Struct("<BBHIdIHH")
"""Version, kind, lane, frame, unix time in ms when it was played, step of the episode, the worker's number, 0."""
MOST_HZ = 10.0
MOST_LANES = 4096
MOST_TILES = 256
"""That a page may watch."""

Number = Annotated[int, Meta(ge=0, le=0xFFFF)]
Size = Annotated[int, Meta(ge=1, le=16_384)]


class Head(NamedTuple):
    """The header of a picture."""

    version: int
    kind: int
    lane: int
    frame: int
    t_ms: float
    step: int
    worker: int
    zero: int


class Hello(Struct):
    """What a worker tells of its lanes, before anything else; what is more is not read."""

    lanes: Annotated[int, Meta(ge=1, le=MOST_LANES)]
    width: Size
    height: Size
    fps: Annotated[float, Meta(gt=0, le=100_000)]
    """Steps a second of one lane in game time."""
    game: Id
    role: Id | None = None
    scale: Annotated[int, Meta(ge=1, le=16)] = 1


class Wants(Struct, frozen=True):
    """What a worker is asked for. Each message that names a lane in focus begins it anew, with its description."""

    tiles_hz: float = 0.0
    lanes: tuple[int, ...] = ()
    focus: int | None = None


class Watch(Struct, tag_field="type", tag="watch", forbid_unknown_fields=True):
    """The tiles that a page shows from now on, and how often each may come."""

    tiles: Annotated[list[tuple[Number, Number]], Meta(max_length=MOST_TILES)]
    hz: Annotated[float, Meta(ge=0, le=MOST_HZ)] = MOST_HZ


class Focus(Struct, tag_field="type", tag="focus", forbid_unknown_fields=True):
    """The one lane that a page shows in full; no worker: none."""

    worker: Number | None
    lane: Number = 0


def read_head(body: bytes, lanes: int) -> Head:
    """Give the header of a picture of one of so many lanes. Raises `RefusedError`."""
    if len(body) <= HEADER.size:
        raise RefusedError(422, "too_short", f"a picture has {len(body)} bytes, expected more than {HEADER.size}.")
    head = Head(*HEADER.unpack_from(body))
    if head.version != VERSION or head.kind > DESCRIPTION or head.lane >= lanes:
        raise RefusedError(
            422,
            "invalid",
            f"a picture is of version {head.version}, kind {head.kind}, lane {head.lane}; expected version {VERSION}, "
            f"kind 0 to {DESCRIPTION}, lane 0 to {lanes - 1}.",
        )
    return head


def stamp(body: bytes, worker: int) -> bytes:
    """Give a picture with its worker's number in the header."""
    return b"".join((body[:20], worker.to_bytes(4, "little"), body[HEADER.size :]))


HELLO, WANTS, ASKED = msgspec.json.Decoder(Hello), msgspec.json.Decoder(Wants), msgspec.json.Decoder(Watch | Focus)
