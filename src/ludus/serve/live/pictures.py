"""Live pictures: workers feed them at `/live/feed`, pages watch them at `/live`. Nothing is kept, and nothing waits.

A worker is asked only for what somebody watches. Of a tile a viewer gets the newest picture, however slow it reads; of
the lane in focus all pictures in their order, or, where it has fallen behind, those from the next key frame on.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from ludus.serve import wire
from ludus.serve.door.listen import ABORT
from ludus.serve.live.peers import MOST_TEXT_BYTES, Feed, Place, Viewer
from ludus.serve.live.talk import BAD_MESSAGES, STALLED_S, TOO_SLOW
from ludus.serve.live.wire import HELLO, JPEG, Head, Hello, Wants
from ludus.serve.wire import Name, RefusedError

MOST_FEEDS, MOST_VIEWERS = 256, 64
MOST_NAMES = 4096
_NAME = msgspec.json.Decoder(Name)


class Live:
    """All workers that can show their lanes, and all who watch."""

    def __init__(self, *, stalled_s: float = STALLED_S) -> None:
        self.stalled_s = stalled_s
        self.feeds: dict[int, Feed] = {}
        self.viewers: set[Viewer] = set()
        self._numbers: dict[str, int] = {}
        self._watching: dict[Place, list[Viewer]] = {}
        self._last = 0

    async def feed(self, socket: WebSocket) -> None:
        """Serve a worker."""
        await socket.accept()
        try:
            name: str = wire.read(_NAME, msgspec.json.encode(socket.query_params.get("worker", "")))
            hello: Hello = wire.read(HELLO, await _first(socket))
            if len(self.feeds) >= MOST_FEEDS:
                raise RefusedError(503, "too_many", f"{MOST_FEEDS} workers are shown already.")
        except RefusedError as error:
            await _refuse(socket, error)
            return
        except WebSocketDisconnect:
            return
        number = self._number(name)
        if (older := self.feeds.get(number)) is not None:  # it came again before its end was noticed
            older.drop()
        feed = self.feeds[number] = Feed(socket, self.stalled_s, number, name, hello, self._post)
        self._tell_workers()
        try:
            await feed.run()
        finally:
            if self.feeds.get(number) is feed:
                del self.feeds[number]
                self._tell_workers()

    async def view(self, socket: WebSocket) -> None:
        """Serve a page."""
        await socket.accept()
        if len(self.viewers) >= MOST_VIEWERS:
            await _refuse(socket, RefusedError(503, "too_many", f"{MOST_VIEWERS} pages watch already."))
            return
        socket.scope["extensions"][ABORT]["narrow"]()
        viewer = Viewer(socket, self.stalled_s, self._ask)
        self.viewers.add(viewer)
        viewer.tell("workers", self._workers())
        try:
            await viewer.run()
        finally:
            self.viewers.discard(viewer)
            self._ask(None)

    def _number(self, name: str) -> int:
        """Give a worker's number: always the same, as long as not too many others came since."""
        found = self._numbers.pop(name, None)
        if found is None:
            taken = {*self._numbers.values(), *self.feeds}
            found = next(n % 0x10000 for n in range(self._last + 1, self._last + 0x10001) if n % 0x10000 not in taken)
            self._last = found
        self._numbers[name] = found
        if len(self._numbers) > MOST_NAMES:
            del self._numbers[next(iter(self._numbers))]
        return found

    def _workers(self) -> dict[str, Any]:
        return {"workers": [feed.to_json() for feed in self.feeds.values()]}

    def _tell_workers(self) -> None:
        for viewer in self.viewers:
            viewer.tell("workers", self._workers())
        self._ask(None)

    def _ask(self, focused: Viewer | None) -> None:
        """Ask every worker for what is watched of it, a lane in focus anew where a page has just turned to it."""
        self._watching = {}
        for viewer in self.viewers:
            for place in {(worker, lane) for worker, lane in viewer.watch.tiles if viewer.watch.hz}:
                self._watching.setdefault(place, []).append(viewer)
        anew = focused.focus if focused else None
        for feed in self.feeds.values():
            lanes = sorted(lane for worker, lane in self._watching if worker == feed.number and lane < feed.hello.lanes)
            watched = [self._watching[feed.number, lane] for lane in lanes]
            hz = max((viewer.watch.hz for viewers in watched for viewer in viewers), default=0.0)
            turned = anew is not None and anew[0] == feed.number and anew[1] < feed.hello.lanes
            focus = anew[1] if anew and turned else self._focus(feed)
            feed.ask(Wants(hz, tuple(lanes), focus), anew=turned)

    def _focus(self, feed: Feed) -> int | None:
        """Give the lane in focus: the one that was, as long as somebody watches it, else another that is asked for."""
        asked = {viewer.focus[1] for viewer in self.viewers if viewer.focus and viewer.focus[0] == feed.number}
        asked = {lane for lane in asked if lane < feed.hello.lanes}
        return feed.wants.focus if feed.wants.focus in asked else min(asked, default=None)

    def _post(self, feed: Feed, head: Head, body: bytes) -> None:
        """Hand a picture to those who watch it."""
        place = (feed.number, head.lane)
        if head.kind == JPEG:
            at = asyncio.get_running_loop().time()
            for viewer in self._watching.get(place, ()):
                viewer.show(place, body, at)
            return
        for viewer in self.viewers:
            if viewer.focus == place:
                viewer.roll(head.kind, body)


async def _first(socket: WebSocket) -> bytes:
    """Give the first message of a socket."""
    message = await socket.receive()
    if message["type"] != "websocket.receive":
        raise WebSocketDisconnect
    body = (message.get("text") or "").encode()
    if len(body) > MOST_TEXT_BYTES:
        raise RefusedError(413, "too_large", f"a text has more than {MOST_TEXT_BYTES} bytes.")
    return body


async def _refuse(socket: WebSocket, error: RefusedError) -> None:
    """Say why a socket is closed, and close it."""
    await socket.send_json({"type": "error", "error": error.reason, "detail": str(error)})
    await socket.close(TOO_SLOW if error.status == 503 else BAD_MESSAGES, error.reason)
