"""A judge's mind as bytes, so that it can be kept beside the events that it has heard."""

from __future__ import annotations

import json

from ludus.serve.store.judging import Judging, Mind


def pack_mind(judging: Judging, mind: Mind) -> bytes:
    """Give a mind as bytes: a line of JSON, and what the judge makes of its memory."""
    told = {name: getattr(mind, name) for name in ("lanes", "ticks", "current", "next_lane")}
    return json.dumps(told).encode() + b"\n" + judging.judge.save(mind.memory)


def unpack_mind(judging: Judging, packed: bytes) -> Mind:
    """Give the mind that bytes hold; of feats that have changed since, it has heard nothing. Raises `StateError`."""
    line, _, memory = packed.partition(b"\n")
    return Mind(judging.judge.load(memory), **json.loads(line))
