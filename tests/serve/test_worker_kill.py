"""A worker is killed around the moments that clips are made of, and every clip plays or says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("av")

from tests.serve.worker_nemesis import kill_around_triggers


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_every_clip_of_a_worker_that_is_killed_around_its_moment_plays_or_says_why_not(
    tmp_path: Path, kills: int
) -> None:
    told = kill_around_triggers(tmp_path, kills)
    assert told["plays"] >= kills and told["clips"] >= kills, told
