from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from ludus.core.types import Step
from ludus.learn.ppo import PpoConfig, make_learner
from ludus.learn.rollout import Rollout, empty_rollout
from ludus.nets.agent import Agent, Door, make_agent
from ludus.nets.encoders import NetConfig
from ludus.run.collect import Lanes, begin, collect
from tests.walk_world import MAX_TICKS, WalkWorld

LANES, STEPS = 6, 40
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _agent(**net: object) -> Agent:
    door = Door.of(WalkWorld(1).spec, 2)
    agent = make_agent(door, NetConfig.model_validate({"size": 0.25} | net), seed=0)
    return make_learner(agent, PpoConfig(precision="fp32"), seed=0).agent


def _play(agent: Agent, lanes: int = LANES) -> tuple[Lanes, Rollout]:
    playing = begin(WalkWorld(lanes), agent, seed=1)
    rollout = empty_rollout(agent, steps=STEPS, lanes=lanes)
    collect(playing, agent, rollout, seed=1, step=0)
    return playing, rollout


def test_log_probs_and_values_are_those_of_the_net_that_acted() -> None:
    for core in ("none", "gru"):
        agent = _agent(core=core)
        _, rollout = _play(agent)
        with torch.no_grad():
            thought = agent.unroll(rollout.frames, rollout.carry, rollout.first)
        torch.testing.assert_close(rollout.value, thought.value)
        torch.testing.assert_close(rollout.log_prob, agent.head.log_prob(thought.logits[:-1], rollout.action))


def test_the_stack_holds_the_frame_before_and_twice_the_first_where_an_episode_begins() -> None:
    _, rollout = _play(_agent())
    first = rollout.first
    assert first[0].all() and first[1:].any()
    newest, older = rollout.frames[:, :, 1], rollout.frames[:, :, 0]
    assert torch.equal(older[first], newest[first])
    assert torch.equal(older[1:][~first[1:]], newest[:-1][~first[1:]])
    assert torch.equal(first[1:], rollout.terminated | rollout.truncated)


def test_truncated_lanes_go_on_from_their_last_frame_alone() -> None:
    agent = _agent()
    with torch.no_grad():
        agent.head.layer.bias[0] = 9.0  # always stays, so time is up now and then
    playing, rollout = _play(agent)
    cut = rollout.truncated
    assert cut.any() and not (cut & rollout.terminated).any() and int(cut.nonzero()[0, 0]) == MAX_TICKS - 1
    assert torch.equal(rollout.final_value != 0, cut)
    t, lane = cut.nonzero()[0].tolist()
    world = WalkWorld(LANES)
    again = begin(world, agent, seed=1)
    shown: list[Step] = [world.step(rollout.action[i, :, 0].long().numpy()) for i in range(t + 1)]
    stacked = np.stack([shown[-2].frames[lane], shown[-1].frames[lane]])[None]
    with torch.no_grad():
        seen = agent(torch.from_numpy(stacked), agent.first_carry(1), torch.zeros(1, dtype=torch.bool))
    torch.testing.assert_close(rollout.final_value[t, lane], seen.value[0])
    assert again.lengths.sum() == 0 and playing.lengths.max() <= MAX_TICKS


def test_rollouts_go_on_where_the_last_one_ended() -> None:
    agent = _agent()
    playing, rollout = _play(agent)
    last, first = rollout.frames[-1].clone(), rollout.first[-1].clone()
    collect(playing, agent, rollout, seed=1, step=STEPS)
    assert torch.equal(rollout.frames[0], last) and torch.equal(rollout.first[0], first)


def test_lanes_come_back_from_arrays_and_play_on_alike() -> None:
    agent = _agent(core="gru")
    playing, rollout = _play(agent)
    again = Lanes.load(WalkWorld(LANES), {name: array.copy() for name, array in playing.save().items()})
    one = collect(playing, agent, rollout, seed=1, step=STEPS)
    actions = rollout.action.clone()
    other = collect(again, agent, rollout, seed=1, step=STEPS)
    assert one == other and torch.equal(actions, rollout.action)


def test_episodes_are_told_with_their_returns_and_lengths() -> None:
    agent = _agent()
    playing = begin(WalkWorld(LANES), agent, seed=1)
    rollout = empty_rollout(agent, steps=STEPS, lanes=LANES)
    ended = collect(playing, agent, rollout, seed=1, step=0)
    assert len(ended) == int((rollout.terminated | rollout.truncated).sum())
    assert sum(episode.length for episode in ended) + playing.lengths.sum() == STEPS * LANES
    total = sum(episode.reward for episode in ended) + playing.returns.sum()
    assert total == float(rollout.reward.sum())
