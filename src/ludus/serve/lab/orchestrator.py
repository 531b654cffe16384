"""The orchestrator as a process: its sockets, its servers, and an orderly end on SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop
from fastapi import APIRouter

from ludus.serve.api.app import create_app, create_metrics_app
from ludus.serve.api.lab import Lab, LabSettings
from ludus.serve.door.keys import read_token
from ludus.serve.door.listen import Server, bind, bind_unix, serve, server_for
from ludus.serve.logs import set_up_logs

LOOK_S = 0.5
Serving = tuple[Server, list[socket.socket]]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where an orchestrator answers."""

    url: str
    open_url: str
    """Opens the page in a browser, once."""
    metrics_url: str | None
    """Of the metrics stream."""


def run(
    settings: LabSettings,
    ready: Callable[[Addresses], None],
    *,
    routers: Iterable[APIRouter] = (),
    page: Path | None = None,
) -> None:
    """Run an orchestrator until it is told to stop; `ready` is called as soon as it answers.

    Raises `InputError`, and `LostError` where its database went away meanwhile.
    """
    bound = [bind(settings.host, settings.port), *([bind_unix(settings.uds)] if settings.uds else [])]
    bound_metrics = None if settings.metrics_port is None else bind(settings.host, settings.metrics_port)
    settings.state.mkdir(parents=True, exist_ok=True)
    secret = read_token(settings.state / "token")
    set_up_logs(settings.state / "logs" / "orchestrator.jsonl", secrets=[secret], role="orchestrator")
    lab = Lab(settings)
    try:
        main = server_for(create_app(lab, routers=routers, page=page))
        servers = [(main, bound)]
        if bound_metrics:
            servers.append((server_for(create_metrics_app(lab)), [bound_metrics]))
        uvloop.run(_serve(lab, servers, ready))
        if lab.writer.lost:
            raise lab.writer.lost
    finally:
        lab.close()
        if settings.uds:
            settings.uds.unlink(missing_ok=True)


async def _serve(lab: Lab, servers: Sequence[Serving], ready: Callable[[Addresses], None]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    serving, watching = asyncio.create_task(serve(servers, stop)), asyncio.create_task(_watch(lab, stop))
    for server, _ in servers:
        waiting = asyncio.create_task(server.ready.wait())
        await asyncio.wait([serving, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
    if not serving.done():
        url, *others = (_url(bound[0]) for _, bound in servers)
        metrics_url = others[0].replace("http", "ws", 1) + "/metrics" if others else None
        ready(Addresses(url, f"{url}/open?code={lab.keys.mint()}", metrics_url))
    await serving
    watching.cancel()


async def _watch(lab: Lab, stop: asyncio.Event) -> None:
    """Stop when the database is lost: whoever supervises this process starts it again, and it finds what is kept."""
    while not lab.writer.lost:
        await asyncio.sleep(LOOK_S)
    stop.set()


def _url(bound: socket.socket) -> str:
    host, port, *_ = bound.getsockname()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
