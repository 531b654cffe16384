"""The `when` of a game card: a small language over watches, each with its value now and one step before.

    boss_hp: >0 -> 0          was above 0 and is 0
    stage: changed            is not what it was
    pots_broken: +n           has gone up; `delta` in the event's payload says by how much
    hearts: -1                has gone down by exactly 1
    biome == desert           is so now; also != < <= > >=
    not (...) and ... or ...  binding in this order, tightest first

A value is a whole number, decimal or 0x, or a word of the watch's own `names`. An expression is parsed once, into
functions over all lanes: `before` and `now` are `int64[N, W]`, a column per watch.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from ludus.core.errors import InputError, nearest
from ludus.core.types import Mask

Values = npt.NDArray[np.int64]
Test = Callable[[Values, Values], Mask]

LARGEST = 0xFFFF_FFFF
RESERVED = ("and", "or", "not")
COMPARISONS: dict[str, Callable[[Any, int], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
TOKEN = re.compile(r"\s*(0x[0-9a-fA-F]+\b|\d+\b|[A-Za-z_]\w*|->|[=!<>]=|[<>:()+-])")


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression."""

    text: str
    test: Test
    """From `before` and `now`, `int64[N, W]`, to `bool[N]`: where it is true."""
    triggers: frozenset[int] | None
    """Columns of which one has changed wherever it is true; None where it may be true with nothing changed."""
    grown: str | None
    """The watch of its `+n` or `-n`, whose change an event's payload tells as `delta`."""


@dataclass(frozen=True, slots=True)
class Column:
    """What an expression knows of a watch: its place in the arrays, and the words for its values."""

    index: int
    words: Mapping[str, int] = field(default_factory=dict)


def parse(text: str, columns: Mapping[str, Column]) -> Expression:
    """Give an expression over watches. Raises `InputError` that names the column of the text, or the nearest name."""
    return _Parser(text, columns).parse()


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of an expression."""

    test: Test
    triggers: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class _Side:
    """What a value is compared with, and how."""

    compare: Callable[[Any, int], Any]
    value: int

    def __call__(self, values: Any) -> Any:
        return self.compare(values, self.value)

    def meets(self, other: _Side) -> bool:
        """Say whether one number can be on both sides: if so, one next to the numbers that they name."""
        near = (value + by for value in (self.value, other.value) for by in (-1, 0, 1))
        return any(it >= 0 and self(it) and other(it) for it in near)


class _Parser:
    """Recursive descent: one method for each rule of the grammar."""

    def __init__(self, text: str, columns: Mapping[str, Column]) -> None:
        self.text = text
        self.columns = columns
        self.tokens = _tokens(text)
        self.at = 0
        self.grown: str | None = None

    def parse(self) -> Expression:
        part = self.either()
        if self.peek():
            self.refuse("'and', 'or' or the end")
        return Expression(self.text, part.test, part.triggers, self.grown)

    def either(self) -> _Part:
        part = self.both()
        while self.take("or"):
            part = _or(part, self.both())
        return part

    def both(self) -> _Part:
        part = self.single()
        while self.take("and"):
            part = _and(part, self.single())
        return part

    def single(self) -> _Part:
        if self.take("not"):
            return _not(self.single())
        if self.take("("):
            part = self.either()
            if not self.take(")"):
                self.refuse("')'")
            return part
        return self.atom()

    def atom(self) -> _Part:
        name = self.peek()
        if not name.isidentifier() or name in RESERVED:
            self.refuse("a watch")
        if name not in self.columns:
            raise InputError(f"there is no watch {name!r}; {nearest(name, self.columns)}")
        self.at += 1
        column = self.columns[name]
        if self.take(":"):
            return self.change(name, column)
        if self.peek() not in COMPARISONS:
            self.refuse("':' or a comparison")
        return _compared(column.index, self.side(name, column))

    def change(self, name: str, column: Column) -> _Part:
        if self.take("changed"):
            return _changed(column.index)
        sign = self.peek()
        if sign in ("+", "-"):
            self.at += 1
            factor = 1 if sign == "+" else -1
            if not self.take("n"):
                return _moved(column.index, factor * self.number())
            if self.grown is not None:
                raise InputError(f"n stands twice, for {self.grown!r} and {name!r}; write two events, or one n.")
            self.grown = name
            return _grown(column.index, factor)
        left = self.side(name, column)
        if not self.take("->"):
            self.refuse("'->'")
        return _turned(column.index, left, self.side(name, column))

    def side(self, name: str, column: Column) -> _Side:
        sign = self.peek()
        self.at += sign in COMPARISONS
        return _Side(COMPARISONS.get(sign, operator.eq), self.value(name, column))

    def value(self, name: str, column: Column) -> int:
        word = self.peek()
        if not word.isidentifier() or word in RESERVED:
            return self.number()
        if word not in column.words:
            raise InputError(f"the watch {name!r} has no name {word!r} for a value; {nearest(word, column.words)}")
        self.at += 1
        return column.words[word]

    def number(self) -> int:
        token = self.peek()
        if not token[:1].isdigit():
            self.refuse("a number")
        number = int(token, 16 if token.startswith("0x") else 10)
        if number > LARGEST:
            self.refuse(f"a number of at most {LARGEST}")
        self.at += 1
        return number

    def peek(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self, token: str) -> bool:
        taken = self.peek() == token
        self.at += taken
        return taken

    def refuse(self, expected: str) -> NoReturn:
        column = self.tokens[self.at][1] if self.at < len(self.tokens) else len(self.text) + 1
        raise InputError(f"{self.peek() or 'the end'!r} at column {column}, expected {expected}; mend it there.")


def _tokens(text: str) -> list[tuple[str, int]]:
    """Give the tokens and their columns, from 1."""
    tokens, at, end = [], 0, len(text.rstrip())
    while at < end:
        found = TOKEN.match(text, at)
        if not found:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise InputError(f"{text[at]!r} at column {at + 1} has no meaning here; see docs/bring_your_own_game.md.")
        tokens.append((found[1], found.start(1) + 1))
        at = found.end()
    return tokens


def _or(one: _Part, other: _Part) -> _Part:
    triggers = None if one.triggers is None or other.triggers is None else one.triggers | other.triggers
    return _Part(lambda before, now: one.test(before, now) | other.test(before, now), triggers)


def _and(one: _Part, other: _Part) -> _Part:
    triggers = other.triggers if one.triggers is None else one.triggers
    return _Part(lambda before, now: one.test(before, now) & other.test(before, now), triggers)


def _not(part: _Part) -> _Part:
    return _Part(lambda before, now: ~part.test(before, now))


def _compared(index: int, side: _Side) -> _Part:
    return _Part(lambda _, now: side(now[:, index]))


def _turned(index: int, was: _Side, becomes: _Side) -> _Part:
    triggers = None if was.meets(becomes) else frozenset({index})
    return _Part(lambda before, now: was(before[:, index]) & becomes(now[:, index]), triggers)


def _changed(index: int) -> _Part:
    return _Part(lambda before, now: before[:, index] != now[:, index], frozenset({index}))


def _moved(index: int, difference: int) -> _Part:
    triggers = frozenset({index}) if difference else None
    return _Part(lambda before, now: now[:, index] - before[:, index] == difference, triggers)


def _grown(index: int, factor: int) -> _Part:
    return _Part(lambda before, now: factor * (now[:, index] - before[:, index]) > 0, frozenset({index}))
