"""What a worker plays, as turns: those who read along with a run can read along with a worker too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ludus.core.protocols import Choice, World
from ludus.core.types import Mask, Step
from ludus.episodes.naming import identity
from ludus.run.loop import Opening, Stamp, Turn, sealed


class Turns:
    """A `Watch` of a World that gives every step and reset to a reader as a `Turn`, its events stamped.

    Episodes are called `SCENARIO__SEED__INDEX`, by the worker's seed and how many it has begun before.
    """

    def __init__(
        self,
        world: World,
        read: Callable[[Turn], None],
        *,
        scenario: str,
        seed: int,
        run: str,
        instance: str,
    ) -> None:
        self._world, self._read = world, read
        self._scenario, self._seed = scenario, seed
        self._stamp = Stamp(run, instance, world.lanes)
        self._count = 0

    def __call__(self, step: Step, lanes: Mask, choice: Choice | None) -> None:
        """Take a step, or a reset of some lanes."""
        step = sealed(step)
        if choice is None:
            began = tuple((lane, self._open(lane)) for lane in np.flatnonzero(lanes).tolist())
            self._read(Turn(step, began=began, events=self._stamp.events(self._world)))
            return
        ended = tuple(np.flatnonzero(step.done).tolist())
        self._read(Turn(step, choice=choice, moved=lanes, ended=ended, events=self._stamp.events(self._world)))

    def _open(self, lane: int) -> Opening:
        opening = Opening(identity(self._scenario, self._seed, self._count), self._seed, self._count)
        self._count += 1
        self._stamp.begin(lane, opening.id)
        return opening
