"""Slice E, and gaps 9 and 10 of the reference: tau is found on the trace, and refused where it would mislead."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ludus.core.errors import InputError
from ludus.goals.calibration import Curve, assess, calibrate


def curve(*values: float) -> Curve:
    return np.array(values, np.float32)


def test_tau_is_the_least_of_the_last_ten_steps_and_a_margin() -> None:
    limits = calibrate(curve(0.9, 0.8, *[0.7] * 8, 0.03, 0.02), margin=0.05)
    assert limits.tau == pytest.approx(0.07)
    assert limits.k_consecutive == 2
    assert (limits.steps, limits.done_at) == (11, 11)
    assert limits.tail_min == pytest.approx(0.02)
    assert limits.start == pytest.approx(0.9)
    assert limits.nearest_other == pytest.approx(0.7)
    assert limits.refusals == ()


def test_what_lies_before_the_last_ten_steps_does_not_make_tau() -> None:
    limits = calibrate(curve(0.9, 0.0, *[0.5] * 10), margin=0.1)
    assert limits.tail_min == 0.5


def test_a_start_that_is_the_goal_already_is_refused() -> None:
    limits = calibrate(curve(0.005, 0.5, 0.0, 0.0))
    assert len(limits.refusals) == 1
    assert "the first frame, at 0.0050, is the goal already" in limits.refusals[0]


def test_a_trace_that_passes_the_goal_before_is_refused_with_the_margin_that_would_do() -> None:
    limits = calibrate(curve(0.9, 0.04, 0.5, 0.01, 0.0), margin=0.05)
    assert len(limits.refusals) == 1
    assert "at 0.0400 after step 1 of 4 already" in limits.refusals[0]
    assert "a margin below 0.0400" in limits.refusals[0]
    assert calibrate(curve(0.9, 0.04, 0.5, 0.01, 0.0), margin=0.0399).refusals == ()


def test_where_no_margin_would_do_more_templates_are_asked_for() -> None:
    assert "more templates" in calibrate(curve(0.9, 0.0, 0.5, 0.0, 0.0)).refusals[0]


def test_waiting_at_the_goal_for_longer_than_the_last_ten_steps_is_no_fault() -> None:
    limits = calibrate(curve(0.9, *[0.0] * 30))
    assert (limits.refusals, limits.done_at) == ((), 2)
    assert limits.nearest_other == pytest.approx(0.9)


def test_a_trace_that_does_not_stay_is_refused() -> None:
    limits = calibrate(curve(0.9, 0.5, 0.0))
    assert limits.done_at is None
    assert "never 2 steps in a row" in limits.refusals[0]
    assert calibrate(curve(0.9, 0.5, 0.0), k_consecutive=1).refusals == ()


def test_limits_that_a_trace_never_meets_are_assessed_too() -> None:
    limits = assess(curve(0.9, 0.5, 0.4), tau=0.1, k_consecutive=2)
    assert limits.nearest_other == pytest.approx(0.4)
    assert len(limits.refusals) == 1


@pytest.mark.parametrize(("margin", "k", "name"), [(0, 2, "margin"), (1.5, 2, "margin"), (0.1, 0, "k_consecutive")])
def test_settings_that_make_no_sense_are_errors(margin: float, k: int, name: str) -> None:
    with pytest.raises(InputError, match=name):
        calibrate(curve(1, 0), margin=margin, k_consecutive=k)


@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=40), st.floats(0.001, 0.5), st.integers(1, 4))
def test_limits_without_refusals_are_met_by_the_end_of_the_trace_alone(
    values: list[float], margin: float, k: int
) -> None:
    limits = calibrate(curve(*values), margin=margin, k_consecutive=k)
    if limits.refusals:
        return
    below = (curve(*values) < np.float32(limits.tau)).tolist()
    assert not below[0]
    first = below.index(True)
    assert limits.done_at == first + k - 1
    last = len(below) - below[::-1].index(True)
    assert all(below[first:last])
    assert limits.nearest_other >= np.float32(limits.tau)
