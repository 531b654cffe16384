"""The loop: steps N lanes, plays episode after episode in each, and shows every step to whoever reads along.

What is shown must not be written to; frames refuse it. Which episode runs in which lane, and beside which others,
follows from when lanes are free. It changes nothing: an episode follows from its seed alone, and so does a policy that
is `Seeded` or draws nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ludus.core.protocols import Choice, World
from ludus.core.types import Event, Mask, Step

NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Opening:
    """An episode that is to be played."""

    id: str
    seed: int
    index: int
    steps: int | None = None
    """It is over after so many, whatever the World says."""


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """What a step or a reset led to. N lanes."""

    step: Step
    began: tuple[tuple[int, Opening], ...] = ()
    """Lanes that were reset, and the episodes that begin there; then nothing has moved."""
    choice: Choice | None = None
    """What was done; None after a reset."""
    moved: Mask | None = None
    """`bool[N]`, the lanes that acted; None after a reset."""
    ended: tuple[int, ...] = ()
    """Lanes whose episodes are over with this turn."""
    events: tuple[Event, ...] = ()
    """What happened, stamped; `lane` is the World's."""


class Actor(Protocol):
    """Whoever acts in all lanes."""

    def begin(self, began: Sequence[tuple[int, Opening]]) -> None:
        """Take note of the episodes that begin in some lanes."""
        ...

    def act(self, step: Step, /) -> Choice:
        """Give actions for all lanes; those of idle lanes are not read."""
        ...


def play(
    world: World, actor: Actor, openings: Iterable[Opening], *, run: str = "", instance: str = ""
) -> Iterator[Turn]:
    """Play all episodes and give every turn. Events bear `run`, `instance`, and the id and stream of their episode."""
    lanes = world.lanes
    waiting = iter(openings)
    stamp = Stamp(run, instance, lanes)
    seeds, steps, limits = np.zeros((3, lanes), np.int64)
    running = np.zeros(lanes, np.bool_)
    ended = tuple(range(lanes))
    while True:
        if ended and (began := tuple(zip(ended, waiting, strict=False))):
            named = np.zeros(lanes, np.bool_)
            for lane, opening in began:
                named[lane], seeds[lane], steps[lane] = True, opening.seed, 0
                limits[lane] = NEVER if opening.steps is None else opening.steps
                stamp.begin(lane, opening.id)
            step = sealed(world.reset(seeds=seeds.tolist(), mask=named))
            actor.begin(began)
            over = named & (step.done | (limits <= 0))
            running = (running | named) & ~over
            ended = tuple(np.flatnonzero(over).tolist())
            yield Turn(step, began=began, ended=ended, events=stamp.events(world))
            continue
        if not running.any():
            return
        choice = actor.act(step)
        moved = running
        step = sealed(world.step(choice.actions, mask=moved))
        steps += moved
        over = moved & (step.done | (steps >= limits))
        ended = tuple(np.flatnonzero(over).tolist()) if over.any() else ()
        if ended:
            running = moved & ~over
        yield Turn(step, choice=choice, moved=moved, ended=ended, events=stamp.events(world))


class Stamp:
    """Gives events what only their receiver knows."""

    def __init__(self, run: str, instance: str, lanes: int) -> None:
        self._run, self._instance = run, instance
        self._ids, self._seqs = [""] * lanes, [0] * lanes

    def begin(self, lane: int, id: str) -> None:  # noqa: A002 - the word of `Opening`
        """Begin an episode in a lane."""
        self._ids[lane], self._seqs[lane] = id, 0

    def events(self, world: World) -> tuple[Event, ...]:
        """Give what has happened in a World since the last call, stamped."""
        return tuple(map(self._stamped, world.events()))

    def _stamped(self, event: Event) -> Event:
        lane = event.lane
        seq = self._seqs[lane]
        self._seqs[lane] = seq + 1
        return Event(
            kind=event.kind,
            payload=event.payload,
            run=self._run,
            episode=self._ids[lane],
            stage=event.stage,
            lane=lane,
            tick=event.tick,
            seq=seq,
            instance=self._instance,
        )


def sealed(step: Step) -> Step:
    """Give the step with frames that cannot be written to."""
    frames = step.frames.view()
    frames.flags.writeable = False
    return Step(frames, step.reward, step.terminated, step.truncated, step.tick)
