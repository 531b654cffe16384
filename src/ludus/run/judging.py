"""Judges in the loop: what they see, the verdicts they give, and the films they ask for.

A Judge of events starts anew with every episode and sees its events in their order; a Judge of frames sees the frame of
every step, of all lanes at once, and the rows of its memory start anew with every episode. So a verdict does not
depend on the lanes, workers and sessions of a run. Neither sees the frame of a reset, which is no recorded step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from ludus.core.errors import InputError
from ludus.core.protocols import Judge
from ludus.core.types import Clip, Event, Mask, Step, Verdict
from ludus.run.actors import put_rows
from ludus.run.loop import Turn


@dataclass(frozen=True, slots=True)
class Wish:
    """A film that somebody wants of a verdict: seconds of game time before and after it."""

    pre_s: float
    post_s: float
    speed: float = 1.0

    def __post_init__(self) -> None:
        if not (self.pre_s >= 0 and self.post_s >= 0 and self.speed > 0):
            raise InputError(
                f"pre_s is {self.pre_s}, post_s {self.post_s}, speed {self.speed}; expected seconds from 0 and a speed "
                "above it."
            )


@dataclass(frozen=True, slots=True)
class Seat:
    """A Judge with a place in the loop. With several worker processes all of it must be picklable."""

    name: str
    judge: Judge[Any, Any]
    sees: Literal["events", "frames"]
    """Events of one lane, a `Sequence[Event]` at a time, with lane 0; or frames `[N, *frame_shape]` of all lanes."""
    film: Callable[[Verdict], Wish | None] | None = None
    """What to film of a verdict."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What it judges by, as JSON: it is saved with the run, which can so be judged again."""

    def __post_init__(self) -> None:
        if self.sees not in ("events", "frames"):
            raise InputError(f"the judge {self.name!r} sees {self.sees!r}, expected 'events' or 'frames'.")


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict, and where it came."""

    judge: str
    verdict: Verdict
    step: int
    """The step that settled it, from 0."""
    wish: Wish | None

    def to_json(self) -> dict[str, Any]:
        """Give it as the manifest has it; the lane, which means nothing afterwards, is left out."""
        verdict = self.verdict
        return {
            "judge": self.judge,
            "name": verdict.name,
            "step": self.step,
            "tick": verdict.tick,
            "stage": verdict.stage,
            "evidence": dict(verdict.evidence),
        }

    def clip(self, steps: int, step_hz: float) -> Clip | None:
        """Give the film that it asks for of an episode of so many steps, not yet made; a step has one frame."""
        if self.wish is None:
            return None
        wish = self.wish
        start = self.step - round(wish.pre_s * step_hz)
        end = self.step + 1 + round(wish.post_s * step_hz)
        return Clip(
            episode=self.verdict.episode,
            tag=self.verdict.name,
            tick=self.verdict.tick,
            start=max(start, 0),
            end=min(end, steps),
            pre_s=wish.pre_s,
            post_s=wish.post_s,
            speed=wish.speed,
            truncated_pre=start < 0,
            truncated_post=end > steps,
        )


class Bench:
    """All judges of N lanes. `run` is what verdicts over frames bear."""

    def __init__(self, seats: Sequence[Seat], lanes: int, run: str) -> None:
        self._over_events = [seat for seat in seats if seat.sees == "events"]
        self._over_frames = [(seat, seat.judge.init(lanes)) for seat in seats if seat.sees == "frames"]
        self._memories: list[list[Any]] = [[] for _ in range(lanes)]
        self._run = run
        self._ids = [""] * lanes
        self._steps = np.zeros(lanes, np.int64)
        self._rulings: list[list[Ruling]] = [[] for _ in range(lanes)]

    def hear(self, turn: Turn) -> None:
        """Take one more turn."""
        if turn.began:
            self._begin(turn)
        if self._over_events and turn.events:
            self._hear_events(turn.events)
        if turn.moved is not None:
            self._see_frames(turn.step, turn.moved)
            self._steps += turn.moved

    def end(self, lane: int) -> tuple[Ruling, ...]:
        """Give the rulings of a lane's episode."""
        return tuple(self._rulings[lane])

    def _begin(self, turn: Turn) -> None:
        lanes = [lane for lane, _ in turn.began]
        for lane, opening in turn.began:
            self._ids[lane], self._steps[lane], self._rulings[lane] = opening.id, 0, []
            self._memories[lane] = [seat.judge.init(1) for seat in self._over_events]
        self._over_frames = [
            (seat, put_rows(memory, lanes, seat.judge.init(len(lanes)))) for seat, memory in self._over_frames
        ]

    def _hear_events(self, events: Sequence[Event]) -> None:
        by_lane: dict[int, list[Event]] = {}
        for event in events:
            by_lane.setdefault(event.lane, []).append(replace(event, lane=0))
        for lane, heard in by_lane.items():
            for number, seat in enumerate(self._over_events):
                self._memories[lane][number], verdicts = seat.judge.update(self._memories[lane][number], heard)
                for verdict in verdicts:
                    self._rule(seat, lane, verdict)

    def _see_frames(self, step: Step, moved: Mask) -> None:
        for number, (seat, memory) in enumerate(self._over_frames):
            after, verdicts = seat.judge.update(memory, step.frames)
            self._over_frames[number] = (seat, after)
            for verdict in verdicts:
                if moved[lane := verdict.lane]:
                    tick = int(step.tick[lane])
                    self._rule(seat, lane, replace(verdict, run=self._run, episode=self._ids[lane], tick=tick))

    def _rule(self, seat: Seat, lane: int, verdict: Verdict) -> None:
        wish = seat.film(verdict) if seat.film else None
        self._rulings[lane].append(Ruling(seat.name, verdict, int(self._steps[lane]), wish))
