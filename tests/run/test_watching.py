"""Those who read along with a worker see all that it plays, and change nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ludus.run.games import open_world
from ludus.run.learner import open_learner
from ludus.run.loop import Turn
from ludus.run.recipe import Recipe, read_recipe
from ludus.run.watching import Turns
from ludus.run.worker import Worker
from tests.run.family import one_thread as one_thread


def _recipe() -> Recipe:
    flags = ["run.lanes=3", "run.horizon=64", "run.steps=0", "world.max_steps=40", "net.size=0.25"]
    return read_recipe("potyard", None, [f"--{flag}" for flag in flags])


@pytest.mark.usefixtures("one_thread")
def test_who_watches_sees_all_that_is_played_and_changes_nothing() -> None:
    recipe = _recipe()
    learner = open_learner("p", recipe)
    world = open_world(recipe.world, 3, threads=1)
    turns: list[Turn] = []
    watch = Turns(world, turns.append, scenario="w", seed=5, run="p", instance="i")
    watched, alone = Worker("w", recipe, seed=7, world=world, watch=watch), Worker("v", recipe, seed=7)
    for worker in (watched, alone):
        worker.load(learner.register(worker.name).weights)
    one, other = watched.play(), alone.play()
    for name, tensor in one.rollout.tensors().items():
        assert torch.equal(tensor, other.rollout.tensors()[name]), name
    assert one.returns == other.returns

    resets, steps = [turn for turn in turns if turn.began], [turn for turn in turns if turn.moved is not None]
    assert len(resets) + len(steps) == len(turns) and len(steps) == 64
    began = [opening.id for turn in resets for _, opening in turn.began]
    assert began == [f"w__5__{index}" for index in range(len(began))] and len(began) == 6
    assert np.array_equal(np.stack([turn.step.reward for turn in steps]), one.rollout.reward.numpy())
    newest = np.stack([turn.step.frames for turn in steps[:39]])
    assert np.array_equal(newest, one.rollout.frames[1:40, :, -1].numpy())
    assert not turns[0].step.frames.flags.writeable
    assert sum(len(turn.ended) for turn in turns) == 3
    events = [event for turn in turns for event in turn.events]
    assert events and {(event.run, event.instance) for event in events} == {("p", "i")}
    for name in {event.episode for event in events}:
        told = [event.seq for event in events if event.episode == name]
        assert name in began and told == [*range(len(told))]
    assert alone._world.events() == (), "what nobody reads does not pile up"
    watched.close()
    alone.close()
