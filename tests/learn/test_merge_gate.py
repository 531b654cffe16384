from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ludus.core import rng
from ludus.core.errors import InputError
from ludus.learn.merge.gate import GateConfig, GateReport, Numbers, judge

EPISODES = 100
QUICK = GateConfig(resamples=400)


def _normal(name: str, count: int = EPISODES) -> Numbers:
    """Give numbers of mean 0 and deviation 1, by the sum of twelve uniform ones."""
    uniform = rng.uniform(0, name, np.arange(12 * count))
    return np.asarray(uniform.reshape(count, 12).sum(1) - 6)


LUCK = {role: 10 * _normal(role) for role in ("scout", "killer")}
"""What the seed of an episode is worth, for whoever plays it."""


def _judge(better: dict[str, float], *, config: GateConfig = QUICK, **others: dict[str, float]) -> GateReport:
    """Judge agents that are better than the ancestor by so much, but for a little noise of their own."""
    returns = {}
    for role, amount in better.items():
        agents = {"ancestor": 0.0, "merged": amount} | {name: gains[role] for name, gains in others.items()}
        returns[role] = {agent: LUCK[role] + gain + _normal(f"{agent} {role}") for agent, gain in agents.items()}
    return judge(returns, config)


def test_a_merge_that_is_better_on_every_role_is_promoted() -> None:
    report = _judge({"scout": 4.0, "killer": 6.0})
    assert report.promoted
    assert report.reason.startswith("Promoted: not worse than the ancestor on all 2 roles, and better on average (+0.")
    killer, scout = report.roles
    assert (killer.role, scout.role) == ("killer", "scout")
    assert scout.difference.value == pytest.approx(4.0, abs=0.6)
    assert scout.difference.low > 2 and killer.difference.low > 4
    assert report.average["merged"].value == pytest.approx(np.mean([0.6, 0.4]), abs=0.1)  # the spread is some 10


def test_a_merge_that_is_worse_on_one_role_is_not_promoted_however_good_on_the_other() -> None:
    report = _judge({"scout": -4.0, "killer": 60.0})
    assert not report.promoted
    assert report.average["merged"].low > 0
    assert report.reason.startswith("Not promoted: worse than the ancestor on role scout (-")


def test_pairing_tells_what_luck_would_hide() -> None:
    """A gain of 1 in a spread of 10: unpaired, 100 episodes could not tell it from nothing."""
    report = _judge({"scout": 1.0, "killer": 1.0})
    assert report.promoted
    assert report.roles[0].returns["merged"].low < report.roles[0].returns["ancestor"].high


def test_the_ancestor_itself_is_not_worse_and_not_better() -> None:
    returns = {role: {"ancestor": luck, "merged": luck.copy()} for role, luck in LUCK.items()}
    report = judge(returns, QUICK)
    assert all(role.not_worse for role in report.roles)
    assert not report.promoted
    assert "but not better on average (+0 standard deviations, 95 % interval +0 to +0)" in report.reason


def test_what_cannot_be_told_from_worse_is_not_promoted_and_says_so() -> None:
    returns = {"scout": {"ancestor": _normal("a"), "merged": _normal("b") + 0.1}}
    report = judge(returns, QUICK)
    assert not report.promoted
    assert "on role scout it may be worse than the ancestor by more than 0.1" in report.reason
    assert "more episodes may tell" in report.reason
    assert judge(returns, QUICK.model_copy(update={"margin": 2.0})).roles[0].not_worse


def test_without_a_margin_equal_play_still_counts_as_not_worse() -> None:
    report = judge(
        {"one": {"ancestor": LUCK["scout"], "merged": LUCK["scout"] + 1}}, QUICK.model_copy(update={"margin": 0.0})
    )
    assert report.promoted
    assert report.reason.startswith("Promoted: not worse than the ancestor on 1 role, and")


def test_few_episodes_promote_nobody() -> None:
    returns = {"scout": {"ancestor": np.zeros(50), "merged": np.ones(50)}}
    report = judge(returns, QUICK)
    assert not report.promoted
    assert report.reason == "Not promoted: 50 episodes of role scout, 100 are needed for a claim."
    assert judge(returns, QUICK.model_copy(update={"episodes": 50})).promoted


