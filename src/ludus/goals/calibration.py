"""The limit of a goal, found on the trace that reaches it rather than by feel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ludus.core.errors import InputError

TAIL = 10
MARGIN = 0.01
K_CONSECUTIVE = 2
"""A fade shows a screen for a moment before it stays."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The limits that a trace asks for, and what speaks against them."""

    tau: float
    """`tail_min + margin`."""
    k_consecutive: int
    margin: float
    steps: int
    start: float
    """Distance of the first frame, before any action."""
    tail_min: float
    """The least distance in the last `TAIL` steps."""
    nearest_other: float
    """The least distance of all frames before the last stretch below tau, the first frame included: what else in the
    trace looks most like the goal."""
    reached_at: int | None
    """The step, from 0, with which the goal is done; None if it is not."""
    refusals: tuple[str, ...]
    """Why these limits would not do; empty if they do."""


def calibrate(
    start: float,
    curve: npt.NDArray[np.float32],
    *,
    margin: float = MARGIN,
    k_consecutive: int = K_CONSECUTIVE,
) -> Calibration:
    """Give the limits for a trace whose first frame and steps, `float32[T]`, are so far from the goal.

    They are refused if the first frame is already below tau, if any frame before the last stretch below tau is, or
    if the trace does not stay below tau long enough. Raises `InputError` on a margin or a k that makes no sense.
    """
    if not 0 < margin <= 1:
        raise InputError(f"margin is {margin}, expected more than 0 and at most 1.")
    if k_consecutive < 1:
        raise InputError(f"k_consecutive is {k_consecutive}, expected at least 1.")
    assert curve.ndim == 1, curve.shape
    seen = np.concatenate([[np.float32(start)], curve])
    tail_min = float(curve[-TAIL:].min())
    tau = tail_min + margin
    below = seen < np.float32(tau)
    begin = _last_stretch(below)
    nearest_other = float(seen[: max(begin, 1)].min())
    reached = _reached(below[1:], k_consecutive)
    refusals = []
    if below[0]:
        refusals.append(f"the start frame, at {start:.4f}, is the goal already: start elsewhere, or lower the margin.")
    elif (early := np.flatnonzero(below[:begin])).size:
        refusals.append(
            f"the trace is at {seen[early[0]]:.4f} after step {early[0]} of {len(curve)} already and leaves again: "
            f"take a margin below {nearest_other - tail_min:.4f}, or a screen that nothing else looks like."
        )
    if reached is None:
        refusals.append(
            f"the trace is never {k_consecutive} steps in a row below it: let it wait on the goal's screen, by a "
            "direction into a wall or a button that does nothing there."
        )
    return Calibration(
        tau=tau,
        k_consecutive=k_consecutive,
        margin=margin,
        steps=len(curve),
        start=float(start),
        tail_min=tail_min,
        nearest_other=nearest_other,
        reached_at=reached,
        refusals=tuple(refusals),
    )


def _last_stretch(below: npt.NDArray[np.bool_]) -> int:
    """Give where the last unbroken stretch below the limit begins; there is one, for the least of the tail is below."""
    end = int(np.flatnonzero(below)[-1])
    above = np.flatnonzero(~below[:end])
    return int(above[-1]) + 1 if above.size else 0


def _reached(below: npt.NDArray[np.bool_], k_consecutive: int) -> int | None:
    """Give the first step that ends k steps in a row below the limit."""
    consec = 0
    for step, hit in enumerate(below.tolist()):
        consec = consec + 1 if hit else 0
        if consec >= k_consecutive:
            return step
    return None
