from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ludus.learn.checkpoint import load_agent, read_checkpoint
from ludus.nets.mae import MaeConfig
from ludus.run.pretrain import pretrain_mae
from ludus.run.recipe import read_recipe
from ludus.run.train import train

SMALL = ["--run.lanes=8", "--run.threads=1", "--net.size=0.25", "--run.tensorboard=false", "--run.horizon=8"]


def test_a_run_begins_with_the_encoder_that_was_pretrained(tmp_path: Path) -> None:
    recipe = read_recipe("potyard", None, SMALL)
    found = pretrain_mae(recipe, tmp_path / "mae", MaeConfig(frames=64, updates=3, batch=8))
    assert found.error > 0 and found.guess > 0 and found.probe is not None and found.twin is not None
    still = read_recipe("potyard", None, [*SMALL, "--run.steps=64", "--run.minutes=0", "--ppo.optim.lr=0"])
    still = still.model_copy(update={"ppo": still.ppo.model_copy(update={"epochs": 1, "minibatches": 1})})
    optim = still.ppo.optim.model_copy(update={"name": "adam"})
    still = still.model_copy(update={"ppo": still.ppo.model_copy(update={"optim": optim})})
    saved = train(still, tmp_path / "run", ancestor=tmp_path / "mae")
    assert saved.parent == read_checkpoint(found.checkpoint.path)[0].digest
    one, other = (load_agent(path).encoder.state_dict() for path in (found.checkpoint.path, saved.path))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
def test_on_pot_yard_it_beats_its_untrained_twin(tmp_path: Path) -> None:
    found = pretrain_mae(read_recipe("potyard", None, ["--run.threads=1"]), tmp_path, MaeConfig(frames=6000))
    assert found.better and found.probe is not None and found.twin is not None
    assert found.probe > found.twin + 0.05
