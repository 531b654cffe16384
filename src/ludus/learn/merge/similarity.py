"""How alike the task vectors of sources are, which tells whether merging them has a chance. S sources, D weights."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ludus.learn.merge.weights import Weights, check_siblings, mergeable, task_vectors


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sources beside each other."""

    first: str
    second: str
    cosine: float | None
    """Of their task vectors, -1 to 1; None where one of them has not moved."""
    sign_agreement: float | None
    """Of the weights that both moved, the share that they moved the same way; None where there are none."""


@dataclass(frozen=True, slots=True)
class Source:
    """How far a source has gone."""

    name: str
    norm: float
    """Length of its task vector."""
    changed: float
    """Share of the weights that it moved by more than RAM's epsilon."""
    alone: float
    """Share of these that no other source moved."""


@dataclass(frozen=True, slots=True)
class TensorPairs:
    """One tensor."""

    name: str
    size: int
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Similarity:
    """What is known of sources before anything is played."""

    size: int
    """Weights that are merged."""
    sources: tuple[Source, ...]
    pairs: tuple[Pair, ...]
    """Of the whole net."""
    tensors: tuple[TensorPairs, ...]


def compare(
    ancestor: Weights, sources: Mapping[str, Weights], *, kept: Collection[str] = (), epsilon: float = 1e-5
) -> Similarity:
    """Give how alike sources are, pair by pair, in every tensor and in all. Raises `InputError` as merging does."""
    check_siblings(ancestor, list(sources.values()))
    names, count = list(sources), len(sources)
    sums = [torch.zeros(count, count, dtype=torch.float64) for _ in range(3)]
    changed = alone = torch.zeros(count, dtype=torch.float64)
    tensors, size = [], 0
    for name in mergeable(ancestor):
        if name in kept:
            continue
        deltas = task_vectors(ancestor, list(sources.values()), [name]).cpu()
        own = _products(deltas)
        sums = [before + product for before, product in zip(sums, own, strict=True)]
        moved = deltas.abs() > epsilon
        changed = changed + moved.sum(1)
        alone = alone + (moved & (moved.sum(0) == 1)).sum(1)
        tensors.append(TensorPairs(name, deltas.shape[1], _pairs(names, *own)))
        size += deltas.shape[1]
    told = tuple(
        Source(name, math.sqrt(float(sums[0][i, i])), float(changed[i]) / max(size, 1), _share(alone[i], changed[i]))
        for i, name in enumerate(names)
    )
    return Similarity(size, told, _pairs(names, *sums), tuple(tensors))


def _products(deltas: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Give `[S, S]` each: dot products, weights that two moved the same way, and weights that both moved."""
    signs = deltas.sign()
    both = signs.abs() @ signs.abs().T
    return deltas @ deltas.T, (both + signs @ signs.T) / 2, both


def _pairs(names: list[str], dots: Tensor, same: Tensor, both: Tensor) -> tuple[Pair, ...]:
    found = []
    for i, j in itertools.combinations(range(len(names)), 2):
        lengths = math.sqrt(float(dots[i, i])) * math.sqrt(float(dots[j, j]))
        cosine = max(-1.0, min(1.0, float(dots[i, j]) / lengths)) if lengths else None
        agreement = float(same[i, j] / both[i, j]) if both[i, j] else None
        found.append(Pair(names[i], names[j], cosine, agreement))
    return tuple(found)


def _share(part: Tensor, whole: Tensor) -> float:
    return float(part / whole) if whole else 0.0
