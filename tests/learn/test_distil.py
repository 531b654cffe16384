from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from gymnasium import spaces
from torch import Tensor
from torch.distributions import Bernoulli, Categorical, Normal, kl_divergence

from ludus.core.errors import DivergedError
from ludus.learn.distil import DistilConfig, Lesson, distil, divergence
from ludus.learn.optim import OptimConfig
from ludus.learn.ppo import Learner, PpoConfig, make_learner
from ludus.learn.rollout import Rollout, empty_rollout
from ludus.nets.actions import ActionHead
from ludus.nets.agent import Agent, Door, make_agent
from ludus.nets.encoders import NetConfig

TREE = spaces.Tuple((spaces.Discrete(3), spaces.MultiBinary(2), spaces.Box(-1, 1, (2,))))
CONFIG = DistilConfig(optim=OptimConfig(lr=3e-3, schedule="constant"))


def test_divergence_is_that_of_torchs_distributions() -> None:
    generator = torch.Generator().manual_seed(0)
    teacher, student = ActionHead(TREE, 4), ActionHead(TREE, 4)
    with torch.no_grad():
        teacher.log_scale.copy_(torch.tensor([0.3, -0.7]))
        student.log_scale.copy_(torch.tensor([-0.2, 0.1]))
    p, q = (torch.randn(5, 7, generator=generator) for _ in range(2))
    expected = [
        kl_divergence(Categorical(logits=p[:, :3]), Categorical(logits=q[:, :3])),
        kl_divergence(Bernoulli(logits=p[:, 3:5]), Bernoulli(logits=q[:, 3:5])).sum(-1),
        kl_divergence(_normal(teacher, p), _normal(student, q)).sum(-1),
    ]
    torch.testing.assert_close(divergence(teacher, p, student, q), torch.stack(expected, -1))


def _normal(head: ActionHead, logits: Tensor) -> Normal:
    return Normal(logits[:, 5:], head.log_scale.detach().exp())


def _agent(seed: int, **net: Any) -> Agent:
    agent = make_agent(Door((1, 3), 255, spaces.Discrete(4)), NetConfig(kind="mlp", **net), seed=seed)
    with torch.no_grad():
        agent.head.layer.weight.mul_(200)  # of an opinion
    return agent


def _lesson(teacher: Agent, seed: int, lanes: int = 8) -> Lesson:
    generator = torch.Generator().manual_seed(seed)
    rollout = empty_rollout(teacher, steps=16, lanes=lanes)
    rollout.frames.normal_(generator=generator)
    rollout.first[0] = True
    return Lesson(rollout, teacher)


def _learner(seed: int, **net: Any) -> Learner:
    return make_learner(_agent(seed, **net), PpoConfig(optim=CONFIG.optim, precision="fp32"), seed=0)


@pytest.mark.parametrize("net", [{}, {"core": "gru"}])
def test_a_student_comes_close_to_its_teacher_where_it_has_not_been(net: dict[str, Any]) -> None:
    teacher, learner = _agent(1, **net), _learner(2, **net)
    unseen = _lesson(teacher, 999)
    _, before = distil(learner, [unseen], config=CONFIG)
    for number in range(60):
        learner, _ = distil(learner, [_lesson(teacher, number)], config=CONFIG)
    _, after = distil(learner, [unseen], config=CONFIG)
    assert after < before / 4


def test_two_teachers_at_odds_are_met_halfway() -> None:
    left, right = _agent(1), _agent(1)
    with torch.no_grad():
        for agent, choice in ((left, 0), (right, 3)):
            agent.head.layer.weight.zero_()
            agent.head.layer.bias[choice] = 20.0
    learner = _learner(2)
    for number in range(80):
        learner, _ = distil(learner, [_lesson(left, number), _lesson(right, number)], config=CONFIG)
    thought = learner.agent(_lesson(left, 0).rollout.frames[0], torch.zeros(8, 0), torch.zeros(8, dtype=torch.bool))
    chances = thought.logits.softmax(-1).mean(0)
    assert chances.tolist() == pytest.approx([0.5, 0.0, 0.0, 0.5], abs=0.12)


def test_nothing_that_was_given_changes_and_the_critic_learns_nothing() -> None:
    teacher, learner = _agent(1), _learner(2)
    were = copy.deepcopy((teacher.state_dict(), learner.agent.state_dict()))
    taught, _ = distil(learner, [_lesson(teacher, 0)], config=CONFIG)
    torch.testing.assert_close((teacher.state_dict(), learner.agent.state_dict()), were, rtol=0, atol=0)
    now = taught.agent.state_dict()
    moved = {name.partition(".")[0] for name, tensor in now.items() if not torch.equal(tensor, were[1][name])}
    assert moved == {"encoder", "head"}
    assert taught.updates == 1


def test_a_lesson_that_is_not_finite_is_told() -> None:
    lesson = _lesson(_agent(1), 0)
    rollout: Rollout = replace(lesson.rollout, frames=torch.full_like(lesson.rollout.frames, torch.nan))
    with pytest.raises(DivergedError, match="update 1 of the student"):
        distil(_learner(2), [Lesson(rollout, lesson.teacher)], config=CONFIG)
