"""Sockets and the servers behind them: uvicorn, with deadlines for headers and a way to drop a WebSocket."""

from __future__ import annotations

import asyncio
import socket
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from ludus.core.errors import InputError

HEADERS_S = 15.0
MOST_HEADER_BYTES = 64 * 1024
MOST_CONNECTIONS = 2_000
MOST_MESSAGE_BYTES = 1024 * 1024
ABORT = "ludus.abort"
"""Extension of a WebSocket's scope: its `abort` drops the connection at once, without waiting for the peer; after its
`narrow` a send waits until little of what was sent before is still here."""
UNSENT_BYTES = 16 * 1024
UNIX = "unix:"
"""Before the path of a socket in the file system, where a URL may stand."""


class Http(HttpToolsProtocol):
    """HTTP whose headers must be whole within some seconds, and small."""

    _deadline: asyncio.TimerHandle | None = None
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for headers."""
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to wait for the headers of a request."""
        super().on_message_begin()
        self._expect_headers()

    def on_headers_complete(self) -> None:
        """Stop waiting: they are whole."""
        self._stop()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take bytes; of headers that are not whole, no more than the limit."""
        super().data_received(data)
        if self._deadline is not None and not self.transport.is_closing():
            self._header_bytes += len(data)
            if self._header_bytes > MOST_HEADER_BYTES:
                self.send_400_response("The headers are too large.")

    def _expect_headers(self) -> None:
        self._stop()
        self._header_bytes = 0
        self._deadline = self.loop.call_later(HEADERS_S, self._late)

    def _late(self) -> None:
        self._deadline = None
        self.transport.abort()

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Ws(WebSocketsSansIOProtocol):
    """A WebSocket that can be dropped even when its peer does not read."""

    async def run_asgi(self) -> None:
        """Serve it."""
        self.transport.set_write_buffer_limits(high=UNSENT_BYTES)  # of a thousand who do not read it adds up
        self.scope["extensions"][ABORT] = {"abort": self.transport.abort, "narrow": self.narrow}
        await super().run_asgi()

    def narrow(self) -> None:
        """Let little wait in the kernel either, so that what is sent is new."""
        bound = self.transport.get_extra_info("socket")
        if hasattr(socket, "TCP_NOTSENT_LOWAT") and bound.family != socket.AF_UNIX:
            bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)


class Server(uvicorn.Server):
    """A server that leaves signals to whoever runs it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        """Set as soon as it answers."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """Give a socket that listens there; port 0 takes any that is free. Raises `InputError`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host.strip("[]"), port))
    except OSError as error:
        bound.close()
        raise InputError(f"cannot listen at {host}:{port}: {error.strerror}; give another --port, or 0.") from error
    bound.setblocking(False)
    return bound


def bind_unix(path: Path) -> socket.socket:
    """Give a socket that listens at a path, which its owner alone may open. Raises `InputError`.

    What a killed process has left there is replaced; what another one answers at, or is no socket, is not.
    """
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.is_symlink() or path.exists():
            _check_left(path)
            path.unlink()
        bound.bind(str(path))
        path.chmod(0o600)  # before it listens, so that nobody else could have connected
    except OSError as error:
        bound.close()
        raise InputError(f"cannot listen at {path}: {error.strerror or error}; give another --uds.") from error
    bound.setblocking(False)
    return bound


def _check_left(path: Path) -> None:
    """Raise `OSError` where a path is not a socket that nobody listens at any more."""
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise OSError("there is a file already")
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as peer:
        try:
            peer.connect(str(path))
        except ConnectionRefusedError:
            return
    raise OSError("another process listens there")


def unix_path(url: str) -> str | None:
    """Give the path of `unix:PATH`, None of any other address."""
    return url.removeprefix(UNIX) if url.startswith(UNIX) else None


def server_for(app: ASGIApp) -> Server:
    """Give a server for an app, to be run on sockets of `bind`."""
    return Server(
        uvicorn.Config(
            app,
            http=Http,
            ws=Ws,
            loop="uvloop",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            limit_concurrency=MOST_CONNECTIONS,
            ws_max_size=MOST_MESSAGE_BYTES,
            ws_ping_interval=20.0,
            ws_ping_timeout=20.0,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=5,
        )
    )


async def serve(servers: Sequence[tuple[Server, Sequence[socket.socket]]], stop: asyncio.Event) -> None:
    """Run servers, each at its sockets, until told to stop, or until one of them ends."""
    tasks = [asyncio.create_task(server.serve(sockets=[*bound])) for server, bound in servers]
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        for server, _ in servers:
            server.should_exit = True
        await asyncio.gather(*tasks)
