"""Where a run's metrics go: one JSON line an update, and TensorBoard beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from ludus.core import files


class Sink(Protocol):
    """Takes the metrics of an update."""

    def write(self, metrics: Mapping[str, float], *, step: int, updates: int) -> None:
        """Take metrics after `step` steps of all lanes and so many updates."""
        ...

    def close(self) -> None:
        """Let go of what is held."""
        ...


class JsonLines:
    """`metrics.jsonl`, the source of truth: one object an update, whole lines only."""

    def __init__(self, path: Path, *, updates: int) -> None:
        if path.exists():  # what a killed run had done after its last checkpoint is done again
            files.write_jsonl(path, [row for row in _whole_rows(path) if row["updates"] <= updates])
        self._path = path

    def write(self, metrics: Mapping[str, float], *, step: int, updates: int) -> None:
        """Write one line."""
        row = {"global_step": step, "updates": updates, **metrics}
        with self._path.open("a") as file:
            file.write(json.dumps(row, allow_nan=False, separators=(",", ":")) + "\n")

    def close(self) -> None:
        """Do nothing: between two lines nothing is held."""


class TensorBoard:
    """TensorBoard's event files, in the run's folder."""

    def __init__(self, folder: Path, *, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        writer: Any = SummaryWriter
        self._writer = writer(str(folder), purge_step=step or None)

    def write(self, metrics: Mapping[str, float], *, step: int, updates: int) -> None:
        """Write one point for every metric."""
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)
        self._writer.add_scalar("charts/updates", updates, step)

    def close(self) -> None:
        """Write what is left, and close."""
        self._writer.close()


def _whole_rows(path: Path) -> list[dict[str, Any]]:
    """Give the rows of a file whose last line may be cut off."""
    text = files.read_text(path)
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
