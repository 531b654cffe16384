from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.spaces import Discrete

from ludus.core.errors import InputError
from ludus.core.protocols import Choosing, Policy, Seeded, WorldSpec
from ludus.learn.checkpoint import Facts, export_agent, read_checkpoint, save_checkpoint
from ludus.learn.policy import NetPolicy, load_policy
from ludus.learn.ppo import PpoConfig
from ludus.learn.threads import threads
from tests.learn.bandit import learner, vectors

FRAMES = np.random.default_rng(0).integers(0, 4, (6, 1, 16, 16), dtype=np.uint8)


def _policy(**net: Any) -> NetPolicy:
    return NetPolicy(learner(PpoConfig(precision="fp32"), **net).agent)


def test_it_is_a_policy_that_is_seeded_and_tells_what_it_thinks() -> None:
    policy = _policy()
    assert isinstance(policy, Policy) and isinstance(policy, Seeded) and isinstance(policy, Choosing)
    assert policy.stack == 1


def test_play_follows_from_the_episodes_seed_in_any_lane() -> None:
    policy = _policy(core="gru")
    seeds = np.array([4, 9, 2, 7, 1, 8])
    carry, moved = policy.seeded(seeds), policy.seeded(seeds[::-1].copy())
    for _ in range(5):
        actions, carry = policy.act(FRAMES, carry)
        mirrored, moved = policy.act(FRAMES[::-1], moved)
        assert actions.tolist() == mirrored[::-1].tolist()
    assert carry.memory.any()


def test_chances_differ_from_step_to_step_and_greed_has_none() -> None:
    policy = _policy()
    carry, drawn = policy.init(6), []
    for _ in range(20):
        actions, carry = policy.act(FRAMES, carry)
        drawn.append(actions.tolist())
    assert len({tuple(actions) for actions in drawn}) > 10
    greedy = NetPolicy(policy.agent, greedy=True)
    first, carry = greedy.act(FRAMES, greedy.init(6))
    assert first.tolist() == greedy.act(FRAMES, carry)[0].tolist()


def _counted(plain: Callable[..., Any], counts: list[int]) -> Callable[..., Any]:
    """Give a method that notes torch's threads, and does what the plain one does."""

    def counted(_: Any, *told: Any) -> Any:
        counts.append(torch.get_num_threads())
        return plain(*told)

    return counted


def test_every_part_of_a_choice_is_made_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = _policy()
    counts: list[int] = []
    for name in ("sample", "log_prob"):
        monkeypatch.setattr(type(policy.agent.head), name, _counted(getattr(policy.agent.head, name), counts))
    with threads(2):
        policy.choose(FRAMES, policy.init(6))
        assert (counts, torch.get_num_threads()) == ([1, 1], 2)


def test_it_tells_values_and_log_probs() -> None:
    policy = _policy()
    choice, _ = policy.choose(FRAMES, policy.init(6))
    assert choice.value is not None and choice.value.shape == (6,)
    assert choice.log_prob is not None and np.allclose(choice.log_prob, np.log(1 / 3), atol=0.7)


def test_a_checkpoint_is_loaded_as_its_policy(tmp_path: Path) -> None:
    taught = vectors(PpoConfig(precision="fp32"))
    saved = save_checkpoint(tmp_path, taught, Facts("x", 1, {}, {}), {"x": np.zeros(1)})
    frames = np.random.default_rng(0).normal(size=(4, 1, 2)).astype(np.float32)
    one, other = NetPolicy(taught.agent), load_policy(saved.path)
    assert one.act(frames, one.init(4))[0].tolist() == other.act(frames, other.init(4))[0].tolist()


def test_a_world_that_the_net_does_not_fit_is_refused_in_words(tmp_path: Path) -> None:
    taught = learner(PpoConfig(precision="fp32"))
    saved = save_checkpoint(tmp_path, taught, Facts("x", 1, {}, {}), {"x": np.zeros(1)})
    fits = WorldSpec("walk", (16, 16), (255, 170, 85, 0), Discrete(3), 10.0, 1)
    assert load_policy(saved.path, spec=fits).stack == 1
    with pytest.raises(InputError, match=r"for frames \[16, 16\].*Discrete\(3\), but walk has .*Discrete\(4\)"):
        load_policy(saved.path, spec=replace(fits, action_space=Discrete(4)))


def test_an_exported_agent_is_weights_and_a_receipt(tmp_path: Path) -> None:
    saved = save_checkpoint(tmp_path, learner(PpoConfig()), Facts("x", 1, {}, {}), {"x": np.zeros(1)})
    export_agent(saved.path, tmp_path / "agent", {"command": "ludus train x"})
    names = {path.name for path in (tmp_path / "agent").iterdir()}
    assert names == {"checkpoint.json", "model.safetensors", "receipt.json"}
    assert read_checkpoint(tmp_path / "agent")[0].digest == saved.digest
    one, other = load_policy(saved.path), load_policy(tmp_path / "agent")
    assert one.act(FRAMES, one.init(6))[0].tolist() == other.act(FRAMES, other.init(6))[0].tolist()
