"""What travels: events and batches of them, checked at the door, once.

Sizes are small and fixed, so that nothing that arrives can grow without bound; whatever is refused says why.
"""

from __future__ import annotations

import uuid
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from ludus.core.errors import FileFormatError, InputError
from ludus.core.events import ALIASES, COUNTER_DELTA, canonical
from ludus.core.types import Event

MOST_EVENTS = 500
"""Events in a batch."""
MOST_PAYLOAD_BYTES = 8 * 1024
MOST_DEPTH = 8
"""Lists and objects inside each other in a payload."""

PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
Id = Annotated[str, Meta(max_length=200, pattern=PRINTABLE)]
Name = Annotated[str, Meta(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9._-]*$")]
Count = Annotated[int, Meta(ge=0, le=2**53)]


class RefusedError(InputError):
    """A request that cannot be served, with a reason that a program can read."""

    def __init__(self, status: int, reason: str, detail: str, **told: Any) -> None:
        super().__init__(detail)
        self.status = status
        """Of HTTP."""
        self.reason = reason
        self.told = told
        """What else the answer says."""

    def to_json(self) -> dict[str, Any]:
        """Give the body of the answer."""
        return {"ok": False, "error": self.reason, "detail": str(self), **self.told}


class EventBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """An event as a producer tells it; `event_type` is enough."""

    event_type: Annotated[str, Meta(min_length=1, max_length=100, pattern=PRINTABLE)]
    payload: dict[str, Any] = {}
    event_id: Id = ""
    seq: Count = 0
    """Its place in its producer's own stream; the receiver gives it another."""
    tick: Count | None = None
    """Game time; where it is missing it is taken from the time."""
    ts: Annotated[float, Meta(ge=0, le=2**53)] | None = None
    """Seconds since 1970; the receiver's time where it is missing."""
    run_id: Id = ""
    episode_id: Id = ""
    stage_id: Id = ""
    instance_id: Id = ""
    message: Annotated[str, Meta(max_length=1000)] = ""
    host: Id = ""
    step: Count | None = None
    lane: Count = 0
    """The World's own; not kept."""


class BatchBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """Up to 500 events of one producer, numbered from `first` without a hole; sent twice, they count once."""

    producer: Name
    epoch: Annotated[int, Meta(ge=1, le=2**53)]
    """A number that a producer raises whenever it begins to count from 1 again."""
    first: Annotated[int, Meta(ge=1, le=2**53)]
    events: Annotated[list[EventBody], Meta(max_length=MOST_EVENTS)]


class Told(Struct, kw_only=True, omit_defaults=True):
    """An event as it is kept and handed out."""

    seq: int
    event_id: str
    event_type: str
    tick: int
    ts: float
    run_id: str
    episode_id: str
    stage_id: str
    instance_id: str
    payload: Raw
    message: str = ""
    host: str = ""
    step: int | None = None


class Kept(Struct):
    """A kept event, to be judged again."""

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

    def event(self) -> Event:
        """Give it as judges see it."""
        return Event(
            kind=self.event_type,
            payload=self.payload,
            run=self.run_id,
            episode=self.episode_id,
            stage=self.stage_id,
            lane=0,
            tick=self.tick,
            seq=self.seq,
            instance=self.instance_id,
            id=self.event_id,
            ts=self.ts,
        )


class Batch(Struct):
    """A batch whose every event has passed the door; `payloads` are theirs, encoded."""

    producer: str
    """Empty where nobody told, and then `epoch` and `first` are 0 and nothing is numbered."""
    epoch: int
    first: int
    events: list[EventBody]
    payloads: list[Raw]


_FIELDS = msgspec.json.Decoder(dict[str, Raw])
_BATCH = msgspec.json.Decoder(BatchBody)
_EVENT = msgspec.json.Decoder(EventBody)
_ENCODE = msgspec.json.Encoder()
KEPT = msgspec.json.Decoder(Kept)


def read_batch(body: bytes) -> Batch:
    """Give the batch that a body holds: one event, or `{producer, epoch, first, events}`. Raises `RefusedError`."""
    if "events" in read(_FIELDS, body):
        told = read(_BATCH, body)
        events, numbers = told.events, (told.producer, told.epoch, told.first)
    else:
        events, numbers = [read(_EVENT, body)], ("", 0, 0)
    for index, event in enumerate(events):
        _name(event, index)
    return Batch(
        *numbers,
        events,
        [Raw(pack(event.payload, f"the payload of event {index}")) for index, event in enumerate(events)],
    )


def read(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    """Give what a JSON body holds. Raises `RefusedError`: 400 where it is no JSON, 422 where it does not fit."""
    try:
        told = decoder.decode(body)
        if b"\\u" in body:
            _ENCODE.encode(told)  # half a surrogate pair is no text, and could not be told again
        return told
    except msgspec.ValidationError as error:
        raise RefusedError(422, "invalid", f"{error}.") from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise RefusedError(400, "malformed", f"the body is not JSON: {error}.") from error
    except RecursionError as error:
        raise RefusedError(422, "too_deep", "lists and objects lie too deep inside each other.") from error


def _name(event: EventBody, index: int) -> None:
    """Give an event the names of the telemetry contract, where older ones are used."""
    kind, payload = event.event_type, event.payload
    if kind in ALIASES or kind == COUNTER_DELTA or "counters" in payload:
        try:
            event.event_type, named = canonical(kind, payload, where=f"event {index}")
        except FileFormatError as error:
            raise RefusedError(422, "invalid", str(error)[:1000]) from error
        event.payload = dict(named)
    if not event.stage_id and type(stage := payload.get("stage")) in (int, str):
        event.stage_id = str(stage)[:200]


def pack(value: Any, what: str, most: int = MOST_PAYLOAD_BYTES) -> bytes:
    """Give the JSON of what a client told, of bounded size and depth. Raises `RefusedError`."""
    try:
        packed = _ENCODE.encode(value)
    except (OverflowError, UnicodeError, RecursionError) as error:
        raise RefusedError(422, "invalid", f"{what} cannot be kept: {error}.") from error
    if len(packed) > most:
        raise RefusedError(422, "payload_too_large", f"{what} has {len(packed)} bytes, expected at most {most}.")
    if packed.count(b"{") + packed.count(b"[") > MOST_DEPTH and _deeper(value, MOST_DEPTH):
        raise RefusedError(422, "too_deep", f"{what} is more than {MOST_DEPTH} levels deep; make it flatter.")
    return packed


def _deeper(value: Any, levels: int) -> bool:
    """Whether more lists and objects than so many lie inside each other."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return inner is not None and (levels == 0 or any(_deeper(each, levels - 1) for each in inner))


def components(*structs: type[Struct]) -> dict[str, Any]:
    """Give the schemas of structs, for the OpenAPI document."""
    return msgspec.json.schema_components(structs, ref_template="#/components/schemas/{name}")[1]


def body_of(*structs: type[Struct], raw: str | None = None) -> dict[str, Any]:
    """Give what the OpenAPI document says of a body that is one of these, or bytes of the type `raw`."""
    refs = [{"$ref": f"#/components/schemas/{struct.__name__}"} for struct in structs]
    schema = refs[0] if len(refs) == 1 else {"anyOf": refs}
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    content |= {raw: {"schema": {"type": "string", "format": "binary"}}} if raw else {}
    return {"requestBody": {"required": True, "content": content}}


def encode(told: Any) -> Raw:
    """Give the JSON of anything."""
    return Raw(_ENCODE.encode(told))


def new_id() -> str:
    """Give an id that nothing else has."""
    return uuid.uuid4().hex


def tell(event: EventBody, payload: Raw, *, seq: int, event_id: str, now: float) -> bytes:
    """Give the JSON of an event as it is kept and handed out."""
    return _ENCODE.encode(
        Told(
            seq=seq,
            event_id=event_id,
            event_type=event.event_type,
            tick=event.tick or 0,
            ts=now if event.ts is None else event.ts,
            run_id=event.run_id,
            episode_id=event.episode_id,
            stage_id=event.stage_id,
            instance_id=event.instance_id,
            payload=payload,
            message=event.message,
            host=event.host,
            step=event.step,
        )
    )
