"""How the conformance suites play a World, and how they compare what it showed."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt
import pytest

from ludus.core.protocols import World
from ludus.core.types import Step

ActionRows = list[npt.NDArray[np.generic]]
FIELDS = ("frames", "reward", "terminated", "truncated", "tick")


class WorldPlay(ABC):
    steps = 40
    """Steps of the plays that are compared; more than one episode if that is cheap."""
    max_steps = 500
    """Steps within which random play ends an episode."""
    seeds_matter = True
    """False for a World that plays the same whatever the seed."""

    @abstractmethod
    def make(self, lanes: int, threads: int = 1) -> World: ...

    def actions(self, world: World, *, first: int = 0, steps: int | None = None) -> ActionRows:
        """Random actions `[T][N, ...]`; lane i's depend on `first + i` alone."""
        spaces = [copy.deepcopy(world.spec.action_space) for _ in range(world.lanes)]
        for lane, space in enumerate(spaces):
            space.seed(first + lane)
        return [np.stack([space.sample() for space in spaces]) for _ in range(steps or self.steps)]

    def play(self, world: World, rows: ActionRows) -> list[Step]:
        """Every step and, after it, what resetting the ended lanes shows."""
        shown = []
        for row in rows:
            shown.append(world.step(row))
            shown.append(world.reset(mask=shown[-1].done))
        return shown

    def play_to_end(self, world: World) -> Step:
        """Step, without resets, until a lane has ended."""
        for row in self.actions(world, steps=self.max_steps):
            step = world.step(row)
            if step.done.any():
                return step
        pytest.fail(f"no episode ended within max_steps = {self.max_steps}")


def assert_same(one: list[Step], other: list[Step], *, lanes: tuple[list[int], list[int]] | None = None) -> None:
    """Fail unless the steps are equal, in all lanes or in the lanes named for each side."""
    assert len(one) == len(other)
    mine, theirs = lanes or (slice(None), slice(None))
    for index, (a, b) in enumerate(zip(one, other, strict=True)):
        for field in FIELDS:
            left, right = getattr(a, field)[mine], getattr(b, field)[theirs]
            np.testing.assert_array_equal(left, right, err_msg=f"{field} of step {index}")
