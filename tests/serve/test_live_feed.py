"""A worker's pictures, from the World to whoever watches: what is shown is what was played."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from PIL import Image
from websockets.sync.client import ClientConnection

from ludus.core.protocols import WorldSpec
from ludus.run.games import game_settings, open_world
from ludus.serve.live.feed import LiveFeed
from ludus.serve.live.film import Jpeg, open_film
from ludus.serve.live.wire import DELTA, DESCRIPTION, HEADER, JPEG, KEY, Head
from tests.serve.feeder import walk
from tests.serve.lab import Served
from tests.serve.test_live import number, opened, say

LANES = 3
COLOUR = WorldSpec("colours", (35, 49, 3), None, spaces.Discrete(2), 60.0, 1)


class Playing:
    """Pot Yard, shown while it is played in a thread; every step's frames are kept."""

    def __init__(self, served: Served, name: str) -> None:
        self.kept: list[np.ndarray[Any, Any]] = []
        self._stop = threading.Event()
        world = open_world(game_settings("potyard", {}), LANES, threads=1)
        self.spec = world.spec

        def play() -> None:
            with closing(world), closing(LiveFeed(served.url, served.token, name, world.spec, LANES)) as feed:
                for step, steps in walk(world):
                    self.kept.append(step.frames)
                    feed.show(step.frames, steps)
                    if self._stop.wait(0.005):
                        return

        self._thread = threading.Thread(target=play)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()


@pytest.fixture
def playing(served: Served) -> Iterator[Playing]:
    found = Playing(served, "player")
    yield found
    found.stop()


def picture(page: ClientConnection) -> tuple[Head, bytes]:
    body = page.recv(timeout=30)
    assert isinstance(body, bytes), body
    return Head(*HEADER.unpack_from(body)), body[HEADER.size :]


def test_tiles_are_the_frames_of_their_step(served: Served, playing: Playing) -> None:
    with opened(served, "/live") as page:
        one = number(page, "player")
        say(page, type="watch", tiles=[[one, 0], [one, 2]], hz=10)
        seen = [picture(page) for _ in range(6)]
    assert {(head.kind, head.worker, head.lane) for head, _ in seen} == {(JPEG, one, 0), (JPEG, one, 2)}
    greys = np.array(playing.spec.shades)
    for head, body in seen:
        shown = np.asarray(Image.open(io.BytesIO(body))).astype(int)
        assert abs(shown - greys[playing.kept[head.frame - 1][head.lane]]).mean() < 8
    assert 0.9 < seen[0][0].t_ms / (1000 * time.time()) < 1.1


def test_the_film_of_the_lane_in_focus_is_lossless(served: Served, playing: Playing) -> None:
    with opened(served, "/live") as page:
        one = number(page, "player")
        say(page, type="focus", worker=one, lane=1)
        seen = [picture(page) for _ in range(40)]
    assert [head.kind for head, _ in seen[:3]] == [DESCRIPTION, KEY, DELTA]
    assert [head.kind for head, _ in seen[1:]].count(KEY) == 2, "a key frame every thirty"
    assert {head.lane for head, _ in seen} == {1}
    decoded = decode(seen[0][1], [body for _, body in seen[1:]])
    luma = 16 + np.round(np.array(playing.spec.shades) * 219 / 255).astype(int)
    for (head, _), found in zip(seen[1:], decoded, strict=True):
        assert np.array_equal(found[:, :80], luma[playing.kept[head.frame - 1][1]])


def decode(description: bytes, units: list[bytes]) -> list[np.ndarray[Any, Any]]:
    """The luma of every picture, as a browser's decoder is given them."""
    av = pytest.importorskip("av")
    context = av.CodecContext.create("h264", "r")
    context.extradata = description
    frames = [frame for unit in units for frame in context.decode(av.Packet(unit))] + context.decode(None)
    return [np.asarray(frame.planes[0]).reshape(-1, frame.planes[0].line_size)[: frame.height] for frame in frames]


def test_colours_are_filmed_by_x264() -> None:
    pytest.importorskip("av")
    film = open_film(COLOUR)
    pictures = np.indices((35, 35, 49, 3)).sum(0).astype(np.uint8)
    pieces = [piece for shown in pictures for piece in film.add(shown)]
    assert [kind for kind, _ in pieces[:3]] == [DESCRIPTION, KEY, DELTA] and len(pieces) == 36
    assert pieces[31][0] == KEY
    assert len(decode(pieces[0][1], [body for _, body in pieces[1:]])) == 35


def test_nothing_is_encoded_while_nobody_watches(
    served: Served, playing: Playing, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []
    encode = Jpeg.__call__

    def counting(jpeg: Jpeg, shown: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
        encoded.append(1)
        return encode(jpeg, shown)

    monkeypatch.setattr(Jpeg, "__call__", counting)
    with opened(served, "/live") as page:
        one = number(page, "player")
        before = len(playing.kept)
        while len(playing.kept) < before + 30:
            playing._stop.wait(0.01)
        assert not encoded
        say(page, type="watch", tiles=[[one, 0]], hz=10)
        picture(page)
        assert encoded


def test_a_worker_comes_again_after_its_connection_was_lost_and_shows_the_same_lanes(
    served: Served, playing: Playing
) -> None:
    with opened(served, "/live") as page:
        one = number(page, "player")
        say(page, type="watch", tiles=[[one, 0]], hz=10)
        picture(page)
        served.loop.call_soon_threadsafe(served.lab.live.feeds[one].drop)
        while not isinstance(page.recv(timeout=30), str):
            pass  # until it is told that the worker is gone
        assert number(page, "player") == one
        assert picture(page)[0].worker == one, "what was watched is asked for again"
