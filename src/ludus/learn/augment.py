"""Random shifts of pictures (DrQ: Kostrikov et al. 2021): cheap variety that a policy should not care about."""

from __future__ import annotations

import torch
from torch import Tensor

from ludus.core import rng


def random_shifts(seed: int, number: int, count: int, *, pad: int) -> Tensor:
    """Give `int64[count, 2]`, rows and columns from 0 to `2 * pad`, of the augmentation with this number."""
    words = rng.bits(seed, "shift", number * 2**32 + torch.arange(count).numpy(), words=2)
    return torch.from_numpy((words % (2 * pad + 1)).astype("int64"))


def shift(frames: Tensor, shifts: Tensor, *, pad: int) -> Tensor:
    """Give pictures `[B, K, H, W]` or `[B, K, H, W, 3]`, each moved by its own shift less `pad`, its edges repeated.

    The stack of a sample moves as one.
    """
    height, width = frames.shape[2:4]
    row, column, sample = (torch.arange(count, device=frames.device) for count in (height, width, len(frames)))
    rows = (row + shifts[:, :1] - pad).clamp(0, height - 1)
    columns = (column + shifts[:, 1:] - pad).clamp(0, width - 1)
    batch = sample[:, None, None]
    moved = frames.movedim(1, -1)[batch, rows[:, :, None], columns[:, None, :]]
    return moved.movedim(-1, 1)
