"""What docs/goals.md shows runs as it stands there, from top to bottom."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from ludus.cli import main
from ludus.goals.artefact import Meta
from ludus.goals.task import MAX_STEPS, GoalReward
from ludus.run.goal import CODEC
from tests.goals.record import GOALS

PAGE = (Path(__file__).parents[2] / "docs" / "goals.md").read_text()
SHORT = ["--steps", "16", "--run.lanes=2", "--run.horizon=8", "--ppo.minibatches=1", "--ppo.epochs=1"]


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        exec(block, {})
    commands = re.findall(r"^    ludus (.*)", PAGE, flags=re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["goal"] * 5 + ["eval", "train"]
    for command in commands:
        words = shlex.split(command)
        assert main(words + (SHORT if words[0] == "train" else [])) == 0, command
    assert Path("gate.jsonl").is_file()


def test_the_page_names_every_field_and_the_defaults() -> None:
    for field in Meta.model_fields:
        assert f"`{field}`" in PAGE
    reward = GoalReward()
    assert f"`{reward.step_cost} + (distance before - distance now) + {reward.bonus:.0f}`" in PAGE
    assert reward.alpha == 1
    assert f"at most {MAX_STEPS} steps" in PAGE
    assert f"The codec of goals is `{CODEC}`" in PAGE
    assert all(f"`{folder.name}`" in PAGE for folder in GOALS.iterdir())
