"""What happens to machines: a process that stands still, a disk that is full, a clock that goes back, lines that break.

Through all of it no event that was acknowledged is lost or doubled, and unlocks are those of a replay.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from ludus.core.clock import ManualClock
from ludus.serve.api.lab import LabSettings
from ludus.serve.store import upkeep
from tests.serve.lab import FEATS, Served, batch, judging, pots
from tests.serve.nemesis import Process, crew, dismiss, examine


def taken(acknowledged: threading.Semaphore, batches: int) -> None:
    for _ in range(batches):
        assert acknowledged.acquire(timeout=60)


@pytest.mark.parametrize("seconds", [0.5, pytest.param(10, marks=pytest.mark.slow)])
def test_an_orchestrator_that_stood_still_goes_on_and_loses_nothing(tmp_path: Path, seconds: float) -> None:
    process = Process(tmp_path)
    workers, acknowledged = crew(process)
    taken(acknowledged, 8)
    process.popen.send_signal(signal.SIGSTOP)
    threading.Event().wait(seconds)  # beyond the senders' patience of 5 s, in the slow one: they send again
    process.popen.send_signal(signal.SIGCONT)
    while acknowledged.acquire(blocking=False):
        continue
    taken(acknowledged, 8)
    assert dismiss(process, workers) == 0
    told = examine(tmp_path / "state", workers)
    assert told["faults"] == []
    assert told["kept"] >= told["acknowledged"] > 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mounted, check=False, capture_output=True).returncode:
        pytest.skip("a small disk takes root, and a system that lets it mount")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_refused_until_there_is_room_and_nothing_that_was_taken_is_lost(small_disk: Path) -> None:
    process = Process(small_disk)
    workers, acknowledged = crew(process)
    while not all(worker.reasons["disk_full"] for worker in workers):
        acknowledged.acquire(timeout=0.1)
        assert not any(worker.refused for worker in workers)
    ready = httpx.get(f"{process.url}/readyz", trust_env=False)
    assert (ready.status_code, "the disk takes nothing" in ready.json()["problems"]) == (503, True)
    film = httpx.post(
        f"{process.url}/highlights",
        content=b"\0\0\0\x18ftypisom" + bytes(9 * 2**20),
        headers={"authorization": f"Bearer {process.token}"},
        trust_env=False,
    )
    assert (film.status_code, film.json()["error"]) == (503, "disk_full")
    subprocess.run(["mount", "-o", "remount,size=256m", str(small_disk)], check=True)
    while acknowledged.acquire(blocking=False):
        continue
    taken(acknowledged, 8)
    assert dismiss(process, workers) == 0
    told = examine(small_disk / "state", workers)
    assert told["faults"] == []
    assert told["kept"] >= told["acknowledged"] > 0


def test_a_clock_that_goes_back_an_hour_changes_no_order_and_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "feats.json").write_text(json.dumps(FEATS))
    settings = LabSettings(state=tmp_path / "state", runs=tmp_path / "runs", feats=tmp_path / "feats.json", tick_hz=60)
    clock = ManualClock()
    lab = Served(settings, clock=clock)
    try:
        told = []
        for first in (1, 12):
            untimed = [{key: value for key, value in event.items() if key != "tick"} for event in pots(11)]
            told.append(lab.post(batch(untimed, first=first)))
            clock.start -= timedelta(hours=1)
        with lab.client() as client:
            stored = client.get("/events", params={"after": 0}).json()
            unlocks = client.get("/feats/unlocks").json()
            assert client.get("/readyz").json()["problems"] == []
        assert upkeep.faults(lab.lab.store, judging()) == []
    finally:
        lab.stop()
    assert [one["accepted"] for one in told] == [11, 11]
    assert [event["seq"] for event in stored] == [*range(1, 24)]  # the unlock is told as an event too
    assert stored[0]["ts"] - stored[-1]["ts"] == 3600
    assert [unlock["seq"] for unlock in unlocks] == [20]


@pytest.mark.parametrize("lines", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_a_listener_whose_line_breaks_again_and_again_has_the_series_that_is_stored(tmp_path: Path, lines: int) -> None:
    chance = random.Random(1)
    settings = LabSettings(state=tmp_path / "state", runs=tmp_path / "runs")
    lab = Served(settings)
    seen: list[int] = []
    curve: dict[int, float] = {}
    epoch, metric, sent, restarts = "", 0, 0, 0
    try:
        for _ in range(lines):
            if chance.random() < 0.2:
                lab.stop()
                lab, restarts = Served(settings), restarts + 1
            with lab.socket() as opened, lab.client() as client:
                hello = json.loads(opened.recv(timeout=30))
                if hello["epoch"] != epoch:  # its numbers begin anew: what is kept is asked for
                    epoch, metric = hello["epoch"], hello["topics"]["metrics"]["head"]
                    curve |= kept(client)
                since = {"events": seen[-1] if seen else 0, "metrics": metric}
                for topic, at in since.items():
                    opened.send(json.dumps({"type": "sub", "topic": topic, "since": at, "max_hz": 20}))
                count = chance.randrange(1, 50)
                last = lab.post(batch(pots(count), first=sent + 1))["last_seq"]
                rows = [{"step": sent + n, "values": {"loss": chance.random()}} for n in range(count)]
                assert client.post("/runs/r/metrics", json={"rows": rows}).status_code == 200
                sent += count
                until = chance.randrange(seen[-1] if seen else 0, last) + 1
                while not seen or seen[-1] < until:
                    told = json.loads(opened.recv(timeout=30))
                    if told["type"] == "d" and told["topic"] == "events":
                        seen += [row["seq"] for row in told["rows"]]
                    elif told["type"] == "d":
                        metric = told["to"]
                        curve |= {row["step"]: row["values"]["loss"] for row in told["rows"]}
                    elif told["type"] == "gap" and told["topic"] == "events":
                        seen += [event["seq"] for event in client.get(told["rest"]).json()]
                    elif told["type"] == "gap":
                        metric = told["to"]
                        curve |= kept(client)
        with lab.socket() as opened, lab.client() as client:
            if json.loads(opened.recv(timeout=30))["topics"]["metrics"]["head"] != metric:
                opened.send(json.dumps({"type": "sub", "topic": "metrics", "since": metric, "max_hz": 20}))
                while (told := json.loads(opened.recv(timeout=30)))["type"] != "d":
                    continue
                curve |= {row["step"]: row["values"]["loss"] for row in told["rows"]}
            assert curve == kept(client)
            assert len(curve) == sent
    finally:
        lab.stop()
    assert seen == [*range(1, seen[-1] + 1)]
    assert restarts > 0


def kept(client: httpx.Client) -> dict[int, float]:
    """What is stored of the metric, step by step."""
    answer = client.get("/runs/r/metrics", params={"points": 5000})
    if answer.status_code == 404:
        return {}
    curve = answer.json()["curves"]["loss"]
    assert set(curve["count"]) == {1}
    return dict(zip(curve["step"], curve["last"], strict=True))
