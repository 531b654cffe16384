"""A running orchestrator: what it keeps, and what goes on in it besides answering."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ludus.core import files
from ludus.core.clock import Clock, SystemClock, now
from ludus.core.config import Settings
from ludus.feats.loader import read_feats
from ludus.serve.api.tally import Tally
from ludus.serve.door.keys import Keys, read_token
from ludus.serve.live.hub import Hub, Topic
from ludus.serve.live.pictures import Live
from ludus.serve.live.relay import Relay
from ludus.serve.live.ws import Room
from ludus.serve.store.backends import open_database
from ludus.serve.store.database import UnwritableError
from ludus.serve.store.ingest import Fresh, Ingest
from ludus.serve.store.judging import Judging
from ludus.serve.store.metrics import MetricRow, MetricsLog
from ludus.serve.store.rows import Store
from ludus.serve.store.shelf import Shelf
from ludus.serve.store.writer import Writer

LOG = logging.getLogger("ludus.serve")

LOOK_S = 1.0
"""Between two looks at the folders of runs."""
EXPIRE_S = 5.0
MIRROR_S = 2.0
SILENT_S = 60.0
"""After which a worker counts as gone."""
MIRRORED = 200
TOPICS = ("events", "metrics", "unlocks", "workers")


class LabSettings(Settings):
    """Where an orchestrator listens, and where it keeps things."""

    host: str = "127.0.0.1"
    port: int = Field(default=8040, ge=0, le=65535)
    uds: Path | None = None
    """A Unix socket beside the port, for workers on this machine."""
    metrics_port: int | None = Field(default=8765, ge=0, le=65535)
    """Of the metrics stream; None for none."""
    state: Path = Path("lab")
    """Folder of the store, the token, metrics and highlights."""
    database: str = ""
    """A URL of PostgreSQL instead of SQLite in the folder."""
    durability: Literal["normal", "full"] = "normal"
    runs: Path = Path("runs")
    """Folder of the folders of runs."""
    goals: Path | None = None
    """Folder of the folders of goals."""
    feats: Path | None = None
    unlocks_file: Path | None = None
    """Where unlocks are mirrored as JSON."""
    tick_hz: float = Field(default=4194304 / 70224, gt=0)
    """Ticks in a second of the games that tell events; a Game Boy's frames by default."""
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()


