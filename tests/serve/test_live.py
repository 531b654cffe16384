"""Live pictures: who asks for what, what a viewer gets who is slow, and what is refused."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from ludus.serve.api.lab import LabSettings
from ludus.serve.live.wire import DELTA, DESCRIPTION, HEADER, JPEG, KEY
from tests.serve.lab import Served

HELLO = {"lanes": 4, "width": 80, "height": 72, "fps": 2.5, "role": None, "game": "potyard", "scale": 1}


@contextmanager
def opened(served: Served, path: str, **told: Any) -> Iterator[ClientConnection]:
    url = f"ws://127.0.0.1:{served.port}{path}"
    headers = told.pop("headers", served.headers)
    with connect(url, additional_headers=headers, proxy=None, legacy=True, close_timeout=1, **told) as link:
        yield link


@contextmanager
def feeding(served: Served, name: str = "w1", **more: Any) -> Iterator[ClientConnection]:
    with opened(served, f"/live/feed?worker={name}") as link:
        link.send(json.dumps(HELLO | more))
        yield link


def hear(link: ClientConnection) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(link.recv(timeout=30))
    return told


def workers(link: ClientConnection, fits: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """The workers that a viewer is told of, as soon as they fit."""
    while True:
        told = hear(link)
        assert told["type"] == "workers"
        if fits(told["workers"]):
            found: list[dict[str, Any]] = told["workers"]
            return found


def number(link: ClientConnection, name: str = "w1") -> int:
    found = workers(link, lambda told: any(worker["name"] == name for worker in told))
    return next(int(worker["number"]) for worker in found if worker["name"] == name)


def say(link: ClientConnection, **told: Any) -> None:
    link.send(json.dumps(told))


def picture(kind: int = JPEG, lane: int = 0, frame: int = 1, payload: bytes = b"x") -> bytes:
    return struct.pack("<BBHIdI4x", 1, kind, lane, frame, 1234.5, 7) + payload


def shown(link: ClientConnection) -> tuple[int, int, int, bytes]:
    """Kind, lane, frame and payload of the next picture."""
    body = link.recv(timeout=30)
    assert isinstance(body, bytes), body
    _, kind, lane, frame, *_ = HEADER.unpack_from(body)
    return kind, lane, frame, body[HEADER.size :]


def test_a_page_hears_of_workers_as_they_come_and_go(served: Served) -> None:
    with opened(served, "/live") as page:
        assert workers(page, lambda told: True) == []
        with feeding(served, "a"):
            (told,) = workers(page, lambda told: len(told) == 1)
            one = told.pop("number")
            assert told == {
                "name": "a",
                "lanes": 4,
                "width": 80,
                "height": 72,
                "fps": 2.5,
                "role": None,
                "game": "potyard",
            }
        workers(page, lambda told: not told)
        with feeding(served, "b"), feeding(served, "a"):
            found = {worker["name"]: worker["number"] for worker in workers(page, lambda told: len(told) == 2)}
            assert found["a"] == one != found["b"]


def test_a_worker_is_asked_for_what_somebody_watches_and_for_nothing_else(served: Served) -> None:
    with feeding(served) as feed, opened(served, "/live") as page:
        one = number(page)
        say(page, type="watch", tiles=[[one, 3], [one, 1], [one, 1], [one, 99], [one + 1, 0]], hz=4)
        assert hear(feed) == {"tiles_hz": 4, "lanes": [1, 3], "focus": None}
        with opened(served, "/live") as other:
            say(other, type="watch", tiles=[[one, 0], [one, 1]], hz=10)
            assert hear(feed) == {"tiles_hz": 10, "lanes": [0, 1, 3], "focus": None}
            say(other, type="focus", worker=one, lane=2)
            assert hear(feed) == {"tiles_hz": 10, "lanes": [0, 1, 3], "focus": 2}
        assert hear(feed) == {"tiles_hz": 4, "lanes": [1, 3], "focus": None}
        say(page, type="watch", tiles=[], hz=10)
        assert hear(feed) == {"tiles_hz": 0, "lanes": [], "focus": None}


def test_a_tile_reaches_those_who_watch_it_with_the_workers_number(served: Served) -> None:
    with feeding(served) as feed, opened(served, "/live") as page, opened(served, "/live") as other:
        one = number(page)
        say(page, type="watch", tiles=[[one, 2]], hz=10)
        assert hear(feed)["lanes"] == [2]
        say(other, type="watch", tiles=[[one, 1]], hz=10)
        assert hear(feed)["lanes"] == [1, 2]
        feed.send(picture(lane=2, frame=5, payload=b"two"))
        feed.send(picture(lane=1, frame=6, payload=b"one"))
        body = page.recv(timeout=30)
        assert isinstance(body, bytes)
        assert struct.unpack_from("<BBHIdIHH", body) == (1, JPEG, 2, 5, 1234.5, 7, one, 0) and body[24:] == b"two"
        number(other)
        assert shown(other) == (JPEG, 1, 6, b"one")


def test_tiles_come_no_more_often_than_they_are_asked_for(served: Served) -> None:
    with feeding(served) as feed, opened(served, "/live") as page:
        one = number(page)
        say(page, type="watch", tiles=[[one, 0], [one, 1]], hz=0.01)
        hear(feed)
        for frame in range(20):
            feed.send(picture(lane=0, frame=frame))
        feed.send(picture(lane=1, frame=99))
        assert [shown(page)[1:3] for _ in range(2)] == [(0, 0), (1, 99)], "the first, and the rest is too early"


def test_the_lane_in_focus_begins_with_its_description_and_a_key_frame(served: Served) -> None:
    with feeding(served) as feed, opened(served, "/live") as page, opened(served, "/live") as other:
        one = number(page)
        say(page, type="focus", worker=one, lane=3)
        assert hear(feed)["focus"] == 3
        for kind, frame in ((DELTA, 1), (DESCRIPTION, 2), (DELTA, 3), (KEY, 4), (DELTA, 5)):
            feed.send(picture(kind, 3, frame))
        assert [shown(page)[::3] for _ in range(3)] == [(DESCRIPTION, b"x"), (KEY, b"x"), (DELTA, b"x")]
        number(other)
        say(other, type="focus", worker=one, lane=3)
        assert hear(feed)["focus"] == 3, "it is told again, so that it begins anew for who came later"
        for kind, frame in ((DELTA, 6), (DESCRIPTION, 7), (KEY, 8)):
            feed.send(picture(kind, 3, frame))
        assert [shown(other)[:3] for _ in range(2)] == [(DESCRIPTION, 3, 7), (KEY, 3, 8)]
        say(page, type="focus", worker=None)
        say(other, type="focus", worker=None)
        assert hear(feed)["focus"] is None


def test_a_slow_viewer_gets_the_newest_of_a_tile_and_goes_on_with_a_key_frame_in_focus(served: Served) -> None:
    big = bytes(60_000)
    with feeding(served) as feed, opened(served, "/live", max_queue=1) as page:
        one = number(page)
        say(page, type="watch", tiles=[[one, 0]], hz=10)
        hear(feed)
        say(page, type="focus", worker=one, lane=0)
        hear(feed)
        (viewer,) = served.lab.live.viewers
        frames = 400  # 24 MB, far more than sockets hold
        feed.send(picture(DESCRIPTION, frame=0))
        for frame in range(1, frames):
            feed.send(picture(KEY if frame % 10 == 1 else DELTA, frame=frame, payload=big))
            feed.send(picture(frame=frame, payload=b"tile"))
        assert viewer._film_bytes <= 256 * 1024 and len(viewer._newest) <= 1
        feed.send(picture(KEY, frame=10_000, payload=b"end"))
        film: list[tuple[int, int, int, bytes]] = []
        while not film or film[-1][2] != 10_000:
            if (found := shown(page))[0] != JPEG:
                film.append(found)
        assert film[0][0] == DESCRIPTION
        numbers = [(kind, frame) for kind, _, frame, _ in film[1:]]
        gaps = [(before, after) for before, after in pairwise(numbers) if after[1] != before[1] + 1]
        assert gaps, "it fell behind"
        assert all(after[0] == KEY for _, after in gaps), "and went on with key frames"


def test_who_reads_nothing_is_dropped(tmp_path: Path) -> None:
    served = Served(LabSettings(state=tmp_path, runs=tmp_path / "runs"))
    served.lab.live.stalled_s = 0.3
    try:
        with feeding(served) as feed, socket.socket() as stalled:
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stalled.connect(("127.0.0.1", served.port))
            with opened(served, "/live", sock=stalled, max_queue=1) as page:
                say(page, type="focus", worker=number(page), lane=0)
                hear(feed)
                frame = 0
                while served.lab.live.viewers:
                    feed.send(picture(KEY, frame=(frame := frame + 1), payload=bytes(60_000)))
                assert hear(feed)["focus"] is None
    finally:
        served.stop()


@pytest.mark.parametrize(
    "bad",
    [
        "{}",
        "[]",
        "no",
        b"",
        '{"type": "watch"}',
        '{"type": "watch", "tiles": [[1]]}',
        '{"type": "watch", "tiles": [[-1, 0]]}',
        '{"type": "watch", "tiles": [], "hz": 1e9}',
        json.dumps({"type": "watch", "tiles": [[0, 0]] * 300}),
        '{"type": "focus", "worker": 70000}',
        '{"type": "focus", "worker": 1, "lane": 1, "x": 1}',
        '{"type": "' + "x" * 20_000 + '"}',
    ],
)
def test_a_page_that_makes_no_sense_hears_why(served: Served, bad: str | bytes) -> None:
    with opened(served, "/live") as page:
        hear(page)
        page.send(bad)
        told = hear(page)
        assert told["type"] == "error" and told["error"] in ("invalid", "malformed", "too_large") and told["detail"]


def test_nine_bad_messages_close_a_socket(served: Served) -> None:
    with opened(served, "/live") as page, feeding(served) as feed:
        for link in (page, feed):
            for _ in range(9):
                link.send("no")
            with pytest.raises(ConnectionClosed) as closed:
                [*iter(lambda: link.recv(timeout=30), None)]  # noqa: B023
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008


@pytest.mark.parametrize(
    "bad", ["x", b"", b"x" * 24, picture(kind=4), picture(lane=4), b"\x02" + picture()[1:]], ids=repr
)
def test_a_picture_that_makes_no_sense_is_refused(served: Served, bad: str | bytes) -> None:
    with feeding(served, "bad") as feed:
        feed.send(bad)
        told = hear(feed)
        assert told["type"] == "error" and told["error"] in ("no_picture", "too_short", "invalid")


@pytest.mark.parametrize(
    ("name", "hello"),
    [
        ("", json.dumps(HELLO)),
        ("../x", json.dumps(HELLO)),
        ("w", "{}"),
        ("w", json.dumps(HELLO | {"lanes": 0})),
        ("w", b"x"),
        ("w", "x" * 20_000),
    ],
)
def test_a_worker_that_tells_nonsense_of_itself_is_closed_with_a_reason(
    served: Served, name: str, hello: str | bytes
) -> None:
    with opened(served, f"/live/feed?worker={name}") as feed:
        with suppress(ConnectionClosed):  # a name is refused before
            feed.send(hello)
        assert hear(feed)["type"] == "error"
        with pytest.raises(ConnectionClosed):
            feed.recv(timeout=30)
    assert not served.lab.live.feeds


def test_a_worker_that_comes_again_takes_its_own_place(served: Served) -> None:
    with opened(served, "/live") as page, feeding(served) as older:
        one = number(page)
        with feeding(served, lanes=2):
            workers(page, lambda told: [(worker["number"], worker["lanes"]) for worker in told] == [(one, 2)])
            with pytest.raises(ConnectionClosed):
                older.recv(timeout=30)
            assert len(served.lab.live.feeds) == 1


@pytest.mark.parametrize("path", ["/live", "/live/feed?worker=w"])
def test_both_ends_need_the_token(served: Served, path: str) -> None:
    for headers in ({}, {"authorization": "Bearer wrong"}, served.headers | {"origin": "http://evil.example"}):
        with pytest.raises(InvalidStatus) as refused, opened(served, path, headers=headers):
            pass
        assert refused.value.response.status_code in (401, 403)


def test_more_pages_than_there_is_room_for_are_told_so(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ludus.serve.live.pictures.MOST_VIEWERS", 1)
    with opened(served, "/live") as one:
        hear(one)
        with opened(served, "/live") as other:
            assert hear(other)["error"] == "too_many"
            with pytest.raises(ConnectionClosed) as closed:
                other.recv(timeout=30)
            assert closed.value.rcvd is not None and closed.value.rcvd.code == 1013
