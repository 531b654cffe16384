"""The folders of runs on this machine: their episodes, settings, metrics and films, looked up by id."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ludus.core import files
from ludus.core.errors import LudusError
from ludus.serve.beneath import open_beneath
from ludus.serve.store.metrics import MetricRow, row_of

LOG = logging.getLogger("ludus.serve")

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
EPISODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,278}")
MANIFEST, METRICS = "episodes.jsonl", "metrics.jsonl"
LATEST, FACTS, WEIGHTS = "latest", "checkpoint.json", "model.safetensors"
"""Of checkpoints, as `ludus.learn.checkpoint` writes them, which would need PyTorch to be asked."""
MOST = 1e300
"""Numbers beyond, infinities and what is none are not told on."""
ABOUT = ("run.json", "settings.json")
KINDS = {
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".parquet": "application/vnd.apache.parquet",
}
"""What is handed out, and as what."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is new on the shelf since the last look."""

    runs: Mapping[str, tuple[float, Mapping[str, Any]]]
    """Run -> when it began, and what it tells of itself."""
    episodes: list[tuple[str, str, Mapping[str, Any]]]
    """Id here, run, line of the manifest."""
    metrics: Mapping[str, list[MetricRow]]
    """Run -> what it has told since; what was there at the first look is not new to anybody."""


@dataclass(slots=True)
class Shelf:
    """The folders below one folder. An episode's id here is `RUN:EPISODE`, and a run's is the name of its folder."""

    root: Path
    _marks: dict[Path, tuple[int, int]] = field(default_factory=dict)
    _ends: dict[Path, int] = field(default_factory=dict)
    """Of the metrics that were told, in bytes."""
    _looked: bool = False

    def look(self) -> Found:
        """Give what has changed. A file that cannot be read is logged, and read again when it changes."""
        runs: dict[str, tuple[float, Mapping[str, Any]]] = {}
        episodes: list[tuple[str, str, Mapping[str, Any]]] = []
        metrics: dict[str, list[MetricRow]] = {}
        for folder in self._folders():
            about = [path for name in ABOUT if (path := folder / name).is_file()]
            changed = [self._changed(path) for path in about]
            if any(changed):
                runs[folder.name] = about[0].stat().st_mtime, {"folder": True, **self._about(about)}
            if self._changed(folder / MANIFEST):
                runs.setdefault(folder.name, ((folder / MANIFEST).stat().st_mtime, {}))
                lines = _rows(folder / MANIFEST)
                named = [
                    (id_, line) for line in lines if isinstance(id_ := line.get("id"), str) and EPISODE.fullmatch(id_)
                ]
                episodes += [(f"{folder.name}:{id_}", folder.name, line) for id_, line in named]
            if self._changed(folder / METRICS) and (fresh := self._fresh_metrics(folder / METRICS)):
                metrics[folder.name] = fresh
        self._looked = True
        return Found(runs, episodes, metrics)

    def forget(self) -> None:
        """Forget what was found: the next look gives all of it again, but for metrics, which were told."""
        self._marks = {path: mark for path, mark in self._marks.items() if path.name == METRICS}

    def metrics(self, run: str) -> Iterator[MetricRow]:
        """Give the metrics that a run's folder holds."""
        if NAME.fullmatch(run):
            rows = (row_of(told) for told in _rows(self.root / run / METRICS))
            yield from (row for row in rows if row is not None)

    def checkpoint(self, run: str) -> dict[str, Any] | None:
        """Tell of a run's newest checkpoint: `digest` of its weights, `step`, `updates`, `parent`, `lineage`.

        None where there is none that can be read.
        """
        folder = self.root / run / "checkpoints"
        if not NAME.fullmatch(run) or not (folder / LATEST).is_file():
            return None
        try:
            told = json.loads(files.read_text(folder / Path(files.read_text(folder / LATEST).strip()).name / FACTS))
            digest = told["files"][WEIGHTS]
            names = ("step", "updates", "parent")
            return {name: told[name] for name in names} | {"digest": digest, "lineage": told.get("lineage", [])}
        except (LudusError, ValueError, KeyError, TypeError) as error:
            LOG.warning("%s: its newest checkpoint cannot be read: %r", folder, error)
            return None

    def open(self, run: str, name: str) -> BinaryIO | None:
        """Open a file that a manifest names; None if it is not there, or of no known kind.

        Raises `NotPlainError` where a link leads to it, or it is not in its run's folder.
        """
        if not NAME.fullmatch(run) or Path(name).suffix not in KINDS:
            return None
        try:
            return open_beneath(self.root / run, name)
        except OSError:
            return None

    def _folders(self) -> list[Path]:
        if not self.root.is_dir():
            return []
        return sorted(path for path in self.root.iterdir() if NAME.fullmatch(path.name) and path.is_dir())

    def _about(self, paths: list[Path]) -> dict[str, Any]:
        told = {}
        for path in paths:
            try:
                told[path.stem] = _finite(json.loads(files.read_text(path)))
            except (LudusError, ValueError) as error:
                LOG.warning("%s cannot be read: %s", path, error)
        return told

    def _fresh_metrics(self, path: Path) -> list[MetricRow]:
        begin = self._ends.get(path, 0)
        with path.open("rb") as file:
            cut = file.seek(0, os.SEEK_END) < begin  # a run that was killed does again what it had not saved
            file.seek(begin := 0 if cut else begin)
            lines, newline, _ = file.read().rpartition(b"\n")
        self._ends[path] = begin + len(lines) + len(newline)
        if cut or not self._looked:
            return []
        try:
            rows = [row_of(told) for line in lines.splitlines() if isinstance(told := json.loads(line), dict)]
        except ValueError as error:
            LOG.warning("%s cannot be read: %s", path, error)
            return []
        return [row for row in rows if row is not None]

    def _changed(self, path: Path) -> bool:
        if not path.is_file():
            return False
        told = path.stat()
        mark = (told.st_mtime_ns, told.st_size)
        if self._marks.get(path) == mark:
            return False
        self._marks[path] = mark
        return True


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        return [_finite(line) for line in files.read_log(path) if isinstance(line, dict)]
    except LudusError as error:
        LOG.warning("%s cannot be read: %s", path, error)
        return []


def _finite(told: Any) -> Any:
    """Give what a file tells with None for numbers that JSON has no word for, which Python reads all the same."""
    if isinstance(told, int | float):
        return told if abs(told) < MOST else None
    if isinstance(told, dict):
        return {name: _finite(value) for name, value in told.items()}
    return [_finite(value) for value in told] if isinstance(told, list) else told
