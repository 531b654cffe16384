"""Plays episodes and writes their record: loop, judges, recorder and film together, in one process."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ludus.core.clock import SystemClock
from ludus.core.protocols import Policy, World
from ludus.core.types import Artefact, Episode
from ludus.episodes import manifest
from ludus.episodes.naming import identity
from ludus.episodes.recorder import Recorder, Recording
from ludus.episodes.store import Store
from ludus.run.actors import PolicyActor
from ludus.run.games import GameSettings, codec_id, open_world
from ludus.run.judging import Bench, Ruling, Seat
from ludus.run.loop import Opening, Turn, play
from ludus.run.policies import make_policy, policy_name

GROUP_S = 0.25
"""Finished episodes wait at most so long for others, to be written together."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run plays and records; with several worker processes all of it must be picklable."""

    game: GameSettings
    scenario: str
    policy: str | Policy[Any]
    seed: int
    out: Path
    run: str
    lanes: int
    judges: tuple[Seat, ...] = ()
    threads: int | None = None

    def opening(self, index: int) -> Opening:
        """Give the episode of a place in the run: its seed is the run's plus the place."""
        seed = self.seed + index
        return Opening(identity(self.scenario, seed, index), seed, index)


@dataclass(frozen=True, slots=True)
class _Finished:
    """An episode that is over and not yet written."""

    opening: Opening
    recording: Recording
    rulings: tuple[Ruling, ...]
    video: Any
    wall_s: float


def record(plan: Plan, indices: Sequence[int]) -> Iterator[list[Episode]]:
    """Play the episodes of these places, and give them group by group, their files written and their lines not."""
    if not indices:
        return
    lanes = min(plan.lanes, len(indices))
    with closing(open_world(plan.game, lanes, threads=plan.threads)) as world:
        policy = plan.policy
        if isinstance(policy, str):
            policy = make_policy(policy, plan.game, world.spec)
        actor = PolicyActor(policy, world.spec, lanes)
        openings = map(plan.opening, indices)
        turns = play(world, actor, openings, run=plan.run, instance=policy_name(plan.policy))
        session = _Session(plan, world)
        due = time.monotonic() + GROUP_S
        for turn in turns:
            session.follow(turn)
            if session.finished and time.monotonic() >= due:
                yield session.save()
                due = time.monotonic() + GROUP_S
        if session.finished:
            yield session.save()


class _Session:
    """Everybody who reads along, and the episodes that are over and not yet written."""

    def __init__(self, plan: Plan, world: World) -> None:
        self._plan, self._spec = plan, world.spec
        self._store = Store(plan.out, world.spec.shades)
        self._recorder = Recorder(world.spec, world.lanes, codec_id(world))
        self._bench = Bench(plan.judges, world.lanes, plan.run)
        self._playing: dict[int, tuple[Opening, float]] = {}
        self.finished: list[_Finished] = []

    def follow(self, turn: Turn) -> None:
        """Take one more turn."""
        if turn.choice is not None and turn.moved is not None:
            self._recorder.add(turn.choice, turn.step, turn.moved)
        else:
            self._recorder.begin([lane for lane, _ in turn.began], turn.step)
            now = time.monotonic()
            self._playing |= {lane: (opening, now) for lane, opening in turn.began}
        for event in turn.events:
            self._recorder.tell(event.lane, event)
        self._bench.hear(turn)
        for lane in turn.ended:
            opening, began = self._playing.pop(lane)
            recording = self._recorder.end(lane, opening.id, opening.seed)
            wall_s = time.monotonic() - began
            self.finished.append(_Finished(opening, recording, self._bench.end(lane), manifest.OFF, wall_s))

    def save(self) -> list[Episode]:
        """Write the files of what is finished, and give it."""
        saved = self._store.save([one.recording for one in self.finished])
        episodes = [self._episode(one, files) for one, files in zip(self.finished, saved, strict=True)]
        self.finished = []
        return episodes

    def _episode(self, one: _Finished, files: Mapping[str, Artefact]) -> Episode:
        recording, steps = one.recording, len(one.recording.steps)
        return Episode(
            id=one.opening.id,
            run=self._plan.run,
            scenario=self._plan.scenario,
            seed=one.opening.seed,
            index=one.opening.index,
            policy=policy_name(self._plan.policy),
            steps=steps,
            total=recording.total,
            ticks=recording.ticks,
            terminated=recording.steps.terminated,
            truncated=recording.steps.truncated,
            digest=recording.trace.trace.digest or "",
            happened=dict(sorted(Counter(event.kind for event in recording.events).items())),
            files=files,
            verdicts=tuple(ruling.to_json() for ruling in one.rulings),
            clips=tuple(clip for ruling in one.rulings if (clip := ruling.clip(steps, self._spec.step_hz))),
            video=one.video,
            timing={"finished": SystemClock().stamp(), "wall_s": round(one.wall_s, 6)},
        )
