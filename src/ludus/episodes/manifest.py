"""The manifest: `episodes.jsonl`, one line an episode, as values and as JSON, and the schema that holds it.

A later line of an episode replaces an earlier one. `schema.json` beside this file is the JSON Schema (2020-12) of a
line; it names every field and forbids others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from ludus.core import files
from ludus.core.errors import FileFormatError
from ludus.core.types import Artefact, Clip, Episode

SCHEMA_VERSION = 1
SCHEMA = Path(__file__).with_name("schema.json")
VIDEO_TIMINGS = ("encode_ms_per_frame", "overhead", "blocked_ms")
OFF: Mapping[str, Any] = {
    "status": "skipped",
    "requested": "none",
    "renderer": "none",
    "reason": {"code": "disabled", "detail": "video was not asked for"},
}
"""What a line says of its video where video is off."""


def to_json(episode: Episode) -> dict[str, Any]:
    """Give the line of an episode."""
    return {
        "schema_version": SCHEMA_VERSION,
        "id": episode.id,
        "run_id": episode.run,
        "scenario": episode.scenario,
        "seed": episode.seed,
        "episode_idx": episode.index,
        "policy": episode.policy,
        "steps": episode.steps,
        "return": episode.total,
        "ticks": episode.ticks,
        "terminated": episode.terminated,
        "truncated": episode.truncated,
        "digest": episode.digest,
        "events": dict(episode.happened),
        "files": {name: asdict(artefact) for name, artefact in episode.files.items()},
        "verdicts": [dict(verdict) for verdict in episode.verdicts],
        "clips": [_clip_json(clip) for clip in episode.clips],
        "video": dict(episode.video),
        "timing": dict(episode.timing),
    }


def from_json(line: Mapping[str, Any], name: str = "the line") -> Episode:
    """Give the episode of a line. Raises `FileFormatError` where a field is missing; `problems` says more."""
    try:
        return Episode(
            id=line["id"],
            run=line["run_id"],
            scenario=line["scenario"],
            seed=line["seed"],
            index=line["episode_idx"],
            policy=line["policy"],
            steps=line["steps"],
            total=line["return"],
            ticks=line["ticks"],
            terminated=line["terminated"],
            truncated=line["truncated"],
            digest=line["digest"],
            happened=line["events"],
            files={name: Artefact(**told) for name, told in line["files"].items()},
            verdicts=tuple(line["verdicts"]),
            clips=tuple(Clip(episode=line["id"], **told) for told in line["clips"]),
            video=line["video"],
            timing=line["timing"],
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise FileFormatError(f"{name}: no line of a manifest ({error!r}); see ludus verify.") from error


def read(path: Path) -> list[Episode]:
    """Give the episodes of a manifest in its order, each as its last line has it. Raises `FileFormatError`."""
    return [episode for episode, _ in _latest(path, files.read_log(path))]


def settle(path: Path) -> list[Episode]:
    """Put the lines in the order of their episodes, one for each, and give the episodes. Raises `FileFormatError`."""
    lines = files.read_log(path)
    latest = sorted(_latest(path, lines), key=lambda found: (found[0].index, found[0].id))
    if len(latest) < len(lines) or any(line is not there for (_, line), there in zip(latest, lines, strict=True)):
        files.write_jsonl(path, (line for _, line in latest))
    return [episode for episode, _ in latest]


def append(path: Path, episodes: Iterable[Episode]) -> None:
    """Add lines, in one write that is on the disk when this returns."""
    files.append_jsonl(path, map(to_json, episodes))


def untimed(line: Mapping[str, Any]) -> dict[str, Any]:
    """Give a line without what differs each time that its episode is played."""
    video = {key: value for key, value in line["video"].items() if key not in VIDEO_TIMINGS}
    return {key: value for key, value in line.items() if key != "timing"} | {"video": video}


def problems(line: Any) -> list[str]:
    """Give what the schema finds wrong with a line, each with its place."""
    found = sorted(_validator().iter_errors(line), key=lambda error: error.json_path)
    return [f"{error.json_path}: {_deepest(error).message}" for error in found]


def _latest(path: Path, lines: Iterable[Any]) -> Iterable[tuple[Episode, Any]]:
    """Give every episode with its last line."""
    found = {}
    for number, line in enumerate(lines, start=1):
        episode = from_json(line, f"{path}, line {number}")
        found[episode.id] = (episode, line)
    return found.values()


def _clip_json(clip: Clip) -> dict[str, Any]:
    return {name: value for name, value in asdict(clip).items() if name != "episode"}


def _deepest(error: Any) -> Any:
    """Give, of an error about alternatives, the first one within the alternative that the status is of."""
    while error.context:
        off = {inner.schema_path[0] for inner in error.context if {"status", "path"} & {*inner.relative_path}}
        error = next((inner for inner in error.context if inner.schema_path[0] not in off), error.context[0])
    return error


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    schema = json.loads(files.read_text(SCHEMA))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)
