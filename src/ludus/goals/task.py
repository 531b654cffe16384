"""Goals to learn from: a World whose rewards and ends are those of a goal, or of a chain of goals, one after another.

reward = step_cost + alpha * (prev_dist - dist) + bonus * done
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ludus.core import digest, files
from ludus.core.errors import ClosedError, InputError, StateError
from ludus.core.lanes import check_lane, check_mask, check_running, check_seeds
from ludus.core.protocols import World, WorldSpec
from ludus.core.types import Event, Mask, Step
from ludus.goals import match
from ludus.goals.artefact import Goal
from ludus.goals.screen import HEIGHT, PER_BYTE, SHADES, WIDTH

STATE = struct.Struct("<16siifi???")
DIGEST_BYTES = 16
MAX_STEPS = 128


@dataclass(frozen=True, slots=True)
class GoalReward:
    """What a step towards a goal is worth."""

    step_cost: float = -0.01
    alpha: float = 1.0
    """Weight of coming nearer."""
    bonus: float = 10.0
    """For reaching the goal."""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A goal of a chain, and where its episodes begin."""

    templates: npt.NDArray[np.uint8]
    """`uint8[G, 72, 80]`."""
    tau: float
    k_consecutive: int
    start: bytes | None = None
    """A lane that the World saved at its tick 0; None begins as the World does, by seeds, and is for a chain of one."""
    max_steps: int = MAX_STEPS
    """An episode is truncated after so many."""

    @classmethod
    def of(cls, goal: Goal, *, max_steps: int = MAX_STEPS) -> Self:
        """Give the stage of a goal that was loaded, with its own start state."""
        meta = goal.meta
        start = files.read_bytes(Path(goal.start_state))
        return cls(goal.templates, meta.tau, meta.k_consecutive, start, max_steps)


