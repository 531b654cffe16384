from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from ludus.core.errors import InputError, MissingExtraError
from ludus.episodes.export.minari import export_minari
from tests.episodes.export.data import LENGTHS, SHADES, SPECS, episodes, frame

minari = pytest.importorskip("minari")


@pytest.mark.parametrize("name", SPECS)
def test_minari_opens_what_is_exported_with_every_frame_as_it_was(tmp_path: Path, name: str) -> None:
    spec = SPECS[name]
    assert export_minari(tmp_path / "set", episodes(spec), spec, dataset_id=f"ludus/{name}-v0") == sum(LENGTHS)
    dataset = minari.MinariDataset(tmp_path / "set" / "data")
    assert (dataset.total_episodes, dataset.total_steps) == (len(LENGTHS), sum(LENGTHS))
    assert dataset.action_space == spec.action_space
    for number, (found, told) in enumerate(zip(dataset.iterate_episodes(), episodes(spec), strict=True)):
        expected = [frame(spec, number, step) for step in range(LENGTHS[number] + 1)]
        assert np.array_equal(found.observations, expected)
        assert dataset.observation_space.contains(found.observations[0])
        assert np.array_equal(found.actions, told.actions)
        assert found.rewards.tolist() == told.reward.tolist()
        assert found.terminations.tolist() == told.terminated.tolist()
        assert found.truncations.tolist() == told.truncated.tolist()


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kept").touch()
    with pytest.raises(InputError, match="is there already"):
        export_minari(tmp_path, episodes(SHADES), SHADES, dataset_id="ludus/dots-v0")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_missing_library_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Nowhere:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> None:
            if name == "minari":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    for name in [name for name in sys.modules if name.partition(".")[0] == "minari"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Nowhere, *sys.meta_path])
    with pytest.raises(MissingExtraError, match=r"minari is not installed.*ludus\[export\]"):
        export_minari(tmp_path / "set", episodes(SHADES), SHADES, dataset_id="ludus/dots-v0")
    assert not (tmp_path / "set").exists()
