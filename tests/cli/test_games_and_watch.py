from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ludus import cli
from ludus.core.errors import InputError
from ludus.gameboy.changes import Changes, parse_range
from ludus.gameboy.library import shipped
from ludus.gameboy.trace import save_actions
from tests.gameboy.roms import scroller

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def rom(tmp_path: Path) -> str:
    path = tmp_path / "scroller.gb"
    path.write_bytes(scroller())
    return str(path)


def watch(capsys: Captured, *arguments: str) -> list[dict[str, Any]]:
    assert cli.main(["watch", *arguments, "--json"]) == 0
    changes: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["changes"]
    return changes


def test_games_tells_title_codec_events_roles_and_goals(capsys: Captured) -> None:
    assert cli.main(["games"]) == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ("Pot Yard", "pokemonred_puffer_v1", "boss_spawned", "speedrunner", "goals"))


def test_games_as_json(capsys: Captured) -> None:
    assert cli.main(["games", "--json"]) == 0
    (game,) = json.loads(capsys.readouterr().out)
    assert (game["id"], game["starts"], game["roles"][0]) == ("potyard", ["first_yard", "title"], "generalist")
    assert cli.main(["games", str(shipped()["potyard"]), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [game]


def test_a_card_that_makes_no_sense_exits_2(capsys: Captured, tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_text("id = 'x'\ntitel = 'X'\n")
    assert cli.main(["games", str(tmp_path / "card.toml")]) == 2
    assert "did you mean 'title'?" in capsys.readouterr().err


def test_watch_names_the_addresses_that_changed_with_old_and_new_values(capsys: Captured, rom: str) -> None:
    save_actions(Path(rom).with_name("a.jsonl"), [[0], [5], [0]], codec="full_v0")
    changes = watch(capsys, rom, "--actions", rom.replace("scroller.gb", "a.jsonl"), "--memory", "C000:C003")
    clock, *rest = changes
    assert (clock["address"], clock["times"], clock["fell"]) == ("C000", 3, False)
    assert clock["now"] - clock["before"] == 24
    assert rest == [], "the buttons are let go by the end of a step"


def test_watch_shows_a_cards_watches_by_name(capsys: Captured) -> None:
    changes = {change["watch"]: change for change in watch(capsys, "potyard", "--steps", "30")}
    assert (changes["hearts"]["address"], changes["hearts"]["first"]) == ("C0A6", 5)
    assert changes["biome"]["word"] in ("forest", "desert", "crypt")
    assert changes["stage_ticks"]["times"] == 30
    counters = {change["watch"] for change in watch(capsys, "potyard", "--steps", "30", "--counters")}
    assert "stage_ticks" in counters and "hero_dir" not in counters and "seed" not in counters


def test_watch_prints_a_table_once(capsys: Captured, rom: str) -> None:
    assert cli.main(["watch", rom, "--once", "--steps", "5"]) == 0
    assert "SCROLLER, step 5" in capsys.readouterr().out


def test_watch_shows_a_live_table(capsys: Captured, rom: str) -> None:
    assert cli.main(["watch", rom, "--steps", "2"]) == 0
    assert "SCROLLER, step 2" in capsys.readouterr().out


def test_changes_follow_numbers_and_a_new_episode_is_none() -> None:
    changes = Changes(np.array([5, 5, 5]))
    for values in ([6, 5, 4], [6, 5, 7]):
        changes.note(np.array(values))
    changes.begin(np.array([0, 0, 0]))
    changes.note(np.array([1, 0, 0]))
    told = [
        (row.index, row.first, row.before, row.now, row.low, row.high, row.times, row.fell) for row in changes.rows()
    ]
    assert told == [(0, 5, 0, 1, 1, 6, 2, False), (2, 5, 4, 0, 0, 7, 2, True)]
    assert [row.index for row in changes.rows(everything=True)] == [0, 1, 2]


@pytest.mark.parametrize("text", ["", "C000", "C000:B000", "0:9000", "C000:10001", "x:y", "C000:C001:C002"])
def test_a_range_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected START:STOP"):
        parse_range(text)
