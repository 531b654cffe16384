"""What changes in a memory while a game is played: how one finds the addresses for a card of one's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ludus.core.errors import InputError
from ludus.gameboy.expression import Values


@dataclass(frozen=True, slots=True)
class Change:
    """A number that has changed."""

    index: int
    first: int
    before: int
    """Its value before the last change."""
    now: int
    low: int
    high: int
    times: int
    fell: bool
    """Whether it ever went down: a counter does not, but for a new run."""


class Changes:
    """Follows numbers from step to step."""

    def __init__(self, values: Values) -> None:
        self._first, self._before, self._now = values.copy(), values.copy(), values.copy()
        self._low, self._high = values.copy(), values.copy()
        self._times = np.zeros(len(values), np.int64)
        self._fell = np.zeros(len(values), np.bool_)

    def note(self, values: Values) -> None:
        """Take in the numbers after a step, `int64[W]`."""
        moved = values != self._now
        self._fell |= values < self._now
        self._before = np.where(moved, self._now, self._before)
        self._times += moved
        self._low, self._high = np.minimum(self._low, values), np.maximum(self._high, values)
        self._now = values.copy()

    def begin(self, values: Values) -> None:
        """Take in the numbers with which another episode begins; that is no change."""
        self._now = values.copy()

    def rows(self, *, everything: bool = False) -> list[Change]:
        """Give what has changed, in order of index; with `everything` the rest as well."""
        columns = (self._first, self._before, self._now, self._low, self._high, self._times, self._fell)
        facts = zip(*(column.tolist() for column in columns), strict=True)
        return [Change(index, *fact) for index, fact in enumerate(facts) if everything or self._times[index]]


def parse_range(text: str) -> tuple[int, int]:
    """Give the first address of `C000:E000` and the one after its last. Raises `InputError`."""
    try:
        start, stop = (int(part, 16) for part in text.split(":"))
    except ValueError:
        start, stop = 0, 0
    if not 0x8000 <= start < stop <= 0x10000:
        raise InputError(f"the range is {text!r}, expected START:STOP in hexadecimal, within 8000:10000, as C000:E000.")
    return start, stop
