"""The bench of goals, and the claim that it makes."""

from __future__ import annotations

import json

import pytest
import torch

from ludus.cli import main
from ludus.core.errors import InputError
from ludus.goals import bench


def test_the_bench_measures_each_layout_of_frames(capsys: pytest.CaptureFixture[str]) -> None:
    before = torch.get_num_threads()
    assert main(["bench", "goals", "--lanes", "100", "--rounds", "1", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["results"]
    assert [row["frames"] for row in rows] == ["shades", "stacks", "packed"]
    for row in rows:
        assert (row["lanes"], row["device"], row["threads"]) == (100, "cpu", 1)
        assert row["ratio"] == pytest.approx(row["distance_us"] / row["copy_us"])
    assert main(["bench", "goals", "--lanes", "100", "--rounds", "1"]) == 0
    assert "packed" in capsys.readouterr().out
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("name", ["lanes", "rounds", "threads"])
def test_counts_are_at_least_one(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} is 0"):
        list(bench.run(**{name: 0}))  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_distance_of_many_lanes_takes_at_most_two_copies() -> None:
    """Best of several rounds, since another process may take the memory's time."""
    ratios = {one.frames: one.ratio for one in bench.run(lanes=16_384, rounds=25)}
    assert ratios["shades"] < 2
    assert ratios["stacks"] < 2.5
