from __future__ import annotations

import numpy as np

from ludus.core.types import Episode
from ludus.episodes.summary import mean_interval, summarize


def test_a_single_value_tells_nothing_of_the_mean() -> None:
    assert mean_interval(np.array([3.0])) is None


def test_equal_values_leave_no_doubt() -> None:
    assert mean_interval(np.full(5, 2.5)) == (2.5, 2.5)


def test_the_interval_is_the_same_in_any_order() -> None:
    values = np.random.default_rng(1).normal(size=40)
    assert mean_interval(values) == mean_interval(values[::-1])


def test_the_interval_is_that_of_the_normal_where_there_are_many_values() -> None:
    values = np.random.default_rng(2).normal(3, 2, size=400)
    found = mean_interval(values)
    error = values.std() / np.sqrt(len(values))
    assert found is not None
    np.testing.assert_allclose(found, values.mean() + 1.96 * error * np.array([-1, 1]), atol=0.15 * error)


def test_it_holds_the_true_mean_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(3)
    intervals = [mean_interval(generator.exponential(size=40)) for _ in range(100)]
    held = sum(found is not None and found[0] <= 1 <= found[1] for found in intervals)
    assert 84 <= held <= 99


def episode(index: int, total: float, video: dict[str, object], *verdicts: str) -> Episode:
    told = tuple({"name": name} for name in verdicts)
    return Episode(
        id=f"walk__{index}__{index}",
        run="r",
        scenario="walk",
        seed=index,
        index=index,
        policy="random",
        steps=10 * (index + 1),
        total=total,
        ticks=10,
        terminated=index == 0,
        truncated=index > 0,
        digest="",
        happened={},
        files={},
        verdicts=told,
        clips=(),
        video=video,
        timing={},
    )


def test_a_summary_counts_ends_videos_and_verdicts() -> None:
    skipped: dict[str, object] = {"status": "skipped", "reason": {"code": "no-frames", "detail": ""}}
    told = summarize(
        [episode(0, 1, {"status": "ok"}, "a", "a"), episode(1, 2, skipped, "a", "b"), episode(2, 6, skipped)]
    )
    assert (told.episodes, told.mean, told.least, told.most) == (3, 3, 1, 6)
    assert (told.steps, told.mean_steps) == (60, 20)
    assert told.ends == {"terminated": 1, "truncated": 2}
    assert told.videos == {"skipped: no-frames": 2, "ok": 1}
    assert told.verdicts == {"a": 2, "b": 1}
    assert told.low is not None and told.high is not None and told.low < 3 < told.high


def test_the_summary_of_one_episode_has_no_interval() -> None:
    told = summarize([episode(0, 1, {"status": "ok"})])
    assert (told.mean, told.low, told.high) == (1, None, None)
