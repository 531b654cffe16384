from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch

from ludus.core import rng
from ludus.learn.merge import MergeConfig, merge_weights

ORACLE = """
import json, sys, numpy, torch, safetensors.torch
from mergekit.merge_methods.api import merge_state_dicts
folder = sys.argv[1]
nets = {name: safetensors.torch.load_file(f"{folder}/{name}.safetensors") for name in ("base", "a", "b", "c")}
for case, (method, parameters) in json.load(open(f"{folder}/cases.json")).items():
    base = nets["base"]
    if method == "slerp":  # theirs is between weights, ours between task vectors
        deltas = {name: {key: nets[name][key] - base[key] for key in base} for name in "ab"}
        merged = merge_state_dicts(deltas, method, parameters=parameters, base="a")
        merged = {key: base[key] + merged[key] for key in base}
    else:
        merged = merge_state_dicts(nets, method, parameters=parameters, base="base")
    merged = {key: tensor.contiguous() for key, tensor in merged.items()}
    safetensors.torch.save_file(merged, f"{folder}/{case}.safetensors")
"""
ONES = {"a": 1.0, "b": 1.0, "c": 1.0}
CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "ties": ("ties", {"weight": ONES, "density": 0.3}, {"method": "ties", "density": 0.3, "per_tensor": True}),
    "ties_weighted": (
        "ties",
        {"weight": {"a": 1.0, "b": 2.0, "c": 0.5}, "density": 0.7, "lambda": 0.6},
        {"method": "ties", "weights": (1, 2, 0.5), "density": 0.7, "scale": 0.6, "per_tensor": True},
    ),
    "ties_whole": ("ties", {"weight": ONES, "density": 1.0}, {"method": "ties", "density": 1.0}),
    "task_arithmetic": (
        "task_arithmetic",
        {"weight": ONES, "lambda": 0.4},
        {"method": "task_arithmetic", "scale": 0.4},
    ),
    "ram": ("ram", {"epsilon": 0.3}, {"method": "ram", "epsilon": 0.3}),
    "ram_plus": (
        "ramplus_tl",
        {"epsilon": 0.3, "r": 0.5, "alpha": 0.8},
        {"method": "ram_plus", "epsilon": 0.3, "gain": 0.5, "overlap_max": 0.8, "per_tensor": True},
    ),
    "slerp": ("slerp", {"t": 0.3}, {"method": "slerp", "t": 0.3}),
}


@pytest.mark.slow
def test_mergekit_merges_alike(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    python = request.config.getoption("--mergekit-python")
    if python is None:
        pytest.skip(
            "needs --mergekit-python PATH, a Python that has mergekit 0.1.5 (it pins versions that Ludus does not)"
        )
    shapes = {"conv": (8, 3, 3, 3), "dense": (16, 32), "bias": (5,), "value": (1,)}
    nets: dict[str, dict[str, np.ndarray[Any, np.dtype[np.float32]]]] = {}
    for seed, name in enumerate(("base", "a", "b", "c")):
        nets[name] = {}
        for key, shape in shapes.items():
            drawn = rng.uniform(seed, key, np.arange(math.prod(shape))).reshape(shape).astype(np.float32) - 0.5
            nets[name][key] = drawn if name == "base" else nets["base"][key] + drawn
        safetensors.numpy.save_file(nets[name], tmp_path / f"{name}.safetensors")
    (tmp_path / "cases.json").write_text(json.dumps({case: theirs[:2] for case, theirs in CASES.items()}))
    subprocess.run([python, "-c", ORACLE, tmp_path], check=True)
    tensors = {name: {key: torch.from_numpy(array) for key, array in net.items()} for name, net in nets.items()}
    for case, (_, _, ours) in CASES.items():
        expected = safetensors.numpy.load_file(tmp_path / f"{case}.safetensors")
        sources = [tensors[name] for name in ("ab" if case == "slerp" else "abc")]
        merged = merge_weights(tensors["base"], sources, MergeConfig(**ours))
        for key, tensor in merged.items():
            np.testing.assert_allclose(tensor.numpy(), expected[key], rtol=1e-5, atol=1e-6, err_msg=f"{case} {key}")
