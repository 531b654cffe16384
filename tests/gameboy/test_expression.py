from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ludus.core.errors import InputError
from ludus.gameboy.expression import Column, parse

WORDS = {"forest": 1, "desert": 2}
COLUMNS = {"boss_hp": Column(0), "stage": Column(1), "biome": Column(2, WORDS)}
Lane = dict[str, int]
Naive = Callable[[Lane, Lane], bool]
COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Case:
    """A text, and what it means for one lane, by plain Python over names."""

    text: str
    naive: Naive


@st.composite
def sides(draw: st.DrawFn) -> tuple[str, Callable[[int], bool]]:
    sign, value = draw(st.sampled_from(["", *COMPARISONS])), draw(st.integers(0, 4))
    compare = COMPARISONS[sign or "=="]
    return f"{sign}{draw(st.sampled_from(['', ' ']))}{value:#x}", lambda it: compare(it, value)


@st.composite
def atoms(draw: st.DrawFn) -> Case:
    name = draw(st.sampled_from(list(COLUMNS)))
    form = draw(st.sampled_from(["compare", "turn", "changed", "moved", "word"]))
    if form == "compare":
        sign, value = draw(st.sampled_from(list(COMPARISONS))), draw(st.integers(0, 4))
        return Case(f"{name} {sign} {value}", lambda _, now: COMPARISONS[sign](now[name], value))
    if form == "turn":
        (left, was), (right, becomes) = draw(sides()), draw(sides())
        return Case(f"{name}: {left} -> {right}", lambda before, now: was(before[name]) and becomes(now[name]))
    if form == "changed":
        return Case(f"{name}: changed", lambda before, now: before[name] != now[name])
    if form == "moved":
        step = draw(st.integers(0, 3))
        sign = draw(st.sampled_from("+-"))
        by = step if sign == "+" else -step
        return Case(f"{name}: {sign}{step}", lambda before, now: now[name] == before[name] + by)
    word = draw(st.sampled_from(list(WORDS)))
    return Case(f"biome != {word}", lambda _, now: now["biome"] != WORDS[word])


def joined(cases: st.SearchStrategy[Case]) -> st.SearchStrategy[Case]:
    """Every part stands in parentheses, so that the meaning here does not rest on how the parser binds."""
    pairs = st.tuples(cases, cases)
    return st.one_of(
        pairs.map(
            lambda p: Case(f"({p[0].text}) and ({p[1].text})", lambda b, n: p[0].naive(b, n) and p[1].naive(b, n))
        ),
        pairs.map(lambda p: Case(f"({p[0].text}) or({p[1].text})", lambda b, n: p[0].naive(b, n) or p[1].naive(b, n))),
        cases.map(lambda c: Case(f"not ({c.text})", lambda b, n: not c.naive(b, n))),
    )


ROWS = st.lists(st.tuples(*[st.integers(0, 4)] * 6), min_size=1, max_size=20)


@given(st.recursive(atoms(), joined, max_leaves=8), ROWS)
def test_an_expression_over_all_lanes_is_what_plain_python_says_of_each(
    case: Case, rows: list[tuple[int, ...]]
) -> None:
    values = np.array(rows, np.int64)
    expression = parse(case.text, COLUMNS)
    got = expression.test(values[:, :3], values[:, 3:])
    changed = values[:, :3] != values[:, 3:]
    if expression.triggers is not None:
        assert not (got & ~changed[:, sorted(expression.triggers)].any(axis=1)).any(), case.text
    lanes = [(dict(zip(COLUMNS, row[:3], strict=True)), dict(zip(COLUMNS, row[3:], strict=True))) for row in rows]
    assert got.tolist() == [case.naive(before, now) for before, now in lanes], case.text


