"""Who may: one token for programs, and for the browser a code that works once and becomes a cookie."""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

from ludus.core.clock import Clock
from ludus.core.errors import InputError
from ludus.serve.ingest import now

CODE_S = 300.0
COOKIE_S = 30 * 24 * 3600
MOST_CODES = 16


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
    """Checks tokens and cookies, and hands out codes."""

    def __init__(self, token: str, clock: Clock) -> None:
        assert len(token) >= 16, "a token is at least 16 characters long"
        self._token = token
        self._clock = clock
        self._codes: dict[str, float] = {}

    def opens(self, token: str) -> bool:
        """Whether this is the token."""
        return hmac.compare_digest(token.encode(), self._token.encode())

    def mint(self) -> str:
        """Give a code that works once, within five minutes."""
        while len(self._codes) >= MOST_CODES:
            del self._codes[next(iter(self._codes))]
        code = secrets.token_urlsafe(16)
        self._codes[code] = self._clock.seconds() + CODE_S
        return code

    def redeem(self, code: str) -> str | None:
        """Give the value of a cookie for a code, None for one that is unknown, old or used."""
        until = self._codes.pop(code, None)
        if until is None or self._clock.seconds() > until:
            return None
        end = int(now(self._clock)) + COOKIE_S
        return f"{end}.{self._sign(end)}"

    def knows(self, cookie: str) -> bool:
        """Whether a cookie is one of ours and not old. It outlives a restart, as the token does."""
        end, _, signature = cookie.partition(".")
        if not (end.isascii() and end.isdigit() and len(end) < 16) or int(end) < now(self._clock):
            return False
        return hmac.compare_digest(signature.encode(), self._sign(int(end)).encode())

    def _sign(self, end: int) -> str:
        return hmac.digest(self._token.encode(), f"cookie until {end}".encode(), "sha256").hex()
