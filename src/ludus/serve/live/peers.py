"""The two ends of live pictures at the orchestrator: a worker that feeds them, and a page that watches."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.websockets import WebSocket

from ludus.serve import wire
from ludus.serve.live.talk import abort, talk
from ludus.serve.live.wire import ASKED, DESCRIPTION, KEY, Focus, Hello, Wants, Watch, read_head, stamp
from ludus.serve.wire import RefusedError

MOST_TEXT_BYTES = 16 * 1024
MOST_WAITING_BYTES = 256 * 1024
"""Of the lane in focus, for one viewer; then it goes on at the next key frame."""
EARLY = 0.8
"""Part of the time between two pictures of a tile after which the next one is not too early."""

Place = tuple[int, int]
"""A worker's number and a lane."""


class Peer(ABC):
    """One socket, and the sending to it: where a send takes too long, it is dropped."""

    def __init__(self, socket: WebSocket, stalled_s: float) -> None:
        self.socket = socket
        self.wake = asyncio.Event()
        self._stalled_s = stalled_s
        self._texts: dict[str, str] = {}

    def tell(self, kind: str, told: dict[str, Any]) -> None:
        """Send a text soon; of a kind only the newest."""
        self._texts[kind] = msgspec.json.encode({"type": kind, **told}).decode()
        self.wake.set()

    def next(self) -> str | bytes | None:
        """Give what is to be sent next, None where there is nothing."""
        return self._texts.pop(next(iter(self._texts))) if self._texts else None

    @abstractmethod
    def hear(self, body: bytes, binary: bool) -> None:
        """Take a message. Raises `RefusedError`."""

    def drop(self) -> None:
        """Drop the connection at once."""
        abort(self.socket)

    async def run(self) -> None:
        """Serve the socket until either side closes it."""
        await talk(self.socket, self._send, self._take, self._refuse)

    async def _send(self) -> None:
        try:
            while True:
                await self.wake.wait()
                self.wake.clear()
                while (message := self.next()) is not None:
                    kind = "text" if isinstance(message, str) else "bytes"
                    async with asyncio.timeout(self._stalled_s):
                        await self.socket.send({"type": "websocket.send", kind: message})
        except TimeoutError:
            self.drop()

    async def _take(self, body: bytes, binary: bool) -> None:
        if not binary and len(body) > MOST_TEXT_BYTES:
            raise RefusedError(413, "too_large", f"a text has more than {MOST_TEXT_BYTES} bytes.")
        self.hear(body, binary)

    async def _refuse(self, error: RefusedError) -> None:
        self.tell("error", {"error": error.reason, "detail": str(error)})


class Feed(Peer):
    """A worker that can show its lanes."""

    def __init__(
        self, socket: WebSocket, stalled_s: float, number: int, name: str, hello: Hello, post: Callable[..., None]
    ) -> None:
        super().__init__(socket, stalled_s)
        self.number, self.name, self.hello = number, name, hello
        self.wants, self._told = Wants(), Wants()
        self._post = post

    def ask(self, wants: Wants, *, anew: bool) -> None:
        """Have the worker asked for this; `anew`: the lane in focus is to begin again."""
        self.wants = wants
        if anew:
            self._told = Wants(focus=-1)
        self.wake.set()

    def next(self) -> str | bytes | None:
        """Give what the worker is to be told, if that has changed."""
        if self.wants == self._told:
            return super().next()
        self._told = self.wants
        return msgspec.json.encode(self.wants).decode()

    def hear(self, body: bytes, binary: bool) -> None:
        """Hand a picture on."""
        if not binary:
            raise RefusedError(422, "no_picture", f"a text came ({body[:40]!r}); after the first, send pictures.")
        self._post(self, read_head(body, self.hello.lanes), stamp(body, self.number))

    def to_json(self) -> dict[str, Any]:
        """Give it as pages hear of it."""
        told = msgspec.to_builtins(self.hello)
        del told["scale"]
        return {"number": self.number, "name": self.name, **told}


class Viewer(Peer):
    """A page that watches."""

    def __init__(self, socket: WebSocket, stalled_s: float, changed: Callable[[Viewer | None], None]) -> None:
        super().__init__(socket, stalled_s)
        self.watch = Watch([], 0.0)
        self.focus: Place | None = None
        self._changed = changed
        self._newest: dict[Place, bytes] = {}
        """One picture a tile that is to be sent: whoever is slow gets the newest."""
        self._came: dict[Place, float] = {}
        self._film: deque[bytes] = deque()
        self._film_bytes = 0
        self._begun = False
        """A key frame came, and all that came after it is sent or waits."""

    def show(self, place: Place, body: bytes, at: float) -> None:
        """Send the newest picture of a tile, unless it comes too early."""
        if at - self._came.get(place, -1.0) >= EARLY / self.watch.hz:
            self._came[place] = at
            self._newest[place] = body
            self.wake.set()

    def roll(self, kind: int, body: bytes) -> None:
        """Send one more piece of the film of the lane in focus."""
        if self._film_bytes + len(body) > MOST_WAITING_BYTES and kind != DESCRIPTION:
            self._film = deque(piece for piece in self._film if piece[1] == DESCRIPTION)
            self._film_bytes = sum(map(len, self._film))
            self._begun = False
        self._begun = self._begun or kind == KEY
        if self._begun or kind == DESCRIPTION:
            self._film.append(body)
            self._film_bytes += len(body)
            self.wake.set()

    def next(self) -> str | bytes | None:
        """Give what is to be sent next: texts, then the film, then tiles, each in its turn."""
        if self._texts:
            return super().next()
        if self._film:
            piece = self._film.popleft()
            self._film_bytes -= len(piece)
            return piece
        return self._newest.pop(next(iter(self._newest))) if self._newest else None

    def stop_film(self) -> None:
        """Forget what waits of the film; it goes on with a key frame."""
        self._film.clear()
        self._film_bytes, self._begun = 0, False

    def hear(self, body: bytes, binary: bool) -> None:  # noqa: ARG002 # either is read
        """Watch otherwise."""
        match wire.read(ASKED, body):
            case Watch() as asked:
                self.watch = asked
                kept = {(worker, lane) for worker, lane in asked.tiles}
                self._newest = {place: body for place, body in self._newest.items() if place in kept}
                self._came = {place: at for place, at in self._came.items() if place in kept}
                self._changed(None)
            case Focus(worker, lane):
                self.stop_film()
                self.focus = None if worker is None else (worker, lane)
                self._changed(self)
