"""What every World checks at its door, so that all Worlds say no in the same words. N lanes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ludus.core.errors import ActionError, InputError, LaneEndedError
from ludus.core.types import Mask

Number = TypeVar("Number", bound=np.number[Any])


def check_lane(lane: int, lanes: int) -> None:
    """Refuse a lane outside 0 to N - 1. Raises `InputError`."""
    if not 0 <= lane < lanes:
        raise InputError(f"lane is {lane}, expected 0 to {lanes - 1}.")


def check_mask(mask: npt.ArrayLike | None, lanes: int) -> Mask:
    """Give a mask as `bool[N]`, all True for None. Raises `InputError`."""
    if mask is None:
        return np.ones(lanes, np.bool_)
    checked = np.asarray(mask)
    if checked.dtype != np.bool_ or checked.shape != (lanes,):
        raise InputError(
            f"mask is {checked.dtype}{list(checked.shape)}, expected bool[{lanes}]: one True or False per lane."
        )
    return checked


def check_seeds(seeds: int | Sequence[int] | npt.NDArray[np.integer], lanes: int) -> npt.NDArray[np.int64]:
    """Give seeds as `int64[N]`, `seeds + lane` for an int. Raises `InputError`."""
    checked = np.asarray(seeds)
    if checked.ndim == 0 and checked.dtype.kind in "iu":
        return checked.astype(np.int64) + np.arange(lanes)
    if checked.dtype.kind not in "iu" or checked.shape != (lanes,):
        raise InputError(
            f"seeds are {checked.dtype}{list(checked.shape)}, expected one int, or {lanes} ints: one per lane."
        )
    return checked.astype(np.int64)


def next_episodes(
    seeds: int | Sequence[int] | npt.NDArray[np.integer] | None,
    mask: Mask,
    *,
    seed: npt.NDArray[np.int64],
    episode: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give each lane's seed and episode number after a reset of the lanes in the mask, both `int64[N]`.

    With seeds their episode 0 begins, without the next episode of the seed that each lane has. Raises `InputError`.
    """
    if seeds is None:
        return seed, episode + mask
    return np.where(mask, check_seeds(seeds, len(seed)), seed), np.where(mask, 0, episode)


def check_actions(actions: npt.ArrayLike, mask: Mask, *, count: int) -> npt.NDArray[np.int64]:
    """Give discrete actions, 0 to `count - 1`, as `int64[N]`, 0 in lanes outside the mask. Raises `ActionError`."""
    return check_bounds(actions, mask, low=np.zeros((), np.int64), high=np.array(count - 1))


def check_bounds(
    actions: npt.ArrayLike, mask: Mask, *, low: npt.NDArray[Number], high: npt.NDArray[Number]
) -> npt.NDArray[Number]:
    """Give actions as `[N, *low.shape]` of low's dtype, each within low and high, 0 in lanes outside the mask.

    An integer dtype asks for integers, a float dtype takes integers too. Raises `ActionError`.
    """
    checked, shape = np.asarray(actions), (*mask.shape, *low.shape)
    kinds, noun = ("iu", "integers") if low.dtype.kind in "iu" else ("iuf", "numbers")
    if checked.dtype.kind not in kinds or checked.shape != shape:
        found = f"{checked.dtype}{list(checked.shape)}"
        raise ActionError(f"actions are {found}, expected {noun} {list(shape)}: {_per_lane(low.shape)}.")
    if kinds == "iuf":
        checked = checked.astype(low.dtype)  # as the game will see it, rounding and all
    named = mask.reshape(-1, *[1] * low.ndim)
    wrong = named & ~((checked >= low) & (checked <= high))  # so that NaN is wrong
    if wrong.any():
        lane, *part = (int(index) for index in np.argwhere(wrong)[0])
        place = f"the action of lane {lane}" + (f", at {part}," if part else "")
        at = tuple(part)
        raise ActionError(f"{place} is {checked[(lane, *at)]}, expected {low[at]} to {high[at]}.")
    return np.where(named, checked, 0).astype(low.dtype)


def check_running(ended: Mask, mask: Mask) -> None:
    """Refuse to step lanes whose episode has ended or never began. Raises `LaneEndedError`."""
    wrong = np.flatnonzero(ended & mask)
    if wrong.size:
        raise LaneEndedError(f"lane {wrong[0]} is in no running episode; reset it or leave it out of the mask.")


def _per_lane(shape: tuple[int, ...]) -> str:
    return "one per lane" if shape == () else f"{list(shape)} per lane"
