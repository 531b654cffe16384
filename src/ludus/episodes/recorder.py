"""Records episodes while they are played, many lanes at once. N lanes, T steps.

What a lane-step costs is what limits a batch, so all lanes' columns are kept together, row by row, and cut up by lane
only when an episode ends. Frames are not kept, only chained into a digest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ludus.core.digest import Chain
from ludus.core.protocols import Choice, WorldSpec
from ludus.core.types import Event, Mask, Step, Trace
from ludus.episodes.steps import Steps
from ludus.episodes.trace import EpisodeTrace

ROWS = 512
"""Rows at first; twice as many whenever an episode needs them."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """An episode as it was played, not yet written."""

    trace: EpisodeTrace
    steps: Steps
    events: tuple[Event, ...]
    peak: npt.NDArray[Any]
    """The frame of the step that earned the most, or where none earned anything, the last."""

    @property
    def total(self) -> float:
        """Its return, rounded once."""
        return math.fsum(self.steps.reward.tolist())

    @property
    def ticks(self) -> int:
        """Game time that it took."""
        return int(self.steps.tick[-1]) if len(self.steps) else 0


class Recorder:
    """Keeps what happens in N lanes of a World until their episodes end.

    codec: id of what gives the numbers of actions their meaning.
    """

    def __init__(self, spec: WorldSpec, lanes: int, codec: str) -> None:
        self._spec, self._codec = spec, codec
        space = spec.action_space
        self._columns: dict[str, npt.NDArray[Any]] = {
            "actions": np.empty((ROWS, lanes, *(space.shape or ())), space.dtype),
            "reward": np.empty((ROWS, lanes), np.float32),
            "tick": np.empty((ROWS, lanes), np.int64),
        }
        self._row = 0
        self._start = np.full(lanes, -1, np.int64)  # row of a running episode's first step, -1 in an idle lane
        self._best = np.zeros(lanes, np.float32)
        self._peaks: list[npt.NDArray[Any] | None] = [None] * lanes
        self._chains = [Chain() for _ in range(lanes)]
        self._events: list[list[Event]] = [[] for _ in range(lanes)]
        self._step: Step | None = None

    def begin(self, lanes: Sequence[int], step: Step) -> None:
        """Take note of episodes that begin in some lanes, with the step that their reset gave."""
        self._step = step
        frames = np.ascontiguousarray(step.frames)
        for lane in lanes:
            self._start[lane] = self._row
            self._best[lane], self._peaks[lane], self._events[lane] = 0.0, None, []
            self._chains[lane] = Chain()
            self._chains[lane].add(frames[lane])

    def add(self, choice: Choice, step: Step, moved: Mask) -> None:
        """Keep a step of the lanes that moved."""
        if self._row == len(self._columns["reward"]):
            self._make_room()
        row, columns, self._step = self._row, self._columns, step
        columns["actions"][row] = choice.actions
        columns["reward"][row] = step.reward
        columns["tick"][row] = step.tick
        for name in ("value", "log_prob"):
            told = getattr(choice, name)
            if told is not None and name not in columns:
                columns[name] = np.full_like(columns["reward"], np.nan)
            if name in columns:
                columns[name][row] = np.nan if told is None else told
        self._row += 1
        frames = np.ascontiguousarray(step.frames)
        for chain, frame, go in zip(self._chains, frames, moved.tolist(), strict=True):
            if go:
                chain.add(frame)
        better = step.reward > self._best
        if better.any():
            for lane in np.flatnonzero(better & moved).tolist():
                self._best[lane], self._peaks[lane] = step.reward[lane], frames[lane].copy()

    def tell(self, lane: int, event: Event) -> None:
        """Keep an event of a lane's episode."""
        self._events[lane].append(event)

    def end(self, lane: int, id: str, seed: int) -> Recording:  # noqa: A002 - the word of the manifest
        """Give the episode of a lane, which is idle afterwards."""
        assert self._step is not None
        assert self._start[lane] >= 0, lane
        rows = slice(int(self._start[lane]), self._row)
        self._start[lane] = -1
        cut = {name: column[rows, lane].copy() for name, column in self._columns.items()}
        actions = cut.pop("actions")
        for name in ("value", "log_prob"):
            if name in cut and np.isnan(cut[name]).any():  # told for other episodes, not for this one
                del cut[name]
        steps = Steps(
            actions=actions,
            terminated=bool(self._step.terminated[lane]),
            truncated=bool(self._step.truncated[lane]),
            **cut,
        )
        trace = Trace((seed,), self._codec, actions[:, None], self._chains[lane].digest)
        peak = self._peaks[lane]
        return Recording(
            trace=EpisodeTrace(id, self._spec.id, trace),
            steps=steps,
            events=tuple(self._events[lane]),
            peak=self._step.frames[lane].copy() if peak is None else peak,
        )

    def _make_room(self) -> None:
        """Drop the rows that no running episode needs; where that is less than half, take twice as many."""
        running = self._start[self._start >= 0]
        needed = int(running.min()) if running.size else self._row
        kept, rows = self._row - needed, len(self._columns["reward"])
        for name, column in self._columns.items():
            roomy = column if kept <= rows // 2 else np.empty((2 * rows, *column.shape[1:]), column.dtype)
            roomy[:kept] = column[needed : self._row]
            self._columns[name] = roomy
        self._start[self._start >= 0] -= needed
        self._row = kept
