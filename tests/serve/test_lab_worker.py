"""A worker in a lab: what it tells arrives, its clips are made, and its play waits for nobody."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from ludus.core import rng
from ludus.core.clock import ManualClock
from ludus.core.errors import InputError
from ludus.core.protocols import Choice, World
from ludus.run.games import game_settings, open_world
from ludus.run.watching import Turns
from ludus.serve.api.lab import LabSettings
from ludus.serve.door.keys import Keys
from ludus.serve.worker.lab import LabWorker
from ludus.serve.worker.server import WorkerServer, create_worker_app
from tests.serve.lab import Served, free_port

LANES, LIMIT = 2, 80
FEATS = [
    {
        "id": "any.beginning",
        "name": "Begun",
        "predicate": {"event_happened": ["stage_start", {}]},
        "clip": {"pre_s": 1, "post_s": 4},
    },
    {
        "id": "any.counter",
        "name": "Counted",
        "predicate": {"event_happened": ["counter_delta", {}]},
        "clip": {"pre_s": 2, "post_s": 2, "speed": 2.0},
        "hall": "shame",
    },
]


class Play:
    """Pot Yard at random, and a worker's part in a lab that reads along."""

    def __init__(self, url: str, token: str, state: Path, *, name: str = "w", seed: int = 0) -> None:
        self.world: World = open_world(game_settings("potyard", {"max_steps": LIMIT}), LANES, threads=1)
        self.part = LabWorker(url, token, name, self.world, run="r", state=state, role="thief")
        self.watch = Turns(self.world, self.part.read, scenario=name, seed=seed, run="r", instance="r")
        self.step = self.world.reset(seeds=seed)
        self.watch(self.step, np.ones(LANES, np.bool_), None)
        self.count = 0

    def play(self, steps: int) -> None:
        for _ in range(steps):
            if (done := self.step.done).any():
                self.watch(self.world.reset(mask=done), done, None)
            actions = rng.integers(0, "lab", self.count * LANES + np.arange(LANES), high=8)
            self.step = self.world.step(actions)
            self.watch(self.step, np.ones(LANES, np.bool_), Choice(actions))
            self.count += 1

    def close(self) -> None:
        self.part.close()
        self.world.close()


@contextmanager
def orchestrator(folder: Path) -> Iterator[Served]:
    (folder / "feats.json").write_text(json.dumps(FEATS))
    lab = Served(LabSettings(state=folder / "lab", runs=folder / "runs", feats=folder / "feats.json"))
    try:
        yield lab
    finally:
        lab.stop()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Served]:
    with orchestrator(tmp_path) as served:
        yield served


def ask(served: Served, path: str, **params: Any) -> Any:
    with served.client() as client:
        return client.get(path, params=params).json()


def wait(fits: Any) -> Any:
    """What is given at last, within half a minute."""
    until = time.monotonic() + 30
    while not (found := fits()):
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)
    return found


def test_events_status_metrics_and_clips_reach_the_lab(lab: Served, tmp_path: Path) -> None:
    with closing(Play(lab.url, lab.token, tmp_path / "state")) as play:
        play.play(3 * LIMIT)
        wait(lambda: ask(lab, "/feats/unlocks"))
        (worker,) = wait(lambda: ask(lab, "/workers"))
        play.part.version = 7
        told = wait(lambda: (found := ask(lab, "/workers")[0]["status"]).get("policy_version") == 7 and found)
        wait(lambda: "w/steps_per_s" in ask(lab, "/runs/r/metrics").get("curves", {}))
    assert worker["worker"] == "w" and worker["alive"]
    assert (told["role"], told["game"], told["lanes"]) == ("thief", "potyard", LANES)
    assert told["episodes"] == play.part.episodes >= 6
    assert told["steps"] == 3 * LIMIT * LANES and told["flags"] == [] and told["waiting_events"] == 0
    events = ask(lab, "/events", after=0, limit=5000)
    mine = [event for event in events if event["event_type"] != "FeatUnlocked"]
    assert {event["run_id"] for event in mine} == {"r"}
    assert all(event["episode_id"].startswith("w__0__") for event in mine)
    assert len({event["event_id"] for event in mine}) == len(mine)
    clips = ask(lab, "/clips", limit=500)
    assert clips and {clip["status"] for clip in clips} <= {"ready", "skipped"}, "the end waits for clips"
    ready = [clip for clip in clips if clip["status"] == "ready"]
    assert len(ready) >= 4
    with lab.client() as client:
        for clip in ready:
            film = client.get(clip["clip"]["clip_url"])
            assert film.status_code == 200 and film.content[4:8] == b"ftyp"
            assert clip["clip"]["frames"] > 0 and clip["clip"]["episode"] == clip["wish"]["episode_id"]


