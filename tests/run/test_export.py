from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import ludus
from ludus.core import files
from ludus.core.errors import InputError, TraceError
from ludus.episodes.steps import read_steps
from ludus.episodes.trace import pack, unpack
from ludus.run.export import export


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "potyard"
    ludus.evaluate("potyard", episodes=3, lanes=2, max_steps=12, out=out)
    return out


def test_a_recorded_run_becomes_a_lerobot_data_set(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("av")
    told: list[Any] = []
    assert export(run, tmp_path / "set", on_start=told.append, on_episode=told.append) == 36
    rows = pq.read_table(tmp_path / "set" / "data" / "chunk-000" / "file-000.parquet").to_pylist()
    steps = [read_steps((run / "steps" / f"potyard__{number}__{number}.parquet").read_bytes()) for number in range(3)]
    assert [row["action"] for row in rows] == [action for part in steps for action in part.actions.tolist()]
    assert told[0] == 3
    assert [episode.index for episode in told[1:]] == [0, 1, 2]


def test_a_recorded_run_becomes_a_minari_data_set(run: Path, tmp_path: Path) -> None:
    minari = pytest.importorskip("minari")
    assert export(run, tmp_path / "set", to="minari") == 36
    dataset = minari.MinariDataset(tmp_path / "set" / "data")
    assert dataset.id == "ludus/potyard-v0"
    found = dataset[0]
    assert found.observations.shape == (13, 72, 80)
    assert found.truncations.tolist() == [False] * 11 + [True]


def test_vectors_and_boxes_are_exported_too(tmp_path: Path) -> None:
    minari = pytest.importorskip("minari")
    ludus.evaluate("MountainCarContinuous-v0", episodes=2, max_steps=5, show="vector", out=tmp_path / "run")
    assert export(tmp_path / "run", tmp_path / "lerobot") == 10
    assert export(tmp_path / "run", tmp_path / "minari", to="minari") == 10
    found = minari.MinariDataset(tmp_path / "minari" / "data")[1]
    rows = pq.read_table(tmp_path / "lerobot" / "data" / "chunk-000" / "file-000.parquet").to_pylist()[5:]
    assert np.allclose([row["observation.state"] for row in rows], found.observations[:5])
    assert np.allclose([row["action"] for row in rows], found.actions.ravel())


def test_an_episode_that_plays_differently_now_is_no_data(run: Path, tmp_path: Path) -> None:
    ludus.evaluate("potyard", episodes=1, max_steps=12, out=tmp_path / "run")
    path = tmp_path / "run" / "traces" / "potyard__0__0.json"
    told = unpack(path.read_bytes(), path.name)
    told.trace.actions[3] = (told.trace.actions[3] + 1) % 7
    files.write_atomic(path, pack(told))
    with pytest.raises(TraceError, match="potyard__0__0 shows other frames than when it was recorded"):
        export(tmp_path / "run", tmp_path / "set", to="minari")
    assert not (tmp_path / "set").exists()


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no run with episodes is there"):
        export(tmp_path, tmp_path / "set")
