from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ludus.core import files
from ludus.core.clock import ManualClock
from ludus.core.errors import DivergedError, InputError
from ludus.core.protocols import World
from ludus.core.types import Step
from ludus.learn.checkpoint import newest_checkpoint, read_checkpoint
from ludus.learn.policy import load_policy
from ludus.run.games import GameSettings
from ludus.run.recipe import Recipe, read_recipe
from ludus.run.train import Report, train
from tests.walk_world import WalkWorld

LANES, HORIZON = 8, 16
BATCH = LANES * HORIZON
MODEL = "checkpoints/step_{:012}/{}"


def walk(settings: GameSettings, lanes: int, /, *, threads: int | None) -> World:
    return WalkWorld(lanes)


def recipe(updates: int = 4, **run: Any) -> Recipe:
    return Recipe.model_validate(
        {
            "world": {"game": "walk"},
            "net": {"size": 0.5},
            "ppo": {"precision": "fp32", "epochs": 2, "gamma": 0.9, "shift_pad": 1, "optim": {"lr": 3e-3}},
            "run": {"lanes": LANES, "horizon": HORIZON, "stack": 2, "steps": updates * BATCH, "checkpoint_updates": 2}
            | {"tensorboard": False, "threads": 1}
            | run,
        }
    )


def _bytes(folder: Path, updates: int) -> dict[str, bytes]:
    names = ("model.safetensors", "optim.safetensors", "loop.safetensors")
    return {name: (folder / MODEL.format(updates * BATCH, name)).read_bytes() for name in names}


def test_a_net_learns_to_walk_right(tmp_path: Path) -> None:
    saved = train(recipe(25), tmp_path, make_world=walk)
    rows = files.read_jsonl(tmp_path / "metrics.jsonl")
    assert len(rows) == saved.updates == 25 and rows[-1]["global_step"] == saved.step == 25 * BATCH
    assert rows[-1]["charts/episodic_return"] > 0.95 and rows[-1]["charts/episodic_length"] < 6
    assert rows[2]["charts/episodic_length"] > 7
    world, policy = WalkWorld(4), load_policy(saved.path, greedy=True)
    step = world.reset(seeds=100)
    carry = policy.init(4)
    for _ in range(20):  # against the wind
        actions, carry = policy.act(np.repeat(step.frames[:, None], 2, axis=1), carry)
        step = world.step(actions, mask=~step.done)
    assert step.terminated.all()


@pytest.mark.parametrize("core", ["none", "gru"])
def test_a_run_that_stops_and_goes_on_is_the_run_that_never_stopped(tmp_path: Path, core: str) -> None:
    settings = recipe(6).model_copy(update={"net": recipe().net.model_copy(update={"core": core})})
    train(settings, tmp_path / "whole", make_world=walk)

    class StoppedError(Exception):
        pass

    def stop(report: Report) -> None:
        if report.updates == 3:  # after the checkpoint of update 2, so that update 3 is done again
            raise StoppedError

    with pytest.raises(StoppedError):
        train(settings, tmp_path / "parts", make_world=walk, on_report=stop)
    saved = train(settings, tmp_path / "parts", make_world=walk)
    assert saved.updates == 6
    assert _bytes(tmp_path / "parts", 6) == _bytes(tmp_path / "whole", 6)
    whole, parts = (files.read_jsonl(tmp_path / name / "metrics.jsonl") for name in ("whole", "parts"))
    timed = ("charts/SPS", "perf/collect_share")
    bare = [[{k: v for k, v in row.items() if k not in timed} for row in rows] for rows in (whole, parts)]
    assert bare[0] == bare[1]


KILLED = """
import sys
from pathlib import Path
from ludus.run.recipe import read_recipe
from ludus.run.train import train
recipe = read_recipe("potyard", None, sys.argv[2:])
train(recipe, Path(sys.argv[1]), on_report=lambda report: print(report.updates, flush=True))
"""


