"""Ways to make one task vector of several. S sources, D weights.

A task vector is what a source's weights are less the ancestor's. Every way is a function of `float64[S, D]` to
`float64[D]`; the merged weights are the ancestor's plus `scale` times that. docs/merging.md has formulas and sources.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from pydantic import Field, FiniteFloat
from torch import Tensor

from ludus.core import digest, rng
from ludus.core.config import Settings

Method = Literal["linear", "task_arithmetic", "ties", "dare", "dare_ties", "slerp", "ram", "ram_plus"]

STRAIGHT = 0.9995
"""Beyond this cosine two vectors are one direction, or opposite ones, and SLERP goes straight."""


class MergeConfig(Settings):
    """How sources become one. What a method does not use must be left at its default (`USES`)."""

    method: Method = "ties"
    scale: float = Field(1.0, allow_inf_nan=False)
    """Lambda: the merged task vector is multiplied by it, and then added to the ancestor."""
    weights: tuple[FiniteFloat, ...] = ()
    """One for each source, empty for 1 each. Only their ratio counts, but for task_arithmetic and dare, which sum."""
    density: float = Field(0.2, gt=0, le=1)
    """The share of each task vector that stays: with TIES the largest, with DARE whichever chance keeps."""
    per_tensor: bool | None = None
    """Look at every tensor by itself or at the whole net as one vector; None for the paper's own: ties and ram_plus
    the net, slerp tensors."""
    t: float = Field(0.5, ge=0, le=1)
    """SLERP: where on the way from the first source, 0, to the second, 1."""
    drop_seed: int = 0
    """DARE: with the task vector itself it decides what is dropped."""
    epsilon: float = Field(1e-5, ge=0)
    """RAM: a weight counts as changed if it moved by more."""
    gain: float = Field(0.1, ge=0)
    """RAM+: r, how much more what only one source changed counts..."""
    overlap_max: float = Field(0.2, ge=0)
    """...for each shared weight to an unshared one of that source, up to so many: alpha."""


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """What is merged at once: a tensor of all sources, or their whole nets."""

    deltas: Tensor
    """`float64[S, D]`, D at least 1."""
    weights: Tensor
    """`float64[S, 1]`."""
    place: str
    """Name of the tensor, "" for the net: part of what keys chance."""


def average(vectors: Vectors, config: MergeConfig) -> Tensor:
    """Give the weighted mean."""
    return total(vectors, config) / vectors.weights.sum()


def total(vectors: Vectors, _: MergeConfig) -> Tensor:
    """Give the weighted sum."""
    return (vectors.weights * vectors.deltas).sum(0)


def ties(vectors: Vectors, config: MergeConfig) -> Tensor:
    """Trim, elect signs, and average what agrees."""
    return agree(trim(vectors.deltas, config.density), vectors.weights)


def trim(deltas: Tensor, density: float) -> Tensor:
    """Give the task vectors with all but their largest weights at 0; weights as large as the last one stay too.

    At least one stays, so that no bias of a single number is lost.
    """
    count = deltas.shape[1]
    kept = max(1, int(density * count + 1e-9))  # 0.29 * 100 is a hair below 29
    sizes = deltas.abs()
    least = sizes.kthvalue(count - kept + 1, dim=1, keepdim=True).values
    return torch.where(sizes >= least, deltas, 0.0)


def agree(deltas: Tensor, weights: Tensor) -> Tensor:
    """Give for each weight the mean over the sources that go the way on which the sum goes, 0 where none goes.

    Where sources balance exactly, the way is that of most weights; where these balance too, up.
    """
    way = (weights * deltas).sum(0).sign()
    most = 1.0 if way.sum() >= 0 else -1.0
    way = torch.where(way == 0, most, way)
    agreeing = (deltas.sign() == way) * weights
    return (agreeing * deltas).sum(0) / agreeing.sum(0).where(agreeing.any(0), 1.0)


def dare(vectors: Vectors, config: MergeConfig) -> Tensor:
    """Drop weights by chance, make up for them with the rest, and sum."""
    return (vectors.weights * drop(vectors, config)).sum(0)


def dare_ties(vectors: Vectors, config: MergeConfig) -> Tensor:
    """Drop weights by chance, make up for them with the rest, elect signs, and average what agrees."""
    return agree(drop(vectors, config), vectors.weights)


def drop(vectors: Vectors, config: MergeConfig) -> Tensor:
    """Give the task vectors with weights at 0 by chance, and the rest divided by the share that stays.

    Chance is keyed by seed, tensor and task vector, so it does not depend on the order of the sources.
    """
    if config.density == 1:
        return vectors.deltas
    places = np.arange(vectors.deltas.shape[1])
    rows = []
    for delta in vectors.deltas:
        stream = f"dare {vectors.place} {digest.of_array(delta.cpu().numpy())}"
        stays = torch.from_numpy(rng.uniform(config.drop_seed, stream, places) < config.density).to(delta.device)
        rows.append(torch.where(stays, delta / config.density, 0.0))
    return torch.stack(rows)


def slerp(vectors: Vectors, config: MergeConfig) -> Tensor:
    """Give a point on the arc between two task vectors; on the line where there is no arc."""
    first, second = vectors.deltas
    norms = first.norm() * second.norm()
    cosine = float(first @ second / norms) if norms else 1.0
    if abs(cosine) > STRAIGHT:
        return torch.lerp(first, second, config.t)
    angle = math.acos(cosine)
    left, gone = (
        math.sin(share * angle) / math.sin(angle) for share in (1 - config.t, config.t)
    )  # 1 and 0 at the ends
    merged: Tensor = left * first + gone * second
    return merged


def ram(vectors: Vectors, config: MergeConfig) -> Tensor:
    """Keep what one source alone changed whole, and average what several did over these."""
    changed = vectors.deltas.abs() > config.epsilon
    return (changed * vectors.deltas).sum(0) / changed.sum(0).clamp(min=1)


def ram_plus(vectors: Vectors, config: MergeConfig) -> Tensor:
    """Do as RAM does, and make more of what one source alone changed, the more it shares with others elsewhere."""
    changed = vectors.deltas.abs() > config.epsilon
    count = changed.sum(0)
    alone = changed & (count == 1)
    shared = (changed & (count > 1)).sum(1) / alone.sum(1).clamp(min=1)
    gain = 1 + config.gain * shared.clamp(max=config.overlap_max)
    factor = torch.where(alone, gain[:, None], 1.0)
    return (changed * factor * vectors.deltas).sum(0) / count.clamp(min=1)


METHODS: dict[Method, Callable[[Vectors, MergeConfig], Tensor]] = {
    "linear": average,
    "task_arithmetic": total,
    "ties": ties,
    "dare": dare,
    "dare_ties": dare_ties,
    "slerp": slerp,
    "ram": ram,
    "ram_plus": ram_plus,
}
USES: dict[Method, frozenset[str]] = {
    "linear": frozenset({"weights"}),
    "task_arithmetic": frozenset({"weights"}),
    "ties": frozenset({"weights", "density", "per_tensor"}),
    "dare": frozenset({"weights", "density", "drop_seed"}),
    "dare_ties": frozenset({"weights", "density", "drop_seed"}),
    "slerp": frozenset({"t", "per_tensor"}),
    "ram": frozenset({"epsilon"}),
    "ram_plus": frozenset({"epsilon", "gain", "overlap_max", "per_tensor"}),
}
WHOLE: frozenset[Method] = frozenset({"ties", "ram_plus"})
"""These look at the whole net, unless `per_tensor` says otherwise; to all others but slerp it makes no difference."""
SUMS: frozenset[Method] = frozenset({"task_arithmetic", "dare"})
"""Of these a weight may be 0 or negative, to unlearn what a source has learned."""
