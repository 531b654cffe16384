"""What the page asks of one run, one episode and one goal, of a run that was played and of a lab that hears events."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest

from ludus.episodes.steps import read_steps
from ludus.gameboy.library import open_game
from ludus.gameboy.machine import SHADES
from ludus.goals import match
from ludus.goals.artefact import load_goal
from ludus.run.evaluate import evaluate
from ludus.run.games import GameSettings
from ludus.run.goal_gate import try_gate, write_receipt
from ludus.run.goal_seats import goal_seats
from ludus.serve.api import rewatch
from ludus.serve.api.lab import LabSettings
from tests.run.family import agent_of_skill, save_run
from tests.serve.lab import FEATS, Served, batch, pots
from tests.serve.test_api import wait_for

GOALS = open_game("potyard")[0].goals
assert GOALS is not None
DESERT = GOALS / "desert"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A lab with one run of Pot Yard's demo, which reaches the goal of the desert, and its goals."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "feats.json").write_text(json.dumps(FEATS))
    seats = goal_seats([DESERT], GameSettings(game="potyard"))
    evaluate("potyard", policy="scripted", episodes=1, seed=0, judges=seats, out=folder / "runs" / "played")
    save_run(folder / "runs" / "taught", agent_of_skill(1.0), ("a" * 64, "b" * 64))
    settings = {"world": {"game": "potyard", "role": "killer"}, "run": {"seed": 3}}
    (folder / "runs" / "taught" / "settings.json").write_text(json.dumps(settings))
    shutil.copytree(DESERT, folder / "goals" / "desert")
    served = Served(
        LabSettings(state=folder / "state", runs=folder / "runs", goals=GOALS, feats=folder / "feats.json", tick_hz=60)
    )
    yield served
    served.stop()


@pytest.fixture(scope="module")
def page(lab: Served) -> Iterator[httpx.Client]:
    with lab.client() as client:
        wait_for(lambda: client.get("/episodes").json()["total"])
        yield client


@pytest.fixture(scope="module")
def line(page: httpx.Client) -> dict[str, Any]:
    """The episode that was played."""
    (told,) = page.get("/episodes").json()["episodes"]
    return dict(told)


def decoded(png: bytes) -> Any:
    with av.open(BytesIO(png), "r") as picture:
        return next(picture.decode(video=0)).to_ndarray(format="gray")


def test_a_run_tells_its_game_role_settings_and_where_it_comes_from(page: httpx.Client) -> None:
    taught = page.get("/runs/taught").json()
    assert (taught["kind"], taught["game"], taught["role"], taught["settings"]["run"]) == (
        *("train", "potyard", "killer"),
        {"seed": 3},
    )
    assert (taught["parent"], taught["lineage"]) == ("a" * 64, ["a" * 64, "b" * 64])
    assert (taught["checkpoint"]["step"], len(taught["checkpoint"]["digest"])) == (100, 64)
    played = page.get("/runs/played").json()
    assert (played["kind"], played["game"], played["policy"], played["episodes"]) == ("eval", "potyard", "scripted", 1)
    assert played["checkpoint"] is None
    assert page.get("/runs/nobody").json()["error"] == "not_found"


def test_a_timeline_has_what_was_recorded_step_by_step(lab: Served, page: httpx.Client, line: dict[str, Any]) -> None:
    told = page.get(f"/episodes/{line['id']}/timeline").json()
    path = lab.lab.settings.runs / "played" / line["files"]["steps"]["path"]
    steps = read_steps(path.read_bytes())
    assert (told["action"], told["tick"]) == (steps.actions.tolist(), steps.tick.tolist())
    assert np.float32(told["reward"]).tolist() == steps.reward.tolist()
    assert (told["steps"], told["value"], told["action_names"][0]) == (line["steps"], None, "NOOP")
    assert told["step_s"] == pytest.approx(24 / 59.7275)
    happened = [event["event_type"] for event in told["events"]]
    assert {kind: happened.count(kind) for kind in line["events"]} == line["events"]
    for event in told["events"]:
        before = told["tick"][event["step"] - 1] if event["step"] else -1
        assert before < event["tick"] <= told["tick"][event["step"]]
    assert page.get("/episodes/played:nobody/timeline").json()["error"] == "not_found"


def test_actions_are_called_as_their_run_told_else_as_their_codec_has_them(
    lab: Served, page: httpx.Client, line: dict[str, Any]
) -> None:
    path = lab.lab.settings.runs / "played" / "run.json"
    kept = path.read_text()

    def names() -> Any:
        return page.get(f"/episodes/{line['id']}/timeline").json()["action_names"]

    codec = names()
    try:
        for said, expected in ((["wait", *codec[1:]], ["wait", *codec[1:]]), (None, codec)):
            path.write_text(json.dumps(json.loads(kept) | {"action_names": said}))
            wait_for(lambda expected=expected: names() == expected)  # type: ignore[misc] # it cannot infer a default's type
    finally:
        path.write_text(kept)


def test_a_distance_curve_is_that_of_the_goal_s_judge(page: httpx.Client, line: dict[str, Any]) -> None:
    curve = page.get(f"/episodes/{line['id']}/distance", params={"goal": "desert"}).json()
    (verdict,) = line["verdicts"]
    assert (curve["reached"], len(curve["distance"])) == (verdict["step"], line["steps"])
    assert curve["distance"][verdict["step"]] == verdict["evidence"]["distance"]
    assert (curve["tau"], curve["consec"][verdict["step"]]) == (verdict["evidence"]["tau"], curve["k_consecutive"])
    assert curve["nearest"] == int(np.argmin(curve["distance"]))
    for wrong in ("nothing", "../desert", ""):
        answer = page.get(f"/episodes/{line['id']}/distance", params={"goal": wrong})
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


def test_distances_without_torch_are_those_with_it(lab: Served, line: dict[str, Any]) -> None:
    root = lab.lab.settings.runs / "played"
    short = line | {"id": line["id"].partition(":")[2]}
    watched = rewatch.Rewatch().watch(root, short, (root / line["files"]["trace"]["path"]).read_bytes())
    goal = load_goal(DESERT)
    near = rewatch.nearness(watched, goal)
    tau, k = goal.meta.tau, goal.meta.k_consecutive
    dist, consec, _ = match.follow((frame[None] for frame in watched.frames), goal.templates, tau=tau, k_consecutive=k)
    assert [near.before, *near.distance.tolist()] == dist[:, 0].tolist()
    assert near.consec.tolist() == consec[1:, 0].tolist()


def test_a_frame_where_the_goal_is_reached_looks_like_its_template(page: httpx.Client, line: dict[str, Any]) -> None:
    (verdict,) = line["verdicts"]
    frame = page.get(f"/episodes/{line['id']}/frames/{verdict['step']}")
    template = page.get("/goals/desert/template.png")
    assert (frame.headers["content-type"], template.headers["content-type"]) == ("image/png", "image/png")
    seen, wanted = decoded(frame.content), decoded(template.content)
    assert (seen.shape, set(np.unique(wanted))) == ((72, 80), set(SHADES) & set(np.unique(wanted)))
    shades = np.abs(seen.astype(int) - wanted.astype(int)).sum() / 85
    assert shades / (3 * 72 * 80) == pytest.approx(verdict["evidence"]["distance"])
    assert page.get(f"/episodes/{line['id']}/frames/{line['steps']}").status_code == 404
    assert page.get("/goals/desert/template.png", params={"number": 9}).status_code == 404


def test_a_goal_tells_its_meta(page: httpx.Client) -> None:
    assert page.get("/goals/desert").json()["meta"]["tau"] == load_goal(DESERT).meta.tau
    assert {goal["id"] for goal in page.get("/goals").json()} == {"crypt", "desert"}
    for wrong in ("nothing", "..", "%2e%2e"):
        assert page.get(f"/goals/{wrong}/template.png").status_code == 404


def test_a_goal_tells_which_traces_did_not_pass_its_gate(lab: Served, page: httpx.Client) -> None:
    assert page.get("/goals/desert/receipts").json() == []
    gate = try_gate(load_goal(DESERT), actions=DESERT.with_name("crypt") / "actions.jsonl")
    folder = write_receipt(gate, lab.lab.settings.runs / "goal")
    (lab.lab.settings.runs / "goal" / "desert-broken").mkdir()
    (lab.lab.settings.runs / "goal" / "desert-broken" / "receipt.json").write_text("{}")
    (told,) = page.get("/goals/desert/receipts").json()
    assert (told["failure"], told["steps"]) == (gate.failure, len(gate.rows))
    assert folder.name.endswith(told["trace_id"][:8])
    assert told["distance"] == gate.replays[0].dist[1:, 0].tolist()
    assert page.get("/goals/crypt/receipts").json() == []
    assert page.get("/goals/nothing/receipts").status_code == 404


def test_an_episode_that_was_changed_is_not_shown_as_if_it_were_played(
    lab: Served, page: httpx.Client, line: dict[str, Any], tmp_path: Path
) -> None:
    root = lab.lab.settings.runs
    shutil.copytree(root / "played", tmp_path / "forged")
    trace = tmp_path / "forged" / line["files"]["trace"]["path"]
    trace.write_text(trace.read_text().replace('"start":0', '"start":1'))
    (tmp_path / "forged").rename(root / "forged")
    wait_for(lambda: page.get("/runs/forged").status_code == 200)
    name = line["id"].partition(":")[2]
    wait_for(lambda: page.get(f"/episodes/forged:{name}").status_code == 200)
    answer = page.get(f"/episodes/forged:{name}/frames/0")
    assert (answer.status_code, answer.json()["error"]) == (409, "not_playable")
    (root / "forged" / line["files"]["steps"]["path"]).write_bytes(b"no parquet")
    answer = page.get(f"/episodes/forged:{name}/timeline")
    assert (answer.status_code, answer.json()["error"]) == (409, "damaged")


def test_feats_tell_how_rare_they_are_and_how_far_every_episode_under_way_is(lab: Served, page: httpx.Client) -> None:
    lab.post(batch(pots(20, run="first"), producer="a"))
    lab.post(batch(pots(5, run="second"), producer="b"))
    told = {feat["id"]: feat for feat in page.get("/feats").json()}
    assert (told["minor.pots.20_in_run"]["rarity"], told["minor.pots.20_in_run"]["unlocks"]) == (0.5, 1)
    second, first = page.get("/feats/progress").json()
    assert (second["worker"], second["run_id"], second["episode_id"]) == ("b", "second", "1.0")
    assert (second["progress"]["minor.pots.20_in_run"], first["progress"]["minor.pots.20_in_run"]) == (0.25, 1.0)
    assert page.get("/feats/progress", params={"limit": 1}).json() == [second]
