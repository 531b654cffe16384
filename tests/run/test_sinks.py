from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ludus.core.errors import MissingExtraError
from ludus.run.sinks import JsonLines, WandB
from ludus.run.train import train
from tests.run.test_train import recipe, walk


def test_a_line_that_was_cut_off_and_what_came_after_the_checkpoint_are_written_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    sink = JsonLines(path, updates=0)
    for update in (1, 2, 3):
        sink.write({"losses/x": update / 2}, step=update * 10, updates=update)
    path.write_text(path.read_text() + '{"global_step":40,"upd')
    JsonLines(path, updates=2).write({"losses/x": 9.0}, step=30, updates=3)
    rows = [line for line in path.read_text().splitlines() if line]
    assert rows[1:] == [
        '{"global_step":20,"updates":2,"losses/x":1.0}',
        '{"global_step":30,"updates":3,"losses/x":9.0}',
    ]


def test_without_wandb_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingExtraError, match=r"ludus\[wandb\]"):
        WandB(tmp_path / "wandb", name="run", settings={})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_wandb_holds_every_update_of_a_run_that_went_on_under_one_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_ERROR_REPORTING", raising=False)
    train(recipe(3, wandb=True), tmp_path, make_world=walk)
    train(recipe(5, wandb=True), tmp_path, make_world=walk)
    run = (tmp_path / "wandb/id").read_text()
    first, second = sorted(tmp_path.glob(f"wandb/wandb/offline-run-*/run-{run}.wandb"))
    updates = [part.read_bytes().count(b"charts/updates") for part in (first, second)]
    assert updates[0] >= 3 and updates[1] >= 2
