"""The door of a server: who asks, from where, and how much they send. It stands before everything else.

What it holds, each with a test of its own: a request names this server as its host, so that no other name can be
pointed here; no page of another origin is served; whatever changes anything and every WebSocket needs the token, and
beyond loopback reading does too; no body is larger, or slower, than its route allows.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Request

from ludus.serve.door.asked import Asked
from ludus.serve.door.keys import MINUTE_S, READS, Keys, Scope, may
from ludus.serve.wire import RefusedError

AUDIT = logging.getLogger("ludus.audit")

KIB, MIB = 1024, 1024 * 1024
USUAL_BYTES = 64 * KIB
SLOWEST_BYTES_PER_S = 100_000
GRACE_S = 30.0
LINGER_S = 1.0
"""For which the rest of a refused body is read."""
OPEN_PATHS = ("/healthz", "/open")
"""What may be read without a token from anywhere: that the process lives, and where a code becomes a cookie."""
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; frame-ancestors 'none'; object-src 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


TELLING = re.compile(r"/events|/workers/[^/]+/sync|/runs/[^/]+/metrics|/push_rollout(_pixels)?")
"""Where workers tell of themselves and their play."""
RETRY_S = {429: int(MINUTE_S), 503: 1}
"""When to come again, by the status of a refusal."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a door asks for."""

    reads_need_token: bool = False
    hosts: frozenset[str] = frozenset()
    """Names of this server besides those of loopback: `lab.example`, or `lab.example:443` behind a proxy."""
    origins: frozenset[str] = frozenset()
    """Other origins whose pages may ask, such as `http://localhost:5173` of a page under development."""
    body_bytes: tuple[tuple[str, int], ...] = ()
    """Most bytes of a body by the beginning of its path; the first that fits counts."""
    json_only: bool = True
    """Bodies must say that they are JSON, which no plain form can, unless their path is in `raw_paths`."""
    raw_paths: tuple[str, ...] = ()
    open_sockets: tuple[str, ...] = ()
    """WebSockets that programs on this machine need no token for; pages do."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Door:
    """ASGI middleware that refuses what may not come in."""

    def __init__(self, app: ASGIApp, keys: Keys, rules: Rules) -> None:
        self.app = app
        self.keys = keys
        self.rules = rules

    async def __call__(self, scope: Request, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        try:
            asked = Asked.of(scope)
        except RefusedError as error:
            await refuse(scope, receive, send, error)
            return
        try:
            granted = self._admit(asked)
        except RefusedError as error:
            _audit(asked, None, error.status)
            await refuse(scope, receive, send, error)
            return
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        body = _Body(receive, send, self._limit(asked), asked)
        try:
            await body.serve(self.app, scope)
        finally:
            _audit(asked, granted, body.status)

    def _admit(self, asked: Asked) -> Scope | None:
        """Give the scope that lets a request in, None where none is needed. Raises `RefusedError`."""
        if not _is_ours(asked.host, asked.server, self.rules.hosts):
            raise RefusedError(421, "wrong_host", f"the host is {asked.host!r}, which is not a name of this server.")
        _check_origin(asked, self.rules.origins)
        changes = asked.socket or asked.method not in READS
        if not changes and (not self.rules.reads_need_token or asked.path in OPEN_PATHS):
            return None
        if asked.socket and asked.path in self.rules.open_sockets and not (asked.origin or self.rules.reads_need_token):
            return None
        scope = self._scope(asked)
        if not may(scope, "" if asked.socket else asked.method, asked.path):
            raise RefusedError(
                403, "wrong_scope", f"a token of scope {scope!r} does not open this; see ludus store token."
            )
        if not asked.bearer and changes and not asked.origin and asked.site != "same-origin":
            raise RefusedError(403, "no_origin", "a cookie alone changes nothing: the origin is missing.")
        return scope

    def _scope(self, asked: Asked) -> Scope:
        """Give what who asks may do. Raises `RefusedError` on who brings nothing, or what is wrong."""
        if not asked.bearer and not asked.cookie:
            raise RefusedError(401, "no_token", "a token is needed: send 'Authorization: Bearer TOKEN'.")
        scope = self.keys.opens(asked.bearer) if asked.bearer else self.keys.knows(asked.cookie)
        if scope is not None:
            return scope
        # The right token still comes in: all processes of a machine share an address, and none locks the others out.
        if self.keys.failed(asked.client):
            raise too_many()
        raise RefusedError(401, "wrong_token", "the token is not one of this server, or has ended; see its folder.")

    def _limit(self, asked: Asked) -> int:
        if asked.method in READS:
            return 0
        if self.rules.json_only and asked.has_body and not asked.path.startswith(self.rules.raw_paths or "\0"):
            kind = asked.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json":
                return -1
        return next((most for path, most in self.rules.body_bytes if asked.path.startswith(path)), USUAL_BYTES)


def too_many() -> RefusedError:
    """Give the refusal of who was wrong too often."""
    return RefusedError(429, "too_many_failures", f"too much was wrong from here; come again in {MINUTE_S:.0f} s.")


async def refuse(scope: Request, receive: Receive, send: Send, error: RefusedError) -> None:
    """Answer with a refusal; a WebSocket is not opened."""
    body = json.dumps(error.to_json()).encode()
    headers = _raw([*HEADERS.items(), ("content-type", "application/json"), ("content-length", str(len(body)))])
    if error.status in RETRY_S:
        headers.append((b"retry-after", b"%d" % RETRY_S[error.status]))
    prefix, linger = "http.response", False
    if scope["type"] == "websocket":
        await receive()
        prefix = "websocket.http.response"
    elif scope["method"] not in READS:
        headers.append((b"connection", b"close"))
        linger = True
    await send({"type": f"{prefix}.start", "status": error.status, "headers": headers})
    answer = {"type": f"{prefix}.body", "body": b"" if scope.get("method") == "HEAD" else body}
    await send(answer | {"more_body": linger})
    if linger:
        await _let_go_by(receive)
        await send({"type": f"{prefix}.body", "body": b""})


async def _let_go_by(receive: Receive) -> None:
    """Read what is left of a small body and forget it: to close with it unread would reset who still sends it."""
    left = USUAL_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while left > 0 and (message := await receive()).get("more_body"):
                left -= len(message["body"])


def _audit(asked: Asked, scope: Scope | None, status: int) -> None:
    """Note what changes something, or would have; not what is told all the time and kept itself, nor who guesses on."""
    if asked.socket or asked.method in READS or status == 429:
        return
    if TELLING.fullmatch(asked.path) and status not in (401, 403):
        return
    told = {"method": asked.method, "path": asked.path, "address": asked.client, "scope": scope, "status": status}
    AUDIT.info("%(method)s %(path)s from %(address)s as %(scope)s: %(status)s", told)


class _Body:
    """Counts what comes in, as it comes in, and adds to what goes out the headers that every answer has."""

    def __init__(self, receive: Receive, send: Send, most: int, asked: Asked) -> None:
        self._receive = receive
        self._send = send
        self._most = most
        self._asked = asked
        self._bytes = 0
        self._whole = False
        self._started = False
        self._refused: RefusedError | None = None
        self.status = 0
        """Of the answer; 0 until there is one."""
        self._until = asyncio.get_running_loop().time() + GRACE_S + max(most, 0) / SLOWEST_BYTES_PER_S

    async def serve(self, app: ASGIApp, scope: Request) -> None:
        if self._most < 0:
            self._refused = RefusedError(415, "not_json", "the body must come as application/json.")
        elif self._declared() > self._most and self._asked.method not in READS:
            self._refused = self._too_large()
        else:
            try:
                await app(scope, self.receive, self.send)
            except RefusedError as error:
                if error is not self._refused:
                    raise
        if self._refused and not self._started:
            self.status = self._refused.status
            await refuse(scope, self._receive, self._send, self._refused)

    async def receive(self) -> Message:
        if self._whole or self._asked.method in READS:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            self._refused = RefusedError(408, "too_slow", "the body did not come in time; send it faster.")
            raise self._refused from None
        self._bytes += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._bytes > self._most:
            self._refused = self._too_large()
            raise self._refused
        return message

    async def send(self, message: Message) -> None:
        if self._refused and not self._started:
            return  # the refusal is the answer, whatever the route made of it
        if message["type"] == "http.response.start":
            self._started, self.status = True, message["status"]
            message["headers"] = [*message.get("headers", ()), *_raw(HEADERS.items())]
        await self._send(message)

    def _declared(self) -> int:
        told = self._asked.headers.get("content-length", "0")
        return int(told) if told.isascii() and told.isdigit() and len(told) < 20 else 0

    def _too_large(self) -> RefusedError:
        return RefusedError(413, "too_large", f"the body is larger than {self._most} bytes; send less at a time.")


def _raw(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers]


def _is_ours(host: str, server: tuple[str, int | None], names: frozenset[str]) -> bool:
    if host in names:
        return True
    name, port = _split(host)
    address = f"[{server[0]}]" if ":" in server[0] else server[0]
    # An address can be no trick of a name server's, so that at which the connection came in is a name too.
    ours = name in LOOPBACK_NAMES or name in names or name == address
    return ours and (server[1] is None or port == server[1])


def _split(host: str) -> tuple[str, int]:
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):
        return host, 80
    return name, int(port) if port.isascii() and port.isdigit() and len(port) < 6 else -1


def _check_origin(asked: Asked, origins: frozenset[str]) -> None:
    """Refuse pages of other origins; a link that somebody follows to here is no page's doing."""
    own = (f"http://{asked.host}", f"https://{asked.host}")
    if asked.origin and asked.origin not in (*own, *origins):
        raise RefusedError(403, "wrong_origin", f"a page of {asked.origin} may not ask this server.")
    followed = not asked.socket and asked.method in READS and asked.headers.get("sec-fetch-mode") == "navigate"
    if asked.site not in ("", "none", "same-origin") and not followed and asked.origin not in origins:
        raise RefusedError(403, "wrong_site", f"a page of another site may not ask this server ({asked.site}).")


def rules_for(host: str, **told: Any) -> Rules:
    """Give the rules for a server that listens at a host."""
    return Rules(reads_need_token=not is_loopback(host), **told)