@given(st.lists(st.tuples(st.sampled_from(["", "not ", "not not "]), atoms()), min_size=1, max_size=6), st.data(), ROWS)
def test_not_binds_before_and_which_binds_before_or(
    parts: list[tuple[str, Case]], data: st.DataObject, rows: list[tuple[int, ...]]
) -> None:
    links = [data.draw(st.sampled_from(["and", "or"])) for _ in parts[1:]]
    text = " ".join(f"{link} {sign}{case.text}" for link, (sign, case) in zip(["", *links], parts, strict=True))
    values = np.array(rows, np.int64)
    for row, got in zip(rows, parse(text, COLUMNS).test(values[:, :3], values[:, 3:]).tolist(), strict=True):
        before, now = dict(zip(COLUMNS, row[:3], strict=True)), dict(zip(COLUMNS, row[3:], strict=True))
        facts = [case.naive(before, now) != (sign == "not ") for sign, case in parts]
        groups = [[facts[0]]]
        for link, fact in zip(links, facts[1:], strict=True):
            groups[-1].append(fact) if link == "and" else groups.append([fact])
        assert got == any(all(group) for group in groups), text


def lanes(*pairs: tuple[int, int]) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.int64]], ...]:
    before, now = np.array(pairs, np.int64).T
    return before[:, None], now[:, None]


@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("hp: >0 -> 0", [False, True, False, False]),
        ("hp: changed", [False, True, True, True]),
        ("hp: +n", [False, False, True, True]),
        ("hp: -n", [False, True, False, False]),
        ("hp: +3", [False, False, True, False]),
        ("hp: -3", [False, True, False, False]),
        ("hp == 0", [True, True, False, False]),
        ("hp>=0x03 and not(hp == 3)", [False, False, False, True]),
    ],
)
def test_every_form_by_hand(text: str, true: list[bool]) -> None:
    assert parse(text, {"hp": Column(0)}).test(*lanes((0, 0), (3, 0), (0, 3), (3, 9))).tolist() == true


def test_n_names_the_watch_whose_change_is_told() -> None:
    assert parse("stage: changed and boss_hp: -n", COLUMNS).grown == "boss_hp"
    assert parse("stage: +1", COLUMNS).grown is None


@pytest.mark.parametrize(
    ("text", "triggers"),
    [
        ("hp: >0 -> 0", {0}),
        ("hp: !=6 -> 6", {0}),
        ("hp: <3 -> >2", {0}),
        ("hp: >=0 -> 0", None),
        ("hp: <3 -> >1", None),
        ("hp: +0", None),
        ("hp == 1", None),
        ("hp == 1 and stage: changed", {1}),
        ("hp: +n or stage: changed", {0, 1}),
        ("hp: +n or stage == 1", None),
        ("not hp: changed", None),
    ],
)
def test_it_is_known_what_must_change_for_an_expression_to_come_true(text: str, triggers: set[int] | None) -> None:
    assert parse(text, {"hp": Column(0), "stage": Column(1)}).triggers == triggers


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'the end' at column 1, expected a watch"),
        ("boss_ph == 0", "no watch 'boss_ph'; did you mean 'boss_hp'"),
        ("boss_hp", "'the end' at column 8, expected ':' or a comparison"),
        ("boss_hp: >0", "'the end' at column 12, expected '->'"),
        ("boss_hp: >0 ->", "expected a number"),
        ("boss_hp == -1", "'-' at column 12, expected a number"),
        ("boss_hp = 1", "'=' at column 9 has no meaning"),
        ("boss_hp == 1 stage == 1", "'stage' at column 14, expected 'and', 'or' or the end"),
        ("(boss_hp == 1", "expected ')'"),
        ("and == 1", "'and' at column 1, expected a watch"),
        ("biome == crypt", "watch 'biome' has no name 'crypt' for a value; known are: forest, desert"),
        ("stage == forest", "has no name 'forest' for a value; nothing is known there"),
        ("boss_hp: +n and stage: +n", "n stands twice, for 'boss_hp' and 'stage'"),
        ("boss_hp == 4294967296", "expected a number of at most 4294967295"),
        ("boss_hp == 1_0", "'1' at column 12 has no meaning"),
    ],
)
def test_what_makes_no_sense_is_an_error_that_says_where(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text, COLUMNS)
    assert message in str(caught.value)
