"""The parts that predicates are built of: tests, what wakes them, and the cells they remember by."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ludus.core.types import Event
from ludus.feats.feat import Feat
from ludus.feats.memory import ABSENT, RUN, Cells, Spans
from ludus.feats.predicate import Pattern, Scalar

Test = Callable[[Event, Spans], bool]
Write = Callable[[Event, Spans], None]
Writer = Callable[[int], Write]
"""From the place of a cell to the rule that writes it."""

Idle = Callable[[Spans], bool]
Share = Callable[[Spans], float]

Trigger = tuple[Any, ...]
"""`("event", kind, key, value)`, `("payload", key)` or `("counter", slot, threshold)`: what wakes a rule."""

LARGEST = 1e300
"""A number beyond it, or none at all, counts for nothing: a cell could not hold the sum."""


Rule = tuple[int, Test | Write, Feat | None]
"""Its number, what it does, and the feat that unlocks where that gives True."""


class Slot:
    """A counter as one span sees it, and the rules that wake when it passes a threshold, upwards or downwards."""

    __slots__ = ("bottom", "index", "rules", "span", "thresholds", "top")

    def __init__(self, span: int, index: int) -> None:
        self.span = span
        self.index = index
        self.thresholds: list[float] = []
        self.rules: dict[float, list[Rule]] = {}
        self.bottom, self.top = float("inf"), float("-inf")

    def watch(self, threshold: float, rules: list[Rule]) -> None:
        """Wake rules where the counter passes a threshold."""
        insort(self.thresholds, threshold)
        self.rules[threshold] = rules
        self.bottom, self.top = self.thresholds[0], self.thresholds[-1]

    def add(self, delta: float, spans: Spans, due: list[Rule]) -> None:
        """Count, and put the rules of the thresholds that were passed among those that are due."""
        cells = spans[self.span]
        old = cells[self.index]
        new = cells[self.index] = delta if old == ABSENT else old + delta
        if (old < self.top and new >= self.bottom) or (new < self.top and old >= self.bottom):
            low, high = bisect_right(self.thresholds, old), bisect_right(self.thresholds, new)
            for threshold in self.thresholds[min(low, high) : max(low, high)]:
                due += self.rules[threshold]


@dataclass(frozen=True, slots=True)
class Cell:
    """A place in memory, of one number or more."""

    span: int
    index: int
    """Of its first number."""
    key: str
    """Its name in saved memory: it stays with its meaning, whatever else the file holds."""
    start: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A built predicate."""

    test: Test
    """At an event's moment, when every cell has been written."""
    idle: Idle
    """Between events; False for what speaks of the current event."""
    instant: bool = False
    """It speaks of the current event."""
    fresh: bool = False
    """What `idle` gives where nothing has happened yet."""
    rises: frozenset[Trigger] = frozenset()
    """Wherever it turns true, one of these wakes."""
    moves: frozenset[Trigger] = frozenset()
    """Wherever `idle` changes, one of these wakes."""
    cells: frozenset[Cell] = frozenset()
    share: Share = lambda _: 0.0
    """How much of it is done, 0 to 1."""
    veto: bool = False
    """It can only be lost: it counts for nothing in the share of a whole, but without it the whole is lost."""


def is_number(value: object) -> bool:
    """Say whether a value counts as a number: a finite one, and no boolean."""
    return (type(value) is int or type(value) is float) and -LARGEST < value < LARGEST


def match_event(pattern: Pattern) -> Test:
    """Give the test whether an event fits."""
    kind = pattern.kind
    if not pattern.where:
        return lambda event, _: event.kind == kind
    if len(pattern.where) == 1 and isinstance(pattern.where[0][1], str):
        ((key, value),) = pattern.where
        return lambda event, _: event.kind == kind and event.payload.get(key) == value
    return lambda event, _: event.kind == kind and all(_holds(event.payload, *pair) for pair in pattern.where)


def _holds(payload: Mapping[str, Any], key: str, value: Scalar) -> bool:
    """Say whether a payload has exactly this value; true is not 1, and null is not absent."""
    found = payload.get(key, _holds)
    if isinstance(value, bool) or value is None:
        return found is value
    return type(found) is not bool and bool(found == value)


def payload_bound(key: str, value: float, at_least: bool) -> Test:
    """Give the test whether an event's payload holds a number of at least, or at most, a value."""

    def holds(event: Event, _: Spans) -> bool:
        found = event.payload.get(key)
        if type(found) is not int and type(found) is not float:
            return False
        return bool(found >= value if at_least else found <= value)

    return holds


def adder(matches: Test, span: int) -> Writer:
    """Give what makes the rule that counts events in a cell of a span."""

    def writer(at: int) -> Write:
        def add(event: Event, spans: Spans) -> None:
            if matches(event, spans):
                spans[span][at] += 1

        return add

    return writer


