"""A worker's end of live pictures: shows its lanes to whoever watches, beside the play, which never waits for it.

The play leaves the newest pictures in a mailbox; a thread of its own encodes and sends them. While nobody watches,
nothing is encoded, and a step costs the play one comparison.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from ludus.core.clock import Clock, SystemClock, now
from ludus.core.errors import LudusError
from ludus.core.protocols import WorldSpec
from ludus.core.types import Frames
from ludus.serve.door.listen import unix_path
from ludus.serve.live.film import Film, Jpeg, open_film
from ludus.serve.live.wire import HEADER, JPEG, VERSION, WANTS, Wants

LOG = logging.getLogger("ludus.serve.live")

FILM_HZ = 30.0
"""Pictures a second of the lane in focus at most, of the viewer's time."""
MOST_MOMENTS = 8
"""Of the lane in focus that wait to be encoded; of more, the oldest are left out."""
FIRST_PAUSE_S, MOST_PAUSE_S = 0.25, 8.0
NOTHING = Wants()


@dataclass(frozen=True, slots=True, eq=False)
class _Moment:
    """All lanes after one step."""

    frames: Frames
    steps: npt.NDArray[np.int64]
    number: int
    t_ms: float


class LiveFeed:
    """Shows N lanes of a World at an orchestrator, and looks for it again where it is away."""

    def __init__(
        self,
        url: str,
        token: str,
        worker: str,
        spec: WorldSpec,
        lanes: int,
        *,
        role: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        """url: of the orchestrator, http, or `unix:PATH`. Raises `MissingExtraError`."""
        height, width = spec.frame_shape[:2]
        game = spec.id.rpartition(":")[2]
        hello: dict[str, Any] = {"lanes": lanes, "width": width, "height": height, "fps": spec.step_hz}
        self._hello = msgspec.json.encode({**hello, "role": role, "game": game, "scale": 1}).decode()
        self._socket = unix_path(url)
        self._url = f"{'ws://localhost' if self._socket else url.replace('http', 'ws', 1)}/live/feed?worker={worker}"
        self._headers = {"authorization": f"Bearer {token}"}
        self._spec, self._clock = spec, clock or SystemClock()
        self._jpeg = Jpeg(spec)
        self._wants = NOTHING
        self._count = 0
        self._tiles: _Moment | None = None
        self._moments: deque[_Moment] = deque(maxlen=MOST_MOMENTS)
        self._tiles_due = self._film_due = 0.0
        self._film: Film | None = None
        self._unfilmable = False
        self._loop = asyncio.new_event_loop()
        self._wake, self._stop = asyncio.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)
        self._thread.start()

    def show(self, frames: Frames, steps: npt.NDArray[np.int64]) -> None:
        """Take the newest pictures of all lanes, and each lane's steps in its episode; neither is written to again."""
        self._count += 1
        wants = self._wants
        if wants is NOTHING:
            return
        at = self._clock.seconds()
        tiles = bool(wants.lanes) and at >= self._tiles_due
        film = wants.focus is not None and at >= self._film_due
        if not (tiles or film):
            return
        moment = _Moment(frames, steps, self._count & 0xFFFFFFFF, 1000 * now(self._clock))
        if tiles:
            self._tiles, self._tiles_due = moment, at + 1 / wants.tiles_hz
        if film:
            self._moments.append(moment)
            self._film_due = at + 1 / FILM_HZ
        self._loop.call_soon_threadsafe(self._wake.set)

    def close(self) -> None:
        """Stop showing."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        serving, stopping = asyncio.create_task(self._keep_on()), asyncio.create_task(self._stop.wait())
        await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in (serving, stopping):
            task.cancel()
        await asyncio.gather(serving, stopping, return_exceptions=True)
        if not serving.cancelled() and (error := serving.exception()):
            LOG.error("live pictures ended", exc_info=error)

    async def _keep_on(self) -> None:
        """Be connected for as long as that can be."""
        pause_s = FIRST_PAUSE_S
        while True:
            began = self._clock.seconds()
            try:
                async with self._connect() as link:
                    await link.send(self._hello)
                    await self._converse(link)
            except InvalidHandshake as error:
                LOG.warning("the orchestrator shows no live pictures of this worker: %s", error)
                pause_s = MOST_PAUSE_S
            except (OSError, WebSocketException) as error:
                LOG.debug("no live pictures for now: %s", error)
            finally:
                self._wants = NOTHING
            if self._clock.seconds() - began > MOST_PAUSE_S:  # it was there, and will be again
                pause_s = FIRST_PAUSE_S
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, MOST_PAUSE_S)

    def _connect(self) -> connect:
        told: dict[str, Any] = {"additional_headers": self._headers, "compression": None, "max_size": 65_536}
        return unix_connect(self._socket, self._url, **told) if self._socket else connect(self._url, proxy=None, **told)

    async def _converse(self, link: ClientConnection) -> None:
        both = [asyncio.create_task(task) for task in (self._hear(link), self._send(link))]
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        for task in done:
            task.result()

    async def _hear(self, link: ClientConnection) -> None:
        async for message in link:
            if "error" in msgspec.json.decode(message):
                LOG.warning("the orchestrator refuses live pictures of this worker: %s", message)
                continue
            wants: Wants = WANTS.decode(message)
            self._film = None
            self._moments.clear()
            self._wants = NOTHING if not wants.lanes and wants.focus is None else wants

    async def _send(self, link: ClientConnection) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._moments:
                await self._send_film(link, self._moments.popleft())
            moment, self._tiles = self._tiles, None
            for lane in self._wants.lanes if moment else ():
                assert moment is not None
                await link.send(self._header(JPEG, lane, moment) + self._jpeg(moment.frames[lane]))

    async def _send_film(self, link: ClientConnection, moment: _Moment) -> None:
        lane = self._wants.focus
        if lane is None or self._unfilmable:
            return
        try:
            self._film = self._film or open_film(self._spec)
        except LudusError as error:
            LOG.warning("no film of the lane in focus, only tiles: %s", error)
            self._unfilmable = True
            return
        for kind, piece in [*self._film.add(moment.frames[lane])]:
            await link.send(self._header(kind, lane, moment) + piece)

    def _header(self, kind: int, lane: int, moment: _Moment) -> bytes:
        return HEADER.pack(VERSION, kind, lane, moment.number, moment.t_ms, int(moment.steps[lane]), 0, 0)
