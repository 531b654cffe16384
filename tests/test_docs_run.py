"""The README and the pages run as they stand there, command by command."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from ludus.gameboy.library import open_game
from ludus.gameboy.trace import save_actions
from tests.docs_page import Reader, blocks, commands

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {"README.md": (ROOT / "README.md").read_text().partition("## What there is")[0]} | {
    path.name: path.read_text() for path in sorted(DOCS.glob("*.md"))
}
ELSEWHERE = {
    "conformance.md": "its ROMs are others'; tests/gameboy/test_suites.py compares its table where they are",
    "gameboy.md": "tests/gameboy/test_docs_gameboy.py",
    "goals.md": "tests/goals/test_docs_goals.py",
}
"""Pages that are run by others, or cannot be."""


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """Give somebody who has a ROM, a card, a trace, a file of feats and the receipts at hand."""
    card, cartridge = open_game("potyard")
    for name in ("potyard.gb", "watches.toml", "feats.json", "scripted.jsonl"):
        shutil.copy(card.rom.parent / name, tmp_path / name)
    shutil.copytree(card.rom.parent / "goals", tmp_path / "goals")
    shutil.copy(card.rom.parent / "card.toml", tmp_path / "mygame.toml")
    shutil.copytree(DOCS / "receipts", tmp_path / "docs" / "receipts")
    for name in ("GAME.gb", "game.gb"):
        (tmp_path / name).write_bytes(cartridge.rom)
    save_actions(tmp_path / "play.jsonl", [[5], [4], [0]] * 10, codec=card.codec)
    assert card.feats
    shutil.copy(card.feats, tmp_path / "FEATS.json")
    monkeypatch.chdir(tmp_path)
    return Reader()


@pytest.mark.parametrize("name", [name for name in PAGES if name not in ELSEWHERE])
def test_a_page_runs_as_it_stands_there(reader: Reader, name: str) -> None:
    reader.read(PAGES[name])


@pytest.mark.parametrize("name", PAGES)
def test_no_command_is_overlooked(name: str) -> None:
    found = [words for block in blocks(PAGES[name]) for words in commands(block)]
    assert len(found) == len(re.findall(r"^(?: {4})?ludus [a-z]", PAGES[name], flags=re.MULTILINE))


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_does_not_run_is_run_by_the_test_that_it_names(name: str) -> None:
    for block in blocks(PAGES[name]):
        if block.how.startswith("not run: "):
            named = re.findall(r"tests/[\w/]+\.py", block.how)
            assert named and all((ROOT / test).exists() for test in named), block


@pytest.mark.parametrize(
    "page",
    [
        "    ludus games nothing.toml\n",
        "<!-- ci: exits 2 -->\n    ludus games\n",
        "    ludus --version\n\n```text\nlupus 0.1.0\n```\n",
        "```python\nassert False\n```\n",
        "<!-- ci: with --steps 1 -->\n    ludus games\n",
    ],
)
def test_a_page_that_is_not_so_fails(reader: Reader, page: str) -> None:
    with pytest.raises(AssertionError):
        reader.read(page)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["README.md", "tutorial.md"])
def test_a_beginner_s_page_runs_in_full(reader: Reader, name: str) -> None:
    reader.in_full = True
    reader.read(PAGES[name])
