from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ludus.gameboy.library import open_game, read_card
from tests.gameboy.roms import scroller

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "bring_your_own_game.py"
PAGE = (ROOT / "docs" / "bring_your_own_game.md").read_text()


def run(*arguments: str) -> str:
    done = subprocess.run([sys.executable, EXAMPLE, *arguments], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_the_example_runs_and_earns() -> None:
    text = run()
    assert "POT YARD" in text and "'counter_delta'" in text
    returns = re.search(r"returns \[(.*?)\]", text)
    assert returns and sum(map(float, returns[1].split(", "))) > 0


def test_the_example_takes_any_rom(tmp_path: Path) -> None:
    (tmp_path / "scroller.gb").write_bytes(scroller())
    assert "SCROLLER: 1 bytes only went up" in run(str(tmp_path / "scroller.gb"), "C001")


def test_its_card_takes_less_than_40_lines() -> None:
    card = re.search(r'write_text\(f"""\n(.*?)"""\)', EXAMPLE.read_text(), flags=re.DOTALL)
    assert card and len(card[1].splitlines()) < 40


def test_the_card_of_the_page_is_a_card(tmp_path: Path) -> None:
    text = next(block for block in re.findall(r"```toml[^\n]*\n(.*?)```", PAGE, flags=re.DOTALL) if "sha256" in block)
    _, cartridge = open_game("potyard")
    (tmp_path / "game.gb").write_bytes(cartridge.rom)
    (tmp_path / "card.toml").write_text(re.sub(r'sha256 = ".*?"', f'sha256 = "{cartridge.sha256}"', text))
    card, _ = open_game(tmp_path / "card.toml")
    assert read_card(tmp_path / "card.toml") == card
    assert len(text.splitlines()) < 40


@pytest.mark.parametrize("word", ["u16be", "bcd2", "bit:7", "write seed to", "run until", "+n", "changed", "include"])
def test_the_page_explains(word: str) -> None:
    assert word in PAGE
