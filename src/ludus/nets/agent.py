"""Actor and critic in one net: encoder, optional memory, action head, value head. T steps, B lanes or samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from gymnasium import spaces
from torch import Tensor, nn

from ludus.core.errors import InputError
from ludus.core.protocols import WorldSpec
from ludus.nets.actions import ActionHead
from ludus.nets.encoders import NetConfig, derive, make_encoder
from ludus.nets.layers import orthogonal


@dataclass(frozen=True, slots=True)
class Door:
    """What goes into a net and comes out, known before there are weights."""

    stacked: tuple[int, ...]
    """`(K, *frame_shape)` of one lane's frames."""
    levels: int
    """The greatest value of a pixel."""
    actions: spaces.Space[Any]

    @classmethod
    def of(cls, spec: WorldSpec, stack: int) -> Door:
        """Give the door of a World. Raises `InputError` on one whose frames pack several pixels in a byte."""
        if spec.frame_shape == (72, 20):
            raise InputError("the view is 'packed', four pixels in a byte, which nets cannot read; take 'half'.")
        levels = 255 if spec.shades is None else len(spec.shades) - 1
        return cls((stack, *spec.frame_shape), levels, spec.action_space)


class Thought(NamedTuple):
    """What a net makes of frames."""

    logits: Tensor
    """`float32[B, L]`."""
    value: Tensor
    """`float32[B]`."""
    carry: Tensor
    """`float32[B, C]`, C 0 without memory; of the last step."""


class Agent(nn.Module):
    """Frames to logits and values. Weights begin as the global generator has them; `make_agent` seeds it."""

    def __init__(self, door: Door, config: NetConfig) -> None:
        super().__init__()
        self.door, self.config = door, config
        hidden = derive(config).hidden
        self.encoder = make_encoder(config, door.stacked, door.levels)
        self.core = nn.GRUCell(hidden, hidden) if config.core == "gru" else None
        self.critic = (
            make_encoder(config, door.stacked, door.levels) if config.kind == "mlp" and not self.core else None
        )
        self.head = ActionHead(door.actions, hidden)
        self.value = orthogonal(nn.Linear(hidden, 1), 1.0)
        if self.core:
            for name, weights in self.core.named_parameters():
                nn.init.zeros_(weights) if name.startswith("bias") else nn.init.orthogonal_(weights, 1.0)

    @property
    def carry_size(self) -> int:
        """C."""
        return self.core.hidden_size if self.core else 0

    def first_carry(self, lanes: int) -> Tensor:
        """Give the carry `[lanes, C]` with which episodes begin."""
        return torch.zeros(lanes, self.carry_size, device=self.value.weight.device)

    def forward(self, frames: Tensor, carry: Tensor, first: Tensor, mask: Tensor | None = None) -> Thought:
        """Give the thought of one step: frames `[B, *stacked]`, `first` `bool[B]` where an episode begins."""
        features = self.encoder(frames)
        if self.core:
            features = carry = self._remember(features, carry, first)
        return self._decide(frames, features, carry, mask)

    def unroll(self, frames: Tensor, carry: Tensor, first: Tensor, mask: Tensor | None = None) -> Thought:
        """Give the thoughts of T steps in a row, `[T, B, ...]` in and out, from the carry before them.

        The memory is cleared wherever an episode begins, as it was when the lanes played.
        """
        steps, lanes = frames.shape[:2]
        flat = frames.flatten(0, 1)
        features = self.encoder(flat)
        if self.core:
            rows = []
            for row, begins in zip(features.view(steps, lanes, -1), first, strict=True):
                carry = self._remember(row, carry, begins)
                rows.append(carry)
            features = torch.cat(rows)
        thought = self._decide(flat, features, carry, None if mask is None else mask.flatten(0, 1))
        return Thought(thought.logits.view(steps, lanes, -1), thought.value.view(steps, lanes), carry)

    def _remember(self, features: Tensor, carry: Tensor, first: Tensor) -> Tensor:
        assert self.core is not None
        with torch.autocast(features.device.type, enabled=False):
            remembered: Tensor = self.core(features.float(), torch.where(first[:, None], 0.0, carry))
        return remembered

    def _decide(self, frames: Tensor, features: Tensor, carry: Tensor, mask: Tensor | None) -> Thought:
        judged = self.critic(frames) if self.critic else features
        with torch.autocast(features.device.type, enabled=False):
            value = self.value(judged.float()).squeeze(-1)
        return Thought(self.head(features, mask), value, carry)


def make_agent(door: Door, config: NetConfig, *, seed: int) -> Agent:
    """Give a new net whose weights follow from the seed; the global generator stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Agent(door, config)
