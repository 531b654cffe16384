"""The WebSocket `/ws`, protocol `ludus.ws.v1`: JSON text, one socket for all topics.

server  hello {v, epoch, topics: {name: {head, oldest}}}
client  sub {topic, since?, runs?, keys?, max_hz?}      unsub {topic}      ping {n}
server  snap {topic, seq, head, oldest}   what follows begins after seq
        d {topic, from, to, rows}         all records of the subscription numbered from..to
        gap {topic, from, to, rest?}      records that were left out, and where they can still be read
        pong {n}                          error {error, detail}
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from starlette.websockets import WebSocket

from ludus.serve import wire
from ludus.serve.live.hub import TICK_S, Filter, Hub, Place
from ludus.serve.live.talk import STALLED_S, TOO_SLOW, abort, talk
from ludus.serve.wire import RefusedError

VERSION = 1
MOST_MESSAGES = 16
"""That a listener is sent in a row before others have their turn."""


class Sub(Struct, tag_field="type", tag="sub", forbid_unknown_fields=True):
    """Begin to listen to a topic, or listen otherwise."""

    topic: str
    since: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    """The number of the last record that the listener has; without it, what comes from now on."""
    runs: Annotated[list[wire.Id], Meta(max_length=64)] = []
    keys: Annotated[list[wire.Id], Meta(max_length=64)] = []
    """Of metrics their names, of events their types, of unlocks their feats."""
    max_hz: Annotated[float, Meta(ge=0.05, le=20)] = 10.0


class Unsub(Struct, tag_field="type", tag="unsub", forbid_unknown_fields=True):
    """Stop listening to a topic."""

    topic: str


class Ping(Struct, tag_field="type", tag="ping", forbid_unknown_fields=True):
    """Ask for an answer."""

    n: Annotated[int, Meta(ge=0, le=2**53)] = 0


_ASKED = msgspec.json.Decoder(Sub | Unsub | Ping)


class Listener:
    """One socket: what it listens to, and the sending of it."""

    def __init__(self, socket: WebSocket, hub: Hub) -> None:
        self.socket = socket
        self.hub = hub
        self.places: dict[str, Place] = {}
        self.wake = asyncio.Event()
        self.behind_since: float | None = None
        """When it was last at the heads of its topics, if it is not now."""
        self._send = asyncio.Lock()

    async def run(self) -> None:
        """Serve the socket until either side closes it."""
        await self.socket.accept()
        topics = {name: {"head": topic.head, "oldest": topic.oldest} for name, topic in self.hub.topics.items()}
        await self.send({"type": "hello", "v": VERSION, "epoch": self.hub.epoch, "topics": topics})
        await talk(self.socket, self._stream, self._answer, self._refuse)

    async def send(self, told: dict[str, Any] | str) -> None:
        """Send one message; this waits for as long as the peer does not read."""
        text = told if isinstance(told, str) else msgspec.json.encode(told).decode()
        async with self._send:
            await self.socket.send({"type": "websocket.send", "text": text})

    def due(self, tick: int) -> bool:
        """Whether there is something to send at this tick of the hub."""
        return any(tick % place.every == 0 and place.at < place.topic.head for place in self.places.values())

    def drop(self, code: int = TOO_SLOW) -> None:
        """Close the socket: with a code if it takes one, at once if it does not."""
        if self._send.locked():
            abort(self.socket)
        else:
            task = asyncio.ensure_future(self.socket.close(code, "too slow"))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _stream(self) -> None:
        while True:
            await self.wake.wait()
            self.wake.clear()
            reached = [await self._catch_up(place) for place in [*self.places.values()]]
            if all(reached):
                self.behind_since = None

    async def _catch_up(self, place: Place) -> bool:
        """Send what leads to where the head is now, in a few messages at most; whether it got there."""
        head = place.topic.head
        for _ in range(MOST_MESSAGES):
            for message in self.hub.cut(place):
                await self.send(message)
            if place.at >= head:
                return True
        return False

    async def _refuse(self, error: RefusedError) -> None:
        await self.send({"type": "error", "error": error.reason, "detail": str(error)})

    async def _answer(self, body: bytes, _binary: bool) -> None:
        match wire.read(_ASKED, body):
            case Ping(n):
                await self.send({"type": "pong", "n": n})
            case Unsub(topic):
                self.places.pop(topic, None)
            case Sub(topic) as asked if topic in self.hub.topics:
                every = max(1, round(1 / (asked.max_hz * TICK_S)))
                filter_ = Filter(frozenset(asked.runs), frozenset(asked.keys))
                place, messages = self.hub.place(topic, asked.since, filter_, every)
                for text in messages:
                    await self.send(text)
                self.places[topic] = place
                self.wake.set()
            case Sub(topic):
                detail = f"there is no topic {topic!r}; known are {', '.join(self.hub.topics)}."
                raise RefusedError(422, "unknown_topic", detail)


class Room:
    """All sockets, and the clock that wakes them."""

    def __init__(self, hub: Hub, *, stalled_s: float = STALLED_S) -> None:
        self.hub = hub
        self.stalled_s = stalled_s
        self.listeners: set[Listener] = set()
        self.dropped = 0
        """Listeners that were closed because they did not keep up."""

    async def attend(self, socket: WebSocket) -> None:
        """Serve one socket."""
        listener = Listener(socket, self.hub)
        self.listeners.add(listener)
        try:
            await listener.run()
        finally:
            self.listeners.discard(listener)

    async def beat(self) -> None:
        """Wake whoever has something to hear, twenty times a second, and close whoever does not keep up."""
        loop = asyncio.get_running_loop()
        tick = 0
        while True:
            await asyncio.sleep(TICK_S)
            tick += 1
            self.hub.tick()
            for listener in [*self.listeners]:
                self._look_after(listener, tick, loop.time())

    def _look_after(self, listener: Listener, tick: int, at: float) -> None:
        if not listener.due(tick):
            return
        if listener.wake.is_set() or listener.behind_since is not None:
            listener.behind_since = listener.behind_since or at
            if at - listener.behind_since > self.stalled_s:
                self.dropped += 1
                listener.drop()
                listener.behind_since = at
        listener.wake.set()
