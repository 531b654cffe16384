from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ludus import cli
from ludus.core.events import to_json
from tests.feats.told import at, count
from tests.gameboy.roms import scroller

NAMES = ["pots", "clear"]
Captured = pytest.CaptureFixture[str]
POTS = {"id": "pots", "name": "Pots", "predicate": {"counter_gte": ["pots_broken", 2]}}
CLEAR = {"id": "clear", "name": "Clear", "predicate": {"event_happened": ["stage_end", {"result": "clear"}]}}


@pytest.fixture
def feats(tmp_path: Path) -> str:
    path = tmp_path / "feats.json"
    path.write_text(json.dumps([POTS, CLEAR]))
    return str(path)


@pytest.fixture
def events(tmp_path: Path) -> str:
    path = tmp_path / "events.jsonl"
    told = [count("pots_broken"), count("pots_broken"), at("stage_end", {"result": "clear"}, s=4)]
    path.write_text("".join(json.dumps(to_json(replace(event, seq=n))) + "\n" for n, event in enumerate(told)))
    return str(path)


def run(*words: str) -> int:
    return cli.main(["feats", *words])


def printed(capsys: Captured) -> Any:
    return json.loads(capsys.readouterr().out)


def test_list_shows_the_feats_of_a_game_or_a_file(capsys: Captured, feats: str) -> None:
    assert run("list") == 0
    assert "minor.pots.20_in_run" in capsys.readouterr().out
    assert run("list", "--feats", feats, "--json") == 0
    assert [(feat["id"], feat["dedupe"]) for feat in printed(capsys)] == [
        ("pots", "once_per_run"),
        ("clear", "once_per_run"),
    ]


def test_contract_is_written_and_checked(capsys: Captured, tmp_path: Path, feats: str) -> None:
    out = str(tmp_path / "new" / "contract.json")
    assert run("contract", "--feats", feats, "--out", out) == 0
    assert json.loads(Path(out).read_text())["counters"] == ["pots_broken"]
    assert run("contract", "--feats", feats, "--out", out, "--check") == 0
    assert run("contract", "--out", out, "--check") == 1
    assert "write it again" in capsys.readouterr().out


def test_diff_exits_0_where_all_is_told_1_with_the_drift_and_2_on_bad_input(
    capsys: Captured, tmp_path: Path, feats: str, events: str
) -> None:
    contract = str(tmp_path / "contract.json")
    assert run("contract", "--feats", feats, "--out", contract) == 0
    assert run("diff", "--events", events, "--contract", contract) == 0
    assert "3 events tell all that the contract asks" in capsys.readouterr().out
    other = tmp_path / "other.jsonl"
    other.write_text(json.dumps(to_json(at("stage_end", {"result": "cleared"}))) + "\n")
    assert run("diff", "--events", str(other), "--contract", contract) == 1
    told = capsys.readouterr().out
    assert "missing value stage_end.result = 'clear'" in told and "missing counter pots_broken" in told
    assert run("diff", "--events", str(other), "--contract", contract, "--json") == 1
    assert printed(capsys)["missing_counters"] == ["pots_broken"]
    for broken in ('{"event_type": 5}\n', "{\n", '{"event_typ": "a"}\n'):
        other.write_text(broken)
        assert run("diff", "--events", str(other), "--contract", contract) == 2
        assert "other.jsonl, line 1" in capsys.readouterr().err
    assert run("diff", "--events", events, "--contract", events) == 2
    assert run("diff", "--events", str(tmp_path / "none.jsonl")) == 2


def test_diff_without_a_contract_takes_that_of_the_games_feats(capsys: Captured, events: str) -> None:
    assert run("diff", "--events", events) == 1
    assert "missing event boss_defeated" in capsys.readouterr().out


def test_validate_exits_1_on_a_feat_that_nothing_can_fire(capsys: Captured, tmp_path: Path, feats: str) -> None:
    assert run("validate", "potyard") == 0
    assert run("validate", "potyard", "--feats", feats) == 0
    assert "2 of 2 feats can unlock" in capsys.readouterr().out
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps([POTS, CLEAR | {"predicate": {"event_happened": "stage_ended"}}]))
    assert run("validate", "potyard", "--feats", str(path)) == 1
    assert "did you mean 'stage_end'" in " ".join(capsys.readouterr().out.split())
    assert run("validate", "potyard", "--feats", str(path), "--json") == 1
    told = printed(capsys)
    assert (told["ok"], told["summary"]["unreachable"], told["summary"]["missing_events"]) == (
        False,
        1,
        ["stage_ended"],
    )
    assert told["unreachable"][0]["feat_id"] == "clear"


def test_replay_prints_the_same_verdicts_each_time(capsys: Captured, feats: str, events: str) -> None:
    outputs = []
    for _ in range(2):
        assert run("replay", events, "--feats", feats, "--tick-hz", "60") == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    assert "     4.00 s  fame   clear  run/1.0 stage 1" in outputs[0]
    assert outputs[0].endswith("2 unlocks of 2 feats\n")
    assert run("replay", events, "--feats", feats, "--json") == 0
    told = printed(capsys)
    assert [row["feat_id"] for row in told["unlocks"]] == NAMES
    assert told["rarity"] == {"pots": 1.0, "clear": 1.0}


def test_replay_goes_on_from_a_file_of_unlocks(
    capsys: Captured, tmp_path: Path, feats: str, events: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "checkpoints" / "feats_unlocks.json"
    monkeypatch.setenv("METABONK_FEATS_PATH", feats)
    monkeypatch.setenv("METABONK_FEATS_UNLOCKS_PATH", str(kept))
    assert run("replay", events) == 0
    assert [row["feat_id"] for row in json.loads(kept.read_text())["unlocks"]] == NAMES
    capsys.readouterr()
    assert run("replay", events) == 0
    assert capsys.readouterr().out == "0 unlocks of 0 feats\n"


@pytest.mark.parametrize("verb", ["list", "contract", "validate"])
def test_a_file_that_holds_no_feats_exits_2(capsys: Captured, tmp_path: Path, verb: str) -> None:
    path = tmp_path / "feats.json"
    path.write_text(json.dumps([POTS | {"tier": "mid"}]))
    assert run(verb, "--feats", str(path)) == 2
    assert "feat 'pots': $[0].tier is 'mid', expected minor or major" in capsys.readouterr().err


def test_a_game_without_feats_says_how_to_give_some(capsys: Captured, tmp_path: Path) -> None:
    (tmp_path / "scroller.gb").write_bytes(scroller())
    assert run("list", str(tmp_path / "scroller.gb")) == 2
    assert "has no feats; give a feats file with --feats FILE" in capsys.readouterr().err


def test_bench_feats_tells_events_a_second_and_enforces_its_budget(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["bench", "feats", "--sizes", "10", "20", "--lanes", "4", "--steps", "20", "--rounds", "1"]
    assert cli.main(words) == 0
    assert "events/s" in capsys.readouterr().out
    assert cli.main([*words, "--json"]) == 0
    assert [row["feats"] for row in printed(capsys)["results"]] == [10, 20]
    monkeypatch.setenv("LUDUS_PERF_ENFORCE", "1")
    monkeypatch.setattr("ludus.cli._bench_feats.BUDGET", 10**12)
    assert cli.main(words) == 1
    assert cli.main([*words, "--lanes", "0"]) == 2
