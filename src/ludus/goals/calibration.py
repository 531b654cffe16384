"""The limit of a goal, found on the trace that reaches it rather than by feel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ludus.core.errors import InputError

Curve = npt.NDArray[np.float32]

TAIL = 10
MARGIN = 0.01
K_CONSECUTIVE = 2
"""A fade shows a screen for a moment before it stays."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for a goal, what a trace says of them, and what speaks against them."""

    tau: float
    k_consecutive: int
    steps: int
    """Of the trace."""
    start: float
    """Distance of the first frame, before any action."""
    tail_min: float
    """The least distance in the last `TAIL` steps."""
    nearest_other: float
    """The least distance before the last stretch below tau, the first frame included: what else in the trace looks most
    like the goal."""
    done_at: int | None
    """The step, from 1, with which the goal is done; None if it never is."""
    refusals: tuple[str, ...]
    """Why these limits do not do; empty if they do."""


def calibrate(curve: Curve, *, margin: float = MARGIN, k_consecutive: int = K_CONSECUTIVE) -> Limits:
    """Give the limits for a trace that reaches the goal: tau is the least distance of its last steps, and a margin.

    curve: `float32[1 + T]`, the distance of its first frame and of each step's. Raises `InputError` on a margin or a k
    that makes no sense; limits that do not do come with their `refusals`.
    """
    if not 0 < margin <= 1:
        raise InputError(f"margin is {margin}, expected more than 0 and at most 1.")
    if k_consecutive < 1:
        raise InputError(f"k_consecutive is {k_consecutive}, expected at least 1.")
    return assess(curve, tau=min(1.0, float(curve[1:][-TAIL:].min()) + margin), k_consecutive=k_consecutive)


def assess(curve: Curve, *, tau: float, k_consecutive: int) -> Limits:
    """Give what a trace says of some limits.

    Against them speaks that the first frame is below tau already, that a frame is and the trace then leaves again, and
    that it never stays below for `k_consecutive` steps.
    """
    assert curve.shape[0] == curve.size > 1, curve.shape
    below = curve < np.float32(tau)
    begin = _last_stretch(below)
    tail_min = float(curve[1:][-TAIL:].min())
    nearest_other = float(curve[: max(begin, 1)].min())
    done_at = _done_at(below[1:], k_consecutive)
    refusals = []
    if below[0]:
        refusals.append(
            f"the first frame, at {curve[0]:.4f}, is the goal already: start elsewhere or lower the margin."
        )
    elif (early := np.flatnonzero(below[:begin])).size:
        room = nearest_other - tail_min
        way = f"take a margin below {room:.4f}" if room > 0 else "take more templates, if the goal's own screen moves"
        refusals.append(
            f"the trace is at {curve[early[0]]:.4f} after step {early[0]} of {len(curve) - 1} already, and leaves: "
            f"{way}, or a screen that nothing else looks like."
        )
    if done_at is None:
        refusals.append(
            f"the trace is never {k_consecutive} steps in a row below it: let it wait on the goal's screen, by a "
            "direction into a wall or a button that does nothing there."
        )
    return Limits(
        tau=tau,
        k_consecutive=k_consecutive,
        steps=len(curve) - 1,
        start=float(curve[0]),
        tail_min=tail_min,
        nearest_other=nearest_other,
        done_at=done_at,
        refusals=tuple(refusals),
    )


def _last_stretch(below: npt.NDArray[np.bool_]) -> int:
    """Give where the last unbroken stretch below the limit begins, the end of the trace if there is none."""
    found = np.flatnonzero(below)
    if not found.size:
        return len(below)
    above = np.flatnonzero(~below[: found[-1]])
    return int(above[-1]) + 1 if above.size else 0


def _done_at(below: npt.NDArray[np.bool_], k_consecutive: int) -> int | None:
    """Give the first step, from 1, that ends k steps in a row below the limit."""
    consec = 0
    for step, hit in enumerate(below.tolist(), start=1):
        consec = consec + 1 if hit else 0
        if consec >= k_consecutive:
            return step
    return None
