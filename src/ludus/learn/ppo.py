"""PPO (Schulman et al. 2017) as a pure function from a rollout to new weights; T steps, N lanes, B batch.

What else it does, and where from: the 37 details of Huang et al. 2022; V-trace for rollouts of older weights (Espeholt
et al. 2018); DrQ's random shift (Kostrikov et al. 2021), drawn once for an update and shown to both terms of the ratio.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from ludus.core import rng
from ludus.core.config import Settings
from ludus.core.errors import DivergedError, InputError
from ludus.learn.advantage import Advantages, advantages
from ludus.learn.augment import random_shifts, shift
from ludus.learn.optim import OptimConfig, make_optimizers, scheduled, set_rates
from ludus.learn.rollout import Rollout
from ludus.nets.agent import Agent
from ludus.nets.encoders import lay_out

Precision = Literal["auto", "fp32", "bf16", "fp16"]
Metrics = dict[str, float]


class PpoConfig(Settings):
    """How an update learns."""

    gamma: float = 0.99
    lam: float = 0.95
    epochs: int = 3
    minibatches: int = 4
    clip: float = 0.2
    value_clip: float = 0.0
    """Clip of the value's change, in rewards as learned from; 0 for none: no worse (Andrychowicz et al. 2021)."""
    value_weight: float = 0.5
    entropy: float = 0.01
    """Weight of the entropy of choices and bits."""
    entropy_continuous: float = 0.0
    """Weight of the entropy of Boxes, which has no lower end."""
    normalize_advantage: bool = True
    target_kl: float = 0.0
    """No further epoch once the policy has moved so far, 0 for all of them."""
    reward_scale: float = 1.0
    """What rewards are multiplied by before anything is learned from them."""
    reward_clip: float = 0.0
    """Then clipped to plus or minus this; 0 for not."""
    shift_pad: int = 0
    """DrQ: pictures shift by up to so many pixels; 0 for not."""
    rho_bar: float = 1.0
    c_bar: float = 1.0
    precision: Precision = "auto"
    """Of the encoder: auto is bf16 where the device computes in it, else fp32. Heads and losses are fp32."""
    optim: OptimConfig = OptimConfig()


@dataclass(frozen=True, slots=True, eq=False)
class Learner:
    """Everything that learning changes. `update` never changes one, it gives the next."""

    agent: Agent
    optimizers: tuple[torch.optim.Optimizer, ...]
    scaler: torch.amp.GradScaler
    seed: int
    updates: int = 0


def make_learner(agent: Agent, config: PpoConfig, *, seed: int) -> Learner:
    """Give a learner that has not learned yet."""
    agent = agent.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    device = agent.value.weight.device
    scaler = torch.amp.GradScaler(device.type, enabled=find_precision(config.precision, device) is torch.float16)
    return Learner(agent, make_optimizers(agent, config.optim), scaler, seed)


def find_precision(precision: Precision, device: torch.device) -> torch.dtype:
    """Give the dtype that the encoder computes in. Raises `InputError` on fp16 without CUDA."""
    if precision == "auto":
        bf16 = torch.cuda.is_bf16_supported() if device.type == "cuda" else torch.cpu._is_avx512_bf16_supported()
        return torch.bfloat16 if bf16 else torch.float32
    if precision == "fp16" and device.type != "cuda":
        raise InputError("ppo.precision is 'fp16' on a CPU, expected a CUDA device; take 'auto'.")
    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]


def autocast(config: PpoConfig, device: torch.device) -> AbstractContextManager[None]:
    """Give the context in which the agent thinks, the same when it acts and when it learns."""
    dtype = find_precision(config.precision, device)
    return torch.autocast(device.type, dtype, enabled=dtype is not torch.float32, cache_enabled=True)


