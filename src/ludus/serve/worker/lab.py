"""What a worker does for a lab beside its play: it tells what happens, shows its lanes, and makes clips.

The play hands over turns and goes on. A thread writes events to the disk, sends them, tells how the worker is, and runs
errands; where the orchestrator is away, all of it waits but the play. Whatever was on the disk when the process was
killed is taken up by the next one with the same folder.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import threading
from collections import deque
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from ludus.core.clock import Clock, Every, SystemClock
from ludus.core.errors import InputError
from ludus.core.protocols import World
from ludus.core.types import Event
from ludus.run.loop import Turn
from ludus.serve.live.feed import LiveFeed
from ludus.serve.wire import RefusedError
from ludus.serve.worker.errands import Errands, Film, upload
from ludus.serve.worker.reel import Reel
from ludus.serve.worker.regard import DEATH, Regard
from ludus.serve.worker.server import EncodeBody
from ludus.serve.worker.sight import Sight
from ludus.serve.worker.spool import Reporter, Spool, client_for

LOG = logging.getLogger("ludus.serve.worker")

WRITE_S, SYNC_S, METRICS_S, TRIM_S = 0.05, 1.0, 2.0, 5.0
"""Between two writings of events to the disk; the play wakes nobody, which would cost it more than a step."""
PAUSE_S = 1.0
"""After the orchestrator was away."""
LINGER_S = 5.0
"""That the end waits for what is still to be told, and for clips."""
MOST_CLIPS = 8
RATES = 6
RETURNS = 100
"""Episodes whose returns are averaged."""
EPISODES, MOST_UNLOCKS = 16, 1000
"""Of each lane that are remembered, and unlocks that are heard of at a time, for the lanes' scores."""


