"""Small things that the tests of serving share."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from ludus.core.clock import Clock, ManualClock
from ludus.feats.loader import parse_feats
from ludus.serve.api.app import create_app, create_metrics_app
from ludus.serve.api.lab import Lab, LabSettings
from ludus.serve.door.listen import bind, bind_unix, serve, server_for
from ludus.serve.store.ingest import Ingest, Receipt
from ludus.serve.store.judging import Judging
from ludus.serve.store.rows import Store
from ludus.serve.store.writer import Writer
from ludus.serve.wire import read_batch

TICK_HZ = 60.0
FEATS = [
    {
        "id": "minor.pots.20_in_run",
        "name": "Pot Popper",
        "predicate": {"counter_gte": ["pots_broken", 20]},
        "clip": {"pre_s": 12, "post_s": 6, "speed": 3.0},
    },
    {
        "id": "major.vader_in_20",
        "name": "Quick Work",
        "tier": "major",
        "predicate": {"event_then_within": [["boss_spawned", {"boss_id": "bark_vader"}], ["boss_defeated", {}], 20]},
    },
    {
        "id": "shame.fall",
        "name": "Down Again",
        "hall": "shame",
        "dedupe": "best_only",
        "predicate": {"event_happened": ["fell", {}]},
        "score": {"payload": "depth", "direction": "max"},
        "clip": {"pre_s": 2, "post_s": 1},
    },
]


def judging(feats: Sequence[Any] = FEATS) -> Judging:
    return Judging(parse_feats(json.dumps(feats)), tick_hz=TICK_HZ)


def pots(count: int, *, first_tick: int = 0, run: str = "run", episode: str = "1.0") -> list[dict[str, Any]]:
    """So many broken pots, one a tick."""
    payload = {"name": "pots_broken", "delta": 1}
    place = {"run_id": run, "episode_id": episode}
    return [{"event_type": "counter_delta", "payload": payload, "tick": first_tick + n, **place} for n in range(count)]


def batch(events: Sequence[Any], *, producer: str = "worker-1", epoch: int = 1, first: int = 1) -> bytes:
    return json.dumps({"producer": producer, "epoch": epoch, "first": first, "events": list(events)}).encode()


class Desk:
    """A store with its writer, as the orchestrator has them."""

    def __init__(self, store: Store, *, feats: Sequence[Any] | None = FEATS, clock: Clock | None = None) -> None:
        self.store = store
        self.clock = clock or ManualClock()
        self.ingest = Ingest(store, self.clock, None if feats is None else judging(feats))
        self.heard_again = self.ingest.replay()
        self.writer = Writer(store, self.ingest)

    def post(self, body: bytes) -> Receipt:
        told = read_batch(body)
        return self.writer.submit(lambda: self.ingest.take(told)).result()

    def close(self) -> None:
        self.writer.close()


def shake_hands(link: socket.socket, port: int, token: str, *, max_hz: int = 20) -> None:
    """Make a WebSocket of a connection by hand, and ask for metrics; nothing is read beyond the answer."""
    lines = [
        "GET /ws HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Authorization: Bearer {token}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    link.sendall("\r\n".join([*lines, "", ""]).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += link.recv(1)
    assert head.startswith(b"HTTP/1.1 101"), head
    asked = b'{"type":"sub","topic":"metrics","max_hz":%d}' % max_hz
    link.sendall(bytes([0x81, 0x80 | len(asked), 0, 0, 0, 0]) + asked)


class Served:
    """An orchestrator that answers on ports of its own, in a thread."""

    def __init__(
        self,
        settings: LabSettings,
        *,
        page: Path | None = None,
        stalled_s: float = 30.0,
        clock: Clock | None = None,
    ) -> None:
        self.lab = Lab(settings, clock)
        self.lab.room.stalled_s = stalled_s
        sockets = [bind(settings.host, 0), bind(settings.host, 0)]
        self.port, self.metrics_port = (bound.getsockname()[1] for bound in sockets)
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = (settings.state / "token").read_text().strip()
        self.headers = {"authorization": f"Bearer {self.token}"}
        self._servers = [
            (
                server_for(create_app(self.lab, page=page)),
                [sockets[0], *([bind_unix(settings.uds)] if settings.uds else [])],
            ),
            (server_for(create_metrics_app(self.lab)), sockets[1:]),
        ]
        self._ready = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._run(),))
        self._thread.start()
        assert self._ready.wait(30)

    def client(self, **told: Any) -> httpx.Client:
        """A client that brings the token."""
        headers = self.headers | told.pop("headers", {})
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False, **told)

    def post(self, body: bytes) -> dict[str, Any]:
        headers = self.headers | {"content-type": "application/json"}
        response = httpx.post(f"{self.url}/events", content=body, headers=headers, trust_env=False)
        assert response.status_code == 200, response.text
        told: dict[str, Any] = response.json()
        return told

    def socket(self, **told: Any) -> ClientConnection:
        """A WebSocket at `/ws`."""
        url = f"ws://127.0.0.1:{self.port}/ws"
        opened: ClientConnection = connect(url, additional_headers=self.headers, proxy=None, legacy=True, **told)
        return opened

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        assert not self._thread.is_alive()
        self.lab.close()

    async def _run(self) -> None:
        self.loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        serving = asyncio.create_task(serve(self._servers, self._stop))
        for server, _ in self._servers:
            await server.ready.wait()
        self._ready.set()
        await serving


def free_port() -> int:
    """A port that nothing listens at."""
    with closing(bind("127.0.0.1", 0)) as bound:
        port: int = bound.getsockname()[1]
        return port


def raw(served: Served, request: bytes, *, finish: bool = True) -> bytes:
    """What the server answers to bytes as they are."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as peer:
        found = b""
        try:
            peer.sendall(request)
            if finish:
                peer.shutdown(socket.SHUT_WR)
            while data := peer.recv(65536):
                found += data
        except ConnectionError:  # closed on us while we still had something to say
            return found
        return found


def told(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]
