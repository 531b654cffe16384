"""The engine finds what the plain meaning of feats says, on random feats and streams."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from ludus.core.types import Event
from ludus.feats.feat import Feat
from ludus.feats.judge import FeatJudge
from tests.feats.oracle import Oracle, Unlock
from tests.feats.streams import HZ, several, streams


def found(feats: tuple[Feat, ...], events: tuple[Event, ...]) -> list[Unlock]:
    """What the engine says, an event at a time."""
    judge, unlocks = FeatJudge(feats, tick_hz=HZ), []
    memory = judge.init(2)
    for at, event in enumerate(events):
        memory, verdicts = judge.update(memory, (event,))
        unlocks += [Unlock(verdict.name, at, verdict.evidence["score"]) for verdict in verdicts]
    return unlocks


@pytest.mark.parametrize("cases", [200, pytest.param(10_000, marks=pytest.mark.slow)])
def test_the_engine_finds_what_feats_mean(cases: int) -> None:
    @settings(max_examples=cases, deadline=None, derandomize=cases < 1000)
    @given(several(), streams())
    def agree(feats: tuple[Feat, ...], events: tuple[Event, ...]) -> None:
        assert found(feats, events) == Oracle(events, HZ).unlocks(feats)

    agree()
