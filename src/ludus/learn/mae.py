"""Pretraining of an encoder by what is hidden from it, and the linear probe that tells whether it was worth it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ludus.core import rng
from ludus.core.errors import InputError
from ludus.nets.encoders import Small, cells
from ludus.nets.mae import Hidden, MaeConfig, MaskedAutoencoder, guess, hide, loss

RIDGE = 1e-4
BATCH = 512


def make_autoencoder(encoder: nn.Module, config: MaeConfig, *, seed: int) -> MaskedAutoencoder:
    """Give the autoencoder around an encoder, which it shares. Raises `InputError` on one that sees no patches."""
    if not isinstance(encoder, Small):
        raise InputError(f"the encoder is {type(encoder).__name__}, which sees no patches, expected net.kind 'small'.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MaskedAutoencoder(encoder, config)


def fit(coder: MaskedAutoencoder, frames: Tensor, config: MaeConfig, *, seed: int) -> None:
    """Train an autoencoder, and so its encoder, on frames `uint8[F, K, H, W]`; what is drawn is keyed by the seed."""
    optimizer = torch.optim.AdamW(coder.parameters(), config.lr, weight_decay=0.05, fused=True)
    for number in range(config.updates):
        index = number * config.batch + np.arange(config.batch)
        rows = torch.from_numpy(rng.integers(seed, "mae rows", index, high=len(frames)))
        seen = _hide(frames[rows], index, config, seed)
        error = loss(coder(seen), seen, coder.encoder.levels)
        optimizer.zero_grad()
        error.backward()  # type: ignore[no-untyped-call]
        optimizer.step()


@torch.no_grad()
def errors(coder: MaskedAutoencoder, frames: Tensor, config: MaeConfig, *, seed: int) -> tuple[float, float]:
    """Give the mean squared error of hidden pixels, and that of guessing each pixel's mean over these frames."""
    seen = _hide(frames, -1 - np.arange(len(frames)), config, seed)
    levels = coder.encoder.levels
    parts = range(0, len(frames), BATCH)
    told = torch.cat([coder(Hidden(seen.cut[i : i + BATCH], seen.hidden[i : i + BATCH])) for i in parts])
    return float(loss(told, seen, levels)), float(guess(seen, levels))


@torch.no_grad()
def probe(encoder: nn.Module, frames: Tensor, facts: Tensor) -> Tensor:
    """Give how well a linear map from features tells facts `float64[F, V]`: R^2 `float64[V]` on the last quarter.

    Ridge regression in closed form on the first three quarters.
    """
    parts = [encoder(frames[i : i + BATCH]) for i in range(0, len(frames), BATCH)]
    features = torch.cat(parts).double()
    features = torch.cat([features, torch.ones(len(features), 1, dtype=torch.float64)], 1)
    cut = 3 * len(frames) // 4
    known, wanted = features[:cut], facts[:cut]
    penalty = RIDGE * cut * torch.eye(features.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(known.T @ known + penalty, known.T @ wanted)
    rest = facts[cut:]
    missed = (features[cut:] @ weights - rest).square().mean(0)
    told: Tensor = 1 - missed / rest.var(0, correction=0)
    return told


def _hide(frames: Tensor, index: np.ndarray[tuple[int], np.dtype[np.int64]], config: MaeConfig, seed: int) -> Hidden:
    places = cells(frames.shape[2]) * cells(frames.shape[3])
    chances = rng.uniform(seed, "mae hidden", index[:, None] * places + np.arange(places))
    return hide(frames, torch.from_numpy(chances), config)
