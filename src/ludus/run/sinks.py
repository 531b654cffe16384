"""Where a run's metrics go: one JSON line an update, and beside it TensorBoard and Weights & Biases."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from ludus.core import config, files
from ludus.core.extras import from_extra


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


class WandB:
    """Weights & Biases' own files, in the run's folder; nothing is sent until somebody calls `wandb sync` on them.

    A run that goes on writes more files under the same id, which is kept beside them, so that they become one run.
    """

    def __init__(self, folder: Path, *, name: str, settings: Mapping[str, Any]) -> None:
        config.send_no_reports()
        with from_extra():
            import wandb
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "id").exists():
            files.write_atomic(folder / "id", uuid.uuid4().hex.encode())
        quiet = {"console": "off", "silent": True, "disable_git": True, "disable_code": True, "x_disable_stats": True}
        self._run: Any = wandb.init(
            mode="offline",
            project="ludus",
            id=files.read_text(folder / "id"),
            name=name,
            dir=str(folder),
            config=dict(settings),
            settings=wandb.Settings(**quiet),
        )

    def write(self, metrics: Mapping[str, float], *, step: int, updates: int) -> None:
        """Write one point for every metric."""
        self._run.log({**metrics, "charts/updates": updates}, step=step)

    def close(self) -> None:
        """Write what is left, and close."""
        self._run.finish()


def _whole_rows(path: Path) -> list[dict[str, Any]]:
    """Give the rows of a file whose last line may be cut off."""
    text = files.read_text(path)
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
