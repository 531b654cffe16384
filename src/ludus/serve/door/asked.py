"""A request, as far as the door looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.types import Scope

from ludus.serve.wire import RefusedError


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as far as the door looks at it."""

    socket: bool
    method: str
    path: str
    headers: Mapping[str, str]
    server: tuple[str, int | None]
    host: str
    client: str
    """The address that asks."""

    @classmethod
    def of(cls, scope: Scope) -> Asked:
        """Read a request. Raises `RefusedError` where it has not exactly one host."""
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            key = name.decode("latin-1")
            if key in ("host", "origin", "authorization", "content-length") and key in headers:
                raise RefusedError(400, "repeated_header", f"the header {key!r} came more than once; send it once.")
            headers[key] = value.decode("latin-1")
        host = headers.get("host", "").lower()
        if not host:
            raise RefusedError(421, "wrong_host", "the request names no host.")
        socket = scope["type"] == "websocket"
        server = scope.get("server") or ("", None)
        return cls(
            socket, "GET" if socket else scope["method"], scope["path"], headers, tuple(server), host, address_of(scope)
        )

    @property
    def origin(self) -> str:
        """The origin of the page that asks; empty where no page does."""
        return self.headers.get("origin", "")

    @property
    def site(self) -> str:
        """What the browser says of where the request comes from."""
        return self.headers.get("sec-fetch-site", "")

    @property
    def bearer(self) -> str:
        """The token that it brings."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() in ("bearer", "token") else ""

    @property
    def cookie(self) -> str:
        """The value of our cookie."""
        try:
            found = SimpleCookie(self.headers.get("cookie", "")).get(cookie_name(self.server[1]))
        except CookieError:
            return ""
        return found.value if found else ""

    @property
    def has_body(self) -> bool:
        """Whether anything comes after its headers."""
        return "transfer-encoding" in self.headers or self.headers.get("content-length", "0") != "0"


def address_of(scope: Mapping[str, Any]) -> str:
    """Give the address that a request comes from."""
    return str((scope.get("client") or ("",))[0])


def cookie_name(port: int | None) -> str:
    """Give the name of the cookie, one for each port, because browsers do not keep cookies of ports apart."""
    return f"ludus_{port or 0}"
