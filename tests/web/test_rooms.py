"""The rooms of what was played, with a filmed run of Pot Yard, one without film, goals, and unlocks with clips."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ludus.gameboy.library import open_game
from ludus.goals.artefact import load_goal
from ludus.run.goal_gate import try_gate, write_receipt
from ludus.serve.worker.recorded import RecordedRun, report_run
from tests.web.conftest import Lab, ludus, served

FILMED, PLAIN = "filmed", "plain"
EPISODE, OTHER = f"{FILMED}:potyard__0__0", f"{PLAIN}:potyard__0__0"
GOAL = "desert"
ROOMS = {
    "episodes": "/episodes",
    "episode": f"/episodes/{EPISODE}#t=60",
    "episode-without-film": f"/episodes/{OTHER}",
    "feats": "/feats",
    "fame": "/hall/fame",
    "shame": "/hall/shame",
    "goals": "/goals",
    "goal": f"/goals/{GOAL}",
}
EMPTY_ROOMS = {
    "episodes": {"path": "/episodes", "asks": "**/episodes?*"},
    "feats": {"path": "/feats", "asks": "**/feats"},
    "hall": {"path": "/hall/fame", "asks": "**/feats/hall?*"},
    "goals": {"path": "/goals", "asks": "**/goals"},
}


@pytest.fixture(scope="module")
def yard(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with goals, a gate's receipt, an episode with film, verdicts and clips, one without, and a clip to come."""
    folder = tmp_path_factory.mktemp("yard")
    goals = open_game("potyard")[0].goals
    assert goals is not None
    (folder / "goals").symlink_to(goals)
    command = ["eval", "potyard", "--episodes", "1", "--feats", "card", "--goal", *map(str, sorted(goals.iterdir()))]
    film = ["--video", "--video-renderer", "sim-view"]
    ludus(folder, *command, "--policy", "scripted", *film, "--out", f"runs/{FILMED}")
    ludus(folder, *command, "--policy", "random", "--out", f"runs/{PLAIN}")
    write_receipt(
        try_gate(load_goal(goals / GOAL), actions=goals / "crypt" / "actions.jsonl"), folder / "runs" / "goal"
    )
    with served(folder) as lab, lab.client() as client:
        for run in (FILMED, PLAIN):
            report_run(RecordedRun(folder / "runs" / run), client)
        pot = {"event_type": "counter_delta", "tick": 0, "payload": {"name": "pots_broken", "delta": 1}}
        pot |= {"run_id": "live", "episode_id": "1", "instance_id": "somebody"}
        client.post(
            "/events", json={"producer": "elsewhere", "epoch": 1, "first": 1, "events": [pot]}
        ).raise_for_status()
        yield lab


@pytest.fixture(scope="module")
def line(yard: Lab) -> dict[str, Any]:
    with yard.client() as client:
        told: dict[str, Any] = client.get(f"/episodes/{EPISODE}").json()
    return told


def test_every_room_can_be_used_by_everybody_by_day_and_by_night(yard: Lab) -> None:
    yard.walk(ROOMS)


def test_rooms_say_that_they_fetch_that_nothing_is_there_and_that_it_failed(bare_lab: Lab) -> None:
    told = bare_lab.check("states", empty_rooms=EMPTY_ROOMS)
    empty = {name: told[name]["empty"] for name in EMPTY_ROOMS}
    assert empty == {
        "episodes": "No episode yet",
        "feats": "No feats",
        "hall": "Nothing to be proud of yet",
        "goals": "No goal",
    }
    for name in EMPTY_ROOMS:
        assert told[name]["loading"].startswith("Fetching "), name
        assert "It is not the season." in told[name]["failed"], name


@pytest.fixture(scope="module")
def bare_lab(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab without feats, to which nobody has told anything."""
    with served(tmp_path_factory.mktemp("bare"), feats=None) as lab:
        yield lab


def test_an_episode_has_one_cursor_and_its_film_shows_that_step(yard: Lab, line: dict[str, Any]) -> None:
    verdict = line["verdicts"][3]
    told = yard.check("episode", film=EPISODE, tick=verdict["tick"], without=OTHER, part=1)
    assert told["complained"] == []
    steps = {"linked": 40, "stepped": 41, "leapt": 51, "left": 51, "sought": 90, "arrow": 89}
    steps |= {"clip": line["clips"][1]["end"] - 1, "ending": line["steps"] - 1}  # at 16 times its speed
    assert {name: told[name] for name in steps} == {name: {"differing": 0, "now": now} for name, now in steps.items()}
    assert told["pointed"] == {"differing": 0, "now": 51}  # shown while it is pointed at, but not sought
    assert told["stopped"]["differing"] == 0
    assert told["event"] >= 0
    assert told["tick"] == verdict["step"]
    assert "disabled" in told["reason"] and "Video was not asked for" in told["reason"]
    assert told["without"] == 8
    assert "there is no episode" in told["nowhere"]
    assert told["listed"] == {"all": 2, "without": 1, "total": "1 episode", "address": "?film=no&sort=best"}


def test_clips_play_while_they_are_pointed_at_unless_motion_is_unwanted(yard: Lab) -> None:
    told = yard.check("hall")
    assert told["complained"] == []
    assert (told["address"], told["poster"]) == ("/hall/fame", True)
    assert (told["hovered"], told["left"], told["focused"], told["speed"]) == (True, False, True, 4)
    assert (told["reduced"], told["clicked"]) == (False, True)
    with yard.client() as client:
        ticks = client.get(f"/episodes/{told['step']['episode']}/timeline").json()["tick"]
    assert ticks[told["step"]["step"]] == told["step"]["tick"]
    states = {state.partition(",")[0] for state in told["states"]}
    assert states - {"pending", "rerenderable"} == {"Clips in every state", "ready", "skipped"}
    assert told["waiting"] == 1
    assert {"Recent unlocks", "Almost there", "Leaderboards", "Can they be unlocked?"} <= set(told["panels"])
    assert told["found"][0] == "Crockery Concert"
    assert told["filter"] == "crockery"


def test_a_goal_shows_what_differs_at_every_step(yard: Lab) -> None:
    told = yard.check("goal", goal=GOAL, episode=EPISODE)
    assert told["complained"] == []
    assert told["reached"]["row"] == told["again"] == "2 of 2 in a row"
    assert told["before"] == "1 of 2 in a row"
    assert told["first"] == "0 of 2 in a row"
    assert "below tau" in told["receipt"]
