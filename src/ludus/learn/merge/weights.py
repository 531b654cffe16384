"""Weights of sources with one ancestor, merged. S sources, D weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor

from ludus.core.errors import InputError
from ludus.learn.merge.methods import METHODS, SUMS, USES, WHOLE, MergeConfig, Vectors

Weights = Mapping[str, Tensor]


def merge_weights(
    ancestor: Weights, sources: Sequence[Weights], config: MergeConfig, *, kept: Collection[str] = ()
) -> dict[str, Tensor]:
    """Give merged weights, named and shaped as the ancestor's, each of its dtype, on its device, and a copy.

    All is computed in float64, so that equal float32 sources give themselves bit for bit. Tensors named in `kept`,
    and those that hold no floats, are the ancestor's. Raises `InputError` on weights or settings that do not fit.
    """
    check_config(config, len(sources))
    check_siblings(ancestor, sources)
    names = [name for name in mergeable(ancestor) if name not in kept]
    whole = config.method in WHOLE if config.per_tensor is None else not config.per_tensor
    parts = [names] if whole and names else [[name] for name in names]
    weights = torch.tensor(config.weights or [1.0] * len(sources), dtype=torch.float64)
    merged = {name: tensor.clone() for name, tensor in ancestor.items()}
    for part in parts:
        deltas = task_vectors(ancestor, sources, part)
        place = "" if whole else part[0]
        change = METHODS[config.method](Vectors(deltas, weights[:, None].to(deltas.device), place), config)
        sizes = [ancestor[name].numel() for name in part]
        for name, piece in zip(part, torch.split(config.scale * change, sizes), strict=True):
            was = ancestor[name]
            merged[name] = (was.double() + piece.view(was.shape)).to(was.dtype)
    return merged


def mergeable(ancestor: Weights) -> list[str]:
    """Give the names of the tensors that can be merged, in order: those of floats, with anything in them."""
    return sorted(name for name, tensor in ancestor.items() if tensor.is_floating_point() and tensor.numel())


def task_vectors(ancestor: Weights, sources: Sequence[Weights], names: Sequence[str]) -> Tensor:
    """Give what each source has learned since the ancestor, in the tensors named: `float64[S, D]`."""
    base = torch.cat([ancestor[name].double().flatten() for name in names])
    return torch.stack([torch.cat([source[name].double().flatten() for name in names]) - base for source in sources])


def check_config(config: MergeConfig, sources: int) -> None:
    """Raise `InputError` on settings that the method does not use, or that do not fit so many sources."""
    method, default = config.method, MergeConfig()
    uses = USES[method] | {"method", "scale"}
    for name in MergeConfig.model_fields:
        if name not in uses and getattr(config, name) != getattr(default, name):
            others = ", ".join(other for other in METHODS if name in USES[other])
            raise InputError(f"{name} is given, which {method} does not use; leave it out, or take one of {others}.")
    if sources < 1 or (method == "slerp" and sources != 2):
        raise InputError(f"{sources} sources, {method} merges {'2' if method == 'slerp' else 'at least 1'}.")
    if config.weights and len(config.weights) != sources:
        raise InputError(f"weights are {list(config.weights)}, expected one for each of {sources} sources.")
    if method not in SUMS and min(config.weights, default=1.0) <= 0:
        raise InputError(f"weights are {list(config.weights)}, {method} expects them above 0.")


def check_siblings(ancestor: Weights, sources: Sequence[Weights]) -> None:
    """Raise `InputError` that names the first tensor of a source that is not as the ancestor's, or not finite."""
    for number, source in enumerate(sources, start=1):
        for name in sorted(ancestor.keys() | source.keys()):
            was, now = (_shape(weights, name) for weights in (ancestor, source))
            if was != now:
                raise InputError(
                    f"{name!r} is {now} in source {number} and {was} in the ancestor; only weights of one net merge."
                )
            if source[name].is_floating_point() and not source[name].isfinite().all():
                raise InputError(f"{name!r} of source {number} holds NaN or infinities; take an earlier checkpoint.")


def _shape(weights: Weights, name: str) -> str:
    return f"{weights[name].dtype}{list(weights[name].shape)}" if name in weights else "absent"
