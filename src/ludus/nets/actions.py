"""Distributions over a tree of `gymnasium.spaces`, as one row of numbers.

A tree of Discrete, MultiDiscrete, MultiBinary and Box, in Tuples and Dicts, is flattened into branches in Gymnasium's
own order. A joint action is `float32[..., P]`, one number a part; integers up to 2^24 are exact in it. B batch, J
branches, L logits, P parts.

| space | branches | parts of each | logits of each |
|---|---|---|---|
| Discrete(n) | 1 | the choice, from 0 | n, masked by choices |
| MultiDiscrete | 1 for each of its numbers | the choice, from 0 | n each, masked by choices |
| MultiBinary(n) | 1 | n bits | n, a masked bit stays off |
| Box of floats | 1 | its values, not clipped | its means; the deviations are free parameters |
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from gymnasium import spaces
from torch import Tensor, nn
from torch.nn import functional

from ludus.core.errors import InputError

FORBIDDEN = -1e9
"""The logit of what a mask forbids: never chosen, and without the NaN that -inf gives where all is forbidden."""
POLICY_GAIN = 0.01


@dataclass(frozen=True, slots=True)
class Branch:
    """One independent part of a joint action."""

    kind: Literal["choice", "bits", "normal"]
    part: slice
    """Where it lies in `[..., P]`."""
    logit: slice
    """Where it lies in `[..., L]`."""
    scale: slice
    """Where its deviations lie among all deviations; empty but for a normal branch."""


class ActionHead(nn.Module):
    """Features `[B, F]` to logits `[B, L]`, and what logits mean: samples, log-probs, entropies, all `float32`."""

    def __init__(self, space: spaces.Space[Any], features: int) -> None:
        super().__init__()
        self.space = space
        self.branches = _branches(space)
        self.parts, self.logits = self.branches[-1].part.stop, self.branches[-1].logit.stop
        self.layer = nn.Linear(features, self.logits)
        nn.init.orthogonal_(self.layer.weight, POLICY_GAIN)
        nn.init.zeros_(self.layer.bias)
        self.log_scale = nn.Parameter(torch.zeros(self.branches[-1].scale.stop))

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """Give logits `float32[B, L]`; `mask` `bool[B, L]` is False where an action is forbidden."""
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = self.layer(features.float())
        if mask is None:
            return logits
        free = torch.ones_like(mask)
        for branch in self.branches:
            if branch.kind != "normal":
                free[..., branch.logit] = mask[..., branch.logit]
        return torch.where(free, logits, FORBIDDEN)

    def sample(self, logits: Tensor, uniform: Tensor) -> Tensor:
        """Give actions `float32[B, P]` drawn by inverse CDF from numbers `[B, P]` in (0, 1), so without a generator."""
        drawn = []
        for branch in self.branches:
            row, chance = logits[..., branch.logit], uniform[..., branch.part]
            if branch.kind == "choice":
                reached = functional.softmax(row, -1).cumsum(-1)
                # A sum may end just below 1: the last choice that is possible is taken then.
                chance = torch.minimum(chance.to(row.dtype), reached[..., -1:] * (1 - 2**-20))
                drawn.append((reached <= chance).sum(-1, keepdim=True).float())
            elif branch.kind == "bits":
                drawn.append((chance < torch.sigmoid(row)).float())
            else:
                drawn.append(row + self.log_scale[branch.scale].exp() * torch.special.ndtri(chance).float())
        return torch.cat(drawn, -1)

    def mode(self, logits: Tensor) -> Tensor:
        """Give the likeliest actions `float32[B, P]`."""
        best = []
        for branch in self.branches:
            row = logits[..., branch.logit]
            if branch.kind == "choice":
                best.append(row.argmax(-1, keepdim=True).float())
            else:
                best.append((row > 0).float() if branch.kind == "bits" else row)
        return torch.cat(best, -1)

    def log_prob(self, logits: Tensor, actions: Tensor) -> Tensor:
        """Give the log-probs of actions, branch by branch: `float32[B, J]`; their sum is the joint action's."""
        found = []
        for branch in self.branches:
            row, action = logits[..., branch.logit], actions[..., branch.part]
            if branch.kind == "choice":
                found.append(functional.log_softmax(row, -1).gather(-1, action.long()).squeeze(-1))
            elif branch.kind == "bits":
                found.append(-functional.binary_cross_entropy_with_logits(row, action, reduction="none").sum(-1))
            else:
                scale = self.log_scale[branch.scale]
                z = (action - row) * torch.exp(-scale)
                found.append((-0.5 * z.square() - scale - 0.5 * math.log(2 * math.pi)).sum(-1))
        return torch.stack(found, -1)

    def entropy(self, logits: Tensor) -> Tensor:
        """Give the entropies, branch by branch: `float32[B, J]`, in nats."""
        found = []
        for branch in self.branches:
            row = logits[..., branch.logit]
            if branch.kind == "choice":
                log_p = functional.log_softmax(row, -1)
                found.append(-(log_p.exp() * log_p).sum(-1))
            elif branch.kind == "bits":
                found.append(functional.binary_cross_entropy_with_logits(row, row.sigmoid(), reduction="none").sum(-1))
            else:
                scale = self.log_scale[branch.scale]
                found.append((scale + 0.5 * math.log(2 * math.pi * math.e)).sum().expand(row.shape[:-1]))
        return torch.stack(found, -1)

    @property
    def continuous(self) -> Tensor:
        """`bool[J]`: the branch is a Box."""
        return torch.tensor([branch.kind == "normal" for branch in self.branches])

    def to_world(self, actions: npt.NDArray[np.float32]) -> Any:
        """Give actions `[N, P]` as the space has them: `[N, *shape]` of its dtype, or a tuple or dict of such.

        Values of a Box are clipped to its bounds here, and only here: log-probs are those of what was drawn.
        """
        return _to_world(self.space, iter(self.branches), actions)


