"""Plays recorded episodes again, from their traces, and tells where they come out differently."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ludus.core import digest, files
from ludus.core.errors import FileFormatError, InputError, TraceError
from ludus.core.gym_game import action_bounds
from ludus.core.protocols import WorldSpec
from ludus.core.types import Episode
from ludus.episodes import manifest
from ludus.episodes.provenance import versions
from ludus.episodes.recorder import Recording
from ludus.episodes.steps import pack_events
from ludus.episodes.store import MANIFEST, Store
from ludus.episodes.trace import EpisodeTrace, unpack
from ludus.run.facts import compare, world_facts
from ludus.run.games import codec_id, open_world, recorded_game
from ludus.run.replay import replay, script


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found in a run's folder."""

    episodes: int
    steps: int
    """Played again."""
    faults: Mapping[str, tuple[str, ...]]
    """By the episode's id, or `line N` where it has none: what is wrong with it."""
    notes: tuple[str, ...]
    """What may explain it."""


def verify(
    out: str | Path,
    *,
    lanes: int = 16,
    on_start: Callable[[int], None] | None = None,
    on_episode: Callable[[Episode], None] | None = None,
) -> Verification:
    """Check every episode of a run: its line against the schema, its files against sha256, its play against its trace.

    What is compared of the play: digest of the frames, steps, return, game time, the way it ended, events. Raises
    `InputError` on a folder that holds no run, `LudusError`s where its game cannot be played here.
    """
    store = Store(Path(out))
    told = store.run()
    lines = files.read_log(store.root / MANIFEST)
    if told is None or not lines:
        raise InputError(f"{out}: no run with episodes is there, expected run.json and {MANIFEST}.")
    episodes, faults = _read(lines)
    if on_start:
        on_start(len(episodes))
    traces = dict(_read_traces(store, episodes, faults))
    steps = 0
    with closing(open_world(recorded_game(told, store.root), max(1, min(lanes, len(traces))))) as world:
        by_id = {episode.id: episode for episode in episodes}
        fit = []
        for name, trace in traces.items():
            unfit = _unfit(trace, world.spec, codec_id(world))
            faults[name] += unfit
            fit += [] if unfit else [script(trace)]
        ended = replay(world, fit, run=str(told["run_id"]), instance=told["facts"]["policy"]["name"])
        for recording in (recording for _, recordings in ended for recording in recordings):
            steps += len(recording.steps)
            episode = by_id[recording.trace.id]
            faults[episode.id] += _differences(episode, traces[episode.id], recording)
            if on_episode:
                on_episode(episode)
        notes = [*compare(told["facts"]["world"], world_facts(world), "world"), *_other_versions(told)]
    bad = {name: tuple(found) for name, found in faults.items() if found}
    return Verification(len(faults), steps, bad, tuple(notes) if bad else ())


def _read(lines: Sequence[Any]) -> tuple[list[Episode], dict[str, list[str]]]:
    """Give the episodes of the lines, and what the schema finds wrong with each line."""
    episodes: dict[str, Episode] = {}
    faults: dict[str, list[str]] = {}
    for number, line in enumerate(lines, start=1):
        try:
            episode = manifest.from_json(line)
        except FileFormatError:
            faults[f"line {number}"] = manifest.problems(line)
            continue
        episodes[episode.id] = episode
        faults[episode.id] = manifest.problems(line)
    return list(episodes.values()), faults


def _read_traces(
    store: Store, episodes: Sequence[Episode], faults: dict[str, list[str]]
) -> Iterator[tuple[str, EpisodeTrace]]:
    """Give the traces that can be read, and add what is wrong with the episodes' files."""
    for episode in episodes:
        found = store.damage(episode, deep=True)
        faults[episode.id] += found.values()
        if "trace" in found:
            continue
        path = episode.files["trace"].path
        try:
            yield episode.id, unpack(files.read_bytes(store.root / path), path)
        except TraceError as error:
            faults[episode.id].append(str(error))


def _unfit(told: EpisodeTrace, spec: WorldSpec, codec: str) -> list[str]:
    """Give why a World cannot play a trace at all."""
    actions, (low, high) = told.trace.actions[:, 0], action_bounds(spec.action_space)
    pairs = {
        "world": (told.world, spec.id),
        "codec": (told.trace.codec, codec),
        "dtype": (actions.dtype.name, low.dtype.name),
        "shape of an action": (actions.shape[1:], low.shape),
        "start": (type(told.trace.start[0]).__name__, "int"),
    }
    found = [
        f"the trace's {name} is {there!r}, {here!r} here" for name, (there, here) in pairs.items() if there != here
    ]
    if not found and ((actions < low) | (actions > high)).any():
        return [f"the trace has actions beyond {low.tolist()} to {high.tolist()}"]
    return found


def _differences(episode: Episode, told: EpisodeTrace, played: Recording) -> list[str]:
    """Give where an episode came out differently."""
    if told.trace.digest != episode.digest:
        return [f"the trace's digest is {told.trace.digest}, the manifest's {episode.digest}"]
    happened = digest.of_file_bytes(pack_events(played.events)) if played.events else None
    recorded = episode.files.get("events")
    pairs = {
        "steps": (episode.steps, len(played.steps)),
        "return": (episode.total, played.total),
        "ticks": (episode.ticks, played.ticks),
        "terminated": (episode.terminated, played.steps.terminated),
        "truncated": (episode.truncated, played.steps.truncated),
        "digest": (episode.digest, played.trace.trace.digest),
        "sha256 of events": (recorded and recorded.sha256, happened),
    }
    if episode.video.get("status") == "ok":
        pairs["frames of the video"] = (episode.video["frames"], len(played.steps))
    return [f"{name} is {was!r}, played again {now!r}" for name, (was, now) in pairs.items() if was != now]


def _other_versions(told: Mapping[str, Any]) -> Iterator[str]:
    """Say which versions are other ones than those that recorded."""
    here = versions()
    for package, version in told["sessions"][-1]["versions"].items():
        if here.get(package) != version:
            yield f"recorded with {package} {version}, here is {here.get(package) or 'none'}"
