"""Plays episodes and writes their record: loop, judges, recorder and film together, in one process."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ludus.core.clock import SystemClock
from ludus.core.protocols import Policy, World
from ludus.core.types import Artefact, Episode
from ludus.episodes import manifest
from ludus.episodes.naming import identity
from ludus.episodes.recorder import Recorder, Recording
from ludus.episodes.store import Store
from ludus.run.actors import PolicyActor
from ludus.run.filming import cut_clips, film, open_studio
from ludus.run.games import GameSettings, codec_id, open_world
from ludus.run.judging import Bench, Ruling, Seat
from ludus.run.loop import Opening, Turn, play
from ludus.run.policies import make_policy, policy_name

if TYPE_CHECKING:
    from ludus.episodes.video import VideoRecord, VideoSettings

GROUP_S = 0.25
"""Finished episodes wait at most so long for others, to be written together."""
WAITING = 64
"""Finished episodes that wait at most; then the play waits for the disk."""


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
    video: VideoSettings | None = None
    """None where video is off: then nothing of it is imported."""

    def opening(self, index: int) -> Opening:
        """Give the episode of a place in the run: its seed is the run's plus the place."""
        seed = self.seed + index
        return Opening(identity(self.scenario, seed, index), seed, index)


@dataclass(frozen=True, slots=True)
class Finished:
    """An episode that is over and not yet written."""

    opening: Opening
    recording: Recording
    rulings: tuple[Ruling, ...]
    video: Callable[[], VideoRecord] | None
    """What names the file of its film and tells what became of it; None where video is off."""
    wall_s: float


def record(plan: Plan, indices: Sequence[int]) -> Iterator[list[Episode]]:
    """Play the episodes of these places, and give them group by group, their files written and their lines not.

    A thread writes and syncs the files of one group while the next one is played: to wait for a disk takes longer than
    to play.
    """
    if not indices:
        return
    lanes = min(plan.lanes, len(indices))
    with closing(open_world(plan.game, lanes, threads=plan.threads)) as world, ThreadPoolExecutor(1) as writer:
        policy = plan.policy
        if isinstance(policy, str):
            policy = make_policy(policy, plan.game, world.spec)
        actor = PolicyActor(policy, world.spec, lanes)
        openings = map(plan.opening, indices)
        turns = play(world, actor, openings, run=plan.run, instance=policy_name(plan.policy))
        with closing(_Session(plan, world)) as session:
            writing: Future[list[Episode]] | None = None
            due = time.monotonic() + GROUP_S
            for turn in turns:
                session.follow(turn)
                if writing is not None and (writing.done() or len(session.finished) >= WAITING):
                    yield writing.result()
                    writing = None
                if session.finished and writing is None and time.monotonic() >= due:
                    writing = writer.submit(session.save, session.take())
                    due = time.monotonic() + GROUP_S
            if writing is not None:
                yield writing.result()
            if session.finished:
                yield session.save(session.take())


class _Session:
    """Everybody who reads along, and the episodes that are over and not yet written."""

    def __init__(self, plan: Plan, world: World) -> None:
        self._plan, self._spec = plan, world.spec
        self._store = Store(plan.out, world.spec.shades)
        self._recorder = Recorder(world.spec, world.lanes, codec_id(world))
        self._bench = Bench(plan.judges, world.lanes, plan.run)
        self._playing: dict[int, tuple[Opening, float]] = {}
        self.finished: list[Finished] = []
        self._studio = None if plan.video is None else open_studio(plan.out, world, plan.video)

    def follow(self, turn: Turn) -> None:
        """Take one more turn."""
        if turn.choice is not None and turn.moved is not None:
            self._recorder.add(turn.choice, turn.step, turn.moved)
        else:
            self._recorder.begin([lane for lane, _ in turn.began], turn.step)
            now = time.monotonic()
            self._playing |= {lane: (opening, now) for lane, opening in turn.began}
        if self._studio is not None:
            film(self._studio, turn)
        for event in turn.events:
            self._recorder.tell(event.lane, event)
        self._bench.hear(turn)
        for lane in turn.ended:
            opening, began = self._playing.pop(lane)
            recording = self._recorder.end(lane, opening.id, opening.seed)
            video = None if self._studio is None else self._studio.end(lane, len(recording.steps))
            wall_s = time.monotonic() - began
            self.finished.append(Finished(opening, recording, self._bench.end(lane), video, wall_s))

    def take(self) -> list[Finished]:
        """Give what is finished, and forget it."""
        taken, self.finished = self.finished, []
        return taken

    def save(self, finished: Sequence[Finished]) -> list[Episode]:
        """Write the files of episodes and give their lines; another thread may call this."""
        saved = self._store.save([one.recording for one in finished])
        return [self._episode(one, files) for one, files in zip(finished, saved, strict=True)]

    def close(self) -> None:
        """Give up the films of episodes that are not over, and let go of those that nobody will tell of."""
        for one in self.finished:
            if one.video is not None:
                one.video()
        if self._studio is not None:
            self._studio.close()

    def _episode(self, one: Finished, files: Mapping[str, Artefact]) -> Episode:
        recording, steps = one.recording, len(one.recording.steps)
        wanted = [clip for ruling in one.rulings if (clip := ruling.clip(steps, self._spec.step_hz))]
        video = manifest.OFF if one.video is None else one.video().to_json()
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
            clips=cut_clips(self._plan.out, wanted, video),
            video=video,
            timing={"finished": SystemClock().stamp(), "wall_s": round(one.wall_s, 6)},
        )
