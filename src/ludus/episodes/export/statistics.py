"""Statistics of columns and pictures, exact: pictures by their histograms, so that no frame has to be kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ludus.core.types import Frames

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
LEVELS = np.arange(256) / 255  # pictures count in 0 to 1

Statistics = dict[str, list[Any]]
Histogram = npt.NDArray[np.int64]


def of_column(rows: npt.NDArray[Any]) -> Statistics:
    """Give min, max, mean, std, count and quantiles of `[T, D]`, each a list of D numbers but the count."""
    numbers = rows.astype(np.float64)
    quantiles = np.quantile(numbers, list(QUANTILES.values()), axis=0)
    return {
        "min": rows.min(0).tolist(),
        "max": rows.max(0).tolist(),
        "mean": numbers.mean(0).tolist(),
        "std": numbers.std(0).tolist(),
        "count": [len(rows)],
        **{name: values.tolist() for name, values in zip(QUANTILES, quantiles, strict=True)},
    }


def histogram(picture: Frames) -> Histogram:
    """Give how often each value occurs in each colour of `uint8[H, W, C]`, `int64[C, 256]`."""
    return np.stack([np.bincount(colour, minlength=256) for colour in picture.reshape(-1, picture.shape[-1]).T])


def of_pictures(counts: Histogram, frames: int) -> Statistics:
    """Give the statistics of pictures, `[C][1][1]` each, from the sum of their histograms `int64[C, 256]`."""
    share = counts / counts.sum(1, keepdims=True)
    mean = share @ LEVELS
    found = {
        "min": [LEVELS[np.flatnonzero(colour)[0]] for colour in counts],
        "max": [LEVELS[np.flatnonzero(colour)[-1]] for colour in counts],
        "mean": mean,
        "std": np.sqrt(np.maximum(share @ LEVELS**2 - mean**2, 0)),
    }
    for name, at in QUANTILES.items():
        found[name] = [LEVELS[np.searchsorted(colour, at * colour[-1])] for colour in counts.cumsum(1)]
    told: Statistics = {name: [[[float(value)]] for value in values] for name, values in found.items()}
    return told | {"count": [frames]}
