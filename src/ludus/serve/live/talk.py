"""How every WebSocket is served: what comes is taken, or refused with a reason, and what is there to send goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from ludus.serve.door.listen import ABORT
from ludus.serve.wire import RefusedError

STALLED_S = 30.0
"""After which whoever does not keep up is dropped."""
MOST_ERRORS = 8
"""Messages that are refused, before the socket is closed."""
TOO_SLOW, BAD_MESSAGES = 1013, 1008

Take = Callable[[bytes, bool], Awaitable[None]]
"""Takes a message's bytes, and whether they came as bytes; raises `RefusedError`."""


async def talk(
    socket: WebSocket,
    send: Callable[[], Coroutine[Any, Any, None]],
    take: Take,
    refuse: Callable[[RefusedError], Awaitable[None]],
) -> None:
    """Serve a socket until either side closes it."""
    task = asyncio.create_task(_send(send))
    try:
        await _hear(socket, take, refuse)
    except WebSocketDisconnect:
        pass
    finally:
        task.cancel()


def abort(socket: WebSocket) -> None:
    """Drop a connection at once, whether its peer reads or not."""
    drop: Callable[[], None] = socket.scope["extensions"][ABORT]["abort"]
    drop()


async def _send(send: Callable[[], Coroutine[Any, Any, None]]) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):  # the socket is closed, which `_hear` sees too
        await send()


async def _hear(socket: WebSocket, take: Take, refuse: Callable[[RefusedError], Awaitable[None]]) -> None:
    errors = 0
    while (message := await socket.receive())["type"] == "websocket.receive":
        text = message.get("text")
        try:
            await take(message.get("bytes") or b"" if text is None else text.encode(), text is None)
        except RefusedError as error:
            errors += 1
            if errors > MOST_ERRORS:
                await socket.close(BAD_MESSAGES, "too many bad messages")
                return
            await refuse(error)
