"""The rest of the security table: addresses that lead nowhere, bodies and messages that are too much."""

from __future__ import annotations

import select
import socket
import threading
import time
from contextlib import suppress

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from ludus.serve.door import listen, security
from ludus.serve.wire import RefusedError
from tests.serve.lab import Served, raw, told


@pytest.mark.parametrize(
    "path",
    [
        "/highlights/%2e%2e/token",
        "/highlights/..%2f..%2ftoken",
        "/highlights/..%5c..%5ctoken",
        "/highlights/%00",
        "/highlights/" + "a" * 4000,
        "/highlights/linked.mp4",
        "/highlights/" + "0" * 64 + ".mp4",
        "/highlights/" + "0" * 64 + ".mp4%00.png",
        "/episodes/..%2f..:x/video",
        "/episodes/%2e%2e:token/video",
        "/episodes/a:b/..%2f..%2ftoken",
        "/runs/..%2f..%2fetc/metrics",
        "/../token",
        "//token",
    ],
)
def test_no_address_leads_to_a_file_that_is_not_meant(served: Served, bare: httpx.Client, path: str) -> None:
    place = served.lab.highlights / ("0" * 64 + ".mp4")
    if not place.is_symlink():
        place.symlink_to(served.lab.settings.state / "token")
    answer = bare.get(path)
    assert answer.status_code in (404, 422)
    assert served.token not in answer.text


def test_a_body_is_counted_as_it_comes_in_whatever_its_headers_say(served: Served) -> None:
    head = f"POST /events HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nAuthorization: Bearer {served.token}\r\n"
    json_head = f"{head}Content-Type: application/json\r\n".encode()
    assert told(raw(served, json_head + b"Content-Length: 2147483648\r\n\r\n", finish=False)) == (413, "too_large")
    chunk = b"%x\r\n" % 65536 + b" " * 65536 + b"\r\n"
    many = json_head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 17
    assert told(raw(served, many, finish=False)) == (413, "too_large")


def test_a_body_that_does_not_come_is_given_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "GRACE_S", 0.2)
    monkeypatch.setattr(security, "SLOWEST_BYTES_PER_S", 1e9)
    head = f"POST /events HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nAuthorization: Bearer {served.token}\r\n"
    slow = f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode()
    assert told(raw(served, slow, finish=False)) == (408, "too_slow")


def test_headers_that_do_not_end_are_given_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "HEADERS_S", 0.2)
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as silent:
        assert silent.recv(1) == b""
    assert raw(served, b"GET / HTTP/1.1\r\nX: ", finish=False) == b""
    monkeypatch.setattr(listen, "HEADERS_S", 15.0)
    assert raw(served, b"GET / HTTP/1.1\r\nX: " + b"x" * 400_000, finish=False)[9:12] in (b"", b"400")


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"event_type":"a","payload":' + b'{"a":' * 50_000,
        b'{"event_type":"a","payload":{' + b",".join(b'"%d":1' % n for n in range(90_000)) + b"}}",
        b'{"event_type":"a","event_type":"b"}',
        b'{"event_type":"a","payload":{"x":NaN}}',
        b'{"event_type":"a","payload":{"x":Infinity}}',
        b'{"event_type":"\\udc00"}',
        b'{"event_type":"a\\ud800"}',
        b'{"event_type":"a","payload":{"\\udfff":1}}',
        b"\xef\xbb\xbf{}",
        b"1" * 900_000,
    ],
    ids=range(11),
)
def test_bodies_made_to_hurt_are_answered_in_short_time(served: Served, body: bytes) -> None:
    with served.client() as client:
        began = time.process_time()
        answer = client.post("/events", content=body, headers={"content-type": "application/json"})
        assert time.process_time() - began < 5
    if answer.status_code != 200:
        assert answer.status_code in (400, 422)
        assert answer.json()["error"] in ("malformed", "invalid", "too_deep", "payload_too_large")


def test_who_still_sends_a_body_that_is_refused_reads_why_and_is_not_cut_off(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as asking:
        head = f"POST /events HTTP/1.1\r\nhost: 127.0.0.1:{served.port}\r\ncontent-length: 20\r\n\r\n"
        asking.sendall(head.encode())
        answer = b""
        while not answer.endswith(b"}"):
            answer += asking.recv(4096)
        assert answer.startswith(b"HTTP/1.1 401") and b"connection: close" in answer and b"no_token" in answer
        assert select.select([asking], [], [], 0.2)[0] == []  # it waits for the body
        asking.sendall(bytes(20))
        assert asking.recv(4096) == b""


def test_a_websocket_message_that_is_too_large_closes_it(served: Served) -> None:
    with served.socket() as page:
        page.recv()
        size = 2 * listen.MOST_MESSAGE_BYTES
        page.socket.sendall(
            b"\x81\xff" + size.to_bytes(8, "big") + bytes(4)
        )  # the head tells; a body would race the answer
        with pytest.raises(ConnectionClosed) as closed:
            page.recv(timeout=30)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1009


def test_too_much_waiting_is_refused_and_nothing_that_waits_is_lost(served: Served) -> None:
    hold, held = threading.Event(), threading.Event()

    def block() -> None:
        held.set()
        assert hold.wait(30)

    blocked = served.lab.writer.submit(block)
    assert held.wait(30)
    waiting = []
    with suppress(RefusedError):  # 2,000, less what the lab's own chores have put there
        while True:
            waiting.append(served.lab.writer.submit(lambda: None))
    try:
        with served.client() as client:
            busy = client.post("/events", json={"event_type": "a"})
            assert (busy.status_code, busy.json()["error"], busy.headers["retry-after"]) == (503, "busy", "1")
            assert client.get("/readyz").status_code == 503
    finally:
        hold.set()
    assert [future.result(30) for future in (blocked, *waiting)] == [None] * (1 + len(waiting))
    assert len(waiting) > 1_900
