"""What a judge of feats remembers: cells of lanes and lives, and what has been unlocked.

All cells are float64, whole numbers exact up to 2^53. The compiler decides what there is to remember, so that the
memory of a lane is fixed by its feats, however long the stream, and copied in one go.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Cells: TypeAlias = "array[float]"

ABSENT = float("-inf")
"""What a counter that nothing has told of holds, and a tick that never was: below every number, and not 0."""

RUN, STAGE, LIFE = range(3)
"""Whose cell it is: of a run or a stage, both in a lane, or of a life, which is an instance's."""

Spans: TypeAlias = tuple["Cells", "Cells", "Cells"]
"""The cells that an event can touch: of its lane's run and stage, and of its instance's life."""


@dataclass(frozen=True, slots=True)
class Span:
    """A run or a stage that is under way in a lane."""

    key: str = ""
    """What tells it from all others: `RUN/EPISODE`, or `RUN/EPISODE/STAGE`; `#2` and so on where ids come again."""
    opened: bool = False
    """Its own start event has come; another one begins a new run or stage under the same ids."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a lane is."""

    run: str = ""
    episode: str = ""
    stage: str = ""
    """Ids as the events tell them."""
    begun: bool = False
    """Whether anything has happened in it yet."""
    repeats: int = 0
    """Runs under these ids so far."""
    visits: Mapping[str, int] = field(default_factory=dict)
    """Stages of this run so far, by id."""
    biome: Any = None
    """What the last start of a stage told."""
    of_run: Span = Span()
    of_stage: Span = Span()


@dataclass(slots=True)
class Lane:
    """What is under way in a lane."""

    place: Place
    run: Cells
    stage: Cells
    run_won: frozenset[str] = frozenset()
    """Keys of the feats that have unlocked in this run."""
    stage_won: frozenset[str] = frozenset()
    """And in this stage."""

    def copy(self) -> Lane:
        """Give one whose changes this one does not see."""
        return Lane(self.place, self.run[:], self.stage[:], self.run_won, self.stage_won)


@dataclass(slots=True)
class Life:
    """What is counted over all runs of an instance."""

    cells: Cells
    won: frozenset[str] = frozenset()

    def copy(self) -> Life:
        """Give one whose changes this one does not see."""
        return Life(self.cells[:], self.won)


Board = Mapping[str, Mapping[str, Any]]
"""Instance -> its best: `score` and where it was, `run_id`, `episode_id`, `tick`."""


@dataclass(frozen=True, slots=True)
class Memory:
    """All that a judge remembers. A value: an update gives another one and leaves this one as it is."""

    lanes: Mapping[int, Lane]
    lives: Mapping[str, Life]
    boards: Mapping[str, Board] = field(default_factory=dict)
    """Key of a best_only feat -> its board."""
    runs: int = 0
    """Runs begun in all lanes."""
    winners: dict[str, int] = field(default_factory=dict)
    """Key of a feat -> runs in which it unlocked."""
