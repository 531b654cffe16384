"""The folder of a run: what lies where, in which order it is written, and what of it is still good.

    run.json          what was asked for, and every session that worked on it
    episodes.jsonl    the manifest (`ludus.episodes.manifest`)
    traces/ID.json    to play the episode again (`ludus.episodes.trace`)
    steps/ID.parquet  what was done and earned; ID.events.jsonl what happened (`ludus.episodes.steps`)
    videos/ID.mp4     where video was on
    clips/            films of single moments
    thumbs/ID.png     one frame; made again with the episode, and not part of the record
    report.html       the run at a glance

The files of an episode are on the disk before its line is, so a line never names a file that is not there. A process
that is killed at any moment leaves a folder that the next one goes on with.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ludus.core import digest, files
from ludus.core.errors import FileFormatError, InputError
from ludus.core.types import Artefact, Episode
from ludus.episodes import manifest
from ludus.episodes.pictures import thumbnail
from ludus.episodes.recorder import Recording
from ludus.episodes.steps import pack_events, pack_steps
from ludus.episodes.trace import pack

SCHEMA_VERSION = 1
RUN, MANIFEST, REPORT = "run.json", "episodes.jsonl", "report.html"
TRACES, STEPS, VIDEOS, CLIPS, THUMBS = FOLDERS = ("traces", "steps", "videos", "clips", "thumbs")


class Store:
    """The folder of a run. `shades` are those of its World, for thumbnails."""

    def __init__(self, root: Path, shades: tuple[int, ...] | None = None) -> None:
        self.root = root
        self._shades = shades

    def make(self) -> None:
        """Make the folders that every run has. Raises `InputError` where they cannot be."""
        with _told(self.root):
            for folder in (self.root, *(self.root / name for name in (TRACES, STEPS, THUMBS))):
                folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder, made where there is none, for this process alone. Raises `InputError` where one has it."""
        self.make()
        with _told(self.root):
            held = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(held)
            raise InputError(
                f"{self.root}: another process works in there; wait for it, or choose another --out."
            ) from error
        try:
            yield
        finally:
            os.close(held)

    def run(self) -> dict[str, Any] | None:
        """Give what `run.json` holds, None without one. Raises `FileFormatError`."""
        path = self.root / RUN
        if not path.exists():
            return None
        try:
            told = json.loads(files.read_text(path))
            if told["schema_version"] != SCHEMA_VERSION:
                raise FileFormatError(f"{path}: schema version {told['schema_version']}, expected {SCHEMA_VERSION}.")
        except (ValueError, KeyError, TypeError) as error:
            raise FileFormatError(f"{path}: {error!r}; it is no run.json of Ludus, or damaged.") from error
        return dict(told)

    def write_run(self, told: Mapping[str, Any]) -> None:
        """Write `run.json`."""
        body = {"schema_version": SCHEMA_VERSION} | dict(told)
        with _told(self.root):
            files.write_atomic(self.root / RUN, (json.dumps(body, indent=2) + "\n").encode())

    def episodes(self) -> list[Episode]:
        """Give the episodes of the manifest. Raises `FileFormatError`."""
        return manifest.read(self.root / MANIFEST)

    def save(self, recordings: Sequence[Recording]) -> list[dict[str, Artefact]]:
        """Write the files of episodes but for their videos, and give them; nothing names them yet."""
        contents: dict[Path, bytes] = {}
        saved, thumbs = [], {}
        for recording in recordings:
            stem = recording.trace.id
            parts = {"trace": (f"{TRACES}/{stem}.json", pack(recording.trace))}
            parts["steps"] = (f"{STEPS}/{stem}.parquet", pack_steps(recording.steps))
            if recording.events:
                parts["events"] = (f"{STEPS}/{stem}.events.jsonl", pack_events(recording.events))
            contents |= {self.root / path: data for path, data in parts.values()}
            saved.append({name: _artefact(path, data) for name, (path, data) in parts.items()})
            if picture := thumbnail(recording.peak, self._shades):
                thumbs[self.root / THUMBS / f"{stem}.png"] = picture
        with _told(self.root):
            for path, picture in thumbs.items():
                path.write_bytes(picture)
            files.write_all_atomic(contents)
        return saved

    def append(self, episodes: Iterable[Episode]) -> None:
        """Add lines whose files `save` has written."""
        with _told(self.root):
            manifest.append(self.root / MANIFEST, episodes)

    def settle(self) -> list[Episode]:
        """Put the lines in the order of their episodes, one for each, and give them."""
        with _told(self.root):
            return manifest.settle(self.root / MANIFEST)

    def damage(self, episode: Episode, *, deep: bool = False) -> dict[str, str]:
        """Give what is wrong with an episode's files, by part: those of `files`, `video`, `clip 0` and so on.

        Sizes are compared, with `deep` sha256 as well.
        """
        listed = dict(episode.files)
        if episode.video.get("status") == "ok":
            listed["video"] = Artefact(*(episode.video[key] for key in ("path", "filesize_bytes", "sha256")))
        for number, clip in enumerate(episode.clips):
            if clip.path is not None:
                listed[f"clip {number}"] = Artefact(clip.path, clip.filesize_bytes, clip.sha256)
        found = {name: self._fault(artefact, deep=deep) for name, artefact in listed.items()}
        return {name: fault for name, fault in found.items() if fault}

    def clear(self) -> None:
        """Delete everything that a run leaves in its folder, and nothing else; the manifest first."""
        for name in (MANIFEST, RUN, REPORT):
            (self.root / name).unlink(missing_ok=True)
        for name in FOLDERS:
            if (self.root / name).exists():
                shutil.rmtree(self.root / name)

    def sweep(self) -> None:
        """Delete what a killed process left half written."""
        for folder in (self.root, self.root / TRACES, self.root / STEPS):
            for path in folder.glob(".*"):
                if path.is_file() and len(path.suffix) == len(".") + 32:  # as write_atomic names them
                    path.unlink(missing_ok=True)

    def _fault(self, artefact: Artefact, *, deep: bool) -> str | None:
        path = self.root / artefact.path
        if not path.resolve().is_relative_to(self.root.resolve()):
            return f"{artefact.path} lies outside the run's folder"
        if not path.is_file():
            return f"{artefact.path} is not there"
        size = path.stat().st_size
        if size != artefact.filesize_bytes:
            return f"{artefact.path} has {size} bytes, expected {artefact.filesize_bytes}"
        if deep and (found := digest.of_file(path)) != artefact.sha256:
            return f"{artefact.path} has sha256 {found}, expected {artefact.sha256}"
        return None


def _artefact(path: str, data: bytes) -> Artefact:
    return Artefact(path, len(data), digest.of_file_bytes(data))


@contextmanager
def _told(root: Path) -> Iterator[None]:
    """Say in a sentence what the system says of a folder that cannot be written."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"cannot write {error.filename or root}: {error.strerror}; mend that, and the same command goes on."
        ) from error
