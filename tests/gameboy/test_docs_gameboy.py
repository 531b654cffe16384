"""What docs/gameboy.md and the README show runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ludus.gameboy import GameBoy, machine
from ludus.gameboy.cartridge import UNSUPPORTED
from ludus.gameboy.codec import CODECS
from tests.gameboy.roms import scroller

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "gameboy.md").read_text()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    gb = GameBoy(scroller())
    gb.tick(10)
    (tmp_path / "game.gb").write_bytes(scroller())
    (tmp_path / "start.state").write_bytes(gb.save_state())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        exec(block, names)
    return names


def test_the_page_runs(folder: Path) -> None:
    names = run(PAGE)
    assert names["picture"].shape == (144, 160)
    assert names["frames"].shape == (64, 72, 80)
    assert names["observations"].shape == (64, 4, 72, 80)
    np.testing.assert_array_equal(names["actions"], [[5], [0], [4]])


def test_the_readme_runs(folder: Path) -> None:
    block = next(b for b in re.findall(r"```python\n.*?```", (ROOT / "README.md").read_text(), re.DOTALL) if "gb" in b)
    names = run(block)
    assert names["frames"].shape == (64, 72, 80)


def test_the_tables_are_those_of_the_code() -> None:
    for name, (height, width) in machine.VIEWS.items():
        assert f"| `{name}` | `uint8[{height}, {width}]` |" in PAGE
    for codec in CODECS.values():
        assert f"| `{codec.id}` | {' '.join(codec.names)}" in PAGE
    assert all(name in PAGE for name in UNSUPPORTED.values())
    assert all(f" {name}" in PAGE for name in machine.BUTTONS)
    assert all(name in PAGE for name in machine.MODELS)
