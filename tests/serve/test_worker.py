"""A worker's end: nothing that it tells is lost, and every clip that it is asked for comes or says why not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from ludus.core.clock import SystemClock
from ludus.core.types import Event
from ludus.serve.door.keys import Keys
from ludus.serve.wire import RefusedError
from ludus.serve.worker.errands import Errands, Film, Unmade
from ludus.serve.worker.server import EncodeBody, create_worker_app
from ludus.serve.worker.spool import Reporter, Spool, client_for
from tests.serve.lab import Served, batch, pots

TOKEN = "a token of a test, and long enough"


def _events(count: int, first: int = 0) -> list[Event]:
    return [Event("step", {"n": n}, "run", "1.0", "", 0, n, seq=n) for n in range(first, first + count)]


class Orchestrator:
    """Takes batches as the real one does, unless it is told to be away."""

    def __init__(self) -> None:
        self.kept: dict[tuple[int, int], int] = {}
        self.answers: list[int] = []

    @property
    def client(self) -> httpx.Client:
        return httpx.Client(base_url="http://lab", transport=httpx.MockTransport(self.post))

    def post(self, request: httpx.Request) -> httpx.Response:
        status = self.answers.pop(0) if self.answers else 200
        if status == 0:
            raise httpx.ConnectError("away")
        told = json.loads(request.content)
        last = max((number for epoch, number in self.kept if epoch == told["epoch"]), default=0)
        if told["first"] > last + 1:
            return httpx.Response(409, json={"error": "expected_pseq", "expected": last + 1})
        if status in (200, 504):  # 504: it has them, but the answer is lost
            numbers = enumerate((event["payload"]["n"] for event in told["events"]), start=told["first"])
            self.kept |= {(told["epoch"], number): n for number, n in numbers}
        return httpx.Response(status, json={})


def test_what_is_not_acknowledged_is_sent_again_in_order_by_whoever_comes_next(tmp_path: Path) -> None:
    there = Orchestrator()
    there.answers = [0, 503, 504, 200, 0]
    spool = Spool(tmp_path, segment_events=300)
    for first in range(0, 1200, 100):
        spool.add(_events(100, first))
    reporter = Reporter(spool, "worker", there.client)
    assert [reporter.send() for _ in range(5)] == [False, False, False, True, False]
    assert (len(spool), len(there.kept)) == (900, 300)
    after = Spool(tmp_path, segment_events=300)
    assert Reporter(after, "worker", there.client).send_all()
    assert list(there.kept.values()) == [*range(1200)]
    assert len({epoch for epoch, _ in there.kept}) == 1
    again = Spool(tmp_path)
    again.add(_events(1, 1200))
    assert Reporter(again, "worker", there.client).send_all()
    assert list(there.kept.values()) == [*range(1201)]


def test_an_orchestrator_that_lost_everything_gets_all_that_is_left_in_a_new_epoch(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment_events=10)
    spool.add(_events(10))
    spool.add(_events(10, 10))
    assert Reporter(spool, "worker", Orchestrator().client).send_all()
    spool.add(_events(5, 20))
    fresh = Orchestrator()
    assert Reporter(spool, "worker", fresh.client).send_all()
    assert [*fresh.kept.values()] == [*range(20, 25)]
    assert {number for _, number in fresh.kept} == {1, 2, 3, 4, 5}


def test_a_full_spool_tells_how_much_it_dropped(tmp_path: Path) -> None:
    there = Orchestrator()
    spool = Spool(tmp_path, most_bytes=1000, segment_events=1)
    for n in range(20):
        spool.add(_events(1, n))
    assert 0 < len(spool) < 20
    dropped = spool.dropped
    assert dropped == 20 - len(spool)
    assert Reporter(spool, "worker", there.client).send_all()
    spool.add(_events(1, 99))
    told = spool.batch("worker")
    assert told is not None
    assert [event["payload"] for event in told["events"]] == [{"n": dropped}, {"n": 99}]


def test_an_event_that_nobody_would_take_is_refused_before_it_is_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    with pytest.raises(RefusedError, match="payload of event 0"):
        spool.add([Event("big", {"x": "x" * 10_000}, "run", "1", "", 0, 0)])
    assert len(spool) == 0


def test_a_spool_speaks_to_a_real_orchestrator(served: Served, tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.add(_events(700))
    with client_for(served.url, served.token) as client:
        assert Reporter(spool, "spooled", client).send_all()
    kept = [row for row in served.lab.store.history() if row.producer == "spooled"]
    assert [row.pseq for row in kept] == [*range(1, 701)]
    spool.add(_events(1))
    with client_for(served.url, "wrong") as client, pytest.raises(RefusedError, match="token"):
        Reporter(spool, "spooled", client).send()


def test_wishes_become_films_or_reasons(served: Served, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"\0\0\0\x18ftypisom")
    served.post(batch([*pots(20, run="a"), *pots(20, run="b"), *pots(20, run="c")], producer="maker"))
    asked: list[str] = []

    def cut(wish: Mapping[str, Any]) -> Film | Unmade | None:
        asked.append(wish["run_id"])
        if wish["run_id"] == "a":
            return Film(tmp_path / "clip.mp4", {"frames": 3})
        if wish["run_id"] == "b":
            return Unmade("skipped", {"code": "no_frames", "detail": "the ring is empty"})
        return None if asked.count("c") == 1 else Film(tmp_path / "clip.mp4", {})

    with served.client() as client:
        errands = Errands(client, "maker", cut)
        assert [errands.run({"fps": 1}), errands.run({})] == [2, 1]
        told = {clip["wish"]["run_id"]: clip for clip in client.get("/clips").json() if clip["worker"] == "maker"}
    assert {run: clip["status"] for run, clip in told.items()} == {"a": "ready", "b": "skipped", "c": "ready"}
    assert told["a"]["clip"]["frames"] == 3
    assert "poster_url" not in told["a"]["clip"]  # what cannot be decoded has none


def test_the_workers_own_server_keeps_the_seeds_contract() -> None:
    async def encode(body: EncodeBody) -> str:
        if body.tag == "feat_gone":
            raise RefusedError(409, "no_frames", "the ring is empty.")
        return f"/highlights/{body.tag}.mp4"

    keys = Keys(TOKEN, SystemClock())
    app = create_worker_app(lambda: {"fps": 60}, encode, keys)
    assert _ask(app, "GET", "/status") == {"fps": 60}
    asked = {"tag": "feat_minor.pots", "score": 3, "speed": 2}
    assert _ask(app, "POST", "/highlight/encode", asked) == {"clip_url": "/highlights/feat_minor.pots.mp4"}
    assert _ask(app, "POST", "/highlight/encode", {"tag": "feat_gone"})["error"] == "no_frames"
    assert _ask(app, "POST", "/highlight/encode", {"tag": 3})["error"] == "invalid"
    without = create_worker_app(dict, None, keys)
    assert _ask(without, "POST", "/highlight/encode", {})["error"] == "highlights_disabled"


def _ask(app: ASGIApp, method: str, path: str, body: Any = None) -> Any:
    async def ask() -> Any:
        transport = httpx.ASGITransport(app=app)
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:80", headers=headers) as client:
            return (await client.request(method, path, json=body)).json()

    return asyncio.run(ask())
