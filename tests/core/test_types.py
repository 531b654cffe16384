from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest

from ludus.core.types import Event, Step
from tests.walk_world import WalkWorld


def test_a_step_is_done_where_it_is_terminated_or_truncated() -> None:
    no, yes = np.array([False, False, True, True]), np.array([False, True, False, True])
    step = Step(np.zeros((4, 1, 1), np.uint8), np.zeros(4, np.float32), no, yes, np.zeros(4, np.int64))
    assert step.done.tolist() == [False, True, True, True]


def test_a_step_holds_no_events() -> None:
    assert [field.name for field in fields(Step)] == ["frames", "reward", "terminated", "truncated", "tick"]


def test_values_are_frozen() -> None:
    event = Event("arrived", {}, "run", "episode", "stage", 0, 0)
    with pytest.raises(FrozenInstanceError):
        event.kind = "left"  # type: ignore[misc]


def test_the_step_rate_follows_from_tick_rate_and_ticks_per_step() -> None:
    assert WalkWorld(1).spec.step_hz == 10.0
