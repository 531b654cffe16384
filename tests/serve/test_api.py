"""The routes of the orchestrator, each asked as its callers do."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ludus.serve.api.lab import LabSettings
from tests.serve.lab import FEATS, Served, batch, pots


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as opened:
        yield opened


def wait_for(found: Callable[[], Any]) -> Any:
    """What a chore of the lab will have done within a few seconds."""
    pause = threading.Event()
    for _ in range(400):
        if value := found():
            return value
        pause.wait(0.025)
    raise AssertionError("it did not happen")


def test_the_seeds_minimal_event_is_kept_and_read_back(client: httpx.Client) -> None:
    told = client.post("/events", json={"event_type": "boss_defeated", "payload": {"boss_id": "bark_vader"}}).json()
    assert (told["ok"], told["accepted"]) == (True, 1)
    (event,) = client.get("/events", params={"limit": 1}).json()
    assert (event["seq"], event["event_type"], event["payload"]) == (
        told["last_seq"],
        "boss_defeated",
        {"boss_id": "bark_vader"},
    )
    assert client.get("/events", params={"after": told["last_seq"]}).json() == []


def test_a_batch_is_answered_with_what_was_new_in_it(client: httpx.Client) -> None:
    headers = {"content-type": "application/json"}
    body = batch(pots(3, run="answers"), producer="answers")
    assert client.post("/events", content=body, headers=headers).json()["accepted"] == 3
    assert client.post("/events", content=body, headers=headers).json()["duplicates"] == 3
    ahead = client.post("/events", content=batch(pots(1), producer="answers", first=9), headers=headers)
    assert (ahead.status_code, ahead.json()["error"], ahead.json()["expected"]) == (409, "expected_pseq", 4)
    assert [event["seq"] for event in client.get("/events", params={"run": "answers"}).json()] != []
    assert "answers" in [run["run_id"] for run in client.get("/runs").json()]


def test_feats_halls_and_their_clips(served: Served, client: httpx.Client) -> None:
    assert [feat["id"] for feat in client.get("/feats").json()] == [feat["id"] for feat in FEATS]
    falls = [{"event_type": "fell", "payload": {"depth": depth}, "run_id": f"fall{depth}"} for depth in (3, 9, 4)]
    served.post(batch([*falls, *pots(20, run="hall")], producer="hall"))
    unlocks = client.get("/feats/unlocks", params={"limit": 3}).json()
    assert [unlock["score"] for unlock in unlocks] == [3, 9, None]
    hall = client.get("/feats/hall", params={"limit": 1}).json()
    assert [unlock["feat_id"] for unlock in hall["fame"]] == ["minor.pots.20_in_run"]
    assert [unlock["score"] for unlock in hall["shame"]] == [9]
    assert hall["timestamp"] > 0
    assert client.get("/leaderboards").json()["shame.fall"][0]["score"] == 9
    mirrored = served.lab.settings.unlocks_file
    assert mirrored is not None
    wait_for(lambda: mirrored.exists() and len(json.loads(mirrored.read_text())["unlocks"]) >= 3)


def test_what_feats_need_and_nobody_tells_is_named(tmp_path: Path) -> None:
    (tmp_path / "feats.json").write_text(json.dumps(FEATS))
    lab = Served(LabSettings(state=tmp_path / "state", runs=tmp_path, feats=tmp_path / "feats.json"))
    try:
        lab.post(batch([{"event_type": "boss_spawned", "payload": {"boss": "bark_vader"}}, *pots(1)]))
        with lab.client() as client:
            told = client.get("/feats/validate").json()
    finally:
        lab.stop()
    assert told["summary"] == {
        "missing_events": ["boss_defeated", "fell"],
        "missing_payload_keys": ["boss_spawned.boss_id"],
        "missing_counters": [],
        "unreachable": 2,
    }
    assert [feat["feat_id"] for feat in told["unreachable"]] == ["major.vader_in_20", "shame.fall"]


def test_a_worker_fetches_its_clips_and_tells_what_became_of_them(served: Served, client: httpx.Client) -> None:
    served.post(batch([*pots(20, run="clips"), *pots(20, run="more")], producer="cutter"))
    synced = client.post("/workers/cutter/sync", json={"status": {"fps": 60}, "want": 2}).json()
    first, second = synced["clips"]
    assert (first["wish"]["tag"], first["wish"]["run_id"]) == ("feat_minor.pots.20_in_run", "clips")
    assert client.post("/workers/cutter/sync", json={"want": 2}).json()["clips"] == []
    film = b"\0\0\0\x18ftypisom" + b"film" * 1000
    kept = client.post("/highlights", content=film, headers={"content-type": "video/mp4"})
    assert kept.status_code == 201
    url = kept.json()["clip_url"]
    ready = {"worker": "cutter", "status": "ready", "clip_url": url, "clip": {"frames": 9}}
    assert client.post(f"/clips/{first['id']}", json=ready).json() == {"ok": True}
    assert client.post(f"/clips/{first['id']}", json=ready).json()["error"] == "not_pending"
    failed = {"worker": "cutter", "status": "skipped", "reason": {"code": "no_frames", "detail": "the ring is empty"}}
    assert client.post(f"/clips/{second['id']}", json={**failed, "worker": "other"}).status_code == 409
    assert client.post(f"/clips/{second['id']}", json=failed).status_code == 200
    told = {clip["id"]: clip for clip in client.get("/clips").json()}
    assert told[first["id"]]["clip"] == {"frames": 9, "clip_url": url}
    assert told[second["id"]]["clip"]["reason"]["code"] == "no_frames"
    unlock = next(unlock for unlock in client.get("/feats/unlocks").json() if unlock["id"] == first["id"])
    assert (unlock["clip_status"], unlock["clip_url"]) == ("ready", url)
    part = client.get(url, headers={"range": "bytes=4-7"})
    assert (part.status_code, part.content, part.headers["content-type"]) == (206, b"ftyp", "video/mp4")
    (worker,) = [worker for worker in client.get("/workers").json() if worker["worker"] == "cutter"]
    assert (worker["alive"], worker["status"]) == (True, {})


def test_a_clip_is_not_ready_without_its_film(served: Served, client: httpx.Client) -> None:
    served.post(batch(pots(20, run="bare"), producer="bare"))
    (clip,) = client.post("/workers/bare/sync", json={"want": 1}).json()["clips"]
    url = f"/highlights/{'0' * 64}.mp4"
    told = client.post(f"/clips/{clip['id']}", json={"worker": "bare", "status": "ready", "clip_url": url})
    assert (told.status_code, told.json()["error"]) == (422, "no_film")
    raw = {"content-type": "application/octet-stream"}
    film = client.post("/highlights", content=b"\0\0\0\x18ftypisom", headers=raw).json()["clip_url"]
    ready = {"worker": "bare", "status": "ready", "clip_url": film, "poster_url": "https://elsewhere/x.png"}
    assert client.post(f"/clips/{clip['id']}", json=ready).json()["error"] == "no_film"
    assert client.post("/highlights", content=b"no film at all", headers=raw).json()["error"] == "no_film"


def test_metrics_come_back_as_curves(client: httpx.Client) -> None:
    rows = [{"step": step, "values": {"loss": 1 / (step + 1), "gone": None}} for step in range(100)]
    assert client.post("/runs/told/metrics", json={"rows": rows}).json()["accepted"] == 100
    told = client.get("/runs/told/metrics", params={"points": 10, "keys": ["loss"]}).json()
    curve = told["curves"]["loss"]
    assert curve["step"] == list(range(9, 100, 10))
    assert curve["count"] == [10] * 10
    assert (curve["max"][0], curve["last"][-1]) == (1, 0.01)
    assert client.get("/runs/nobody/metrics").json()["error"] == "not_found"


def test_what_lies_in_the_folder_of_runs_is_found_by_id(served: Served, client: httpx.Client) -> None:
    run = served.lab.settings.runs / "eval-1"
    (run / "videos").mkdir(parents=True)
    (run / "videos" / "potyard__7__0.mp4").write_bytes(b"0123456789")
    (run / "secret.png").symlink_to("/etc/passwd")
    (run / "metrics.jsonl").write_text(
        '{"global_step": 1, "updates": 1, "loss": 0.5}\n{"global_step": 2, "loss": 0.25}\n'
    )
    line: dict[str, Any] = {"id": "potyard__7__0", "video": {"path": "videos/potyard__7__0.mp4"}, "return": 3.5}
    line["files"] = {"trace": {"path": "../../token"}, "steps": {"path": "secret.png"}, "events": {"path": 3}}
    (run / "run.json").write_text('{"policy": "random"}')
    (run / "episodes.jsonl").write_text(json.dumps(line) + "\n")
    wait_for(lambda: client.get("/episodes", params={"run": "eval-1"}).json()["total"])
    assert client.get("/episodes/eval-1:potyard__7__0").json()["return"] == 3.5
    part = client.get("/episodes/eval-1:potyard__7__0/video", headers={"range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
    for name in ("trace", "steps", "events", "thumb"):
        assert client.get(f"/episodes/eval-1:potyard__7__0/{name}").status_code == 404
    assert client.get("/episodes/eval-1:nobody").json()["error"] == "not_found"
    (found,) = [told for told in client.get("/runs").json() if told["run_id"] == "eval-1"]
    assert found | {"folder": True, "kind": "told"} == found
    assert "run" not in found
    assert client.get("/runs/eval-1").json()["run"] == {"policy": "random"}
    assert client.get("/runs/eval-1/metrics").json()["curves"]["loss"]["last"] == [0.5, 0.25]
    client.post("/runs/eval-1/metrics", json={"rows": [{"step": 2, "values": {"w1/episodes": 3}}]})  # by a worker of it
    curves = client.get("/runs/eval-1/metrics").json()["curves"]
    assert (curves["loss"]["last"], curves["w1/episodes"]["last"]) == ([0.5, 0.25], [3])


def test_goals_are_listed_as_their_artefacts_tell(served: Served, client: httpx.Client) -> None:
    root = served.lab.settings.goals
    assert root is not None
    (root / "portal").mkdir(parents=True)
    (root / "portal" / "goal_template.meta.json").write_text('{"tau": 0.02}')
    assert client.get("/goals").json() == [{"id": "portal", "meta": {"tau": 0.02}, "error": None}]


def test_the_process_tells_how_it_is(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"ok": True, "problems": []}
    assert client.get("/readyz").json()["ok"] is True
    assert "ludus_events_total" in client.get("/metrics").text
    assert client.get("/nowhere").json()["error"] == "not_found"
    assert client.put("/events").json()["error"] == "wrong_method"


def test_the_stream_goes_on_after_the_last_id_that_was_seen(served: Served) -> None:
    first = served.post(batch(pots(2, run="stream"), producer="stream"))["last_seq"] - 1

    def read(count: int, **told: Any) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        with served.client() as client, client.stream("GET", "/events/stream", **told) as response:
            lines = response.iter_lines()
            for line in lines:
                if line.startswith("id: "):
                    found.append((int(line[4:]), json.loads(next(lines).removeprefix("data: "))["seq"]))
                elif not found and count == 0:
                    return found
                if len(found) == count and count:
                    return found
        return found

    assert read(2, params={"after": first - 1}) == [(first, first), (first + 1, first + 1)]
    assert read(1, headers={"last-event-id": str(first)}) == [(first + 1, first + 1)]
    heads: list[tuple[int, int]] = []
    listening = threading.Event()

    def listen() -> None:
        with served.client() as client, client.stream("GET", "/events/stream") as response:
            for line in response.iter_lines():
                listening.set()
                if line.startswith("id: "):
                    heads.append((int(line[4:]), 0))
                    return

    thread = threading.Thread(target=listen)
    thread.start()
    assert listening.wait(10)
    new = served.post(batch(pots(1, run="stream"), producer="stream", first=3))["last_seq"]
    thread.join(10)
    assert heads == [(new, 0)]
    with served.client() as client:
        assert client.get("/events/stream", params={"after": "x"}).json()["error"] == "invalid"


def test_an_orchestrator_goes_on_where_it_was_on_either_database(place: str, tmp_path: Path) -> None:
    (tmp_path / "feats.json").write_text(json.dumps(FEATS))
    settings = LabSettings(
        state=tmp_path / "state", runs=tmp_path / "runs", feats=tmp_path / "feats.json", database=place, tick_hz=60
    )
    for first in (1, 12):
        lab = Served(settings)
        try:
            told = lab.post(batch(pots(11, first_tick=first), first=first))
            with lab.client() as client:
                unlocks = client.get("/feats/unlocks").json()
                assert client.post("/workers/worker-1/sync", json={"want": 1}).status_code == 200
        finally:
            lab.stop()
    assert told["accepted"] == 11
    assert [unlock["seq"] for unlock in unlocks] == [20]
    assert [unlock["clip_status"] for unlock in unlocks] == ["pending"]
