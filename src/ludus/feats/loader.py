"""Feats files: a JSON list of feats, or an object whose `feats` is one. Nothing in them is passed over silently."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

from ludus.core import files
from ludus.core.errors import FileFormatError
from ludus.feats.feat import ClipWindow, Dedupe, Feat, Hall, Scope, Score, Tier
from ludus.feats.parse import parse_predicate
from ludus.feats.place import Place

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
SCHEMA = Path(__file__).with_name("feats.schema.json")
"""The JSON Schema of a feats file, for editors."""

_FIELDS = (
    "id",
    "name",
    "description",
    "tier",
    "points",
    "hidden",
    "scope",
    "predicate",
    "clip",
    "hall",
    "dedupe",
    "score",
)
_WORDS = {"tier": get_args(Tier), "scope": get_args(Scope), "hall": get_args(Hall), "dedupe": get_args(Dedupe)}


def read_feats(path: Path) -> tuple[Feat, ...]:
    """Give the feats of a file, in its order.

    Raises `FileFormatError` that names file, feat, JSON path and what was expected; `InputError` on an unreadable file.
    """
    return parse_feats(files.read_text(path), str(path))


def parse_feats(text: str, file: str = "feats") -> tuple[Feat, ...]:
    """Give the feats of a file's text; `file` is how errors call it. Raises `FileFormatError`."""
    try:
        told = json.loads(text, object_pairs_hook=lambda pairs: _object(pairs, file))
    except json.JSONDecodeError as error:
        raise FileFormatError(
            f"{file}, line {error.lineno}, column {error.colno}: {error.msg}; mend it there."
        ) from error
    at = Place(told, file)
    if isinstance(told, dict):
        at.table(("feats", "$schema"), "a list of feats, or an object whose 'feats' is one")
        at = at.key("feats")
    if not isinstance(at.value, list):
        raise at.fault("a list of feats")
    feats = [_feat(place, number) for number, place in enumerate(at.items())]
    seen: dict[str, int] = {}
    for number, feat in enumerate(feats):
        if feat.id in seen:
            raise FileFormatError(
                f"{file}: feat {feat.id!r}: feats number {seen[feat.id] + 1} and {number + 1} have this id; rename one."
            )
        seen[feat.id] = number
    return tuple(feats)


def _object(pairs: list[tuple[str, Any]], file: str) -> dict[str, Any]:
    """Refuse a key that stands twice, of which JSON would keep the last."""
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise FileFormatError(f"{file}: the key {twice!r} stands twice in the object {table!r}; keep one of them.")
    return table


def _feat(at: Place, number: int) -> Feat:
    told = at.value.get("id") if isinstance(at.value, dict) else None
    at = replace(at, feat=told if isinstance(told, str) else f"number {number + 1}")
    at.table(_FIELDS, f"an object with {', '.join(_FIELDS)}")
    identity = at.key("id")
    if not ID.fullmatch(identity.text()):
        raise identity.fault("letters, digits, '_' and '-', in parts joined by '.', such as minor.pots.20_in_run")
    given = {name: at.key(name).word(words) for name, words in _WORDS.items() if name in at.value}
    return Feat(
        id=identity.value,
        name=at.key("name").text(),
        predicate=parse_predicate(at.key("predicate")),
        clip=_clip(at.key("clip")) if "clip" in at.value else None,
        score=_score(at.key("score"), given.get("hall", "fame")) if "score" in at.value else None,
        description=_description(at.key("description")) if "description" in at.value else "",
        hidden=_flag(at.key("hidden")) if "hidden" in at.value else False,
        points=at.key("points").whole(0, 1_000_000) if "points" in at.value else 0,
        **given,
    )


def _clip(at: Place) -> ClipWindow:
    at.table(("pre_s", "post_s", "speed"), "an object with pre_s, post_s and an optional speed")
    pre_s, post_s = (
        at.key(name).number("seconds, 0 or more", fits=lambda value: value >= 0) for name in ("pre_s", "post_s")
    )
    speed = at.key("speed").number("a speed above 0", fits=lambda value: value > 0) if "speed" in at.value else 1.0
    return ClipWindow(float(pre_s), float(post_s), float(speed))


def _score(at: Place, hall: str) -> Score:
    at.table(("payload", "counter", "direction"), "{payload: KEY} or {counter: NAME}, with an optional direction")
    source = [name for name in ("payload", "counter") if name in at.value]
    if len(source) != 1:
        raise at.fault("one of payload and counter")
    direction: Literal["max", "min"] = "max" if hall == "fame" else "min"
    if "direction" in at.value:
        direction = at.key("direction").word(("max", "min"))
    return Score("payload" if source == ["payload"] else "counter", at.key(source[0]).text(), direction)


def _description(at: Place) -> str:
    if not isinstance(at.value, str):
        raise at.fault("text")
    return at.value


def _flag(at: Place) -> bool:
    if not isinstance(at.value, bool):
        raise at.fault("true or false")
    return at.value