class LabWorker:
    """A worker's part in a lab: the play calls `read` with every turn."""

    def __init__(
        self,
        url: str,
        token: str,
        name: str,
        world: World,
        *,
        run: str,
        state: Path,
        role: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        """run: what events and metrics bear. state: a folder of its own. Raises `InputError` where it is in use."""
        self.name, self.run, self.version = name, run, -1
        self._clock, self._spec, self._lanes = clock or SystemClock(), world.spec, world.lanes
        self._role, self._stack = role, ExitStack()
        self._stack.callback(os.close, _hold(state))
        self._spool = Spool(state / "spool")
        self._reel = Reel(state, world.spec, world.lanes)
        self._sight = Sight(world.spec, world.lanes)
        self._regard = Regard(world.lanes, step_hz=world.spec.step_hz)
        self._lane_of: dict[str, int] = {}
        """Of the newest episodes."""
        self._unlock = 0
        """The newest that was heard of."""
        self._client = self._stack.enter_context(client_for(url, token))
        self._reporter = Reporter(self._spool, name, self._client)
        self._errands = Errands(self._client, name, self._reel.cut)
        self._live = LiveFeed(url, token, name, world.spec, world.lanes, role=role) if world.spec.pictures else None
        self._heard: deque[tuple[Event, ...]] = deque()
        self._length = np.zeros(world.lanes, np.int64)
        self._return = np.zeros(world.lanes)
        self._returns: deque[float] = deque(maxlen=RETURNS)
        self.steps = self.episodes = 0
        self._rate = _Rate(self._clock)
        self._problem = ""
        self.url: str | None = None
        """Of the worker's own server, where it has one."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep_on, name="errands", daemon=True)
        self._thread.start()

    def read(self, turn: Turn) -> None:
        """Take one more turn of the play."""
        self._length = self._length.copy()  # whoever shows the old one keeps it
        for lane, opening in turn.began:
            self._length[lane], self._return[lane] = 0, 0.0
            self._remember(opening.id, lane)
        if turn.moved is not None:
            self._length += turn.moved
            self._return += turn.step.reward
            self.steps += int(turn.moved.sum())
        self._reel.follow(turn)
        for lane in turn.ended:
            self.episodes += 1
            self._returns.append(float(self._return[lane]))
        self._sight.follow(turn)
        if self._live is not None:
            self._live.show(turn.step.frames, self._length)
        if turn.events:
            self._heard.append(turn.events)

    def status(self) -> dict[str, Any]:
        """Tell how the worker is."""
        returns = [*self._returns]
        told: dict[str, Any] = {
            "pid": os.getpid(),
            "role": self._role,
            "game": self._spec.id.rpartition(":")[2],
            "policy": self.run,
            "policy_version": self.version,
            "lanes": self._lanes,
            "steps": self.steps,
            "steps_per_s": round(self._rate.newest, 1),
            "episodes": self.episodes,
            "waiting_events": len(self._spool),
            **self._sight.to_json(),
            **self._regard.to_json(),
        }
        if returns:
            told |= {"reward": returns[-1], "mean_return": sum(returns) / len(returns)}
        more = {"url": self.url, "problem": self._problem}
        return told | {name: value for name, value in more.items() if value}

    async def encode(self, body: EncodeBody) -> str:
        """Make a clip of the newest moments, hand it in, and give its URL. Raises `RefusedError`."""
        return await asyncio.to_thread(self._encode, body)

    def _encode(self, body: EncodeBody) -> str:
        made = self._reel.newest(tag=body.tag, speed=body.speed)
        if not isinstance(made, Film):
            raise RefusedError(404, made.reason["code"].replace("-", "_"), f"{made.reason['detail']}.")
        try:
            return upload(self._client, made.path)
        except httpx.HTTPError as error:
            raise RefusedError(503, "away", f"the orchestrator did not take the film: {error}") from error

    def close(self) -> None:
        """Tell what is still to be told, for a few seconds at most, and let go of everything."""
        self._reel.close()
        self._stop.set()
        self._thread.join()
        if self._live is not None:
            self._live.close()
        self._stack.close()

    def _keep_on(self) -> None:
        due, sync, metrics, trim = 0.0, Every(SYNC_S), Every(METRICS_S), Every(TRIM_S)
        while not self._stop.wait(WRITE_S):
            try:
                self._write_down()
                at = self._clock.seconds()
                if trim(at):
                    self._reel.trim()
                if at >= due:
                    due = at if self._report(sync=sync(at), metrics=metrics(at)) else at + PAUSE_S
            except Exception as error:  # such as a disk that is full: the play goes on, and this is tried again
                LOG.exception("what a worker tells its lab failed; it is tried again")
                self._problem, due = str(error)[:300], self._clock.seconds() + PAUSE_S
        self._write_down()
        self._linger()

    def _linger(self) -> None:
        """Tell what is left, and make the clips that come of it, unless that takes too long or nobody answers."""
        until = self._clock.seconds() + LINGER_S
        while self._clock.seconds() < until and self._report(sync=False, metrics=True):
            try:
                if not self._errands.run(self.status(), want=MOST_CLIPS):
                    return
            except httpx.HTTPError as error:
                LOG.warning("the orchestrator is away: %s; what is not told stays in the folder", error)
                return

    def _write_down(self) -> None:
        """Bring what happened onto the disk, an episode's events in their order."""
        turns = [*islice(self._heard, len(self._heard))]
        if not turns:
            return
        try:
            self._spool.add([event for events in turns for event in events])
        except RefusedError as error:
            LOG.error("%s events are lost, which no orchestrator takes: %s", sum(map(len, turns)), error)
        for events in turns:
            self._heard.popleft()
            for event in events:
                if event.kind == DEATH:
                    self._regard.credit(event.lane, "shame")

    def _remember(self, episode: str, lane: int) -> None:
        self._lane_of[episode] = lane
        if len(self._lane_of) > EPISODES * self._lanes:
            del self._lane_of[next(iter(self._lane_of))]

    def _look(self) -> None:
        """Look at the lanes, and hear which feats were unlocked in them. Raises `httpx.HTTPError`."""
        self._sight.look()
        self._regard.look(self._sight.played, self._sight.earned)
        wanted: dict[str, str | int] = {"run": self.run, "after": self._unlock, "limit": MOST_UNLOCKS}
        for unlock in self._client.get("/feats/unlocks", params=wanted).raise_for_status().json():
            self._unlock = unlock["id"]
            if (lane := self._lane_of.get(unlock["episode_id"])) is not None:
                self._regard.credit(lane, unlock["hall"])

    def _report(self, *, sync: bool, metrics: bool) -> bool:
        """Tell all that there is to tell; whether the orchestrator answers."""
        try:
            answers = self._reporter.send_all()
            if answers and metrics and self._rate.measure(self.steps):
                self._client.post(f"/runs/{self.run}/metrics", json={"rows": [self._row()]}).raise_for_status()
            if answers and sync:
                self._look()
                self._errands.run(self.status(), want=MOST_CLIPS)
        except (httpx.HTTPError, RefusedError) as error:
            answers = False
            if str(error) != self._problem:
                LOG.warning("the orchestrator does not take what this worker tells: %s", error)
            self._problem = str(error)[:300]
        else:
            self._problem = "" if answers else self._problem
        return answers

    def _row(self) -> dict[str, Any]:
        values = {"steps_per_s": self._rate.newest, "episodes": self.episodes, "policy_version": self.version}
        if self._returns:
            values["mean_return"] = sum(self._returns) / len(self._returns)
        return {"step": self.steps, "values": {f"{self.name}/{name}": value for name, value in values.items()}}


class _Rate:
    """Steps a second over the last few measurements, for a worker plays in bursts while its learner learns."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._marks = deque([(clock.seconds(), 0)], maxlen=RATES)
        self.newest = 0.0

    def measure(self, steps: int) -> bool:
        """Take how many there are by now; whether there are more than at the last time."""
        at, (_, before) = self._clock.seconds(), self._marks[-1]
        self._marks.append((at, steps))
        since, first = self._marks[0]
        self.newest = (steps - first) / max(at - since, 1e-9)
        return steps > before


def _hold(state: Path) -> int:
    """Give a descriptor that holds the folder for this process alone. Raises `InputError` where another one has it."""
    state.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise InputError(f"another worker uses {state}; end it, or give another --state.") from error
    return descriptor
