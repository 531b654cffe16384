"""Messages that nobody would send: whatever comes, the answer is a reason, never a fault of ours."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from ludus.serve.api.app import create_app
from ludus.serve.api.lab import Lab, LabSettings
from tests.serve.lab import FEATS, Served, batch, pots

BODIES: list[tuple[str, str, bytes]] = [
    ("POST", "/events", b'{"event_type":"counter_delta","payload":{"name":"pots_broken","delta":1},"tick":3,"ts":1.5}'),
    ("POST", "/events", b'{"event_type":"fell","payload":{"depth":3,"counters":{"pots_broken":22}},"run_id":"r"}'),
    ("POST", "/events", batch(pots(3))),
    ("POST", "/workers/w1/sync", b'{"status":{"fps":60},"want":2}'),
    ("POST", "/clips/1", b'{"worker":"w1","status":"skipped","reason":{"code":"a","detail":"b"},"clip":{"frames":1}}'),
    ("POST", "/clips/1", b'{"worker":"w1","status":"ready","clip_url":"/highlights/00.mp4"}'),
    ("POST", "/runs/r/metrics", b'{"rows":[{"step":1,"values":{"loss":0.5},"ts":1.0}]}'),
    ("POST", "/highlights", b"\0\0\0\x18ftypisom"),
    ("POST", "/open", b""),
]
PATHS = [
    "/events?limit=10&after=0&run=r",
    "/events/stream?after=-1",
    "/feats",
    "/feats/unlocks?limit=3&feat=f&run=r",
    "/feats/hall?limit=3",
    "/feats/validate",
    "/leaderboards",
    "/goals",
    "/feats/progress?limit=2",
    "/goals/g",
    "/goals/g/receipts",
    "/goals/g/template.png?number=0",
    "/runs?limit=2",
    "/runs/r",
    "/runs/r/metrics?points=10&keys=loss",
    "/episodes?limit=2&before=3&run=r&scenario=s&policy=p/q&verdict=v&outcome=terminated&video=true",
    "/episodes?min_return=1.5&q=seed%203&order=best&offset=2",
    "/episodes/names",
    "/episodes/r:e",
    "/episodes/r:e/video",
    "/episodes/r:e/timeline",
    "/episodes/r:e/distance?goal=g",
    "/episodes/r:e/frames/0",
    "/clips?limit=2&before=9&status=ready",
    "/highlights/" + "0" * 64 + ".mp4",
    "/workers",
    "/healthz",
    "/readyz",
    "/metrics",
    "/open?code=x",
    "/openapi.json",
]
TOKENS = [
    b"null",
    b"-1",
    b"1e999",
    b"9" * 30,
    b"\\u0000",
    b"\\ud800",
    b"[]",
    b"{}",
    b'""',
    b"true",
    b"\xff",
    b"%00",
    b"%2f",
]
TOKENS += [
    b"\\udc00x",
    b"..",
    b"NaN",
    b"0.1",
    b'"' + b"x" * 300 + b'"',
    b"[" * 50,
    b'{"a":' * 20,
    b",",
    b":",
    b"&",
    b"?",
    b"\r\n",
]


def mutated(chance: random.Random, data: bytes) -> bytes:
    """Some bytes with one to four small accidents."""
    for _ in range(chance.randrange(1, 5)):
        at, to = sorted(chance.choices(range(len(data) + 1), k=2))
        match chance.randrange(6):
            case 0:
                data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
            case 1:
                data = data[:at] + chance.choice(TOKENS) + data[at:]
            case 2:
                data = data[:at] + data[to:]
            case 3:
                data = data[:to] + data[at:to] + data[to:]
            case 4:
                data = data[:at] + chance.choice(TOKENS) + data[to:]
            case _:
                data = data[: chance.randrange(len(data) + 1)]
    return data


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    (tmp_path / "feats.json").write_text(json.dumps(FEATS))
    opened = Lab(LabSettings(state=tmp_path / "state", runs=tmp_path / "runs", feats=tmp_path / "feats.json"))
    yield opened
    opened.close()


class Caller:
    """Calls an ASGI app as a server does."""

    def __init__(self, lab: Lab) -> None:
        self.app = create_app(lab)
        token = (lab.settings.state / "token").read_text().strip()
        self.headers = [(b"host", b"127.0.0.1:80"), (b"authorization", f"Bearer {token}".encode())]

    async def call(
        self, method: str, target: bytes, body: bytes = b"", kind: bytes = b"application/json"
    ) -> tuple[int, bytes]:
        path, _, query = target.partition(b"?")
        headers = [*self.headers, (b"content-type", kind), (b"content-length", str(len(body)).encode())]
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
        }
        scope |= {"path": path.decode("utf-8", "replace"), "raw_path": path, "query_string": query, "root_path": ""}
        scope |= {"headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "extensions": {}}
        incoming: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        told: list[Message] = []

        async def receive() -> Message:
            return incoming.pop() if incoming else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            told.append(message)

        await self.app(scope, receive, send)
        return told[0]["status"], b"".join(message.get("body", b"") for message in told[1:])


async def _storm(lab: Lab, count: int, seed: int) -> dict[int, int]:
    chance, caller = random.Random(seed), Caller(lab)
    answers: dict[int, int] = {}
    async with lab.running():
        for _ in range(count):
            if chance.random() < 0.75:
                method, path, body = chance.choice(BODIES)
                target, body = path.encode(), mutated(chance, body)
                if chance.random() < 0.1:
                    target = mutated(chance, target)
            else:
                method, target, body = "GET", mutated(chance, chance.choice(PATHS).encode()), b""
                if target.startswith(b"/events/stream"):
                    continue  # a stream that is well asked for does not end
            status, answer = await caller.call(method, b"/" + target.lstrip(b"/"), body)
            answers[status] = answers.get(status, 0) + 1
            assert status < 500, (method, target, body, answer)
            if status >= 400:
                told: dict[str, Any] = json.loads(answer)
                assert told["error"].isidentifier() and told["detail"], (method, target, body, answer)
    return answers


@pytest.mark.parametrize("count", [2_500, pytest.param(100_000, marks=pytest.mark.slow)])
def test_mutated_requests_are_answered_with_a_reason(lab: Lab, count: int) -> None:
    answers = asyncio.run(_storm(lab, count, seed=count))
    assert {200, 400, 404, 422} <= answers.keys()


HELLO = b'{"lanes":4,"width":80,"height":72,"fps":2.5,"role":null,"game":"potyard","scale":1}'
WORDS = [
    b'{"type":"sub","topic":"events","since":0,"max_hz":20,"runs":["r"],"keys":["a"]}',
    b'{"type":"ping","n":1}',
    b'{"type":"unsub","topic":"events"}',
    b'{"step":1,"loss":0.5,"run":"r","lr":1}',
    b"\x00\x01\x00\x00\x00\x02\x00\x00\x00\x08\x00\x00\x00\x00\x00\x80\x3f\x00\x00\x80\x3f",
    b'{"type":"watch","tiles":[[1,0],[1,1]],"hz":10}',
    b'{"type":"focus","worker":1,"lane":1}',
    HELLO,
    b"\x01\x00\x01\x00" + bytes(20) + b"picture",
]


@pytest.mark.parametrize("count", [500, pytest.param(20_000, marks=pytest.mark.slow)])
def test_mutated_messages_leave_the_sockets_well(served: Served, count: int) -> None:
    chance = random.Random(count)

    def open_one(which: int, number: int = 0) -> ClientConnection:
        path = ("/ws", "/metrics", "/live", f"/live/feed?worker=w{number}")[which]
        url = f"ws://127.0.0.1:{served.metrics_port if which == 1 else served.port}{path}"
        opened: ClientConnection = connect(
            url, additional_headers=served.headers, proxy=None, max_queue=None, legacy=True
        )
        if which == 3:
            opened.send(HELLO.decode())
        return opened

    links, codes = [open_one(which) for which in range(4)], list[int | None]()
    for number in range(count):
        which = chance.randrange(4)
        data = mutated(chance, chance.choice(WORDS))
        try:
            links[which].send(data.decode("utf-8", "replace") if chance.random() < 0.7 else data)
        except ConnectionClosed as closed:
            codes.append(closed.rcvd.code if closed.rcvd else None)
            links[which] = open_one(which, number)
    assert set(codes) <= {1008}
    for link in links:
        link.close()
    with served.socket() as socket_:
        socket_.send('{"type":"ping","n":5}')
        while json.loads(socket_.recv(timeout=30)).get("n") != 5:
            pass


def test_mutated_bytes_leave_the_server_well(served: Served) -> None:
    chance = random.Random(0)
    head = f"POST /events?x=1 HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nAuthorization: Bearer {served.token}\r\n"
    whole = f"{head}Content-Type: application/json\r\nContent-Length: 18\r\n\r\n".encode() + b'{"event_type":"a"}'
    for _ in range(300):
        with socket.create_connection(("127.0.0.1", served.port), timeout=30) as link:
            try:
                link.sendall(mutated(chance, whole))
                link.shutdown(socket.SHUT_WR)
                answer = link.recv(65536)
            except ConnectionError:
                continue
            assert not answer.startswith(b"HTTP/1.1 5"), answer
    with served.client() as client:
        assert client.get("/healthz").status_code == 200
