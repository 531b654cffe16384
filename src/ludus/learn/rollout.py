"""What N lanes did in T steps, as a learner needs it."""

from __future__ import annotations

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
