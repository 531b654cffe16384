from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from ludus import cli
from ludus.gameboy.library import open_game
from ludus.gameboy.pictures import contact_sheet, half_blocks, pillow
from tests.gameboy.roms import scroller


@pytest.fixture
def rom(tmp_path: Path) -> Path:
    path = tmp_path / "scroller.gb"
    path.write_bytes(scroller())
    return path


def play(rom: Path, out: Path, *more: str) -> int:
    return cli.main(["play", str(rom), "--steps", "4", "--lanes", "3", "--out", str(out), *more])


def test_play_tells_how_fast_it_was_and_draws_the_last_screen(
    rom: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert play(rom, rom.parent / "out") == 0
    assert "▀" not in capsys.readouterr().out  # no terminal: it has no colours
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    assert play(rom, rom.parent / "out") == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ("SCROLLER", "x real time", "288", "lanes.png"))
    assert text.count("▀") == 80 * 36


def test_play_writes_a_sheet_of_all_lanes_and_a_film_of_one(rom: Path) -> None:
    out = rom.parent / "deep" / "out"
    assert play(rom, out) == 0
    with pillow().open(out / "lanes.png") as sheet, pillow().open(out / "lane0.gif") as film:
        assert sheet.size == (4 + 2 * 164, 4 + 2 * 148)
        assert film.size == (160, 144)
    assert sorted(path.name for path in out.iterdir()) == ["lane0.gif", "lanes.png"]


def test_the_same_seed_plays_the_same(rom: Path) -> None:
    outs = [rom.parent / name for name in ("one", "two", "other")]
    for out, seed in zip(outs, ("5", "5", "6"), strict=True):
        assert play(rom, out, "--seed", seed) == 0
    sheets = [(out / "lanes.png").read_bytes() for out in outs]
    assert sheets[0] == sheets[1] != sheets[2]


def test_without_pillow_play_says_so_and_shows_the_rest(
    rom: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert play(rom, rom.parent / "out") == 0
    assert "no pictures were written: Pillow is not installed; run: pip install 'ludus[pictures]'" in (
        capsys.readouterr().out
    )


def test_what_cannot_be_played_exits_2_with_one_sentence(rom: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = rom.with_name("bad.gb")
    bad.write_bytes(scroller()[:0x14D] + b"\0" + scroller()[0x14E:])
    for arguments, message in {
        (str(bad),): f"ludus: {bad}: header checksum at 0x014D is 0x00, expected 0x",
        (str(rom), "--steps", "0"): "ludus: --steps is 0",
        (str(rom), "--codec", "full"): "did you mean 'full_v0'",
        (str(rom.with_name("absent.gb")),): "cannot read",
    }.items():
        assert cli.main(["play", *arguments]) == 2
        captured = capsys.readouterr()
        assert (captured.out, captured.err.count("\n")) == ("", 1)
        assert message in captured.err


def test_the_game_of_the_package_is_what_is_played_without_a_rom(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["play", "--steps", "30", "--lanes", "4", "--out", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "Pot Yard" in text and "a lane; events: counter_delta" in text


def test_the_demo_is_played_to_its_end_in_the_lanes_it_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scripted = ["play", "potyard", "--player", "scripted", "--out", str(tmp_path)]
    assert cli.main([*scripted, "--lanes", "4", "--seed", "13"]) == 0
    assert "run_cleared 3" in " ".join(capsys.readouterr().out.split())
    for more, message in {
        ("--seed", "16"): "--seed is 16, expected 0 to 15",
        ("--start", "title"): "leave --start and --codec",
    }.items():
        assert cli.main([*scripted, *more]) == 2
        assert message in capsys.readouterr().err


def test_a_game_without_a_demo_says_so(rom: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["play", str(rom), "--player", "scripted"]) == 2
    assert "names no demo" in capsys.readouterr().err


def test_a_contact_sheet_holds_every_picture_once() -> None:
    pictures = np.stack([np.full((2, 3), 10 * n, np.uint8) for n in range(5)])
    sheet = contact_sheet(pictures, gap=1)
    assert sheet.shape == (1 + 2 * 3, 1 + 3 * 4)
    assert [(sheet == 10 * n).sum() for n in range(5)] == [6] * 5


def test_half_blocks_hold_the_upper_and_the_lower_pixel() -> None:
    picture = np.array([[1, 2], [3, 4], [5, 6], [7, 8]], np.uint8)
    assert half_blocks(picture, columns=2) == [[(1, 3), (2, 4)], [(5, 7), (6, 8)]]
    assert half_blocks(picture, columns=1) == [[(1, 5)]]


def test_a_trained_agent_plays_and_what_it_sees_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        cli.main(["play", "potyard", "--policy", "generalist", "--lanes=4", "--steps=40", "--out", str(tmp_path)]) == 0
    )
    told = capsys.readouterr().out
    assert float(told.split("reward ")[1].split()[0]) > 5
    assert (tmp_path / "lanes.png").exists()
    assert cli.main(["play", "potyard", "--policy", "generalissimo"]) == 2
    assert "an agent that ships with the game" in capsys.readouterr().err


def test_what_is_noticed_while_playing_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["play", "--player", "scripted", "--feats", "card", "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out.split("noticed: ")[1]
    assert "minor.pots.20_in_run 16" in " ".join(told.split())  # the demo clears all its sixteen lanes
    assert cli.main(["play", "--lanes=2", "--steps=3", "--feats", "none.json", "--out", str(tmp_path)]) == 2
    assert "none.json" in capsys.readouterr().err


def test_goals_are_noticed_while_playing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    card, _ = open_game("potyard")
    assert card.goals is not None
    assert cli.main(["play", "--player", "scripted", f"--goal={card.goals / 'desert'}", "--out", str(tmp_path)]) == 0
    assert "noticed: desert " in capsys.readouterr().out
