"""A value of a feats file and where it stands, so that every refusal names file, feat and JSON path."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from ludus.core.errors import FileFormatError, nearest

NUMBERS = (int, float)


@dataclass(frozen=True, slots=True)
class Place:
    """A value, and the way to it."""

    value: Any
    file: str
    feat: str | None = None
    path: str = "$"

    def fault(self, expected: str) -> FileFormatError:
        """Give the error about this value."""
        told = repr(self.value)
        shown = told if len(told) <= 60 else f"{told[:57]}..."
        return FileFormatError(f"{self._head}{self.path} is {shown}, expected {expected}.")

    def key(self, name: str) -> Place:
        """Give the value of an object's key. Raises `FileFormatError` where there is none."""
        if name not in self.value:
            raise FileFormatError(f"{self._head}{self.path} has no {name!r}, which is needed; add it.")
        return Place(self.value[name], self.file, self.feat, f"{self.path}.{name}")

    def items(self) -> Iterator[Place]:
        """Give the values of a list."""
        for index, value in enumerate(self.value):
            yield Place(value, self.file, self.feat, f"{self.path}[{index}]")

    def table(self, known: Collection[str], what: str) -> None:
        """Refuse anything but an object with known keys."""
        if not isinstance(self.value, dict):
            raise self.fault(what)
        for name in self.value:
            if name not in known:
                raise FileFormatError(f"{self._head}{self.path} has an unknown key {name!r}; {nearest(name, known)}")

    def list(self, lengths: Collection[int], what: str) -> list[Place]:
        """Give the values of a list of one of these lengths."""
        if not isinstance(self.value, list) or len(self.value) not in lengths:
            raise self.fault(what)
        return [*self.items()]

    def text(self, what: str = "text") -> str:
        """Give a text that is not empty."""
        if not isinstance(self.value, str) or not self.value:
            raise self.fault(what)
        return self.value

    def word(self, known: Collection[str]) -> Any:
        """Give one of the known words."""
        if not isinstance(self.value, str) or self.value not in known:
            hint = f"; {nearest(self.value, known)[:-1]}" if isinstance(self.value, str) else ""
            raise self.fault(" or ".join(known) + hint)
        return self.value

    def number(self, what: str = "a number", *, fits: Callable[[float], bool] = math.isfinite) -> float:
        """Give a finite number, and no boolean."""
        if type(self.value) not in NUMBERS or not math.isfinite(self.value) or not fits(self.value):
            raise self.fault(what)
        return self.value  # type: ignore[no-any-return] # as it stands: 20 remains an int

    def whole(self, low: int, high: int) -> int:
        """Give a whole number within bounds."""
        if type(self.value) is not int or not low <= self.value <= high:
            raise self.fault(f"a whole number from {low} to {high}")
        return self.value

    @property
    def _head(self) -> str:
        return f"{self.file}: " + (f"feat {self.feat!r}: " if self.feat is not None else "")
