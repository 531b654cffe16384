"""Time as a value that is handed in, so that tests need not wait."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def seconds(self) -> float:
        """Give seconds from an arbitrary start, never going back."""
        ...

    def stamp(self) -> str:
        """Give the date and time in UTC, ISO 8601 to the millisecond, as in `2026-01-31T23:59:59.000Z`."""
        ...


def now(clock: Clock) -> float:
    """Give a clock's seconds since 1970."""
    return datetime.fromisoformat(clock.stamp()).timestamp()


class SystemClock:
    """The machine's own clocks."""

    def seconds(self) -> float:
        """Give the monotonic clock's seconds."""
        return time.monotonic()

    def stamp(self) -> str:
        """Give the current date and time."""
        return _iso(datetime.now(UTC))


@dataclass(slots=True)
class ManualClock:
    """A clock that moves when it is told to."""

    start: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    elapsed_s: float = 0.0

    def seconds(self) -> float:
        """Give the seconds that it was moved."""
        return self.elapsed_s

    def stamp(self) -> str:
        """Give the start, moved by as much."""
        return _iso(self.start + timedelta(seconds=self.elapsed_s))

    def advance(self, seconds: float) -> None:
        """Move on; never back."""
        assert seconds >= 0, seconds
        self.elapsed_s += seconds


class Every:
    """True at most once per interval, of seconds or of steps, and at the first call."""

    def __init__(self, interval: float) -> None:
        assert interval > 0, interval
        self.interval = interval
        self._due: float | None = None

    def __call__(self, now: float) -> bool:
        """Say whether it is time; after a long gap once, not once per interval missed."""
        if self._due is None:
            self._due = now + self.interval
            return True
        if now < self._due:
            return False
        missed = (now - self._due) // self.interval
        self._due += (missed + 1) * self.interval
        return True


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
