"""Policy distillation: one student learns to act as several teachers do. T steps, N lanes, J branches, L logits.

Rusu et al. 2015, "Policy Distillation": the student comes as close as it can, by Kullback-Leibler, to what a teacher
would do; also where the student itself has played (DAgger, Ross et al. 2011). It is the baseline that a merge has to
be seen beside. Teachers that want unlike things of the same picture are met halfway.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ludus.core.config import Settings
from ludus.core.errors import DivergedError
from ludus.learn.optim import OptimConfig, scheduled, set_rates
from ludus.learn.ppo import Learner
from ludus.learn.rollout import Rollout
from ludus.nets.actions import ActionHead
from ludus.nets.agent import Agent


class DistilConfig(Settings):
    """How a student learns from rollouts."""

    epochs: int = Field(2, ge=1)
    minibatches: int = Field(4, ge=1)
    """Parts of the lanes of each rollout."""
    optim: OptimConfig = OptimConfig(lr=1e-3)


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What lanes showed, and who knows what to do there."""

    rollout: Rollout
    teacher: Agent


def distil(
    learner: Learner, lessons: Sequence[Lesson], *, config: DistilConfig, progress: float = 0.0
) -> tuple[Learner, float]:
    """Give the learner after some lessons, and its mean divergence in nats; the learner given stays as it was.

    progress: the part of the lessons that is done, 0 to 1, which the learning rate follows. The critic learns nothing.
    A student with memory begins each rollout with that of whoever played. Raises `DivergedError` on NaN.
    """
    agent, optimizers = copy.deepcopy((learner.agent, learner.optimizers))
    set_rates(optimizers, config.optim, scheduled(config.optim.schedule, progress))
    taught = [_think(lesson.teacher, lesson.rollout).detach() for lesson in lessons]
    losses = []
    for _ in range(config.epochs):
        for lesson, logits in zip(lessons, taught, strict=True):
            count = min(config.minibatches, lesson.rollout.lanes)
            for lanes in torch.arange(lesson.rollout.lanes).tensor_split(count):
                said = _think(agent, lesson.rollout, lanes)
                nats = divergence(lesson.teacher.head, logits[:, lanes], agent.head, said).sum(-1).mean()
                losses.append(float(nats.detach()))
                agent.zero_grad(set_to_none=True)
                nats.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(agent.parameters(), config.optim.max_grad_norm or float("inf"))
                for optimizer in optimizers:
                    optimizer.step()
    mean = sum(losses) / len(losses)
    if mean != mean:
        raise DivergedError(f"update {learner.updates + 1} of the student met NaN; take a smaller learning rate.")
    return replace(learner, agent=agent, optimizers=optimizers, updates=learner.updates + 1), mean


def divergence(teacher: ActionHead, taught: Tensor, student: ActionHead, said: Tensor) -> Tensor:
    """Give the Kullback-Leibler divergences from teacher to student, in nats, branch by branch: `float32[..., J]`."""
    found = []
    for branch in teacher.branches:
        p, q = taught[..., branch.logit], said[..., branch.logit]
        if branch.kind == "choice":
            log_p, log_q = functional.log_softmax(p, -1), functional.log_softmax(q, -1)
            found.append((log_p.exp() * (log_p - log_q)).sum(-1))
        elif branch.kind == "bits":
            chance = p.sigmoid()
            yes = chance * (functional.logsigmoid(p) - functional.logsigmoid(q))
            found.append((yes + (1 - chance) * (functional.logsigmoid(-p) - functional.logsigmoid(-q))).sum(-1))
        else:
            wide, narrow = teacher.log_scale[branch.scale].detach(), student.log_scale[branch.scale]
            square = (2 * wide).exp() + (p - q).square()
            found.append((narrow - wide + square / (2 * (2 * narrow).exp()) - 0.5).sum(-1))
    return torch.stack(found, -1)


def _think(agent: Agent, rollout: Rollout, lanes: Tensor | None = None) -> Tensor:
    """Give logits `float32[T, N, L]` of a net for the frames that were acted on."""
    lanes = torch.arange(rollout.lanes) if lanes is None else lanes
    allowed = None if rollout.allowed is None else rollout.allowed[:, lanes]
    frames, first = rollout.frames[:-1, lanes], rollout.first[:-1, lanes]
    return agent.unroll(frames, rollout.carry[lanes], first, allowed).logits
