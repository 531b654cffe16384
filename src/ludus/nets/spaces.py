"""Action spaces as JSON, so that a checkpoint can say what it acts in."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from ludus.core.errors import FileFormatError, InputError


def to_json(space: spaces.Space[Any]) -> dict[str, Any]:
    """Give a space of Discrete, MultiDiscrete, MultiBinary, Box, Tuple and Dict as JSON. Raises `InputError`."""
    match space:
        case spaces.Discrete():
            return {"kind": "discrete", "n": int(space.n), "start": int(space.start)}
        case spaces.MultiDiscrete():
            return {"kind": "multi_discrete", "nvec": space.nvec.tolist(), "start": space.start.tolist()}
        case spaces.MultiBinary():
            return {"kind": "multi_binary", "n": space.n if isinstance(space.n, int) else list(space.n)}
        case spaces.Box():
            low, high = space.low.ravel().tolist(), space.high.ravel().tolist()
            bounds = {"low": [repr(value) for value in low], "high": [repr(value) for value in high]}
            return {"kind": "box", "shape": list(space.shape), "dtype": str(space.dtype)} | bounds
        case spaces.Tuple():
            return {"kind": "tuple", "spaces": [to_json(below) for below in space.spaces]}
        case spaces.Dict():
            return {"kind": "dict", "spaces": [[name, to_json(below)] for name, below in space.spaces.items()]}
    raise InputError(f"an action space is {space}, expected Discrete, MultiDiscrete, MultiBinary, Box, Tuple or Dict.")


def from_json(told: dict[str, Any]) -> spaces.Space[Any]:
    """Give the space that `to_json` told. Raises `FileFormatError`."""
    match told:
        case {"kind": "discrete", "n": n, "start": start}:
            return spaces.Discrete(n, start=start)
        case {"kind": "multi_discrete", "nvec": nvec, "start": start}:
            return spaces.MultiDiscrete(np.array(nvec), start=np.array(start))
        case {"kind": "multi_binary", "n": n}:
            return spaces.MultiBinary(n)
        case {"kind": "box", "shape": shape, "dtype": dtype, "low": low, "high": high}:
            bounds = [np.array([float(value) for value in side], dtype).reshape(shape) for side in (low, high)]
            box: spaces.Space[Any] = spaces.Box(bounds[0], bounds[1], dtype=np.dtype(dtype).type)
            return box
        case {"kind": "tuple", "spaces": below}:
            return spaces.Tuple([from_json(one) for one in below])
        case {"kind": "dict", "spaces": below}:
            return spaces.Dict([(name, from_json(one)) for name, one in below])
    raise FileFormatError(f"{told} is no action space, expected a kind and what belongs to it; save it again.")
