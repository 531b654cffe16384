"""Optimisers of `torch.optim`, and how the learning rate falls."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import nn

from ludus.core.config import Settings

Schedule = Literal["constant", "linear", "cosine"]


class OptimConfig(Settings):
    """How weights follow gradients."""

    name: Literal["adam", "muon"] = "adam"
    """muon: for matrices (Jordan 2024), while convolutions, biases and heads stay with Adam."""
    lr: float = 2.5e-4
    muon_lr: float = 2e-3
    """Muon's own; both follow the schedule."""
    schedule: Schedule = "linear"
    """From `lr` at the start of a run to 0 at its end, or constant."""
    max_grad_norm: float = 0.5
    """Gradients are scaled down to this norm; 0 leaves them."""


def make_optimizers(net: nn.Module, config: OptimConfig) -> tuple[torch.optim.Optimizer, ...]:
    """Give the optimisers that share a net's weights: Adam, and Muon's where it is asked for.

    `torch.optim.Muon` takes matrices only; heads stay with Adam, as its author advises.
    """
    weights = dict(net.named_parameters())
    heads = ("head.", "value.", "core.")
    matrices = [name for name, w in weights.items() if w.ndim == 2 and not name.startswith(heads)]
    chosen = set(matrices) if config.name == "muon" else set()
    rest = [weight for name, weight in weights.items() if name not in chosen]
    adam = torch.optim.Adam(rest, config.lr, eps=1e-5, fused=True)
    if not chosen:
        return (adam,)
    return adam, torch.optim.Muon([weights[name] for name in matrices], config.muon_lr, weight_decay=0.0)


def scheduled(schedule: Schedule, progress: float) -> float:
    """Give the share of the learning rate that is left when `progress`, 0 to 1, of a run is done."""
    done = min(max(progress, 0.0), 1.0)
    match schedule:
        case "constant":
            return 1.0
        case "linear":
            return 1.0 - done
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * done))


def set_rates(optimizers: tuple[torch.optim.Optimizer, ...], config: OptimConfig, share: float) -> float:
    """Set the learning rates to a share of the configured ones, and give Adam's."""
    for optimizer, rate in zip(optimizers, (config.lr, config.muon_lr), strict=False):
        for group in optimizer.param_groups:
            group["lr"] = rate * share
    return config.lr * share
