"""That every setting and every step counts, and that what an update learns comes from the rewards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from gymnasium import spaces

from ludus.core.config import Settings
from ludus.learn import ppo
from ludus.learn.optim import OptimConfig
from ludus.learn.ppo import Learner, PpoConfig, update
from ludus.learn.rollout import Rollout
from tests.learn.bandit import learner, play, vectors

BASE = PpoConfig(precision="fp32", epochs=2, minibatches=2, optim=OptimConfig(lr=1e-2))
OTHER: dict[str, Any] = {
    "gamma": 0.5,
    "lam": 0.5,
    "epochs": 3,
    "minibatches": 4,
    "clip": 1e-3,
    "value_clip": 1e-3,
    "value_weight": 0.1,
    "entropy": 0.5,
    "entropy_continuous": 0.5,
    "normalize_advantage": False,
    "target_kl": 1e-9,
    "reward_scale": 3.0,
    "reward_clip": 0.1,
    "shift_pad": 2,
    "rho_bar": 0.5,
    "c_bar": 0.5,
    "precision": "bf16",
    "optim.name": "muon",
    "optim.lr": 1e-3,
    "optim.muon_lr": 1e-3,
    "optim.schedule": "constant",
    "optim.max_grad_norm": 1e-3,
}


def _names(model: type[Settings], at: str = "") -> list[str]:
    found = []
    for name, told in model.model_fields.items():
        inner = told.annotation
        deep = isinstance(inner, type) and issubclass(inner, Settings)
        found += _names(inner, f"{at}{name}.") if deep else [f"{at}{name}"]  # type: ignore[arg-type]
    return found


def _played(taught: Learner) -> Rollout:
    """A rollout that goes on between its ends, by weights that are not quite those of now."""
    rollout = play(taught)
    rollout.terminated[:] = torch.arange(16) % 5 == 0
    rollout.log_prob[:] -= torch.linspace(-0.7, 0.7, 16)[:, None]
    return rollout


def _weights(config: PpoConfig, rollout: Rollout, taught: Learner) -> torch.Tensor:
    net, _ = update(taught, rollout, config=config, progress=0.5, stale=True)
    return torch.cat([weight.flatten() for weight in net.agent.state_dict().values()])


@pytest.mark.parametrize("name", _names(PpoConfig))
def test_no_setting_is_read_and_then_forgotten(name: str) -> None:
    base = BASE.model_dump()
    if name == "optim.muon_lr":
        base["optim"]["name"] = "muon"
    changed = PpoConfig.model_validate(_with(base, name, OTHER[name]))
    config = PpoConfig.model_validate(base)
    space = spaces.Box(-1, 1, (2,)) if name == "entropy_continuous" else spaces.Discrete(3)
    taught = [learner(each, space=space) for each in (config, changed)]
    rollout = _played(taught[0])
    if name == "value_clip":
        rollout.value[:-1] += 1.0
    one, other = (_weights(each, rollout, net) for each, net in zip((config, changed), taught, strict=True))
    assert not torch.equal(one, other)


def _with(table: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    first, _, rest = name.partition(".")
    return table | {first: _with(table[first], rest, value) if rest else value}


@pytest.mark.parametrize("net", [{}, {"core": "gru"}], ids=["plain", "gru"])
def test_every_step_is_learned_from_once_in_every_epoch(net: dict[str, Any]) -> None:
    taught = vectors(BASE, **net)
    rollout = play(taught)
    marked = replace(rollout, reward=torch.arange(8 * 16).view(8, 16).float())
    gained = ppo._prepare(taught.agent, marked, BASE, taught, stale=False)[1]
    for epoch in range(2):
        batches = list(ppo._minibatches(taught.agent, marked, gained, BASE, taught, epoch))
        seen = torch.cat([batch.rollout.reward.flatten() for batch in batches])
        assert len(batches) == 2 and seen.sort().values.tolist() == list(range(8 * 16))


@pytest.mark.parametrize("shape", [(9,), (9, 3), (9, 2, 5, 4), (9, 2, 5, 4, 3)], ids=len)
def test_rows_are_those_that_were_asked_for_and_lie_as_they_lay(shape: tuple[int, ...]) -> None:
    part = torch.tensor([7, 0, 7, 3])
    plain = torch.rand(shape)
    laid = plain.to(memory_format=torch.channels_last) if len(shape) == 4 else plain
    for tensor in (plain, laid):
        rows = ppo._rows(tensor, part)
        assert torch.equal(rows, plain[part]) and rows.stride() == tensor.stride()


def test_with_rewards_of_other_steps_nothing_is_learned() -> None:
    config = BASE.model_copy(update={"epochs": 4, "optim": OptimConfig(lr=1e-2, schedule="constant")})
    taught, blind = vectors(config), vectors(config)
    for seed in range(12):
        taught, _ = update(taught, play(taught, seed=seed), config=config)
        rollout = play(blind, seed=seed)
        order = torch.randperm(8 * 16, generator=torch.Generator().manual_seed(seed))
        blind, _ = update(blind, replace(rollout, reward=rollout.reward.flatten()[order].view(8, 16)), config=config)
    assert play(taught, seed=99).reward.mean() > 0.9 > 0.7 > play(blind, seed=99).reward.mean()


def test_a_step_that_overflows_is_left_out_and_never_taken_unscaled() -> None:
    once = BASE.model_copy(update={"epochs": 1, "minibatches": 1, "reward_scale": 1000.0})
    taught = vectors(once)
    rollout = play(taught)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
    moved, metrics = update(replace(taught, scaler=scaler), rollout, config=once)
    assert _same(moved, taught) and moved.scaler.get_scale() == 2.0**126
    assert "losses/grad_norm" not in metrics
    assert not _same(update(taught, rollout, config=once)[0], taught)


def _same(one: Learner, other: Learner) -> bool:
    pairs = zip(one.agent.state_dict().values(), other.agent.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)
