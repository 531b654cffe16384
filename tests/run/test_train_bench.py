from __future__ import annotations

import numpy as np
import pytest

from ludus.core import rng
from ludus.core.errors import InputError, MissingExtraError
from ludus.gameboy.world import GameBoyWorld
from ludus.run import train_bench
from ludus.run.train_bench import Plan, run

TINY = Plan(lanes=2, horizon=4, epochs=1, minibatches=2, rounds=2)


def test_sides_take_turns_and_each_round_counts() -> None:
    paces = run(TINY, ("ludus-fp32", "cleanrl"))
    assert [pace.side for pace in paces] == ["ludus-fp32", "cleanrl"]
    assert all(len(pace.steps_per_cpu_s) == 2 and pace.median > 0 for pace in paces)


def test_stable_baselines3_plays_the_same_lanes() -> None:
    pytest.importorskip("stable_baselines3", reason="needs: pip install 'ludus[rl]'")
    assert run(TINY, ("sb3",))[0].median > 0


@pytest.mark.slow
def test_pufferlib_plays_the_same_lanes() -> None:
    pytest.importorskip("pyro", reason="needs PufferLib 3.0 with its trainer, see docs/training.md")
    pytest.importorskip("gym", reason="needs PufferLib 3.0 with its trainer, see docs/training.md")
    assert run(TINY, ("pufferlib",))[0].median > 0


def test_a_side_whose_package_is_missing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_bench, "find_spec", lambda _name: None)
    with pytest.raises(InputError, match=r"pufferlib is not installed; docs/training.md tells how"):
        run(TINY, ("ludus", "pufferlib"))
    with pytest.raises(MissingExtraError, match=r"pip install 'ludus\[rl\]'"):
        run(TINY, ("sb3",))


@pytest.mark.slow
def test_pyboy_plays_the_same_game_by_the_same_rewards() -> None:
    pytest.importorskip("stable_baselines3", reason="needs: pip install 'ludus[rl]'")
    pytest.importorskip("pyboy", reason="needs: pip install 'ludus[bench]'")
    from ludus.run.train_bench_pyboy import PyBoyLanes

    lanes, world = PyBoyLanes(2, stack=2), GameBoyWorld("potyard", 2, threads=1)
    assert lanes.reset().shape == (2, 2, 72, 80)
    world.reset(seeds=[0, 1])
    total = np.zeros((2, 2))
    for step in range(30):
        actions = rng.integers(np.arange(2), "bench", step, high=8)
        _, reward, done, _ = lanes.step(actions)
        total += reward, world.step(actions).reward
        assert not done.any()
    lanes.close()
    assert (total != 0).any(1).all() and np.abs(total[0] - total[1]).max() <= 3  # they begin some frames apart


@pytest.mark.slow
def test_the_shipped_recipe_is_three_times_as_quick_as_pyboy_and_stable_baselines3() -> None:
    pytest.importorskip("stable_baselines3", reason="needs: pip install 'ludus[rl]'")
    pytest.importorskip("pyboy", reason="needs: pip install 'ludus[bench]'")
    ours, peer = run(Plan(lanes=64, horizon=32, epochs=3, minibatches=8, rounds=3), ("recipe", "pyboy-sb3"))
    assert ours.median >= 3 * peer.median


def test_an_unknown_side_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match="no side 'clean'; did you mean 'cleanrl'"):
        run(TINY, ("clean",))


@pytest.mark.slow
def test_the_loop_is_half_as_quick_again_as_stable_baselines3() -> None:
    pytest.importorskip("stable_baselines3", reason="needs: pip install 'ludus[rl]'")
    ours, peer = run(Plan(rounds=5), ("ludus-fp32", "sb3"))
    assert ours.median >= 1.5 * peer.median