def _branches(space: spaces.Space[Any]) -> tuple[Branch, ...]:
    """Give the branches of a tree, in order. Raises `InputError` on a space that is none of the four."""
    found: list[Branch] = []
    part = logit = scale = 0
    for leaf in _leaves(space):
        for kind, parts, logits, scales in _sizes(leaf):
            found.append(
                Branch(kind, slice(part, part + parts), slice(logit, logit + logits), slice(scale, scale + scales))
            )
            part, logit, scale = part + parts, logit + logits, scale + scales
    if not found:
        raise InputError(f"the action space {space} has no parts, expected at least one.")
    return tuple(found)


def _leaves(space: spaces.Space[Any]) -> list[spaces.Space[Any]]:
    if isinstance(space, spaces.Tuple | spaces.Dict):
        inner = space.spaces.values() if isinstance(space.spaces, Mapping) else space.spaces
        return [leaf for below in inner for leaf in _leaves(below)]
    return [space]


def _sizes(leaf: spaces.Space[Any]) -> list[tuple[Literal["choice", "bits", "normal"], int, int, int]]:
    """Give kind, parts, logits and deviations of each branch of a leaf."""
    match leaf:
        case spaces.Discrete():
            return [("choice", 1, int(leaf.n), 0)]
        case spaces.MultiDiscrete():
            return [("choice", 1, int(count), 0) for count in leaf.nvec.ravel()]
        case spaces.MultiBinary():
            count = int(np.prod(leaf.shape))
            return [("bits", count, count, 0)]
        case spaces.Box() if np.dtype(leaf.dtype).kind == "f":
            count = int(np.prod(leaf.shape))
            return [("normal", count, count, count)]
    raise InputError(f"an action space is {leaf}, expected Discrete, MultiDiscrete, MultiBinary or a Box of floats.")


def _to_world(space: spaces.Space[Any], branches: Any, actions: npt.NDArray[np.float32]) -> Any:
    if isinstance(space, spaces.Tuple):
        return tuple(_to_world(below, branches, actions) for below in space.spaces)
    if isinstance(space, spaces.Dict):
        return {name: _to_world(below, branches, actions) for name, below in space.spaces.items()}
    count = int(np.prod(space.shape or ())) if isinstance(space, spaces.MultiDiscrete) else 1
    part = np.concatenate([actions[:, next(branches).part] for _ in range(count)], 1)
    shaped = part.reshape(len(actions), *(space.shape or ()))
    if isinstance(space, spaces.Box):
        return np.clip(shaped, space.low, space.high).astype(space.dtype)
    low = space.start if isinstance(space, spaces.Discrete | spaces.MultiDiscrete) else 0
    return shaped.astype(np.int64 if space.dtype is None else space.dtype) + low