class Lab:
    """What the routes of an orchestrator work with."""

    def __init__(self, settings: LabSettings, clock: Clock | None = None) -> None:
        """Open the store and bring the judge to where it is. Raises `InputError`."""
        self.settings = settings
        self.clock = clock or SystemClock()
        settings.state.mkdir(parents=True, exist_ok=True)
        self.highlights = settings.state / "highlights"
        self.highlights.mkdir(exist_ok=True)
        self.keys = Keys(read_token(settings.state / "token"), self.clock)
        feats = read_feats(settings.feats) if settings.feats else ()
        database = open_database(settings.database or settings.state / "lab.db", durability=settings.durability)
        self.store = Store(database)
        self.judging = Judging(feats, tick_hz=settings.tick_hz)
        self.ingest = Ingest(self.store, self.clock, self.judging, self._published)
        self.ingest.replay()
        heads = {"events": self.ingest.head}
        self.hub = Hub([Topic(name, head=heads.get(name, 0)) for name in TOPICS], rest=_rest)
        self.room = Room(self.hub)
        self.live = Live()
        self.relay = Relay(self.take_metrics_row)
        self.metrics = MetricsLog(settings.state / "metrics")
        self.shelf = Shelf(settings.runs)
        self.tally = Tally()
        self.writer = Writer(self.store, self.ingest)
        self.fresh = asyncio.Event()
        """Set, and replaced by another one, whenever events were committed."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._unmirrored = True

    def close(self) -> None:
        """Write what waits, save the judge's memory, and let go of everything."""
        self.writer.close()
        try:
            self.ingest.save()
        except UnwritableError as error:
            LOG.warning("%s What the judge remembers is not saved: the next start judges the newest again.", error)
        self._mirror()
        self.metrics.close()
        self.store.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Do in the background what has to be done now and then, for as long as this is open."""
        self._loop = asyncio.get_running_loop()
        chores = [
            asyncio.create_task(self.room.beat()),
            asyncio.create_task(self._every(LOOK_S, self._look)),
            asyncio.create_task(self._every(EXPIRE_S, self._expire)),
            asyncio.create_task(self._every(MIRROR_S, self._mirror)),
        ]
        try:
            yield
        finally:
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)
            self._loop = None

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        return now(self.clock)

    def take_metrics_row(self, run: str, row: MetricRow) -> None:
        """Keep and stream one row of metrics."""
        self.take_metrics(run, [row])

    def take_metrics(self, run: str, rows: Sequence[MetricRow]) -> None:
        """Keep and stream metrics of a run."""
        self._stream_metrics(run, rows)
        self.metrics.add(run, rows)

    def _stream_metrics(self, run: str, rows: Sequence[MetricRow]) -> None:
        for row in rows:
            row.ts = self.now if row.ts is None else row.ts
            self.hub.publish("metrics", {"run_id": run, "step": row.step, "ts": row.ts, "values": row.values})

    def alive(self, worker: Mapping[str, Any]) -> bool:
        """Whether a worker was heard of lately."""
        return bool(self.now - worker["seen"] < SILENT_S)

    def _published(self, fresh: Fresh) -> None:
        """Hand what the writer has committed to the loop, which streams it."""
        self._unmirrored = self._unmirrored or bool(fresh.unlocks)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stream, fresh)

    def _stream(self, fresh: Fresh) -> None:
        events = self.hub.topics["events"]
        for row in fresh.events:
            if row.seq == events.head + 1:
                events.add(row.body)
        self.tally.events.inc(len(fresh.events))
        for unlock in fresh.unlocks:
            self.hub.publish("unlocks", unlock)
            self.tally.unlocks.labels(unlock["hall"]).inc()
            LOG.info("unlocked %(feat)s", _line(unlock, feat=unlock["feat_id"], trace=unlock["evidence"]["event_id"]))
        self.fresh.set()
        self.fresh = asyncio.Event()

    async def _every(self, seconds: float, chore: Callable[[], None]) -> None:
        said = ""
        while True:
            try:
                await asyncio.to_thread(chore)
                said = ""
            except Exception as error:  # once: a lab whose folder is gone may run for a long time
                if repr(error) != said:
                    LOG.exception("what is done every %s s failed; it is tried again, in silence", seconds)
                said = repr(error)
            await asyncio.sleep(seconds)

    def _look(self) -> None:
        found = self.shelf.look()
        if self._loop is not None:
            for run, rows in found.metrics.items():
                self._loop.call_soon_threadsafe(self._stream_metrics, run, rows)
        if not found.runs and not found.episodes:
            return

        def keep() -> None:
            for run, (began, told) in found.runs.items():
                self.store.put_run(run, began, told)
            self.store.put_episodes(found.episodes)

        try:
            self.writer.submit(keep).result()
        except Exception:
            self.shelf.forget()  # none of it is kept: the next look finds it again
            raise

    def _expire(self) -> None:
        at = self.now
        expired = self.writer.submit(lambda: self.store.expire(now=at, silent_since=at - SILENT_S)).result()
        for clip in expired:
            self.tell_clip(clip)

    def tell_clip(self, clip: int) -> None:
        """Stream what became of a clip, from any thread."""
        row = self.store.clip(clip)
        if row is None or self._loop is None:
            return
        self._unmirrored = True
        told = {"id": row.id, "clip_status": row.status, **row.clip}
        known = {"id": row.id, "worker": row.worker, **row.wish}
        LOG.info("clip %(unlock)s is %(status)s", _line(known, status=row.status, trace=row.wish.get("trace")))
        self._loop.call_soon_threadsafe(self.hub.publish, "unlocks", told)

    def _mirror(self) -> None:
        """Write the newest unlocks where the seed's file is expected."""
        path = self.settings.unlocks_file
        if path is None or not self._unmirrored:
            return
        self._unmirrored = False
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_atomic(path, (json.dumps({"unlocks": self.store.unlocks(MIRRORED)}, indent=1) + "\n").encode())


def _line(told: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Give what a log line says of an unlock or its clip."""
    names = {"unlock": "id", "worker": "worker", "run": "run_id", "episode": "episode_id", "tick": "tick"}
    return {name: told.get(key) for name, key in names.items()} | more


def _rest(topic: str, first: int, last: int) -> str | None:
    return f"/events?after={first - 1}&limit={last - first + 1}" if topic == "events" else None