def latch(part: Part, span: int) -> Writer:
    """Give what makes the rule that notes in a cell of a span that a part has been true."""

    def writer(at: int) -> Write:
        def note(event: Event, spans: Spans) -> None:
            if not spans[span][at] and part.test(event, spans):
                spans[span][at] = 1

        return note

    return writer


def ticks_writer(matches: Test, n: int) -> Writer:
    """Give what makes the rule that keeps the ticks of the last `n` events in a cell of the run."""

    def writer(at: int) -> Write:
        def note(event: Event, spans: Spans) -> None:
            if matches(event, spans):
                cells = spans[RUN]
                cells[at : at + n - 1] = cells[at + 1 : at + n]
                cells[at + n - 1] = event.tick

        return note

    return writer


def prefix_writer(matches: Test, before: int | None) -> Writer:
    """Give what makes the rule that writes the cell of a sequence's beginning.

    The cell is `(tick, start, earlier)`: at which tick it was last complete, its latest start by then, and its latest
    start of what was complete before that tick. `before` is the cell of the beginning that is one event shorter.
    """

    def writer(at: int) -> Write:
        def note(event: Event, spans: Spans) -> None:
            if not matches(event, spans):
                return
            tick, cells = event.tick, spans[RUN]
            start = tick if before is None else start_before(cells, before, tick)
            if start == ABSENT:
                return
            best = cells[at + 1]
            if tick > cells[at]:
                cells[at], cells[at + 2] = tick, best
            if start > best:
                cells[at + 1] = start

        return note

    return writer


def start_before(cells: Cells, at: int, tick: int) -> float:
    """Give the latest start of what was complete strictly before a tick. A cell knows its last two ticks."""
    return cells[at + 1] if cells[at] < tick else cells[at + 2]


def woken_by(pattern: Pattern) -> Trigger:
    """Give what wakes for events that fit, and for few others: the first of its filters tells them apart."""
    return ("event", pattern.kind, *(pattern.where[0] if pattern.where else (None, None)))


def moment(test: Test, trigger: Trigger, cells: frozenset[Cell] = frozenset()) -> Part:
    """Give a part that speaks of the current event."""
    return Part(test=test, idle=lambda _: False, instant=True, rises=frozenset({trigger}), cells=cells)


def all_of(parts: list[Part]) -> Part:
    """Give the part that is true where all of these are."""
    tests, idles = [part.test for part in parts], [part.idle for part in parts]
    instants = [part for part in parts if part.instant]
    shares, vetoes = ([part.share for part in parts if part.veto is veto] for veto in (False, True))

    def share(spans: Spans) -> float:
        if not all(veto(spans) for veto in vetoes):
            return 0.0
        return sum(share(spans) for share in shares) / len(shares) if shares else 1.0

    return Part(
        test=lambda event, spans: all(test(event, spans) for test in tests),
        idle=lambda spans: all(idle(spans) for idle in idles),
        instant=bool(instants),
        fresh=all(part.fresh for part in parts),
        # One part that speaks of the current event must be true too, so what wakes it wakes the whole.
        rises=min((part.rises for part in instants), key=_cost) if instants else _union(part.rises for part in parts),
        moves=frozenset() if instants else _union(part.moves for part in parts),
        cells=_union(part.cells for part in parts),
        share=share,
    )


def any_of(k: int, parts: list[Part]) -> Part:
    """Give the part that is true where `k` or more of these are."""
    tests, idles, shares = ([getattr(part, name) for part in parts] for name in ("test", "idle", "share"))
    return Part(
        test=lambda event, spans: sum(test(event, spans) for test in tests) >= k,
        idle=lambda spans: sum(idle(spans) for idle in idles) >= k,
        instant=sum(not part.instant for part in parts) < k,
        fresh=sum(part.fresh for part in parts) >= k,
        rises=_union(part.rises for part in parts),
        moves=_union(part.moves for part in parts),
        cells=_union(part.cells for part in parts),
        share=lambda spans: sum(sorted((share(spans) for share in shares), reverse=True)[:k]) / k,
    )


def _cost(triggers: frozenset[Trigger]) -> tuple[int, int]:
    """Say how often triggers wake their rules: a payload key most often, a kind with a filter least."""
    rank = {"payload": 2, "counter": 1, "event": 1}
    worst = max(
        (rank[trigger[0]] - (trigger[0] == "event" and trigger[2] is not None) for trigger in triggers), default=0
    )
    return worst, len(triggers)


def _union(sets: Iterable[frozenset[Any]]) -> frozenset[Any]:
    return frozenset().union(*sets)


def ratio(value: float, target: float) -> float:
    """Give how much of a target is reached, 0 to 1."""
    if value >= target:
        return 1.0
    return max(0.0, value / target) if target > 0 else 0.0
