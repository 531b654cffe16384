"""Feats in the loop: verdicts in the manifest, films that they want, and the same verdicts from the recorded events."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

import ludus
from ludus import cli
from ludus.core import digest
from ludus.core.errors import InputError
from ludus.core.types import Event, Verdict
from ludus.episodes.store import Store
from ludus.feats.judge import FeatJudge
from ludus.gameboy.machine import FRAME_HZ
from ludus.run.feats import CARD, FEATS, feat_seat, find_feats, game_seat, load_feats
from ludus.run.games import game_settings
from ludus.run.judge import judge
from tests.potyard.memory import CARD as POTYARD

Captured = pytest.CaptureFixture[str]


def seats() -> tuple[Any, ...]:
    return (game_seat(game_settings("potyard", {}), CARD),)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    ludus.evaluate("potyard", policy="scripted", episodes=2, lanes=2, out=out, judges=seats(), video_enabled=True)
    return out


def rows(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "episodes.jsonl").read_text().splitlines()]


def test_verdicts_and_the_films_they_want_are_in_the_manifest(recorded: Path) -> None:
    for line in rows(recorded):
        verdicts = {verdict["name"]: verdict for verdict in line["verdicts"]}
        pots = verdicts["minor.pots.20_in_run"]
        assert pots["judge"] == FEATS
        assert pots["evidence"]["payload"]["name"] == "pots_broken"
        assert pots["tick"] == (pots["step"] + 1) * 24
        clips = {(clip["tag"], clip["tick"]): clip for clip in line["clips"]}
        assert clips.keys() == {(verdict["name"], verdict["tick"]) for verdict in line["verdicts"]}
        clip = clips["minor.pots.20_in_run", pots["tick"]]
        seconds = [(clip[name] - pots["step"]) * 24 / FRAME_HZ for name in ("start", "end")]
        assert seconds == pytest.approx([-12, 6], abs=0.5)
        assert (clip["pre_s"], clip["post_s"], clip["speed"]) == (12, 6, 3)
        film = recorded / clip["path"]
        assert digest.of_file(film) == clip["sha256"], "the clip that shows it is there"
        assert clip["frames"] == clip["end"] - clip["start"]


def test_recorded_events_give_the_same_verdicts_again(recorded: Path) -> None:
    found = judge(recorded)
    assert (found.episodes, found.compared, found.differences) == (2, True, ())
    assert found.verdicts["major.run_cleared"] == 2
    assert found.unlocked["major.trophy_wall"] == 1, "over the whole run a lifetime goes on"
    assert found.rarity["minor.pots.20_in_run"] == 1.0
    assert found.leaderboards["major.rich_list"][0]["instance_id"] == "scripted"


def test_lanes_and_processes_change_no_verdict(recorded: Path, tmp_path: Path) -> None:
    ludus.evaluate("potyard", policy="scripted", episodes=2, lanes=1, workers=2, out=tmp_path, judges=seats())
    assert [row["verdicts"] for row in rows(tmp_path)] == [row["verdicts"] for row in rows(recorded)]


def test_a_run_keeps_the_feats_that_it_was_judged_by(recorded: Path) -> None:
    told = Store(recorded).run()
    assert told is not None
    held = told["facts"]["judges"][FEATS]["feats"]
    assert [*held] == [feat.id for feat in load_feats(POTYARD)]


def test_a_folder_judged_by_other_feats_is_refused_with_the_difference(recorded: Path, tmp_path: Path) -> None:
    changed = json.loads(find_feats(POTYARD).read_text())
    changed["feats"][0]["predicate"] = {"counter_gte": ["pots_broken", 21]}
    path = tmp_path / "feats.json"
    path.write_text(json.dumps(changed))
    other = game_seat(game_settings("potyard", {}), str(path))
    difference = r"judges.feats.feats.minor.pots.20_in_run.predicate.counter_gte is .*20\] there and .*21\] here"
    with pytest.raises(InputError, match=difference):
        ludus.evaluate("potyard", policy="scripted", episodes=2, out=recorded, judges=(other,))


def test_a_seat_travels_to_another_process() -> None:
    (seat,) = seats()
    again = pickle.loads(pickle.dumps(seat))
    assert again.facts == seat.facts
    assert isinstance(again.judge, FeatJudge)
    assert again.judge.program.tick_hz == FRAME_HZ
    event = Event("counter_delta", {"name": "pots_broken", "delta": 20}, "r", "e", "1", 0, 0)
    for one in (seat, again):
        (pots, *_) = one.judge.update(one.judge.init(1), [event])[1]
        assert one.film(pots).pre_s == 12


def test_the_feats_are_those_given_those_of_the_variable_or_the_cards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_feats(POTYARD) == POTYARD.feats
    monkeypatch.setenv("METABONK_FEATS_PATH", str(tmp_path / "named.json"))
    assert find_feats(POTYARD) == tmp_path / "named.json"
    assert find_feats(POTYARD, tmp_path / "given.json") == tmp_path / "given.json"


def test_a_game_without_feats_is_told_how_to_give_some() -> None:
    with pytest.raises(InputError, match="this game has no feats; give a feats file with --feats"):
        find_feats(None)


def test_a_feat_without_a_clip_wants_no_film() -> None:
    seat = feat_seat([], tick_hz=60)
    assert seat.film is not None
    assert seat.film(Verdict("f", "", "", "", 0, 0, {})) is None


# On the command line.


def test_eval_judges_and_judge_judges_again(capsys: Captured, tmp_path: Path) -> None:
    out = str(tmp_path / "run")
    words = ["eval", "potyard", "--episodes", "2", "--max-steps", "60", "--out", out, "--feats", "card"]
    assert cli.main(words) == 0
    capsys.readouterr()
    assert cli.main(["judge", out]) == 0
    assert "every verdict is as recorded" in capsys.readouterr().out
    assert cli.main(["judge", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["episodes"] == 2


def test_judge_exits_1_where_the_manifest_has_other_verdicts(capsys: Captured, recorded: Path, tmp_path: Path) -> None:
    lines = rows(recorded)
    gone = lines[0]["verdicts"].pop()
    lines[1]["verdicts"][0]["tick"] += 24
    for path in ("run.json", "steps"):
        (tmp_path / path).symlink_to(recorded / path)
    (tmp_path / "episodes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert cli.main(["judge", str(tmp_path)]) == 1
    told = capsys.readouterr().out
    assert f"potyard__0__0: {gone['name']} at tick {gone['tick']} is found now, and not recorded" in told
    assert "potyard__1__1: minor.pots.first at tick" in told and "is recorded, and not found now" in told


def test_judge_by_other_feats_compares_nothing(capsys: Captured, recorded: Path, tmp_path: Path) -> None:
    path = tmp_path / "feats.json"
    path.write_text(json.dumps([{"id": "any", "name": "Any", "predicate": {"event_happened": "chest_opened"}}]))
    assert cli.main(["judge", str(recorded), "--feats", str(path)]) == 0
    told = capsys.readouterr().out
    assert "the run knew other feats" in told and "any" in told


def test_judge_refuses_what_it_cannot_judge(capsys: Captured, tmp_path: Path) -> None:
    assert cli.main(["judge", str(tmp_path)]) == 2
    ludus.evaluate("potyard", episodes=1, max_steps=5, out=tmp_path / "run")
    assert cli.main(["judge", str(tmp_path / "run")]) == 2
    told = capsys.readouterr().err
    assert "no run with episodes is there" in told and "was judged by no feats; give some with --feats" in told
