"""The sockets: `/ws`, and the metrics stream of old."""

from __future__ import annotations

import json
import random
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from ludus.serve.api.lab import LabSettings
from ludus.serve.live.relay import FRAME
from ludus.serve.store.metrics import MetricRow
from tests.serve.lab import Served, batch, pots, shake_hands


def ask(opened: ClientConnection, **told: Any) -> None:
    opened.send(json.dumps(told))


def hear(opened: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of a kind."""
    while True:
        told: dict[str, Any] = json.loads(opened.recv(timeout=30))
        if told["type"] == kind:
            return told


def rows(opened: ClientConnection, through: int) -> Iterator[dict[str, Any]]:
    while True:
        told = hear(opened, "d")
        yield from told["rows"]
        if told["to"] >= through:
            return


def test_a_socket_says_hello_answers_pings_and_explains_what_it_does_not_understand(served: Served) -> None:
    with served.socket() as opened:
        hello = hear(opened, "hello")
        assert (hello["v"], set(hello["topics"])) == (1, {"events", "metrics", "unlocks", "workers"})
        ask(opened, type="ping", n=7)
        assert hear(opened, "pong")["n"] == 7
        for bad in ("{", "[]", '{"type": "sub"}', '{"type": "sub", "topic": "events", "x": 1}', '{"type": "x"}'):
            opened.send(bad)
            assert hear(opened, "error")["error"] in ("malformed", "invalid")
        ask(opened, type="sub", topic="nothing")
        assert hear(opened, "error")["error"] == "unknown_topic"


def test_a_socket_that_only_talks_nonsense_is_closed(served: Served) -> None:
    with served.socket() as opened:
        for _ in range(9):
            opened.send("nonsense")
        with pytest.raises(ConnectionClosed) as closed:
            [*map(opened.recv, [30] * 100)]
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1008


def test_events_are_streamed_as_they_are_committed(served: Served) -> None:
    with served.socket() as opened:
        ask(opened, type="sub", topic="events", max_hz=20)
        at = hear(opened, "snap")["seq"]
        last = served.post(batch(pots(500, run="live"), producer="live"))["last_seq"]
        assert [row["seq"] for row in rows(opened, last)][: last - at] == [*range(at + 1, last + 1)]
        ask(opened, type="unsub", topic="events")
        ask(opened, type="sub", topic="unlocks", since=0)
        assert hear(opened, "d")["rows"][0]["feat_id"]


def test_the_stored_events_are_those_of_rest_and_those_of_the_socket_whatever_is_cut_off(served: Served) -> None:
    chance = random.Random(0)
    seen: list[int] = []
    sent, resumed = 0, 0
    for _ in range(12):
        with served.socket() as opened, served.client() as client:
            ask(opened, type="sub", topic="events", since=seen[-1] if seen else 0, max_hz=20)
            count = chance.randrange(1, 300)
            last = served.post(batch(pots(count, run="cut"), producer="cut", first=sent + 1))["last_seq"]
            sent += count
            until = chance.randrange(seen[-1] if seen else 0, last) + 1
            while not seen or seen[-1] < until:
                told = json.loads(opened.recv(timeout=30))
                if told["type"] == "gap":
                    seen += [event["seq"] for event in client.get(told["rest"]).json()]
                elif told["type"] == "d":
                    seen += [row["seq"] for row in told["rows"]]
            resumed += 1
    assert resumed == 12
    assert seen == [*range(1, seen[-1] + 1)]
    with served.client() as client:
        stored = [event["seq"] for event in client.get("/events", params={"after": 0, "limit": 5000}).json()]
    assert stored[: len(seen)] == seen[: len(stored)]


def test_metrics_reach_those_who_asked_for_their_run_and_key(served: Served) -> None:
    with served.socket() as opened, served.client() as client:
        ask(opened, type="sub", topic="metrics", runs=["mine"], keys=["loss"], max_hz=20)
        hear(opened, "snap")
        for run in ("other", "mine"):
            body = {"rows": [{"step": 3, "values": {"loss": 0.5, "lr": 1}}]}
            assert client.post(f"/runs/{run}/metrics", json=body).status_code == 200
        (row,) = hear(opened, "d")["rows"]
        assert (row["run_id"], row["step"], row["values"]) == ("mine", 3, {"loss": 0.5})


def test_what_a_run_in_a_folder_tells_is_streamed(served: Served) -> None:
    with served.socket() as opened:
        ask(opened, type="sub", topic="metrics", runs=["trained-here"], max_hz=20)
        hear(opened, "snap")
        folder = served.lab.settings.runs / "trained-here"
        folder.mkdir(parents=True)
        (folder / "metrics.jsonl").write_text('{"global_step": 64, "losses/value_loss": 0.25}\n')
        (row,) = hear(opened, "d")["rows"]
        assert (row["step"], row["values"]) == (64, {"losses/value_loss": 0.25})


@pytest.fixture
def stream(served: Served) -> Iterator[ClientConnection]:
    with connect(f"ws://127.0.0.1:{served.metrics_port}/metrics", proxy=None) as opened:
        yield opened


def test_the_stream_of_old_takes_json_and_21_bytes_and_gives_json_to_all_others(
    served: Served, stream: ClientConnection
) -> None:
    with connect(f"ws://127.0.0.1:{served.metrics_port}/metrics", proxy=None) as teller:
        teller.send('{"step": 7, "loss": 0.25, "run": "seed", "lr": 0.5}')
        frame = FRAME.pack(0, 1, 2, 8, 8.0, 0.5)
        assert len(frame) == 21
        teller.send(frame)
        teller.send(FRAME.pack(0, 1, 2, 8, 9.0, float("nan")))
        while (told := json.loads(stream.recv(timeout=30)))["step"] != 7:
            pass
        assert told == {"step": 7, "loss": 0.25, "run": "seed", "lr": 0.5}
        assert json.loads(stream.recv(timeout=30)) == {"step": 8, "loss": 0.5}
        assert json.loads(stream.recv(timeout=30)) == {"step": 9, "loss": None}
        stream.send('{"step": 10, "loss": 1}')
        while (told := json.loads(teller.recv(timeout=30)))["step"] != 10:
            assert told["step"] not in (7, 8, 9), "nobody hears their own"
    with connect(f"ws://127.0.0.1:{served.metrics_port}/metrics", proxy=None) as late:
        while json.loads(late.recv(timeout=30))["step"] != 9:
            pass
    with served.client() as client:
        curves = client.get("/runs/seed/metrics").json()["curves"]
        assert (curves["loss"]["last"], curves["lr"]["last"]) == ([0.25], [0.5])


@pytest.mark.parametrize(
    "bad",
    [
        "{}",
        "[]",
        '{"step": -1, "loss": 1}',
        '{"step": 1.5, "loss": 1}',
        '{"step": 1, "loss": "x"}',
        '{"step": 1}',
        b"\x00" * 21,
        b"\x01" * 21,
        b"",
        struct.pack("<BIIIff", 0, 1, 2, 8, float("inf"), 1.0),
        '{"step":1,"loss":1,"x":"' + "x" * 9000 + '"}',
    ],
)
def test_what_is_no_metric_is_answered_with_a_reason(stream: ClientConnection, bad: str | bytes) -> None:
    stream.send(bad)
    while "error" not in (told := json.loads(stream.recv(timeout=30))):
        pass
    assert told["error"] in ("invalid", "malformed", "too_large")


def test_the_stream_says_that_it_lives(served: Served) -> None:
    answer = httpx.get(f"http://127.0.0.1:{served.metrics_port}/healthz", trust_env=False)
    assert answer.json()["ok"] is True


def test_a_listener_who_reads_nothing_is_dropped_and_those_who_read_are_not(tmp_path: Path) -> None:
    lab = Served(LabSettings(state=tmp_path, runs=tmp_path / "runs"), stalled_s=1.0)
    rows = [MetricRow(step=step, values={"loss": 0.5, "pad" * 60: 1.0}) for step in range(500)]
    try:
        with lab.socket() as reading, socket.socket() as stalled:
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stalled.connect(("127.0.0.1", lab.port))
            shake_hands(stalled, lab.port, lab.token)
            ask(reading, type="sub", topic="metrics", max_hz=20)
            at = hear(reading, "snap")["seq"]
            while not lab.lab.room.dropped:
                lab.loop.call_soon_threadsafe(lab.lab.take_metrics, "r", rows)
                while at < lab.lab.hub.topics["metrics"].head:
                    told = json.loads(reading.recv(timeout=30))
                    assert told["from"] == at + 1, "all of it, or a gap"
                    at = told["to"]
            assert len(lab.lab.room.listeners) <= 2
            ask(reading, type="ping", n=1)
            assert hear(reading, "pong")["n"] == 1
            assert len(lab.lab.room.listeners) == 1
    finally:
        lab.stop()
