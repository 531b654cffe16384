"""A progress bar for work whose length is known when it starts; in a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar."""

    progress: Progress
    task: TaskID

    def start(self, total: int, done: int = 0) -> None:
        """Say how much there is, and how much of it is done."""
        self.progress.update(self.task, total=total, completed=done)

    def advance(self, *_: object) -> None:
        """Say that one more is done; what it is does not matter."""
        self.progress.advance(self.task)


@contextmanager
def progress_bar(told: str) -> Iterator[Bar]:
    """Show a bar on the standard error while something goes on, where that is a terminal."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    with progress:
        yield Bar(progress, progress.add_task(told, total=None))
