"""Who may: one token that may do everything, tokens of scopes that follow from it, and codes that become cookies.

The token alone lies on the disk. Another one is its scope, its end and a signature by the token, so nothing of it is
kept, and a new token ends all of them.
"""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

from ludus.core.clock import Clock, now
from ludus.core.errors import InputError

Scope = Literal["view", "ingest", "worker", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

CODE_S = 300.0
COOKIE_S = 30 * 24 * 3600
MOST_CODES = 16
MINUTE_S = 60.0
MOST_FAILURES = 10
"""Wrong tokens, cookies and codes that an address may bring within a minute."""
MOST_ADDRESSES = 1_000

READS = ("GET", "HEAD")
READERS: frozenset[Scope] = frozenset({"view", "worker"})
MAY: Mapping[Scope, tuple[str, ...]] = {
    "view": ("/ws", "/live"),
    "ingest": ("/events", "/runs/", "/metrics"),
    "worker": (
        *("/events", "/runs/", "/metrics", "/workers/", "/clips/", "/highlights", "/live/feed"),
        *("/register_worker", "/push_rollout", "/push_rollout_pixels"),
    ),
}
"""What a scope may change, and the WebSockets that it may open: addresses, or how they begin where they end with /."""


def may(scope: Scope, method: str, path: str) -> bool:
    """Say whether a scope is enough for a request; the method of a WebSocket is empty."""
    if scope == "admin":
        return True
    if method in READS:
        return scope in READERS and path != "/open"
    return any(path == place or (place.endswith("/") and path.startswith(place)) for place in MAY[scope])


def read_token(path: Path) -> str:
    """Give the token that a file holds, a new one of 256 bits where there is none; only its owner may read the file.

    Raises `InputError` on a file that others can read.
    """
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            raise InputError(f"others may read {path}; run: chmod 600 {path}") from None
        return path.read_text().strip()
    with os.fdopen(made, "w") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
    return path.read_text().strip()


class Keys:
    """Checks tokens and cookies, hands out codes, and counts who was wrong."""

    def __init__(self, token: str, clock: Clock) -> None:
        assert len(token) >= 16, "a token is at least 16 characters long"
        self._token = token
        self._clock = clock
        self._codes: dict[str, tuple[float, Scope]] = {}
        self._failures: dict[str, tuple[float, int]] = {}

    def opens(self, token: str) -> Scope | None:
        """Give the scope of a token, None for one that is not ours or has ended."""
        if hmac.compare_digest(token.encode(), self._token.encode()):
            return "admin"
        return self._granted("token", token)

    def grant(self, scope: Scope, seconds: int = 0) -> str:
        """Give a token of a scope, for so many seconds; 0 for as long as there is no new token."""
        return self._signed("token", scope, int(now(self._clock)) + seconds if seconds else 0)

    def mint(self, scope: Scope = "admin") -> str:
        """Give a code that works once, within five minutes."""
        while len(self._codes) >= MOST_CODES:
            del self._codes[next(iter(self._codes))]
        code = secrets.token_urlsafe(16)
        self._codes[code] = self._clock.seconds() + CODE_S, scope
        return code

    def redeem(self, code: str) -> str | None:
        """Give the value of a cookie for a code, None for one that is unknown, old or used."""
        until, scope = self._codes.pop(code, (0.0, None))
        if scope is None or self._clock.seconds() > until:
            return None
        return self._signed("cookie", scope, int(now(self._clock)) + COOKIE_S)

    def knows(self, cookie: str) -> Scope | None:
        """Give the scope of a cookie, None for one that is not ours or is old. It outlives a restart."""
        return self._granted("cookie", cookie)

    def failed(self, address: str) -> bool:
        """Count a wrong token, cookie or code, and say whether the address has brought too many within a minute."""
        at = self._clock.seconds()
        since, count = self._failures.pop(address, (at, 0))
        since, count = (at, 1) if at - since >= MINUTE_S else (since, count + 1)
        self._failures[address] = since, count
        if len(self._failures) > MOST_ADDRESSES:
            del self._failures[next(iter(self._failures))]
        return count > MOST_FAILURES

    def forgive(self) -> None:
        """Forget who was wrong."""
        self._failures.clear()

    def _granted(self, use: str, text: str) -> Scope | None:
        told, _, rest = text.partition(".")
        end, _, _ = rest.partition(".")
        scope = next((known for known in SCOPES if known == told), None)
        if scope is None or not (end.isascii() and end.isdigit() and len(end) < 16):
            return None
        if not hmac.compare_digest(text.encode(), self._signed(use, scope, int(end)).encode()):
            return None
        return scope if int(end) == 0 or int(end) >= now(self._clock) else None

    def _signed(self, use: str, scope: Scope, end: int) -> str:
        signature = hmac.digest(self._token.encode(), f"{use} {scope} until {end}".encode(), "sha256").hex()
        return f"{scope}.{end}.{signature}"
