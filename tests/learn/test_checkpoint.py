from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from ludus.core.errors import FileFormatError, InputError
from ludus.learn.checkpoint import (
    Facts,
    find_checkpoint,
    load_agent,
    load_learner,
    load_weights,
    mark_best,
    newest_checkpoint,
    prune,
    read_checkpoint,
    save_checkpoint,
)
from ludus.learn.ppo import Learner, PpoConfig, update
from ludus.learn.profile import differences, numeric_profile
from tests.learn.bandit import learner, play

CONFIG = PpoConfig(precision="fp32")
LOOP: dict[str, Any] = {"seen": np.arange(6, dtype=np.uint8).reshape(2, 3), "returns": np.array([0.5, -1.0])}


def _facts(step: int = 128, parent: str | None = None) -> Facts:
    return Facts("walk", step, {"run": {"seed": 0}}, {"torch": "x"}, parent, 1.5)


@pytest.fixture
def taught() -> Learner:
    first = learner(CONFIG)
    return update(first, play(first), config=CONFIG)[0]


def test_a_learner_comes_back_as_it_was(tmp_path: Path, taught: Learner) -> None:
    saved = save_checkpoint(tmp_path, taught, _facts(parent="abc"), LOOP)
    again, loop = load_learner(saved.path, CONFIG)
    assert read_checkpoint(saved.path) == (saved, _facts(parent="abc"))
    assert (saved.game, saved.step, saved.updates, saved.parent) == ("walk", 128, 1, "abc")
    assert {name: array.tolist() for name, array in loop.items()} == {name: a.tolist() for name, a in LOOP.items()}
    assert (again.updates, again.seed) == (1, 0)
    rollout = play(taught, seed=5)
    one, other = (update(each, rollout, config=CONFIG)[0].agent.state_dict() for each in (taught, again))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_an_optimiser_of_two_comes_back_too(tmp_path: Path) -> None:
    config = PpoConfig.model_validate({"precision": "fp32", "optim": {"name": "muon"}})
    first = learner(config)
    taught, _ = update(first, play(first), config=config)
    again, _ = load_learner(save_checkpoint(tmp_path, taught, _facts(), LOOP).path, config)
    rollout = play(taught, seed=5)
    one, other = (update(each, rollout, config=config)[0].agent.state_dict() for each in (taught, again))
    assert all(torch.equal(one[name], other[name]) for name in one)
    with pytest.raises(FileFormatError, match="no place for '1/"):
        load_learner(tmp_path / "step_000000000128", CONFIG)


def test_the_same_state_gives_the_same_bytes(tmp_path: Path, taught: Learner) -> None:
    one, other = (save_checkpoint(tmp_path / name, taught, _facts(), LOOP).path for name in ("a", "b"))
    names = sorted(path.name for path in one.iterdir())
    assert names == ["checkpoint.json", "loop.safetensors", "model.safetensors", "optim.safetensors"]
    assert all((one / name).read_bytes() == (other / name).read_bytes() for name in names)


def test_nothing_is_pickled_and_nothing_half_written_stays(tmp_path: Path, taught: Learner) -> None:
    save_checkpoint(tmp_path, taught, _facts(), LOOP)
    save_checkpoint(tmp_path, taught, _facts(), LOOP)  # again, over the first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest", "step_000000000128"]
    assert not any(path.read_bytes().startswith(b"\x80") for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", ["model.safetensors", "optim.safetensors", "loop.safetensors", "checkpoint.json"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before_it(tmp_path: Path, taught: Learner, name: str) -> None:
    older = save_checkpoint(tmp_path, taught, _facts(step=1), LOOP)
    newer = save_checkpoint(tmp_path, taught, _facts(step=2), LOOP)
    data = bytearray((newer.path / name).read_bytes())
    data[len(data) // 2 :] = b"\0" * 5
    (newer.path / name).write_bytes(data)
    found = newest_checkpoint(tmp_path)
    assert found is not None and found[0] == older
    assert len(found[2]) == 1 and str(newer.path / name) in found[2][0]


def test_a_checkpoint_that_latest_does_not_name_yet_is_older_than_the_one_it_names(
    tmp_path: Path, taught: Learner
) -> None:
    older = save_checkpoint(tmp_path, taught, _facts(step=1), LOOP)
    newer = save_checkpoint(tmp_path, taught, _facts(step=2), LOOP)
    (tmp_path / "latest").write_text(f"{older.path.name}\n")
    assert newest_checkpoint(tmp_path) == (older, _facts(step=1), [])
    (tmp_path / "latest").unlink()
    assert newest_checkpoint(tmp_path) == (newer, _facts(step=2), [])


def test_without_any_whole_checkpoint_there_is_an_error_and_without_any_none(tmp_path: Path, taught: Learner) -> None:
    assert newest_checkpoint(tmp_path) is None
    saved = save_checkpoint(tmp_path, taught, _facts(), LOOP)
    (saved.path / "model.safetensors").unlink()
    with pytest.raises(FileFormatError, match="no checkpoint is whole"):
        newest_checkpoint(tmp_path)


def test_weights_of_another_net_are_refused_whole(tmp_path: Path, taught: Learner) -> None:
    other = learner(CONFIG, space=spaces.Discrete(5)).agent
    before = {name: weight.clone() for name, weight in other.state_dict().items()}
    with pytest.raises(FileFormatError, match=r"x: weight 'head.layer.bias' is \[3\], the net has \[5\]"):
        load_weights(other, taught.agent.state_dict(), name="x")
    assert all(torch.equal(before[name], weight) for name, weight in other.state_dict().items())
    deeper = learner(CONFIG, kind="impala").agent
    with pytest.raises(FileFormatError, match="is absent, the net has"):
        load_weights(deeper, taught.agent.state_dict(), name="x")


def test_another_format_is_refused_by_name(tmp_path: Path, taught: Learner) -> None:
    saved = save_checkpoint(tmp_path, taught, _facts(), LOOP)
    told = json.loads((saved.path / "checkpoint.json").read_text())
    (saved.path / "checkpoint.json").write_text(json.dumps(told | {"format": "ludus-checkpoint-9"}))
    for read in (read_checkpoint, load_agent):
        with pytest.raises(FileFormatError, match="'ludus-checkpoint-9', expected 'ludus-checkpoint-1'"):
            read(saved.path)


def test_the_newest_and_the_best_are_kept(tmp_path: Path, taught: Learner) -> None:
    for step, score in ((1, 1.0), (2, 5.0), (3, 2.0), (4, 3.0)):
        best = mark_best(tmp_path, save_checkpoint(tmp_path, taught, _facts(step=step), LOOP), score)
        assert best == (step <= 2)
        prune(tmp_path, keep=1)
    assert sorted(path.name[-1] for path in tmp_path.glob("step_*")) == ["2", "4"]
    assert find_checkpoint(tmp_path).name.endswith("2")


def test_a_run_names_its_best_checkpoint_and_else_its_newest(tmp_path: Path, taught: Learner) -> None:
    with pytest.raises(InputError, match="no checkpoint is there"):
        find_checkpoint(tmp_path)
    saved = save_checkpoint(tmp_path / "checkpoints", taught, _facts(), LOOP)
    assert find_checkpoint(tmp_path) == find_checkpoint(saved.path) == saved.path


def test_numeric_profiles_are_compared_word_by_word() -> None:
    profile = numeric_profile(torch.device("cpu"), torch.float32)
    assert differences(profile, profile) == []
    assert differences(profile | {"threads": "7"}, profile) == [f"threads {torch.get_num_threads()}, was 7"]
