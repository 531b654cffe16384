"""Goals as a Judge: frames in, a verdict when the screen is reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy.typing as npt

from ludus.core.types import Verdict
from ludus.goals import match
from ludus.goals.artefact import Goal

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """What the judge of a goal remembers of N lanes."""

    consec: Tensor
    """`int32[N]`, steps in a row whose frame was the goal's."""
    reached: Tensor
    """`bool[N]`, the verdict has been given."""


class GoalJudge:
    """A Judge (`ludus.core.protocols`) of frames `uint8[N, 72, 80]`, packed or stacked as `match.distance` takes them.

    A lane's verdict comes once, with the step at which the goal is done; its run, episode and tick are for whoever
    plays to fill in. values: whether to refuse frames that are no shades. Verdicts are Python's, so the judge waits
    for its device once a step; a loop that must not wait calls `match` itself.
    """

    def __init__(
        self,
        name: str,
        templates: npt.NDArray[Any],
        *,
        tau: float,
        k_consecutive: int,
        device: str = "cpu",
        values: bool = True,
    ) -> None:
        match.check_limits(tau, k_consecutive)
        self.name, self.tau, self.k_consecutive = name, tau, k_consecutive
        self._device = match.find_device(device)
        self._templates = match.check_goal(match.to_tensor(templates, self._device))
        match.check_values(self._templates)
        self._values = values

    @classmethod
    def of(cls, goal: Goal, *, device: str = "cpu", values: bool = True) -> Self:
        """Give the judge of a goal that was loaded."""
        tau, k = goal.meta.tau, goal.meta.k_consecutive
        return cls(goal.name, goal.templates, tau=tau, k_consecutive=k, device=device, values=values)

    def init(self, lanes: int) -> Memory:
        """Give the memory of a Judge that has seen nothing."""
        consec = match.begin(lanes, self._device)
        return Memory(consec, consec > 0)

    def update(self, memory: Memory, seen: npt.NDArray[Any] | Tensor) -> tuple[Memory, tuple[Verdict, ...]]:
        """Give the memory after one more frame of every lane, and the verdicts of lanes that reach the goal with it.

        Raises `InputError` on frames of another shape, dtype, number of lanes or, if values are looked at, value.
        """
        frames = match.to_tensor(seen, self._device)
        if self._values:
            match.check_values(frames)
        dist = match.distance(frames, self._templates)
        consec, done = match.advance(memory.consec, dist, tau=self.tau, k_consecutive=self.k_consecutive)
        fresh = done & ~memory.reached
        lanes = fresh.nonzero()[:, 0].tolist()
        verdicts = tuple(self._rule(lane, float(dist[lane]), int(consec[lane])) for lane in lanes)
        return Memory(consec, memory.reached | done), verdicts

    def _rule(self, lane: int, dist: float, consec: int) -> Verdict:
        evidence = {"distance": dist, "tau": self.tau, "consec": consec}
        return Verdict(name=self.name, run="", episode="", stage="", lane=lane, tick=0, evidence=evidence)
