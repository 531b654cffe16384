"""An orchestrator that is killed loses nothing that it promised."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.serve.nemesis import torment


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_kills_under_load_lose_and_double_nothing_and_unlocks_are_those_of_a_replay(tmp_path: Path, kills: int) -> None:
    told = torment(tmp_path, kills)
    assert told["faults"] == []
    assert told["exit"] == 0
    assert told["kept"] >= told["acknowledged"] > 0
    assert told["unlocks"] > 0
