from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces

from ludus.core.errors import DivergedError, InputError
from ludus.learn.advantage import advantages
from ludus.learn.augment import random_shifts, shift
from ludus.learn.optim import OptimConfig, make_optimizers, scheduled
from ludus.learn.ppo import Learner, PpoConfig, update
from tests.learn.bandit import learner, play, vectors

EXACT = PpoConfig(precision="fp32", optim=OptimConfig(lr=1e-2, schedule="constant"))
ONCE = EXACT.model_copy(update={"epochs": 1, "minibatches": 1})


def _weights(learner: Learner) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in learner.agent.state_dict().items()}


def _same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_an_update_leaves_its_learner_alone_and_gives_the_same_again() -> None:
    old = learner(EXACT)
    old, _ = update(old, play(old), config=EXACT)  # so that the optimiser has a state
    before, rollout = _weights(old), play(old, seed=1)
    one, metrics = update(old, rollout, config=EXACT)
    assert _same(_weights(old), before)
    assert not _same(_weights(one), before)
    other, again = update(old, rollout, config=EXACT)
    assert _same(_weights(one), _weights(other)) and metrics == again
    assert (old.updates, one.updates) == (1, 2)


@pytest.mark.parametrize("net", [{}, {"core": "gru"}], ids=["plain", "gru"])
@pytest.mark.parametrize("optim", ["adam", "muon"])
def test_it_learns_which_action_is_good(net: dict[str, Any], optim: str) -> None:
    config = EXACT.model_copy(update={"optim": OptimConfig.model_validate({"name": optim, "lr": 1e-2})})
    taught = vectors(config, **net)
    first = play(taught).reward.mean()
    for seed in range(12):
        taught, _ = update(taught, play(taught, seed=seed), config=config)
    assert first < 0.5 and play(taught, seed=99).reward.mean() > 0.9


def test_it_learns_in_a_tree_of_choices_bits_and_numbers() -> None:
    tree = spaces.Dict({"a": spaces.Discrete(3), "b": spaces.Box(-1, 1, (2,), np.float32), "c": spaces.MultiBinary(2)})
    taught = vectors(EXACT, space=tree)
    for seed in range(15):
        taught, metrics = update(taught, play(taught, seed=seed), config=EXACT)
    assert play(taught, seed=99).reward.mean() > 0.9
    parts = [metrics[f"losses/approx_kl_{branch}"] for branch in range(3)]
    assert len(parts) == 3 and all(part >= 0 for part in parts)


def test_metrics_bear_the_names_of_cleanrl() -> None:
    taught = learner(EXACT)
    _, metrics = update(taught, play(taught), config=EXACT)
    assert set(metrics) == {
        "charts/learning_rate",
        "losses/approx_kl",
        "losses/clipfrac",
        "losses/entropy",
        "losses/explained_variance",
        "losses/grad_norm",
        "losses/old_approx_kl",
        "losses/policy_loss",
        "losses/value_loss",
    }
    assert metrics["losses/entropy"] == pytest.approx(np.log(3), rel=0.15)


@pytest.mark.parametrize("pad", [0, 4])
@pytest.mark.parametrize("core", ["none", "gru"])
def test_the_first_minibatch_sees_both_terms_of_the_ratio_alike(pad: int, core: str) -> None:
    config = ONCE.model_copy(update={"shift_pad": pad})
    taught = learner(config, core=core)
    _, metrics = update(taught, play(taught), config=config)
    assert abs(metrics["losses/approx_kl"]) < 1e-9 and metrics["losses/clipfrac"] == 0


def test_shifts_move_a_stack_as_one_and_repeat_the_edge() -> None:
    frames = torch.arange(2 * 2 * 6 * 5, dtype=torch.uint8).view(2, 2, 6, 5)
    moved = shift(frames, torch.tensor([[1, 1], [0, 2]]), pad=1)
    assert torch.equal(moved[0], frames[0])
    assert torch.equal(moved[1, :, 1:, :-1], frames[1, :, :-1, 1:])
    assert torch.equal(moved[1, :, 0, :-1], frames[1, :, 0, 1:])
    colour = frames[..., None].expand(-1, -1, -1, -1, 3)
    assert torch.equal(shift(colour, torch.tensor([[1, 1], [0, 2]]), pad=1)[..., 2], moved)


def test_shifts_are_keyed_and_even() -> None:
    shifts = random_shifts(1, 2, 9000, pad=4)
    assert torch.equal(shifts[:50], random_shifts(1, 2, 50, pad=4))
    assert not torch.equal(shifts[:50], random_shifts(1, 3, 50, pad=4))
    counts = torch.bincount(shifts[:, 0], minlength=9)
    assert len(counts) == 9 and (counts - 1000).abs().max() < 150


def test_forced_actions_teach_the_critic_alone() -> None:
    taught = learner(ONCE)
    rollout = play(taught)
    own = torch.ones_like(rollout.own)
    own[:, ::2] = False
    forced = replace(rollout, own=own)
    lied = replace(forced, action=torch.where(own[..., None], rollout.action, 2.0), log_prob=rollout.log_prob.clone())
    lied.log_prob[:, ::2] = -9.0
    one, _ = update(taught, forced, config=ONCE)
    other, _ = update(taught, lied, config=ONCE)
    assert _same(_weights(one), _weights(other))
    free, _ = update(taught, rollout, config=ONCE)
    assert not _same(_weights(one), _weights(free))
    none, metrics = update(taught, replace(rollout, own=torch.zeros_like(own)), config=ONCE)
    assert metrics["losses/policy_loss"] == 0 and metrics["losses/value_loss"] > 0
    head = "head.layer.weight"
    assert torch.equal(none.agent.state_dict()[head], taught.agent.state_dict()[head])