class GoalWorld:
    """A World (`ludus.core.protocols`) around another, with the rewards and ends of goals.

    An episode is terminated when its goal is done, or the inner World's has ended; truncated after the stage's steps.
    Every lane has a stage of its own: a reset with seeds begins at the first; a reset without goes on to the next
    stage where the last episode reached its goal, after the last one to the first again, and else tries the same again.

    world: shows shades of 72 x 80, or packed. stages: one or more.
    """

    def __init__(self, world: World, stages: Sequence[Stage], *, reward: GoalReward | None = None) -> None:
        self._world, self._stages, self._reward = world, tuple(stages), reward or GoalReward()
        self._check_spec()
        self._check_stages()
        self._templates = [match.check_goal(match.to_tensor(stage.templates)) for stage in self._stages]
        told = [(stage.templates.tobytes(), stage.tau, stage.k_consecutive, stage.start) for stage in self._stages]
        self._identity = bytes.fromhex(digest.of_bytes(repr((told, self._reward)).encode()))
        lanes = world.lanes
        self._stage, self._consec, self._steps = np.zeros((3, lanes), np.int32)
        self._dist = np.zeros(lanes, np.float32)
        self._terminated, self._truncated = np.ones(lanes, np.bool_), np.zeros(lanes, np.bool_)
        self._reached = np.zeros(lanes, np.bool_)
        self._closed = False

    @property
    def spec(self) -> WorldSpec:
        """What the inner World is."""
        return self._world.spec

    @property
    def lanes(self) -> int:
        """N."""
        return self._world.lanes

    @property
    def inner(self) -> World:
        """The World that is played."""
        return self._world

    @property
    def stage(self) -> npt.NDArray[np.int32]:
        """`int32[N]`, the stage of each lane, from 0."""
        return self._stage.copy()

    @property
    def distance(self) -> npt.NDArray[np.float32]:
        """`float32[N]`, how far each lane is from the goal of its stage now."""
        return self._dist.copy()

    def reset(self, *, seeds: int | Sequence[int] | None = None, mask: npt.ArrayLike | None = None) -> Step:
        """Begin a new episode in the lanes that `mask` names, each at the start of its stage."""
        self._check_open()
        named = check_mask(mask, self.lanes)
        if seeds is None:
            self._stage[named & self._reached] += 1
            self._stage %= len(self._stages)
        else:
            check_seeds(seeds, self.lanes)
            self._stage[named] = 0
        step = self._begin(seeds, named)
        self._dist = np.where(named, self._measure(step), self._dist)
        self._consec[named] = self._steps[named] = 0
        self._terminated[named] = self._truncated[named] = self._reached[named] = False
        return self._show(step, np.zeros(self.lanes, np.float32))

    def step(self, actions: npt.ArrayLike, *, mask: npt.ArrayLike | None = None) -> Step:
        """Act in the lanes that `mask` names, and show all lanes, rewarded for coming nearer to their goals."""
        self._check_open()
        named = check_mask(mask, self.lanes)
        check_running(self._terminated | self._truncated, named)
        step = self._world.step(actions, mask=named)
        before, dist = self._dist, self._measure(step)
        consec = (self._consec + 1) * (dist < self._of_stage("tau", np.float32))
        self._consec = np.where(named, consec, self._consec).astype(np.int32)
        done = named & (self._consec >= self._of_stage("k_consecutive", np.int32))
        self._dist = np.where(named, dist, before)
        self._steps[named] += 1
        self._reached |= done
        self._terminated |= named & (done | step.terminated)
        self._truncated |= named & (step.truncated | (self._steps >= self._of_stage("max_steps", np.int32)))
        worth = self._reward
        reward = (
            np.float32(worth.step_cost) + np.float32(worth.alpha) * (before - dist) + np.float32(worth.bonus) * done
        )
        return self._show(step, np.where(named, reward, 0).astype(np.float32))

    def events(self) -> tuple[Event, ...]:
        """Give what happened in the inner World since the last call."""
        self._check_open()
        return self._world.events()

    def save(self, lane: int) -> bytes:
        """Give everything that decides the lane's future: stage, progress and the inner lane. Raises `InputError`."""
        self._check_open()
        check_lane(lane, self.lanes)
        columns = (self._stage, self._consec, self._dist, self._steps, self._terminated, self._truncated, self._reached)
        state = STATE.pack(self._identity, *(column[lane].item() for column in columns)) + self._world.save(lane)
        return state + bytes.fromhex(digest.of_bytes(state))

    def load(self, lane: int, state: bytes) -> None:
        """Put a saved lane back, into any lane of any World with these goals and rewards. Raises `StateError`."""
        self._check_open()
        check_lane(lane, self.lanes)
        body, seal = state[:-DIGEST_BYTES], state[-DIGEST_BYTES:]
        if len(body) < STATE.size or seal != bytes.fromhex(digest.of_bytes(body)):
            raise StateError("the state is not one of a World with goals, or it is damaged; save the lane again.")
        identity, stage, consec, dist, steps, *flags = STATE.unpack_from(body)
        if identity != self._identity:
            raise StateError("the state was saved with other goals or rewards; load it into a World that has those.")
        self._world.load(lane, body[STATE.size :])
        self._stage[lane], self._consec[lane], self._dist[lane], self._steps[lane] = stage, consec, dist, steps
        self._terminated[lane], self._truncated[lane], self._reached[lane] = flags

    def close(self) -> None:
        """Close the inner World and refuse everything from now on; a second call does nothing."""
        self._closed = True
        self._world.close()

    def _begin(self, seeds: int | Sequence[int] | None, named: Mask) -> Step:
        """Begin the episodes of the named lanes in the inner World, and show all lanes."""
        if self._stages[0].start is None:
            return self._world.reset(seeds=seeds, mask=named)
        for lane in np.flatnonzero(named).tolist():
            self._world.load(lane, self._stages[self._stage[lane]].start or b"")
        return self._world.reset(mask=np.zeros(self.lanes, np.bool_))

    def _measure(self, step: Step) -> npt.NDArray[np.float32]:
        """Give `float32[N]`, how far each lane is from the goal of its stage."""
        dist = np.empty(self.lanes, np.float32)
        for stage in np.unique(self._stage).tolist():
            lanes = self._stage == stage
            frames = step.frames if lanes.all() else step.frames[lanes]
            dist[lanes] = match.distance(match.to_tensor(frames), self._templates[stage]).numpy()
        return dist

    def _show(self, step: Step, reward: npt.NDArray[np.float32]) -> Step:
        return replace(step, reward=reward, terminated=self._terminated.copy(), truncated=self._truncated.copy())

    def _of_stage(self, name: str, dtype: type[np.number[Any]]) -> npt.NDArray[Any]:
        """Give what the stages have by a name, for each lane."""
        return np.array([getattr(stage, name) for stage in self._stages], dtype)[self._stage]

    def _check_spec(self) -> None:
        spec = self._world.spec
        if spec.frame_shape not in ((HEIGHT, WIDTH), (HEIGHT, WIDTH // PER_BYTE)):
            raise InputError(
                f"{spec.id} shows {spec.frame_shape}, expected 72 x 80 shades: take the view half, mean or packed."
            )
        if spec.frame_shape[1] == WIDTH and len(spec.shades or ()) != SHADES:
            raise InputError(f"{spec.id} shows {spec.shades}, expected four shades, as a Game Boy has.")

    def _check_stages(self) -> None:
        """Refuse stages that make no chain, or that do not begin at tick 0 of this World. Raises `InputError`."""
        if not self._stages or (len(self._stages) > 1 and any(stage.start is None for stage in self._stages)):
            raise InputError(f"there are {len(self._stages)} stages, expected one, or several with a start state each.")
        kept = self._world.save(0)
        for number, stage in enumerate(self._stages):
            match.check_limits(stage.tau, stage.k_consecutive)
            if stage.max_steps < 1:
                raise InputError(f"max_steps of stage {number} is {stage.max_steps}, expected at least 1.")
            if stage.start is None:
                continue
            self._world.load(0, stage.start)
            if tick := int(self._world.reset(mask=np.zeros(self.lanes, np.bool_)).tick[0]):
                raise InputError(f"the start of stage {number} is at tick {tick}, expected 0: save it after a reset.")
        self._world.load(0, kept)

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("this World is closed; make a new one.")