def test_lanes_are_scored_by_the_feats_that_the_lab_notices_in_them(lab: Served, tmp_path: Path) -> None:
    def shamed() -> Any:
        told = ask(lab, "/workers")[0]["status"].get("shame", [])
        return dict(told) if len(told) == LANES else None

    with closing(Play(lab.url, lab.token, tmp_path / "state")) as play:
        play.play(LIMIT - 1)  # one episode in each lane
        wait(lambda: ask(lab, "/workers"))
        scores = wait(shamed)
    unlocks = ask(lab, "/feats/unlocks")
    assert {unlock["episode_id"] for unlock in unlocks} == {"w__0__0", "w__0__1"}
    deaths = [event for event in ask(lab, "/events", after=0, limit=5000) if event["event_type"] == "death"]
    assert all(score > 0.5 for score in scores.values()), "less than a minute of game time ago"
    assert sum(scores.values()) <= len(unlocks) + len(deaths)
    first, *later = unlocks
    assert ask(lab, "/feats/unlocks", after=first["id"]) == later


def test_the_play_waits_for_nobody_and_what_happened_meanwhile_is_told_later(tmp_path: Path) -> None:
    port, state = free_port(), tmp_path / "state"
    play = Play(f"http://127.0.0.1:{port}", "no token", state)
    play.play(2 * LIMIT)
    play.close()
    assert sum(path.stat().st_size for path in (state / "spool").glob("*.jsonl"))
    with orchestrator(tmp_path) as lab:
        with closing(Play(lab.url, lab.token, state, seed=1)) as again:
            again.play(1)
            wait(lambda: not again.part.status()["waiting_events"] and ask(lab, "/workers"))
        episodes = {event["episode_id"] for event in ask(lab, "/events", after=0, limit=5000)}
        assert {"w__0__0", "w__0__1"} <= episodes
        clips = [clip for clip in ask(lab, "/clips", limit=500) if clip["wish"]["episode_id"] == "w__0__0"]
        assert clips and {clip["status"] for clip in clips} == {"ready"}, "their films are still there"


def test_an_orchestrator_that_refuses_is_told_of_and_asked_again(tmp_path: Path) -> None:
    with (
        orchestrator(tmp_path) as lab,
        closing(Play(lab.url, "wrong token", tmp_path / "state")) as play,
    ):
        play.play(5)
        assert "token" in wait(lambda: play.part.status().get("problem"))
        play.play(5)


def test_a_folder_belongs_to_one_worker(lab: Served, tmp_path: Path) -> None:
    with (
        closing(Play(lab.url, lab.token, tmp_path / "state")),
        pytest.raises(InputError, match="another worker uses"),
    ):
        Play(lab.url, lab.token, tmp_path / "state")
    Play(lab.url, lab.token, tmp_path / "state", seed=1).close()


def test_the_workers_own_server_gives_its_status_and_the_newest_moments(lab: Served, tmp_path: Path) -> None:
    with closing(Play(lab.url, lab.token, tmp_path / "state")) as play:
        app = create_worker_app(play.part.status, play.part.encode, Keys(lab.token, ManualClock()))
        with closing(WorkerServer(app, 0)) as server, httpx.Client(base_url=server.url, trust_env=False) as client:
            client.headers.update(lab.headers)
            body = {"tag": "now", "score": 1.0, "speed": 3.0}
            assert client.get("/status").json()["policy"] == "r"
            refused = client.post("/highlight/encode", json=body)
            assert (refused.status_code, refused.json()["error"]) == (404, "no_frames")
            play.play(LIMIT + 1)
            url = client.post("/highlight/encode", json=body).json()["clip_url"]
            assert client.post("/highlight/encode", json=body, headers={"authorization": ""}).status_code == 401
    with lab.client() as browser:
        assert browser.get(url).content[4:8] == b"ftyp"
