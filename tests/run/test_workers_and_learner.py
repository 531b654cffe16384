"""Workers and a learner in one process, and over shared memory."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ludus.core.clock import ManualClock
from ludus.core.errors import InputError, LudusError
from ludus.learn.ppo import autocast, make_learner, update
from ludus.learn.rollout import Rollout, empty_rollout, join, lanes_of, layout
from ludus.nets.agent import Agent, Door, make_agent
from ludus.run import processes
from ludus.run.collect import begin, collect
from ludus.run.games import open_world
from ludus.run.learner import Learner, Played, Receipt, RolloutError, Weights, open_learner, worker_seed
from ludus.run.processes import train_processes
from ludus.run.recipe import Recipe, read_recipe
from ludus.run.train import train
from ludus.run.worker import Worker, work
from tests.run.family import one_thread as one_thread


def recipe(*flags: str) -> Recipe:
    small = ["run.lanes=4", "run.horizon=8", "ppo.epochs=2", "run.steps=0", "run.checkpoint_updates=2"]
    return read_recipe("CartPole-v1", None, [f"--{flag}" for flag in (*small, *flags)])


def same(one: Agent, other: Agent) -> bool:
    weights = other.state_dict()
    return all(torch.equal(tensor, weights[name]) for name, tensor in one.state_dict().items())


def reason(learner: Learner, played: Played) -> tuple[str, Any]:
    with pytest.raises(RolloutError) as caught:
        learner.push(played)
    return caught.value.reason, caught.value.told.get("field")


def test_inline_is_collect_and_update_bit_for_bit() -> None:
    chosen = recipe()
    learner = open_learner("p", chosen)
    worker = Worker("w", chosen, seed=chosen.run.seed)
    receipts = list(work(worker, learner, rollouts=3))
    world = open_world(chosen.world, 4, threads=1)
    agent = make_agent(Door.of(world.spec, 1), chosen.net, seed=chosen.run.seed)
    state = make_learner(agent, chosen.ppo, seed=chosen.run.seed)
    lanes = begin(world, agent, seed=chosen.run.seed)
    rollout = empty_rollout(agent, steps=8, lanes=4)
    for number in range(3):
        with autocast(chosen.ppo, torch.device("cpu")):
            collect(lanes, state.agent, rollout, seed=chosen.run.seed, step=number * 8)
        state, metrics = update(state, rollout, config=chosen.ppo)
    assert same(learner.state.agent, state.agent)
    last = receipts[-1]
    assert isinstance(last, Receipt)
    assert (last.version, last.lag, last.corrected, last.step) == (3, 0, False, 96)
    assert last.metrics["losses/value_loss"] == metrics["losses/value_loss"]


def test_two_processes_are_two_inline_workers_joined() -> None:
    chosen = recipe()
    learner, inline = open_learner("p", chosen), open_learner("p", chosen)
    receipts = list(train_processes(learner, workers=2, updates=3))
    half = recipe("run.lanes=2")
    crew = [Worker(str(number), half, seed=worker_seed(chosen.run.seed, number)) for number in range(2)]
    inline.register("crew")
    for _ in range(3):
        weights = inline.weights()
        assert weights is not None
        for worker in crew:
            worker.load(weights)
        inline.push(Played("crew", weights.version, join([worker.play().rollout for worker in crew])))
    assert [receipt.version for receipt in receipts] == [1, 2, 3]
    assert same(learner.state.agent, inline.state.agent)
    assert not same(learner.state.agent, open_learner("p", chosen).state.agent)


def test_a_learner_of_minutes_ends_by_the_clock_and_keeps_its_time_and_its_metrics(tmp_path: Path) -> None:
    chosen = recipe("run.checkpoint_updates=1")
    clock = ManualClock()
    first = open_learner("p", chosen, folder=tmp_path, minutes=2, clock=clock)
    worker = Worker("w", chosen, seed=0)
    outcomes = work(worker, first)
    assert first.progress == 0.0
    for _ in range(2):
        assert isinstance(next(outcomes), Receipt)
        clock.advance(30)
    assert first.progress == 0.5
    first.save()
    again = open_learner("p", chosen, folder=tmp_path, minutes=2, clock=clock)
    assert again.progress == 0.25  # the time of its newest checkpoint, the second's
    outcomes = work(Worker("v", chosen, seed=0), again)
    assert isinstance(next(outcomes), Receipt)
    clock.advance(90)
    assert again.progress == 1.0
    assert list(outcomes) == []
    saved = again.save()
    assert saved is not None and saved.updates == again.version == 3
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(row["global_step"], row["updates"]) for row in rows] == [(32, 1), (64, 2), (96, 3)]
    assert rows[1]["charts/SPS"] == 32 / 30
    assert json.loads((tmp_path / "settings.json").read_text())["run"]["lanes"] == 4


def test_a_process_that_ends_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    crew: list[Any] = []

    def hire(*told: Any) -> Any:
        crew.append(real(*told))
        return crew[-1]

    real = processes._hire
    monkeypatch.setattr(processes, "_hire", hire)
    running = train_processes(open_learner("p", recipe()), workers=1, updates=3)
    next(running)
    crew[0][1].kill()
    crew[0][1].join()
    with pytest.raises(LudusError, match="a worker process ended"):
        next(running)


def test_lanes_that_cannot_be_split_are_refused() -> None:
    with pytest.raises(InputError, match="multiple of the 3 workers"):
        next(train_processes(open_learner("p", recipe()), workers=3, updates=1))
    with pytest.raises(InputError, match="how long to train"):
        next(train_processes(open_learner("p", recipe()), workers=2))


def test_a_stale_rollout_is_corrected_and_one_too_old_is_refused() -> None:
    chosen = recipe()
    learner = open_learner("p", chosen, most_lag=2)
    worker = Worker("w", chosen, seed=0)
    worker.load(learner.register("w").weights)
    first = learner.push(worker.play())
    before = learner.state
    played = worker.play()  # with version 0 still
    corrected = learner.push(played)
    assert (first.corrected, corrected.corrected, corrected.lag) == (False, True, 1)
    assert same(learner.state.agent, update(before, played.rollout, config=chosen.ppo, stale=True)[0].agent)
    assert not same(learner.state.agent, update(before, played.rollout, config=chosen.ppo)[0].agent)
    learner.push(worker.play())
    after = learner.state
    assert reason(learner, worker.play()) == ("stale", "policy_version")
    assert reason(learner, replace(worker.play(), version=4)) == ("future", "policy_version")
    assert learner.state is after
    assert (learner.refused, learner.step) == (2, 96)


def test_a_worker_that_is_too_old_takes_new_weights_and_goes_on() -> None:
    chosen = recipe()
    learner = open_learner("p", chosen, most_lag=0)
    worker, other = Worker("w", chosen, seed=0), Worker("o", chosen, seed=1)
    worker.load(learner.register("w").weights)
    list(work(other, learner, rollouts=1))
    refused, taken = work(worker, learner, rollouts=2)
    assert isinstance(refused, RolloutError) and refused.reason == "stale"
    assert isinstance(taken, Receipt) and (taken.version, taken.lag) == (2, 0)


def test_a_worker_that_comes_again_gets_another_seed_and_an_unknown_one_is_refused() -> None:
    learner = open_learner("p", recipe())
    worker = Worker("w", recipe(), seed=0)
    worker.load(Weights(0, learner.register("other").weights.data))
    assert reason(learner, worker.play()) == ("unregistered", None)
    first, again = learner.register("w"), learner.register("w")
    assert first.seed != again.seed
    assert learner.push(worker.play()).version == 1


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("reward", lambda r: replace(r, reward=torch.full_like(r.reward, torch.nan))),
        ("action", lambda r: replace(r, action=r.action + 2)),
        ("action", lambda r: replace(r, action=r.action + 0.5)),
        ("frames", lambda r: replace(r, frames=r.frames[:-1])),
        ("frames", lambda r: replace(r, frames=r.frames.double())),
        ("log_prob", lambda r: replace(r, log_prob=r.log_prob[..., 0])),
    ],
)
def test_what_no_policy_can_have_played_is_refused(field: str, change: Any) -> None:
    learner = open_learner("p", recipe())
    learner.register("w")
    worker = Worker("w", recipe(), seed=0)
    worker.load(learner.register("w").weights)
    played = worker.play()
    assert reason(learner, replace(played, rollout=change(played.rollout))) == ("invalid", field)
    assert learner.version == 0


def test_a_learner_goes_on_from_its_folder_with_its_version(tmp_path: Path) -> None:
    chosen = recipe("run.steps=96")
    learner = open_learner("p", chosen, folder=tmp_path / "p")
    receipts = list(work(Worker("w", chosen, seed=0), learner))
    assert [isinstance(receipt, Receipt) and receipt.done for receipt in receipts] == [False, False, True]
    again = open_learner("p", recipe("run.steps=960"), folder=tmp_path / "p")
    assert (again.version, again.step) == (3, 96)
    assert same(again.state.agent, learner.state.agent)
    with pytest.raises(InputError, match="other settings"):
        open_learner("p", recipe("run.seed=5"), folder=tmp_path / "p")
    with pytest.raises(InputError, match="holds no lanes"):
        train(chosen, tmp_path / "p")
    assert list(work(Worker("late", chosen, seed=0), learner)) == []  # all is learned


def test_siblings_keep_their_ancestor(tmp_path: Path) -> None:
    parent = open_learner("parent", recipe(), folder=tmp_path / "parent")
    saved = parent.save()
    assert saved is not None
    child = open_learner("child", recipe(), folder=tmp_path / "child", ancestor=tmp_path / "parent")
    kept = child.save()
    assert kept is not None and kept.parent == saved.digest
    assert same(child.state.agent, parent.state.agent)
    assert (tmp_path / "child" / "ancestor" / "checkpoint.json").is_file()


def test_lanes_are_views_and_join_puts_them_together() -> None:
    agent = open_learner("p", recipe()).state.agent
    whole = empty_rollout(agent, steps=2, lanes=4)
    parts = [lanes_of(whole, slice(0, 2)), lanes_of(whole, slice(2, 4))]
    parts[1].reward[:] = 1.0
    assert whole.reward.tolist() == [[0, 0, 1, 1]] * 2
    joined: Rollout = join(parts)
    assert {name: [tensor.dtype, list(tensor.shape)] for name, tensor in joined.tensors().items()} == {
        name: [*told] for name, told in layout(agent, steps=2, lanes=4).items()
    }
    assert torch.equal(joined.reward, whole.reward)
