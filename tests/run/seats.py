"""Tiny judges, as a run takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ludus.core.types import Event, Verdict
from ludus.run.judging import Seat, Wish


class Third:
    """A judge of events: the third event of a kind is worth a verdict."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def init(self, lanes: int) -> tuple[int, ...]:
        return (0,) * lanes

    def update(self, memory: tuple[int, ...], seen: Sequence[Event]) -> tuple[tuple[int, ...], tuple[Verdict, ...]]:
        counts, verdicts = list(memory), []
        for event in seen:
            counts[event.lane] += event.kind == self.kind
            if event.kind == self.kind and counts[event.lane] == 3:
                told = (event.run, event.episode, event.stage, event.lane, event.tick)
                verdicts.append(Verdict("third", *told, evidence={"seq": event.seq}))
        return tuple(counts), tuple(verdicts)


class Dark:
    """A judge of frames: the n-th frame that holds the darkest shade."""

    def __init__(self, n: int) -> None:
        self.n = n

    def init(self, lanes: int) -> npt.NDArray[np.int64]:
        return np.zeros(lanes, np.int64)

    def update(self, memory: npt.NDArray[np.int64], seen: npt.NDArray[Any]) -> tuple[Any, tuple[Verdict, ...]]:
        dark = (seen == 3).reshape(len(seen), -1).any(axis=1)
        after = memory + dark
        told = [Verdict("dark", "", "", "", lane, 0, {}) for lane in np.flatnonzero(dark & (after == self.n)).tolist()]
        return after, tuple(told)


def film(verdict: Verdict) -> Wish | None:
    return Wish(pre_s=1, post_s=2) if verdict.name in ("third", "dark") else None


def seats(kind: str = "counter_delta", n: int = 5) -> tuple[Seat, ...]:
    return (Seat("thirds", Third(kind), "events", film), Seat("darkness", Dark(n), "frames"))
