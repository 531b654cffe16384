from __future__ import annotations

import pytest

from ludus.core.errors import InputError
from ludus.run.train_bench import Plan, run

TINY = Plan(lanes=2, horizon=4, epochs=1, minibatches=2, rounds=2)


def test_sides_take_turns_and_each_round_counts() -> None:
    paces = run(TINY, ("ludus-fp32", "cleanrl"))
    assert [pace.side for pace in paces] == ["ludus-fp32", "cleanrl"]
    assert all(len(pace.steps_per_cpu_s) == 2 and pace.median > 0 for pace in paces)


def test_stable_baselines3_plays_the_same_lanes() -> None:
    pytest.importorskip("stable_baselines3", reason="needs: pip install 'ludus[rl]'")
    assert run(TINY, ("sb3",))[0].median > 0


def test_an_unknown_side_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="no side 'clean'; did you mean 'cleanrl'"):
        run(TINY, ("clean",))


@pytest.mark.slow
def test_the_loop_is_half_as_quick_again_as_stable_baselines3() -> None:
    pytest.importorskip("stable_baselines3", reason="needs: pip install 'ludus[rl]'")
    ours, peer = run(Plan(rounds=5), ("ludus", "sb3"))
    assert ours.median >= 1.5 * peer.median
