from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ludus.learn.advantage import advantages

GAMMA, LAM = 0.9, 0.8


def _rollout(seed: int, steps: int = 9, lanes: int = 3) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    ends = torch.rand(steps, lanes, generator=generator)
    return {
        "reward": torch.randn(steps, lanes, generator=generator, dtype=torch.float64),
        "value": torch.randn(steps + 1, lanes, generator=generator, dtype=torch.float64),
        "terminated": ends < 0.15,
        "truncated": ends > 0.85,
        "final_value": torch.randn(steps, lanes, generator=generator, dtype=torch.float64),
    }


def _naive(rollout: dict[str, Any], ratio: Tensor | None, rho_bar: float, c_bar: float) -> Tensor:
    """GAE as a sum over the future of each step, with no recursion."""
    steps, lanes = rollout["reward"].shape
    found = torch.zeros(steps, lanes, dtype=torch.float64)
    for lane in range(lanes):
        for t in range(steps):
            weight = 1.0
            for k in range(t, steps):
                rho = 1.0 if ratio is None else min(float(ratio[k, lane]), rho_bar)
                after = float(rollout["value"][k + 1, lane])
                if rollout["truncated"][k, lane]:
                    after = float(rollout["final_value"][k, lane])
                if rollout["terminated"][k, lane]:
                    after = 0.0
                error = float(rollout["reward"][k, lane]) + GAMMA * after - float(rollout["value"][k, lane])
                found[t, lane] += weight * rho * error
                c = 1.0 if ratio is None else min(float(ratio[k, lane]), c_bar)
                weight *= GAMMA * LAM * c
                if rollout["terminated"][k, lane] or rollout["truncated"][k, lane]:
                    break
    return found


@given(seed=st.integers(0, 10_000))
def test_it_is_the_naive_sum_over_the_future(seed: int) -> None:
    rollout = _rollout(seed)
    got = advantages(**rollout, gamma=GAMMA, lam=LAM)
    torch.testing.assert_close(got.advantage, _naive(rollout, None, 1.0, 1.0))
    torch.testing.assert_close(got.target, got.advantage + rollout["value"][:-1])


@given(seed=st.integers(0, 10_000), rho_bar=st.floats(0.5, 2), c_bar=st.floats(0.5, 2))
def test_ratios_are_clipped_apart_in_errors_and_traces(seed: int, rho_bar: float, c_bar: float) -> None:
    rollout = _rollout(seed)
    ratio = torch.rand(9, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2
    got = advantages(**rollout, gamma=GAMMA, lam=LAM, ratio=ratio, rho_bar=rho_bar, c_bar=c_bar)
    torch.testing.assert_close(got.advantage, _naive(rollout, ratio, rho_bar, c_bar))


def test_on_policy_it_is_plain_gae_to_the_bit() -> None:
    rollout = _rollout(0)
    plain = advantages(**rollout, gamma=GAMMA, lam=LAM)
    ones = advantages(**rollout, gamma=GAMMA, lam=LAM, ratio=torch.ones(9, 3, dtype=torch.float64))
    assert torch.equal(plain.advantage, ones.advantage)


def _one_lane(reward: list[float], *, terminated: int = -1, truncated: int = -1, final: float = 0.0) -> dict[str, Any]:
    steps = len(reward)
    ends = torch.arange(steps)[:, None]
    return {
        "reward": torch.tensor(reward)[:, None],
        "value": torch.zeros(steps + 1, 1),
        "terminated": ends == terminated,
        "truncated": ends == truncated,
        "final_value": torch.full((steps, 1), final),
    }


def test_with_lambda_1_and_no_values_it_is_the_discounted_return() -> None:
    got = advantages(**_one_lane([1.0, 2.0, 4.0]), gamma=0.5, lam=1.0)
    assert got.advantage[:, 0].tolist() == [3.0, 4.0, 4.0]


def test_with_lambda_0_it_is_the_one_step_error() -> None:
    rollout = _one_lane([1.0, 2.0]) | {"value": torch.tensor([[1.0], [3.0], [5.0]])}
    assert advantages(**rollout, gamma=0.5, lam=0.0).advantage[:, 0].tolist() == [1.5, 1.5]


def test_nothing_comes_after_a_terminated_step() -> None:
    got = advantages(**_one_lane([1.0, 8.0], terminated=0, final=100.0), gamma=0.5, lam=1.0)
    assert got.advantage[0, 0] == 1.0


def test_a_truncated_step_goes_on_from_its_final_frame_and_not_from_the_next_episode() -> None:
    rollout = _one_lane([1.0, 8.0], truncated=0, final=6.0) | {"value": torch.tensor([[0.0], [50.0], [0.0]])}
    assert advantages(**rollout, gamma=0.5, lam=1.0).advantage[0, 0] == 4.0


@pytest.mark.parametrize("lanes", [1, 4])
def test_lanes_do_not_mix(lanes: int) -> None:
    rollout = _rollout(5, lanes=4)
    alone = {name: tensor[:, :lanes] for name, tensor in rollout.items()}
    whole = advantages(**rollout, gamma=GAMMA, lam=LAM).advantage[:, :lanes]
    assert torch.equal(advantages(**alone, gamma=GAMMA, lam=LAM).advantage, whole)
