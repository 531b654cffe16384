"""A recorded run that an orchestrator is told of, and what a demo makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import av
import httpx
import pytest

from ludus.core.errors import InputError
from ludus.gameboy.library import open_game
from ludus.run.evaluate import evaluate
from ludus.run.feats import CARD, game_seat
from ludus.run.games import GameSettings
from ludus.run.goal_gate import try_gate
from ludus.serve.api.lab import LabSettings
from ludus.serve.lab import demo
from ludus.serve.lab.demo import Clips, DemoPlan, Learned, Shown, collect_clips, gates, unplayable
from ludus.serve.lab.up import LabPlan
from ludus.serve.worker.errands import Unmade
from ludus.serve.worker.recorded import RecordedRun, report_run
from tests.serve.lab import Served

CARD_OF_POTYARD = open_game("potyard")[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a demo in which `random` was played, by a player that dies."""
    made = tmp_path_factory.mktemp("demo")
    judges = [game_seat(GameSettings(game="potyard"), CARD)]
    told = {"episodes": 3, "seed": 7, "judges": judges, "video_enabled": True, "video_renderer": "sim-view"}
    evaluate("potyard", policy="random", out=made / "random", **told)  # type: ignore[arg-type] # one of each kind
    return made


@pytest.fixture
def plan(folder: Path, tmp_path: Path) -> Iterator[DemoPlan]:
    """A demo whose orchestrator answers."""
    settings = LabSettings(state=tmp_path / "lab", runs=folder, feats=CARD_OF_POTYARD.feats)
    served = Served(settings)
    goals = CARD_OF_POTYARD.goals
    assert goals is not None
    lab = LabPlan("potyard", "potyard", state=tmp_path / "lab", runs=folder, port=served.port)
    yield DemoPlan(lab, folder, tuple(sorted(goals.iterdir())), 3)
    served.stop()


def test_every_unlock_of_a_recorded_run_gets_a_clip_that_plays(plan: DemoPlan) -> None:
    found = collect_clips(plan, "random")
    assert found.faults == ()
    assert "shame.death" in found.playable
    assert sum(found.playable.values()) <= found.unlocks
    with httpx.Client(base_url=plan.lab.url, headers={"authorization": f"Bearer {plan.lab.token}"}) as client:
        unlocks = client.get("/feats/unlocks").json()
        assert {unlock["run_id"] for unlock in unlocks} == {"random"}
        death = next(unlock for unlock in unlocks if unlock["feat_id"] == "shame.death")
        episode = client.get(f"/episodes/random:{death['episode_id']}").json()
        (clip,) = [clip for clip in client.get("/clips").json() if clip["id"] == death["id"]]
        with av.open(BytesIO(client.get(death["clip_url"]).content), "r") as film:
            assert len([*film.decode(video=0)]) == clip["clip"]["frames"] > 0
        with av.open(BytesIO(client.get(death["poster_url"]).content), "r") as poster:
            assert next(poster.decode(video=0)).width > 0
        (cut,) = [one for one in episode["clips"] if one["tag"] == "shame.death"]
        assert clip["clip"]["frames"] == cut["frames"]  # the same window as the evaluation cuts
        events = client.get("/events", params={"limit": 5000}).json()
        assert report_run(RecordedRun(plan.folder / "random"), client) == 0
        assert client.get("/events", params={"limit": 5000}).json() == events  # told twice, they count once


def test_a_wish_that_the_run_cannot_fulfil_says_why(folder: Path, tmp_path: Path) -> None:
    run = RecordedRun(folder / "random")
    wish = {"episode_id": "nobody", "run_id": "random", "tag": "feat_a", "tick": 1, "pre_s": 1, "post_s": 1, "speed": 1}
    made = run.cut(wish)
    assert isinstance(made, Unmade) and (made.status, made.reason["code"]) == ("failed", "no_episode")
    with pytest.raises(InputError, match="no run is there"):
        RecordedRun(tmp_path)


def test_an_orchestrator_that_is_away_is_told_of(folder: Path) -> None:
    with (
        httpx.Client(base_url="http://127.0.0.1:1") as client,
        pytest.raises(InputError, match="does not take what random tells"),
    ):
        report_run(RecordedRun(folder / "random"), client)


def test_a_clip_that_does_not_play_is_told_of() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return (
            httpx.Response(200, content=b"no film") if request.url.path == "/highlights/a.mp4" else httpx.Response(404)
        )

    with httpx.Client(base_url="http://lab", transport=httpx.MockTransport(answer)) as client:
        ready = {"clip_status": "ready", "clip_url": "/highlights/a.mp4"}
        assert "does not decode" in str(unplayable(client, ready))
        assert unplayable(client, ready | {"clip_url": "/highlights/b.mp4"}) == "/highlights/b.mp4 answers 404"
        told = {"clip_status": "skipped", "reason": {"code": "no_video", "detail": "none"}}
        assert unplayable(client, told) == "skipped (no_video)"


def test_gates_pass_and_a_trace_that_does_not_get_there_leaves_a_receipt(
    plan: DemoPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gates(plan) == {"crypt": None, "desert": None}
    short = plan.folder / "short.jsonl"
    trace = (plan.goals[1] / "actions.jsonl").read_text().splitlines(keepends=True)
    short.write_text("".join(trace[: len(trace) // 2]))
    monkeypatch.setattr(demo, "try_gate", lambda goal, repeat: try_gate(goal, actions=short, repeat=repeat))
    found = gates(replace(plan, goals=plan.goals[1:]))["desert"]
    assert found is not None and "not done within" in found
    assert len([*(plan.folder / "goal").glob("desert-*/receipt.json")]) == 1


def test_what_fails_is_named() -> None:
    from ludus.episodes.summary import Summary

    def summary(mean: float, low: float | None, high: float | None) -> Summary:
        return Summary(2, mean, low, high, mean, mean, 10, 5.0, {}, {}, {})

    learned, clips = Learned(100, 2, 1.0, 100.0), Clips(4, {"a": 1, "b": 1, "c": 2}, ())
    shown = Shown(learned, summary(5, 4, 6), summary(1, 0, 2), clips, {"desert": None})
    assert shown.failures == []
    (told,) = replace(shown, trained=summary(2.5, 1.5, 3)).failures
    assert "2.50 (1.50 to 3.00) beside 1.00 (0.00 to 2.00)" in told
    (told,) = replace(shown, trained=summary(5, None, None)).failures
    assert "no interval" in told
    (told,) = replace(shown, clips=Clips(4, {"a": 3, "b": 1}, ())).failures
    assert told == "2 feats were unlocked with clips that play, expected at least 3."
    (told,) = replace(shown, clips=replace(clips, faults=("d of e: it holds no frame",))).failures
    assert told == "1 clips do not play, the first is d of e: it holds no frame."
    (told,) = replace(shown, gates={"desert": "not done.", "crypt": None}).failures
    assert told == "the gate of desert: not done."
