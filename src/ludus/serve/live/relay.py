"""The metrics stream of old: WebSocket `/metrics` on a port of its own, where anybody tells and everybody hears.

A message is JSON `{step, loss, ...}`, or the 21 bytes of the trainer in C++: a tensor of two float32, step and loss. It
reaches all others as JSON, and those who come later get the newest hundred.
"""

from __future__ import annotations

import asyncio
import math
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
from starlette.websockets import WebSocket

from ludus.serve import wire
from ludus.serve.live.talk import STALLED_S, abort, talk
from ludus.serve.store.metrics import MetricRow
from ludus.serve.wire import RefusedError

FRAME = struct.Struct("<BIIIff")
"""Type of the numbers (0, float32), dimensions, length, bytes; then step and loss."""
FRAME_HEAD = (0, 1, 2, 8)
MOST_BYTES = 8 * 1024
REPLAYED = 100
KEPT = 1_000
RUN = "stream"
"""The run of messages that name none."""

Take = Callable[[str, MetricRow], None]


def read_message(data: bytes, *, binary: bool) -> dict[str, Any]:
    """Give what a message tells, with `step` and `loss`. Raises `RefusedError`."""
    if len(data) > MOST_BYTES:
        raise RefusedError(413, "too_large", f"the message has {len(data)} bytes, expected at most {MOST_BYTES}.")
    if binary and len(data) == FRAME.size:
        *head, step, loss = FRAME.unpack(data)
        if tuple(head) == FRAME_HEAD:
            return _checked({"step": step, "loss": loss})
    return _checked(wire.read(_OBJECT, data))


def _checked(told: dict[str, Any]) -> dict[str, Any]:
    step, loss = told.get("step"), told.get("loss", "")
    if type(step) is float and step.is_integer():
        step = int(step)  # not finite: no integer either
    if type(step) is not int or not 0 <= step <= 2**53:
        raise RefusedError(422, "invalid", f"step is {step!r}, expected a whole number of at most 2^53.")
    if type(loss) is float and not math.isfinite(loss):
        loss = None  # JSON has no word for it
    if loss is not None and type(loss) not in (int, float):
        raise RefusedError(422, "invalid", f"loss is {str(loss)[:40]!r}, expected a number or null.")
    return {**told, "step": step, "loss": loss}


def values_of(told: dict[str, Any]) -> dict[str, float | None]:
    """Give the numbers of a message, but for its step."""
    numbers = {key: told[key] for key in told if type(told[key]) in (int, float) and key not in ("step", "v", "ts")}
    return {key: float(value) for key, value in numbers.items() if abs(value) < 1e300}


_OBJECT = msgspec.json.Decoder(dict[str, Any])


@dataclass(slots=True, eq=False)
class _Peer:
    socket: WebSocket
    at: int
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    sending_since: float | None = None


class Relay:
    """Everybody who is connected, and the newest messages."""

    def __init__(self, take: Take, *, stalled_s: float = STALLED_S) -> None:
        self._take = take
        self._stalled_s = stalled_s
        self._peers: set[_Peer] = set()
        self._kept: deque[tuple[_Peer | None, str]] = deque(maxlen=KEPT)
        self._head = 0

    @property
    def peers(self) -> int:
        """How many are connected."""
        return len(self._peers)

    async def attend(self, socket: WebSocket) -> None:
        """Serve one socket."""
        await socket.accept()
        peer = _Peer(socket, max(0, self._head - REPLAYED))
        self._peers.add(peer)
        peer.wake.set()

        async def refuse(error: RefusedError) -> None:
            await socket.send_text(msgspec.json.encode(error.to_json()).decode())

        try:
            await talk(socket, partial(self._stream, peer), partial(self._hear, peer), refuse)
        finally:
            self._peers.discard(peer)

    async def _hear(self, peer: _Peer, body: bytes, binary: bool) -> None:
        told = read_message(body, binary=binary)
        run = str(told.get("run") or RUN)[:200]
        self._take(run, MetricRow(step=told["step"], values=values_of(told)))
        self._pass_on(peer, msgspec.json.encode(told).decode())

    def _pass_on(self, sender: _Peer, text: str) -> None:
        self._head += 1
        self._kept.append((sender, text))
        now = asyncio.get_running_loop().time()
        for peer in [*self._peers]:
            peer.wake.set()
            if peer.sending_since is not None and now - peer.sending_since > self._stalled_s:
                abort(peer.socket)

    async def _stream(self, peer: _Peer) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await peer.wake.wait()
            peer.wake.clear()
            while peer.at < self._head:
                peer.at = max(peer.at + 1, self._head - len(self._kept) + 1)
                sender, text = self._kept[len(self._kept) - 1 - (self._head - peer.at)]
                if sender is not peer:
                    peer.sending_since = loop.time()
                    await peer.socket.send_text(text)
                    peer.sending_since = None
