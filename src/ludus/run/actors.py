"""A Policy acting in the loop: its frames, its carry, and where episodes begin."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ludus.core import stack
from ludus.core.protocols import Choice, Choosing, Policy, Seeded, WorldSpec
from ludus.core.types import Step
from ludus.run.loop import Opening

Integers = npt.NDArray[np.int64]


class PolicyActor:
    """A Policy in N lanes: it sees frames and its carry, and nothing else."""

    def __init__(self, policy: Policy[Any], spec: WorldSpec, lanes: int) -> None:
        self._policy = policy
        self._choose = policy.choose if isinstance(policy, Choosing) else None
        self._size: int = getattr(policy, "stack", 1)
        self._stack = np.zeros((lanes, self._size, *spec.frame_shape), spec.frame_dtype)
        self._first = np.zeros(lanes, np.bool_)
        self._carry = _first_carry(policy, np.zeros(lanes, np.int64))

    def begin(self, began: Sequence[tuple[int, Opening]]) -> None:
        """Give the lanes the carry of new episodes."""
        lanes = [lane for lane, _ in began]
        self._first[lanes] = True
        seeds = np.array([opening.seed for _, opening in began], np.int64)
        self._carry = put_rows(self._carry, lanes, _first_carry(self._policy, seeds))

    def act(self, step: Step) -> Choice:
        """Give the policy's actions."""
        if self._size == 1:
            seen = step.frames[:, None]
        else:
            seen = self._stack = stack.push(self._stack, step.frames, first=self._first)
            self._first[:] = False
        if self._choose is not None:
            choice, self._carry = self._choose(seen, self._carry)
            return choice
        actions, self._carry = self._policy.act(seen, self._carry)
        return Choice(actions)


def put_rows(carry: Any, lanes: Sequence[int], rows: Any) -> Any:
    """Give a carry whose rows of some lanes are those of another; what is no array belongs to no lane, and stays.

    Arrays, of NumPy or torch, may lie in tuples, lists, dicts and dataclasses.
    """
    if hasattr(carry, "__setitem__") and hasattr(carry, "shape"):
        merged = carry.clone() if hasattr(carry, "clone") else copy.copy(carry)
        merged[list(lanes)] = rows
        return merged
    if isinstance(carry, dict):
        return {key: put_rows(value, lanes, rows[key]) for key, value in carry.items()}
    if isinstance(carry, tuple | list):
        parts = [put_rows(value, lanes, row) for value, row in zip(carry, rows, strict=True)]
        return type(carry)(*parts) if hasattr(carry, "_fields") else type(carry)(parts)
    if is_dataclass(carry) and not isinstance(carry, type):
        names = [field.name for field in fields(carry)]
        return replace(carry, **{name: put_rows(getattr(carry, name), lanes, getattr(rows, name)) for name in names})
    return carry


def _first_carry(policy: Policy[Any], seeds: Integers) -> Any:
    return policy.seeded(seeds) if isinstance(policy, Seeded) else policy.init(len(seeds))
