"""A judge's mind as bytes, so that it can be kept beside the events that it has heard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import msgspec

from ludus.serve.judging import Judging, Mind


class _Saved(msgspec.Struct):
    feats: list[str]
    """Keys of the feats whose cells these are; with other feats they would mean something else."""
    mind: Mind


def pack_mind(judging: Judging, mind: Mind) -> bytes:
    """Give a mind as bytes: JSON of the kind that has infinities, and whole numbers of any size."""
    return json.dumps(msgspec.to_builtins(_Saved(_keys(judging), mind)), separators=(",", ":")).encode()


def unpack_mind(judging: Judging, packed: bytes) -> Mind:
    """Give the mind that bytes hold; one that has heard nothing where the feats have changed since."""
    told = json.loads(packed)
    if told["feats"] != _keys(judging):
        return judging.init()
    mind = msgspec.convert(told, _Saved, strict=False).mind
    _mend(mind)
    return mind


def _keys(judging: Judging) -> list[str]:
    return [feat.key for feat in judging.feats.values()]


def _mend(value: Any) -> None:
    """Give cells back the tuples that they held, which come back as lists."""
    if is_dataclass(value):
        for field in fields(value):
            _mend(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for inner in value.values():
            _mend(inner)
    elif isinstance(value, list):
        value[:] = map(_tuples, value)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