def test_potyard_killed_and_gone_on_is_byte_for_byte_the_run_that_was_not(tmp_path: Path) -> None:
    flags = ["--run.minutes=0", "--run.steps=192", "--run.lanes=4", "--run.horizon=8", "--run.checkpoint_updates=2"]
    flags += ["--run.tensorboard=false", "--run.threads=1", "--net.size=0.25", "--ppo.minibatches=2"]
    train(read_recipe("potyard", None, flags), tmp_path / "whole")
    command = [sys.executable, "-c", KILLED, str(tmp_path / "parts"), *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == 3:
                process.send_signal(signal.SIGKILL)
                break
        assert process.wait() == -signal.SIGKILL
    found = newest_checkpoint(tmp_path / "parts" / "checkpoints")
    assert found is not None and found[0].updates == 2
    train(read_recipe("potyard", None, flags), tmp_path / "parts")
    for name in ("model.safetensors", "optim.safetensors", "loop.safetensors"):
        path = f"checkpoints/step_000000000192/{name}"
        assert (tmp_path / "parts" / path).read_bytes() == (tmp_path / "whole" / path).read_bytes()


def test_checkpoints_form_a_chain_and_an_ancestor_is_its_root(tmp_path: Path) -> None:
    first = train(recipe(4), tmp_path / "a", make_world=walk)
    older, _ = read_checkpoint(first.path.with_name(f"step_{2 * BATCH:012}"))
    assert (older.parent, first.parent) == (None, older.digest)
    child = train(recipe(2, seed=5), tmp_path / "b", make_world=walk, ancestor=tmp_path / "a")
    assert child.parent == read_checkpoint(first.path)[0].digest or child.parent == older.digest


def test_a_finished_run_gives_its_checkpoint_and_a_larger_budget_goes_on(tmp_path: Path) -> None:
    first = train(recipe(2), tmp_path, make_world=walk)
    assert train(recipe(2), tmp_path, make_world=walk) == first
    assert train(recipe(3), tmp_path, make_world=walk).updates == 3


def test_other_settings_and_no_budget_are_refused(tmp_path: Path) -> None:
    train(recipe(2), tmp_path, make_world=walk)
    with pytest.raises(InputError, match=r"run\.seed 7, was 0"):
        train(recipe(2, seed=7), tmp_path, make_world=walk)
    with pytest.raises(InputError, match="how long to train"):
        train(recipe(0), tmp_path / "other", make_world=walk)


def test_minutes_end_a_run_and_count_over_all_its_parts(tmp_path: Path) -> None:
    clock = ManualClock()
    saved = train(
        recipe(0, minutes=1.0),
        tmp_path,
        make_world=walk,
        clock=clock,
        on_report=lambda report: clock.advance(13.0),
    )
    assert saved.updates == 5  # after 0, 13, 26, 39 and 52 seconds
    again = train(
        recipe(0, minutes=2.0), tmp_path, make_world=walk, clock=clock, on_report=lambda _: clock.advance(30.0)
    )
    assert again.updates == 7  # 65 seconds were spent before


def test_another_numeric_profile_is_told_and_refused_where_that_is_asked_for(tmp_path: Path) -> None:
    saved = train(recipe(2), tmp_path, make_world=walk)
    path = saved.path / "checkpoint.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps(told | {"profile": told["profile"] | {"isa": "ABACUS"}}))
    with pytest.raises(InputError, match="was ABACUS"):
        train(recipe(3), tmp_path, make_world=walk, strict=True)
    notices: list[str] = []
    train(recipe(3), tmp_path, make_world=walk, on_notice=notices.append)
    assert len(notices) == 1 and f"isa {torch.backends.cpu.get_cpu_capability()}, was ABACUS" in notices[0]


class _Broken(WalkWorld):
    """Pays NaN in lane 3 after a while."""

    def step(self, actions: Any, *, mask: Any = None) -> Step:
        step = super().step(actions, mask=mask)
        if self._tick.max() > 18:
            step.reward[3] = np.nan
        return step


def test_what_is_no_number_stops_the_run_and_leaves_a_receipt(tmp_path: Path) -> None:
    with pytest.raises(DivergedError, match=r"lane 3 is nan.*receipt-\d{6}"):
        train(recipe(9), tmp_path, make_world=lambda settings, lanes, /, threads: _Broken(lanes))
    (receipt,) = tmp_path.glob("receipt-*")
    names = {path.name for path in receipt.iterdir()}
    assert names >= {"rollout.safetensors", "settings.json", "latest"}
    assert json.loads((receipt / "settings.json").read_text())["run"]["seed"] == 0


def test_the_threads_of_torch_are_given_back(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    train(recipe(1, threads=3), tmp_path, make_world=walk)
    assert torch.get_num_threads() == before


def test_tensorboard_gets_the_same_metrics(tmp_path: Path) -> None:
    train(recipe(2, tensorboard=True), tmp_path, make_world=walk)
    (events,) = (tmp_path / "tensorboard").iterdir()
    assert b"losses/policy_loss" in events.read_bytes()


def test_the_first_update_comes_soon(tmp_path: Path) -> None:
    began = time.process_time()
    train(recipe(1), tmp_path, make_world=walk)
    assert time.process_time() - began < 10
