from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ludus.core.clock import Clock, Every, ManualClock, SystemClock


def test_the_system_clock_goes_on_and_stamps_this_moment_in_utc() -> None:
    clock: Clock = SystemClock()
    first = clock.seconds()
    assert clock.seconds() >= first
    stamped = datetime.strptime(clock.stamp(), "%Y-%m-%dT%H:%M:%S.%f%z")
    assert abs((datetime.now(UTC) - stamped).total_seconds()) < 60


def test_a_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC))
    assert (clock.seconds(), clock.stamp()) == (0.0, "2026-01-31T23:59:59.000Z")
    clock.advance(1.5)
    assert (clock.seconds(), clock.stamp()) == (1.5, "2026-02-01T00:00:00.500Z")


def test_every_is_true_at_first_and_once_an_interval() -> None:
    every = Every(10)
    assert [now for now in range(35) if every(now)] == [0, 10, 20, 30]


def test_every_does_not_catch_up_after_a_gap() -> None:
    every = Every(10)
    assert [now for now in (0, 47, 48, 49, 50, 51) if every(now)] == [0, 47, 50]


@given(st.lists(st.integers(0, 50), max_size=40), st.integers(1, 9))
def test_every_is_true_at_most_once_in_each_interval(gaps: list[int], interval: int) -> None:
    every, now, times = Every(interval), 0, []
    for gap in gaps:
        now += gap
        if every(now):
            times.append(now - gaps[0])
    assert len({time // interval for time in times}) == len(times)
