from __future__ import annotations

from tests.potyard.cost import describe, measure


def test_reading_33_watches_costs_little_of_a_step() -> None:
    """The figures of a quiet machine are in LOG.md; here is room for a busy one."""
    cost = measure(64, 40)
    assert cost.read < 0.02, describe(64, cost)
    assert cost.card < 0.25, describe(64, cost)
