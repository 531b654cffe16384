"""What N lanes did in T steps, as a learner needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor

from ludus.nets.agent import Agent


@dataclass(frozen=True, slots=True, eq=False)
class Rollout:
    """T steps of N lanes, in tensors that are made once and filled again and again."""

    frames: Tensor
    """`[T + 1, N, K, ...]`, uint8 for pictures; the last is what the lanes show after the rollout."""
    first: Tensor
    """`bool[T + 1, N]`: the frame begins an episode."""
    action: Tensor
    """`float32[T, N, P]`, as executed."""
    log_prob: Tensor
    """`float32[T, N, J]`, of the executed action under the policy that acted."""
    own: Tensor
    """`bool[T, N]`: the policy chose the action; one that was forced from outside teaches the critic only."""
    reward: Tensor
    """`float32[T, N]`."""
    terminated: Tensor
    truncated: Tensor
    """`bool[T, N]` both: the step ended the episode."""
    value: Tensor
    """`float32[T + 1, N]`, of the frames, by the net that acted."""
    final_value: Tensor
    """`float32[T, N]`, of the last frame of an episode that was truncated; 0 elsewhere."""
    carry: Tensor
    """`float32[N, C]`, the memory before frame 0."""
    allowed: Tensor | None = None
    """`bool[T, N, L]`, False where an action was forbidden; None where nothing ever is."""

    @property
    def steps(self) -> int:
        """T."""
        return len(self.reward)

    @property
    def lanes(self) -> int:
        """N."""
        return self.reward.shape[1]

    def tensors(self) -> dict[str, Tensor]:
        """Give all tensors by name."""
        named = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: tensor for name, tensor in named if tensor is not None}


def lanes_of(rollout: Rollout, lanes: slice) -> Rollout:
    """Give a rollout of some lanes, whose tensors are views: what is written there is written here."""
    told = rollout.tensors()
    carry = told.pop("carry")[lanes]
    return Rollout(carry=carry, **{name: tensor[:, lanes] for name, tensor in told.items()})


def join(rollouts: Sequence[Rollout]) -> Rollout:
    """Give one rollout of the lanes of several, in their order; all have the same steps."""
    told = [rollout.tensors() for rollout in rollouts]
    parts = {name: [one[name] for one in told] for name in told[0]}
    carry = torch.cat(parts.pop("carry"))
    return Rollout(carry=carry, **{name: torch.cat(part, 1) for name, part in parts.items()})


def layout(agent: Agent, *, steps: int, lanes: int, masked: bool = False) -> dict[str, tuple[torch.dtype, list[int]]]:
    """Give the dtype and the shape of each tensor of an agent's rollouts, without making them."""
    found = {}
    for name, like in empty_rollout(agent, steps=1, lanes=1, masked=masked).tensors().items():
        rest = list(like.shape)
        shape = [lanes, *rest[1:]] if name == "carry" else [steps + rest[0] - 1, lanes, *rest[2:]]
        found[name] = (like.dtype, shape)
    return found


def empty_rollout(agent: Agent, *, steps: int, lanes: int, masked: bool = False) -> Rollout:
    """Give a rollout to be filled, on the agent's device; every action counts as the policy's own until said."""
    door, head = agent.door, agent.head
    device = agent.value.weight.device
    pictures = len(door.stacked) > 2

    def zeros(*shape: int, dtype: torch.dtype = torch.float32) -> Any:
        return torch.zeros(shape, dtype=dtype, device=device)

    return Rollout(
        frames=zeros(steps + 1, lanes, *door.stacked, dtype=torch.uint8 if pictures else torch.float32),
        first=zeros(steps + 1, lanes, dtype=torch.bool),
        action=zeros(steps, lanes, head.parts),
        log_prob=zeros(steps, lanes, len(head.branches)),
        own=torch.ones(steps, lanes, dtype=torch.bool, device=device),
        reward=zeros(steps, lanes),
        terminated=zeros(steps, lanes, dtype=torch.bool),
        truncated=zeros(steps, lanes, dtype=torch.bool),
        value=zeros(steps + 1, lanes),
        final_value=zeros(steps, lanes),
        carry=agent.first_carry(lanes),
        allowed=torch.ones(steps, lanes, head.logits, dtype=torch.bool, device=device) if masked else None,
    )
