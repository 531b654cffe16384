from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ludus.cli import main
from ludus.core import files
from ludus.core.errors import InputError
from ludus.run.compare import compare
from tests.episodes.lines import line


def _run(folder: Path, returns: dict[int, float], *, scenario: str = "walk") -> Path:
    folder.mkdir()
    rows = [
        line(id=f"{scenario}__{seed}__{index}", scenario=scenario, seed=seed, episode_idx=index, **{"return": total})
        for index, (seed, total) in enumerate(returns.items())
    ]
    files.write_jsonl(folder / "episodes.jsonl", rows)
    return folder


def test_interquartile_means_are_those_of_the_middle_half_of_shared_seeds(tmp_path: Path) -> None:
    one = _run(tmp_path / "one", {0: 0.0, 1: 10.0, 2: 20.0, 3: 900.0, 9: 5.0})
    other = _run(tmp_path / "other", {3: 1.0, 2: 2.0, 1: 3.0, 0: 4.0, 8: 7.0})
    found = compare(one, other)
    assert [returns.tolist() for returns in found.returns] == [[0, 10, 20, 900], [4, 3, 2, 1]]
    assert (found.iqm[0].value, found.iqm[1].value, found.difference.value) == (15.0, 2.5, 12.5)
    assert found.wins == 0.75
    assert found.difference.low <= 12.5 <= found.difference.high


def test_what_is_paired_is_compared_as_pairs(tmp_path: Path) -> None:
    luck = np.random.default_rng(0).normal(0, 50, 100)
    one = _run(tmp_path / "one", dict(enumerate(luck + 1)))
    other = _run(tmp_path / "other", dict(enumerate(luck)))
    found = compare(one, other)
    assert found.verdict == "the first is better" and found.wins == 1.0
    assert found.iqm[0].low < found.iqm[1].high  # apart from its pair, no run could be told from the other
    assert compare(other, one).verdict == "the second is better"
    assert compare(one, one).verdict == "no difference is shown" and compare(one, one).wins == 0.5


def test_runs_that_cannot_be_compared_are_refused(tmp_path: Path) -> None:
    one = _run(tmp_path / "one", {0: 1.0, 1: 2.0})
    with pytest.raises(InputError, match="share 0 seeds"):
        compare(one, _run(tmp_path / "far", {5: 1.0, 6: 1.0}))
    with pytest.raises(InputError, match=r"\['walk'\] and .* \['dots'\]"):
        compare(one, _run(tmp_path / "dots", {0: 1.0, 1: 2.0}, scenario="dots"))
    with pytest.raises(InputError, match="no episode is recorded there"):
        compare(one, tmp_path / "nowhere")


def test_the_verb_shows_a_table_and_a_plot_or_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = _run(tmp_path / "one", {seed: float(seed % 7) for seed in range(30)})
    other = _run(tmp_path / "other", dict.fromkeys(range(30), 3.0))
    assert main(["compare", str(one), str(other)]) == 0
    told = capsys.readouterr().out
    assert "no difference is shown" in told and "A claim needs 100 seeds." in told and "█" in told
    assert main(["compare", str(one), str(other), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["episodes"] == 30
