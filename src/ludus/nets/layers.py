"""Layers that begin as PPO likes them: orthogonal weights, zero biases (Huang et al. 2022, detail 2)."""

from __future__ import annotations

import math
from typing import TypeVar

import torch
from torch import nn

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)

RELU_GAIN = math.sqrt(2)
TANH_GAIN = 5 / 3


def orthogonal(layer: Layer, gain: float = RELU_GAIN) -> Layer:
    """Give the layer with orthogonal weights of this gain and zero biases."""
    nn.init.orthogonal_(layer.weight, gain)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def compute_dtype(device: torch.device) -> torch.dtype:
    """Give the dtype that layers compute in on a device now: float32, or what autocast has there."""
    return torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else torch.float32
