"""What the README and the pages under docs/ say must be so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ludus.cli import VERBS

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
README = PAGES[0].read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    commands = re.findall(r"(?:^ {4}|^|`)ludus ([a-z]+)", page.read_text(), flags=re.MULTILINE)
    assert set(commands) <= set(VERBS)


def test_every_verb_is_in_the_readme() -> None:
    assert set(re.findall(r"ludus ([a-z]+)", README)) >= set(VERBS)


def test_every_target_that_the_readme_names_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"^ *make ([a-z]+)", README, flags=re.MULTILINE))
    assert {"run", "test"} <= named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    targets = [target for target in re.findall(r"\]\(([^)#]+)", page.read_text()) if ":" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_room_is_in_the_tree_of_the_readme() -> None:
    rooms = {path.parent.name for path in ROOT.glob("src/ludus/*/__init__.py")}
    assert {room for room in rooms if not re.search(rf"^ *{room}/ ", README, flags=re.MULTILINE)} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"`((?:src|tests|docs|\.ci)/[\w./-]+)`", page.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []
