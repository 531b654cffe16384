"""The one advantage function: GAE, its ratios clipped as V-trace clips them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Advantages(NamedTuple):
    """What was better than expected, and what to expect next time: both `float32[T, N]`."""

    advantage: Tensor
    target: Tensor


def advantages(
    reward: Tensor,
    value: Tensor,
    *,
    terminated: Tensor,
    truncated: Tensor,
    final_value: Tensor,
    gamma: float,
    lam: float,
    ratio: Tensor | None = None,
    rho_bar: float = 1.0,
    c_bar: float = 1.0,
) -> Advantages:
    """Give advantages of a rollout; on-policy (no ratio) it is GAE (Schulman et al. 2016) to the bit.

    reward, terminated, truncated: `[T, N]`, of the step taken from frame t. value: `[T + 1, N]`, of the frames; where
    an episode ended at t, `value[t + 1]` is of the next one's first frame and not used. final_value: `[T, N]`, of the
    last frame of episodes that were truncated at t, from which those bootstrap; elsewhere not used. ratio: `[T, N]`,
    pi(action) / mu(action), of the policy that learns to the one that acted, clipped at `rho_bar` in the errors and at
    `c_bar` in the traces: `delta_t = min(rho, rho_bar) (r_t + gamma v_{t+1} - v_t)`,
    `A_t = delta_t + gamma lam min(c, c_bar) A_{t+1}` (PufferLib's form of V-trace, Espeholt et al. 2018).
    """
    steps = len(reward)
    assert value.shape == (steps + 1, *reward.shape[1:]), (value.shape, reward.shape)
    following = torch.where(truncated, final_value, value[1:])
    following = torch.where(terminated, 0.0, following)
    goes_on = (~(terminated | truncated)).to(reward.dtype) * (gamma * lam)
    delta = reward + gamma * following - value[:-1]
    if ratio is not None:
        delta = ratio.clamp(max=rho_bar) * delta
        goes_on = ratio.clamp(max=c_bar) * goes_on
    found = torch.empty_like(delta)
    running = torch.zeros_like(delta[0])
    for t in reversed(range(steps)):
        running = delta[t] + goes_on[t] * running
        found[t] = running
    return Advantages(found, found + value[:-1])