def test_the_verdict_stands_beside_the_best_specialist_and_the_student() -> None:
    report = _judge(
        {"scout": 4.0, "killer": 4.0},
        runner={"scout": 1.0, "killer": 1.0},
        scout={"scout": 20.0, "killer": -30.0},
        student={"scout": 9.0, "killer": 9.0},
    )
    assert report.promoted
    assert report.best_specialist == "runner"
    assert list(report.lead) == ["runner", "student"]
    assert report.lead["runner"].low > 0 > report.lead["student"].high
    assert "The best specialist, runner, is worse on average (-0." in report.reason
    assert "The distilled student is better on average (+0." in report.reason


def test_without_specialists_there_is_no_baseline() -> None:
    report = _judge({"scout": 4.0, "killer": 4.0})
    assert (report.best_specialist, report.lead) == (None, {})


def test_one_lucky_episode_does_not_decide() -> None:
    merged = LUCK["scout"] - 5
    merged[0] = 1e6
    assert not judge({"scout": {"ancestor": LUCK["scout"], "merged": merged}}, QUICK).promoted


def test_the_verdict_follows_from_returns_and_seed_alone() -> None:
    returns = {role: {"ancestor": luck, "merged": luck + _normal(role)} for role, luck in LUCK.items()}
    again = {role: dict(reversed(returns[role].items())) for role in reversed(list(returns))}
    assert judge(returns, QUICK) == judge(again, QUICK)
    assert judge(returns, QUICK) != judge(returns, QUICK.model_copy(update={"seed": 1}))


@settings(max_examples=30)
@given(gain=st.floats(-5, 5), factor=st.floats(0.01, 1000), shift=st.floats(-100, 100))
def test_the_unit_and_the_zero_of_returns_do_not_matter(gain: float, factor: float, shift: float) -> None:
    few = GateConfig(resamples=100)
    plain = {"scout": {"ancestor": LUCK["scout"], "merged": LUCK["scout"] + gain + _normal("own")}}
    moved = {
        role: {agent: shift + factor * values for agent, values in agents.items()} for role, agents in plain.items()
    }
    one, other = judge(plain, few), judge(moved, few)
    assert one.promoted == other.promoted
    assert one.average["merged"].value == pytest.approx(other.average["merged"].value, rel=1e-6, abs=1e-6)


def test_intervals_hold_what_they_should_about_as_often_as_they_say() -> None:
    held = 0
    for trial in range(100):
        luck = 10 * _normal(f"luck {trial}", 60)
        returns = {"one": {"ancestor": luck, "merged": luck + _normal(f"trial {trial}", 60)}}
        difference = judge(returns, GateConfig(resamples=200)).roles[0].difference
        held += difference.low <= 0 <= difference.high
    assert 87 <= held <= 99  # 95 of 100, within three deviations; a bootstrap of 60 is a little narrow


@pytest.mark.parametrize(
    ("returns", "told"),
    [
        ({}, "no role"),
        ({"scout": {"ancestor": [1.0, 2.0]}}, "'scout' has .'ancestor'., expected ancestor, merged"),
        ({"scout": {"ancestor": [1.0, 2.0], "merged": [1.0]}}, "as many of each"),
        ({"scout": {"ancestor": [1.0], "merged": [1.0]}}, "at least 2"),
        ({"scout": {"ancestor": [1.0, 2.0], "merged": [1.0, float("nan")]}}, "NaN"),
        (
            {
                "a": {"ancestor": [0.0, 1.0], "merged": [0.0, 1.0]},
                "b": {"ancestor": [0.0, 1.0], "merged": [0.0, 1.0], "x": [0.0, 1.0]},
            },
            "role 'b'",
        ),
    ],
)
def test_returns_that_cannot_be_judged_are_refused(returns: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        judge({role: {agent: np.array(v) for agent, v in agents.items()} for role, agents in returns.items()}, QUICK)
