"""What docs/episodes.md says must be so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "episodes.md").read_text()


def test_its_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(program, {})
    assert "potyard__0__0 20 disabled" in capsys.readouterr().out


def test_every_test_that_it_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    written = {
        name for path in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert len(named) > 8
    assert named <= written


def test_every_requirement_of_the_seed_has_a_row() -> None:
    rows = PAGE[PAGE.index("## Seed 002") :]
    told = {int(number) for number in re.findall(r"FR-(\d{3})", rows)}
    assert told == set(range(1, 16))
    assert {int(number) for number in re.findall(r"scenario (\d)", rows)} == {1, 2, 3, 4, 5}
