from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from ludus.learn.advantage import advantages

ORACLE = """
import sys
import safetensors.torch
from torchrl.objectives.value import functional
told = safetensors.torch.load_file(sys.argv[1])
columns = ("state_value", "next_state_value", "reward", "done", "terminated")
seen = {name: told[name].T[..., None] for name in columns}  # [N, T, 1]
found = {}
for lam in (0.0, 0.75, 1.0):
    got = functional.generalized_advantage_estimate(gamma=0.875, lmbda=lam, **seen)
    found |= {f"gae {lam}": got[0], f"gae target {lam}": got[1]}
for rho, c in ((1.0, 1.0), (0.75, 1.25), (2.0, 0.5)):
    log_pi = told["log_ratio"].T[..., None]
    _, target = functional.vtrace_advantage_estimate(
        gamma=0.875, log_pi=log_pi, log_mu=log_pi * 0, rho_thresh=rho, c_thresh=c, **seen
    )
    found[f"vtrace {rho} {c}"] = target
found = {name: tensor[..., 0].T.contiguous() for name, tensor in found.items()}
safetensors.torch.save_file(found, sys.argv[2])
"""
STEPS, LANES = 40, 6
"""Discounts and clips below are sums of few powers of a half: TorchRL rounds them to float32."""


@pytest.mark.slow
def test_torchrl_finds_the_same_advantages_and_targets(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    python = request.config.getoption("--torchrl-python")
    if python is None:
        pytest.skip("needs --torchrl-python PATH, a Python that has TorchRL (checked with 0.14.1) and safetensors")
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    ends = torch.rand(STEPS, LANES, generator=generator)
    rollout: dict[str, Any] = {
        "reward": drawn(STEPS, LANES),
        "value": drawn(STEPS + 1, LANES),
        "terminated": ends < 0.1,
        "truncated": ends > 0.9,
        "final_value": drawn(STEPS, LANES),
    }
    log_ratio = drawn(STEPS, LANES)
    assert rollout["terminated"].any() and rollout["truncated"].any()
    told = {
        "state_value": rollout["value"][:-1].contiguous(),
        "next_state_value": torch.where(rollout["truncated"], rollout["final_value"], rollout["value"][1:]),
        "reward": rollout["reward"],
        "done": rollout["terminated"] | rollout["truncated"],
        "terminated": rollout["terminated"],
        "log_ratio": log_ratio,
    }
    safetensors.torch.save_file(told, tmp_path / "told.safetensors")
    subprocess.run([python, "-c", ORACLE, tmp_path / "told.safetensors", tmp_path / "found.safetensors"], check=True)
    expected = safetensors.torch.load_file(tmp_path / "found.safetensors")
    for lam in (0.0, 0.75, 1.0):
        ours = advantages(**rollout, gamma=0.875, lam=lam)
        _check(ours.advantage, expected[f"gae {lam}"])
        _check(ours.target, expected[f"gae target {lam}"])
    for rho, c in ((1.0, 1.0), (0.75, 1.25), (2.0, 0.5)):  # of V-trace the targets: its advantages look a step further
        ours = advantages(**rollout, gamma=0.875, lam=1.0, ratio=log_ratio.exp(), rho_bar=rho, c_bar=c)
        _check(ours.target, expected[f"vtrace {rho} {c}"])


def _check(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
