"""The bars of the lab, by the CPU time and memory of its own process; what a clock says depends on who else is here."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.serve import load


def test_ingest_takes_15_000_events_a_second_of_one_core(tmp_path: Path) -> None:
    told = load.ingest(tmp_path, batches=160, connections=4)
    assert told["events"] == 32_000
    assert told["events_per_cpu_s"] >= 15_000


@pytest.mark.slow
def test_a_million_events_are_ready_within_three_seconds_of_cpu(tmp_path: Path) -> None:
    assert load.restart(tmp_path, events=1_000_000)["cpu_s"] <= 3


@pytest.mark.slow
def test_a_thousand_sockets_half_of_them_stalled_stay_below_300_mb_and_flat(tmp_path: Path) -> None:
    with load.running(tmp_path) as process:
        told = asyncio.run(load.sockets(process, clients=1_000, seconds=90, per_s=10_000))
    memory = told["memory_mib"]
    assert max(memory) * load.MIB < 300e6
    assert memory[-1] <= memory[len(memory) // 2] * 1.05
    assert (told["stalled_closed"], told["closed"], told["holes"]) == (500, 0, 0)
    assert told["rows"] > 0
