"""`ludus episodes`: what a run has recorded, in tables, and smaller films of it."""

from __future__ import annotations

import json as json_format
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from ludus.cli._progress import progress_bar
from ludus.core.errors import InputError, nearest
from ludus.core.types import Episode
from ludus.episodes import compact, manifest
from ludus.episodes.store import Store
from ludus.episodes.summary import video_status
from ludus.run.export import export

MEGABYTE = 1e6


def list_episodes(
    out: Path,
    /,
    *,
    sort: Literal["index", "return", "steps"] = "index",
    reverse: bool = False,
    limit: int | None = None,
    json: bool = False,
) -> int:
    """Show the episodes of a run, one a row.

    Args:
        out: folder of the run.
        sort: what to sort by, least first.
        reverse: greatest first.
        limit: show at most so many.
        json: print the lines of the manifest instead.
    """
    keys = {"index": lambda one: one.index, "return": lambda one: one.total, "steps": lambda one: one.steps}
    episodes = sorted(_read(out), key=keys[sort], reverse=reverse)[:limit]
    if json:
        for episode in episodes:
            print(json_format.dumps(manifest.to_json(episode)))
        return 0
    table = Table("episode", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("return", "steps"):
        table.add_column(name, justify="right")
    for name in ("end", "verdicts", "video"):
        table.add_column(name, overflow="fold")
    for episode in episodes:
        verdicts = ", ".join(dict.fromkeys(verdict["name"] for verdict in episode.verdicts))
        row = (episode.id, f"{episode.total:g}", f"{episode.steps}", _end(episode), verdicts, video_status(episode))
        table.add_row(*map(escape, row))
    Console().print(table)
    return 0


def show_episode(out: Path, episode: str, /, *, json: bool = False) -> int:
    """Show all that is recorded of one episode.

    Args:
        out: folder of the run.
        episode: its id, as in potyard__7__0, or its place in the run, as in 0.
        json: print its line of the manifest instead.
    """
    found = _find(_read(out), episode)
    if json:
        print(json_format.dumps(manifest.to_json(found), indent=2))
        return 0
    table = Table(Column(escape(found.id), no_wrap=True), Column("", overflow="fold"), box=SIMPLE_HEAD, pad_edge=False)
    for name, value in _rows(found, out):
        table.add_row(escape(name), escape(value))
    Console().print(table)
    return 0


def compact_films(out: Path, /, *, crf: int = 20) -> int:
    """Encode the films of a run again with x264, which has time now: an eighth of Pot Yard's size is left.

    Their pictures are then near the first ones, no longer equal; traces and digests stay exact. An episode is filmed
    anew from its trace when its film is deleted and ludus eval --video goes on with the run.

    Args:
        out: folder of the run.
        crf: of x264, 0 best to 51 smallest.
    """
    with progress_bar("encoding") as bar:
        done = compact.compact(out, crf=crf, on_start=bar.start, on_episode=bar.advance)
    saved = f", {done.before / MEGABYTE:.2f} MB are now {done.after / MEGABYTE:.2f} MB" if done.films else ""
    Console(highlight=False, soft_wrap=True).print(f"{done.films} films made smaller, {done.left} left{saved}.")
    return 0


def export_episodes(out: Path, folder: Path, /, *, to: Literal["lerobot", "minari"] = "lerobot") -> int:
    """Make a data set of a run's episodes, their frames played again from their traces.

    LeRobotDataset v3: one row a step, pictures as a video; Minari: all frames, those of Game Boys and of colours
    without loss.

    Args:
        out: folder of the run.
        folder: new folder of the data set.
        to: its format.
    """
    with progress_bar("exporting") as bar:
        steps = export(out, folder, to=to, on_start=bar.start, on_episode=bar.advance)
    print(f"{folder}: {steps:,} steps, for {to}")
    return 0


main = {"list": list_episodes, "show": show_episode, "compact": compact_films, "export": export_episodes}


def _read(out: Path) -> list[Episode]:
    episodes = Store(out).episodes()
    if not episodes:
        raise InputError(f"{out}: no episodes are there; give the folder of a run, as ludus eval leaves it.")
    return episodes


def _rows(found: Episode, out: Path) -> Iterator[tuple[str, str]]:
    """Give what is known of an episode, each with its name."""
    yield "run", found.run
    yield "policy", found.policy
    yield "seed", f"{found.seed}"
    yield "return", f"{found.total:g}"
    yield "length", f"{found.steps} steps, {found.ticks} ticks"
    yield "end", _end(found)
    yield "events", ", ".join(f"{kind} {count}" for kind, count in found.happened.items()) or "none"
    yield "digest", found.digest
    yield "video", _video(found)
    for name, artefact in found.files.items():
        yield name, f"{out / artefact.path}, {artefact.filesize_bytes} bytes"
    for verdict in found.verdicts:
        told = json_format.dumps(verdict["evidence"])
        yield f"step {verdict['step']}", f"{verdict['name']}, {verdict['judge']}: {told}"
    for clip in found.clips:
        yield f"clip of {clip.tag}", f"frames {clip.start} to {clip.end}, {clip.path or clip.skipped}"


def _find(episodes: list[Episode], name: str) -> Episode:
    for episode in episodes:
        if name in (episode.id, str(episode.index)):
            return episode
    raise InputError(f"there is no episode {name!r}; {nearest(name, [episode.id for episode in episodes])}")


def _end(episode: Episode) -> str:
    ends = [name for name in ("terminated", "truncated") if getattr(episode, name)]
    return ", ".join(ends) or "none"


def _video(episode: Episode) -> str:
    video = episode.video
    if video["status"] != "ok":
        return f"{video_status(episode)}: {video['reason']['detail']}"
    size = f"{video['width']} x {video['height']}, {video['frames']} frames, {video['filesize_bytes']} bytes"
    return f"{video['path']}, {video['renderer']}, {size}"
