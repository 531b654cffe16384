"""A masked autoencoder over patches (He et al. 2022): an encoder learns a game's look before any reward.

Three quarters of the patches are hidden, and their pixels are told from the rest. What is to be told are the pixels,
which do not move, so that no constant is a solution.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ludus.core.config import Settings
from ludus.core.errors import InputError
from ludus.nets.encoders import Small, channels, patches


class MaeConfig(Settings):
    """What is hidden, and how it is told."""

    mask: float = 0.75
    """The part of the patches that is hidden."""
    hidden: int = 128
    """Width of the decoder, which is thrown away afterwards."""
    frames: int = 8000
    """Stacks of frames that are learned from and, a quarter of them, tested on."""
    updates: int = 600
    batch: int = 128
    lr: float = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Hidden:
    """Patches of pictures, some of them hidden."""

    cut: Tensor
    """`uint8[B, h, w, P]`."""
    hidden: Tensor
    """`bool[B, h, w]`."""


class MaskedAutoencoder(nn.Module):
    """An encoder, a token that stands for what is hidden, and a decoder."""

    def __init__(self, encoder: Small, config: MaeConfig) -> None:
        super().__init__()
        self.encoder = encoder
        width, pixels = encoder.stem.out_features, encoder.stem.in_features
        self.token = nn.Parameter(torch.zeros(width))
        self.decoder = nn.Sequential(
            nn.Conv2d(width, config.hidden, 3, padding=1), nn.ReLU(), nn.Conv2d(config.hidden, pixels, 1)
        )

    def forward(self, seen: Hidden) -> Tensor:
        """Give the pixels of all patches, `float32[B, h, w, P]` from 0 to 1."""
        told: Tensor = self.decoder(self.encoder.tokens(seen.cut, seen.hidden, self.token))
        return told.permute(0, 2, 3, 1).float()


def hide(frames: Tensor, chances: Tensor, config: MaeConfig) -> Hidden:
    """Give frames `uint8[B, K, H, W]` cut into patches, those with the least chances `[B, h * w]` hidden.

    Raises `InputError` where nothing would be hidden, or nothing left to tell it from.
    """
    cut = patches(channels(frames))
    places = chances.shape[1]
    count = round(config.mask * places)
    if not 0 < count < places:
        raise InputError(f"mask is {config.mask}, which hides {count} of {places} patches, expected some but not all.")
    least = chances.argsort(dim=1)[:, :count]
    hidden = torch.zeros_like(chances, dtype=torch.bool).scatter(1, least, value=True)
    return Hidden(cut, hidden.view(cut.shape[:3]))


def loss(told: Tensor, seen: Hidden, levels: int) -> Tensor:
    """Give the mean squared error of the hidden pixels, each 0 to 1."""
    wanted = seen.cut[seen.hidden].float() / levels
    return functional.mse_loss(told[seen.hidden], wanted)


def guess(seen: Hidden, levels: int) -> Tensor:
    """Give the error of the best guess without looking: each pixel's mean over the batch."""
    pixels = seen.cut.float() / levels
    return functional.mse_loss(pixels.mean(0, keepdim=True).expand_as(pixels)[seen.hidden], pixels[seen.hidden])