def update(
    learner: Learner, rollout: Rollout, *, config: PpoConfig, progress: float = 0.0, stale: bool = False
) -> tuple[Learner, Metrics]:
    """Give the learner after a rollout, and metrics by CleanRL's names; the learner given stays as it was.

    progress: the part of the run that is done, 0 to 1, which the learning rate follows. stale: older weights acted;
    then V-trace corrects, by the net's own values and probabilities. Raises `DivergedError` on NaN or infinities in
    rewards, losses or gradients.
    """
    if not bool(torch.isfinite(rollout.reward).all()):
        t, lane = torch.nonzero(~torch.isfinite(rollout.reward))[0].tolist()
        raise DivergedError(f"the reward of step {t}, lane {lane} is {rollout.reward[t, lane]}, expected a number.")
    agent, optimizers, scaler = copy.deepcopy((learner.agent, learner.optimizers, learner.scaler))
    rate = set_rates(optimizers, config.optim, scheduled(config.optim.schedule, progress))
    rollout, gained = _prepare(agent, rollout, config, learner, stale=stale)
    rows: list[dict[str, Tensor]] = []
    for epoch in range(config.epochs):
        done = len(rows)
        for batch in _minibatches(agent, rollout, gained, config, learner, epoch):
            with autocast(config, rollout.reward.device):
                loss, row = _loss(agent, batch, config)
            row["losses/grad_norm"] = _step(agent, optimizers, scaler, loss, config.optim.max_grad_norm)
            rows.append(row)
        if config.target_kl and _mean(rows[done:], "losses/approx_kl") > config.target_kl:
            break
    metrics = {name: _mean(rows, name) for name in rows[0]}
    if scaler.is_enabled() and not math.isfinite(metrics["losses/grad_norm"]):
        del metrics["losses/grad_norm"]  # the scaler has skipped such a step, and scales less from now on
    wrong = [name for name, value in metrics.items() if not math.isfinite(value)]
    if wrong:
        raise DivergedError(f"{wrong[0]} is {metrics[wrong[0]]} in update {learner.updates}, expected a number.")
    seen = gained.target.var()
    unexplained = (gained.target - rollout.value[:-1]).var()
    metrics["losses/explained_variance"] = float(1 - unexplained / seen) if seen > 0 else 0.0
    metrics["charts/learning_rate"] = rate
    return replace(learner, agent=agent, optimizers=optimizers, scaler=scaler, updates=learner.updates + 1), metrics


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """A minibatch: B samples, or T steps of some lanes for a net with memory, `[T, lanes, ...]`."""

    rollout: Rollout
    gained: Advantages


def _prepare(
    agent: Agent, rollout: Rollout, config: PpoConfig, learner: Learner, *, stale: bool
) -> tuple[Rollout, Advantages]:
    """Give the rollout as it is learned from, shifted and with log-probs of what is shifted, and its advantages."""
    reward = rollout.reward * config.reward_scale
    if config.reward_clip:
        reward = reward.clamp(-config.reward_clip, config.reward_clip)
    ratio = None
    if stale:
        log_prob, value = _rethink(agent, rollout, config)
        ratio = (log_prob - rollout.log_prob).sum(-1).exp()
        rollout = replace(rollout, log_prob=log_prob, value=value)
    gained = advantages(
        reward,
        rollout.value,
        terminated=rollout.terminated,
        truncated=rollout.truncated,
        final_value=rollout.final_value,
        gamma=config.gamma,
        lam=config.lam,
        ratio=ratio,
        rho_bar=config.rho_bar,
        c_bar=config.c_bar,
    )
    if config.shift_pad:
        flat = rollout.frames.flatten(0, 1)
        shifts = random_shifts(learner.seed, learner.updates, len(flat), pad=config.shift_pad).to(flat.device)
        rollout = replace(rollout, frames=shift(flat, shifts, pad=config.shift_pad).view_as(rollout.frames))
        rollout = replace(rollout, log_prob=_rethink(agent, rollout, config)[0])
    return replace(rollout, frames=lay_out(agent.encoder, rollout.frames)), gained


@torch.no_grad()
def _rethink(agent: Agent, rollout: Rollout, config: PpoConfig) -> tuple[Tensor, Tensor]:
    """Give log-probs `[T, N, J]` and values `[T + 1, N]` of a rollout by the net as it is now."""
    allowed = rollout.allowed
    if allowed is not None:
        allowed = torch.cat([allowed, torch.ones_like(allowed[:1])])
    with autocast(config, rollout.reward.device):
        thought = agent.unroll(rollout.frames, rollout.carry, rollout.first, allowed)
    return agent.head.log_prob(thought.logits[:-1], rollout.action), thought.value


def _minibatches(
    agent: Agent, rollout: Rollout, gained: Advantages, config: PpoConfig, learner: Learner, epoch: int
) -> Iterator[_Batch]:
    """Give an epoch's minibatches: of shuffled samples, or of shuffled lanes for a net with memory."""
    by_lane = agent.core is not None
    count = rollout.lanes if by_lane else rollout.steps * rollout.lanes
    if count < config.minibatches:
        raise InputError(f"ppo.minibatches is {config.minibatches}, expected at most {count} here.")
    number = (learner.updates * config.epochs + epoch) * 2**32
    words = rng.bits(learner.seed, "shuffle", number + torch.arange(count).numpy(), words=2)
    order = torch.from_numpy((words[:, 0].astype("uint64") << 32 | words[:, 1]).argsort(kind="stable"))
    tensors = rollout.tensors() | gained._asdict()
    carry = tensors.pop("carry")
    if not by_lane:
        tensors = {name: tensor[: rollout.steps].flatten(0, 1) for name, tensor in tensors.items()}
    for part in order.to(rollout.reward.device).tensor_split(config.minibatches):
        if by_lane:
            chosen = {name: tensor[: rollout.steps, part] for name, tensor in tensors.items()}
        else:
            chosen = {name: _rows(tensor, part) for name, tensor in tensors.items()}
        batch = Advantages(chosen.pop("advantage"), chosen.pop("target"))
        yield _Batch(Rollout(carry=carry[part] if by_lane else carry[:0], **chosen), batch)


def _rows(tensor: Tensor, part: Tensor) -> Tensor:
    """Give some rows of a tensor, laid out as they are; `tensor[part]` is slower, it goes byte by byte."""
    if tensor.ndim == 4 and tensor.is_contiguous(memory_format=torch.channels_last):
        return tensor.permute(0, 2, 3, 1).index_select(0, part).permute(0, 3, 1, 2)
    return tensor.index_select(0, part)


def _loss(agent: Agent, batch: _Batch, config: PpoConfig) -> tuple[Tensor, dict[str, Tensor]]:
    """Give the loss of a minibatch and what to log of it. Forced actions count for the value alone."""
    seen, gained = batch.rollout, batch.gained
    if agent.core:
        thought = agent.unroll(seen.frames, seen.carry, seen.first, seen.allowed)
    else:
        thought = agent(seen.frames, seen.carry, seen.first, seen.allowed)
    own = seen.own.float()
    share = own / own.sum().clamp(min=1)
    advantage = gained.advantage
    if config.normalize_advantage:
        middle = (advantage * share).sum()
        spread = ((advantage - middle).square() * share).sum().sqrt()
        advantage = (advantage - middle) / (spread + 1e-8)
    change = agent.head.log_prob(thought.logits, seen.action) - seen.log_prob
    log_ratio = change.sum(-1)
    ratio = log_ratio.exp()
    policy = torch.max(-advantage * ratio, -advantage * ratio.clamp(1 - config.clip, 1 + config.clip))
    policy_loss = (policy * share).sum()
    value_loss = 0.5 * _value_error(thought.value, seen.value, gained.target, config.value_clip).mean()
    entropy = (agent.head.entropy(thought.logits) * share[..., None]).flatten(0, -2).sum(0)
    continuous = agent.head.continuous.to(entropy.device)
    bonus = torch.where(continuous, config.entropy_continuous, config.entropy) @ entropy
    loss = policy_loss - bonus + config.value_weight * value_loss
    with torch.no_grad():
        row = {
            "losses/policy_loss": policy_loss,
            "losses/value_loss": value_loss,
            "losses/entropy": entropy.sum(),
            "losses/old_approx_kl": (-log_ratio * share).sum(),
            "losses/approx_kl": ((ratio - 1 - log_ratio) * share).sum(),
            "losses/clipfrac": (((ratio - 1).abs() > config.clip).float() * share).sum(),
        }
        if len(agent.head.branches) > 1:
            kl = ((change.exp() - 1 - change) * share[..., None]).flatten(0, -2).sum(0)
            row |= {f"losses/approx_kl_{branch}": part for branch, part in enumerate(kl)}
    return loss, {name: value.detach() for name, value in row.items()}


def _value_error(value: Tensor, old: Tensor, target: Tensor, clip: float) -> Tensor:
    error = (value - target).square()
    if clip:
        error = torch.max(error, (old + (value - old).clamp(-clip, clip) - target).square())
    return error


def _step(
    agent: Agent,
    optimizers: tuple[torch.optim.Optimizer, ...],
    scaler: torch.amp.GradScaler,
    loss: Tensor,
    max_norm: float,
) -> Tensor:
    """Follow the gradient of a loss, and give its norm before it was clipped."""
    agent.zero_grad(set_to_none=True)
    scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
    for optimizer in optimizers:
        scaler.unscale_(optimizer)
    norm = nn.utils.clip_grad_norm_(agent.parameters(), max_norm or float("inf"))
    for optimizer in optimizers:
        scaler.step(optimizer)
    scaler.update()
    return norm


def _mean(rows: list[dict[str, Tensor]], name: str) -> float:
    return float(torch.stack([row[name] for row in rows]).mean())
