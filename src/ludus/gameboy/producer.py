"""Where events get their ids and their time: once, here, for everybody who reads them later."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ludus.core import digest
from ludus.core.types import Event
from ludus.gameboy.card import Card
from ludus.gameboy.rules import Outcome, Rules

Integers = npt.NDArray[np.int64]


class Producer:
    """Stamps what happened in the lanes of a World, and keeps it until it is drained."""

    def __init__(self, rules: Rules, run: str) -> None:
        self._rules = rules
        self._run = run
        self._events: list[Event] = []

    def tell(self, outcome: Outcome, seeds: Integers, episodes: Integers, ticks: Integers) -> None:
        """Keep the events of a step. Seeds, episodes and ticks are `int64[N]`."""
        of = [f"{seed}.{number}" for seed, number in zip(seeds.tolist(), episodes.tolist(), strict=True)]
        for lane, kind, payload, stage in self._rules.happenings(outcome):
            self._events.append(Event(kind, payload, self._run, of[lane], stage, lane, ticks.item(lane)))

    def drain(self) -> tuple[Event, ...]:
        """Give the events since the last call."""
        drained = tuple(self._events)
        self._events.clear()
        return drained


def run_id(card: Card, role: str | None, start: str | None) -> str:
    """Give the id of a run that nobody named: the same for the same card, role and start."""
    told = f"{card.model_dump_json(exclude={'rom', 'include', 'feats', 'goals', 'demo'})}{role}{start}"
    return f"{card.id}-{digest.of_bytes(told.encode())[:8]}"