def test_the_policy_loss_is_the_clipped_surrogate_computed_by_hand() -> None:
    taught = learner(ONCE)
    rollout = play(taught)
    rollout.log_prob[:] -= torch.linspace(-0.5, 0.5, 16)[:, None]  # ratios from 0.6 to 1.6
    _, metrics = update(taught, rollout, config=ONCE)
    gained = (rollout.reward - rollout.value[:-1]).double()  # every step ends an episode
    gained = (gained - gained.mean()) / (gained.std(correction=0) + 1e-8)
    ratio = torch.exp(torch.linspace(-0.5, 0.5, 16)).double()
    expected = -torch.minimum(gained * ratio, gained * ratio.clamp(0.8, 1.2)).mean()
    assert metrics["losses/policy_loss"] == pytest.approx(float(expected), abs=1e-5)
    assert metrics["losses/clipfrac"] == pytest.approx(float(((ratio - 1).abs() > 0.2).double().mean()))


def test_stale_rollouts_are_corrected_by_clipped_ratios_of_the_net_as_it_is() -> None:
    taught = learner(ONCE)
    rollout = play(taught)
    fresh, _ = update(taught, rollout, config=ONCE)
    corrected, _ = update(taught, rollout, config=ONCE, stale=True)
    torch.testing.assert_close(_weights(corrected), _weights(fresh))  # its own rollout needs no correction
    rollout.log_prob[:] += 1.0  # it was likelier then
    ratio = torch.full_like(rollout.reward, np.exp(-1.0))
    expected = advantages(
        rollout.reward,
        rollout.value,
        terminated=rollout.terminated,
        truncated=rollout.truncated,
        final_value=rollout.final_value,
        gamma=ONCE.gamma,
        lam=ONCE.lam,
        ratio=ratio,
    )
    _, metrics = update(taught, rollout, config=ONCE, stale=True)
    error = (expected.target - rollout.value[:-1]).square().mean() / 2
    assert metrics["losses/value_loss"] == pytest.approx(float(error), rel=1e-4)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_reward_that_is_no_number_stops_the_update(value: float) -> None:
    taught = learner(EXACT)
    rollout = play(taught)
    rollout.reward[3, 5] = value
    with pytest.raises(DivergedError, match="reward of step 3, lane 5"):
        update(taught, rollout, config=EXACT)


def test_a_loss_that_is_no_number_stops_the_update() -> None:
    taught = learner(EXACT)
    rollout = play(taught)
    rollout.value[2, 2] = float("nan")
    with pytest.raises(DivergedError, match=r"losses/\w+ is nan in update 0"):
        update(taught, rollout, config=EXACT)


def test_rewards_are_scaled_then_clipped() -> None:
    taught = learner(ONCE)
    rollout = play(taught)
    losses = []
    for scale, clip, reward in ((2.0, 1.0, rollout.reward * 10), (1.0, 0.0, rollout.reward.clamp(max=1.0))):
        config = ONCE.model_copy(update={"reward_scale": scale, "reward_clip": clip})
        losses.append(update(taught, replace(rollout, reward=reward), config=config)[1]["losses/value_loss"])
    assert losses[0] == losses[1]


def test_epochs_end_early_once_the_policy_has_moved_too_far() -> None:
    config = EXACT.model_copy(update={"target_kl": 1e-7, "epochs": 50})
    taught = learner(config)
    rollout = play(taught)
    stopped, _ = update(taught, rollout, config=config)
    few = config.model_copy(update={"target_kl": 0.0, "epochs": 1})
    assert _same(_weights(stopped), _weights(update(taught, rollout, config=few)[0]))


def test_a_clipped_value_changes_no_further() -> None:
    config = ONCE.model_copy(update={"value_clip": 0.1})
    taught = learner(config)
    rollout = play(taught)
    rollout.value[:-1] += 1.0
    plain = update(taught, rollout, config=ONCE)[1]["losses/value_loss"]
    assert update(taught, rollout, config=config)[1]["losses/value_loss"] > plain


@pytest.mark.parametrize(("schedule", "half"), [("constant", 1.0), ("linear", 0.5), ("cosine", 0.5)])
def test_the_learning_rate_follows_its_schedule(schedule: Any, half: float) -> None:
    assert scheduled(schedule, 0.0) == 1.0 and scheduled(schedule, 0.5) == pytest.approx(half)
    assert scheduled(schedule, 2.0) == pytest.approx(1.0 if schedule == "constant" else 0.0)
    config = EXACT.model_copy(update={"optim": OptimConfig(lr=1e-2, schedule=schedule)})
    taught = learner(config)
    before = _weights(taught)
    moved, metrics = update(taught, play(taught), config=config, progress=1.0)
    assert metrics["charts/learning_rate"] == pytest.approx(0.01 if schedule == "constant" else 0.0)
    assert _same(_weights(moved), before) == (schedule != "constant")


def test_muon_takes_the_matrices_of_the_trunk() -> None:
    agent = learner(EXACT).agent
    adam, muon = make_optimizers(agent, OptimConfig(name="muon"))
    names = {id(weight): name for name, weight in agent.named_parameters()}
    chosen = {names[id(weight)] for group in muon.param_groups for weight in group["params"]}
    assert chosen == {f"encoder.{name}.weight" for name in ("stem", "sort", "what", "where")}
    assert sum(len(group["params"]) for group in adam.param_groups) + len(chosen) == len(names)


def test_what_cannot_be_done_is_refused() -> None:
    with pytest.raises(InputError, match="'fp16' on a CPU"):
        learner(PpoConfig(precision="fp16"))
    taught = learner(many := EXACT.model_copy(update={"minibatches": 1000}))
    with pytest.raises(InputError, match="at most 128"):
        update(taught, play(taught), config=many)
