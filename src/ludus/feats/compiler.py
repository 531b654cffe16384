"""From predicates to rules: what an event of a kind, or a counter that passes a number, has to look at.

Equal parts of all feats are built once. A part becomes a test for an event's moment, a test for the time between
events, and the cells that it remembers by. A rule is numbered as it is made; rules of one event run in that order, so
that a cell is written before anybody reads it.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ludus.core.types import Event
from ludus.feats.feat import Feat
from ludus.feats.memory import ABSENT, LIFE, RUN, STAGE, Cells, Lane, Life, Place, Spans
from ludus.feats.parts import (
    Cell,
    Idle,
    Part,
    Rule,
    Share,
    Slot,
    Test,
    Trigger,
    Write,
    Writer,
    adder,
    all_of,
    any_of,
    latch,
    match_event,
    moment,
    payload_bound,
    prefix_writer,
    ratio,
    start_before,
    ticks_writer,
    woken_by,
)
from ludus.feats.predicate import (
    All,
    AnyOf,
    Count,
    CounterReached,
    Happened,
    Never,
    Pattern,
    PayloadBound,
    Predicate,
    Restarted,
    Scalar,
    Sequence,
    text,
)

SCOPES = {"run": RUN, "stage": STAGE, "lifetime": LIFE}
SPANS = tuple(SCOPES)


@dataclass(slots=True)
class Woken:
    """What an event of one kind wakes."""

    always: tuple[Rule, ...] = ()
    by_value: tuple[tuple[str, dict[Scalar, tuple[Rule, ...]]], ...] = ()
    """For a payload key, the rules by its value."""


class Program:
    """The feats of a file, compiled."""

    def __init__(self, feats: Collection[Feat], tick_hz: float) -> None:
        self.tick_hz = tick_hz
        self.keys = {feat.id: feat.key for feat in feats}
        self.cells: dict[tuple[int, str], Cell] = {}
        self.starts: tuple[Cells, Cells, Cells] = (array("d"), array("d"), array("d"))
        self.slots: dict[str, list[Slot]] = {}
        """Counter -> how each span sees it; the run's own comes first."""
        self.shares: dict[str, Share] = {}
        """Feat id -> how much of it is done."""
        self.scores: dict[str, Cell] = {}
        """Feat id -> the counter that is its score."""
        self.levels: list[tuple[Cell, Idle]] = []
        self._built: dict[tuple[int, str, str], Part] = {}
        self._rules: dict[Trigger, list[Rule]] = {}
        self._number = 0
        for feat in feats:
            self._feat(feat)
        self.kinds, self.payload_keys = self._index()

    def fresh_lane(self) -> Lane:
        """Give a lane in which nothing has happened."""
        return Lane(Place(), self.starts[RUN][:], self.starts[STAGE][:])

    def fresh_life(self) -> Life:
        """Give a life in which nothing has happened."""
        return Life(self.starts[LIFE][:])

    # Feats.

    def _feat(self, feat: Feat) -> None:
        span = SCOPES[feat.scope]
        part = self._part(feat.predicate, span, "")
        self.shares[feat.id] = part.share
        if feat.score and feat.score.source == "counter":
            self.scores[feat.id] = self._counter(feat.score.name, span, "")
        if part.instant or isinstance(feat.predicate, CounterReached):  # each waking of these is an edge
            self._wake(part.rises, part.test, feat)
        else:
            self._wake(part.rises | part.moves, self._edge(feat, part, span), feat)

    def _edge(self, feat: Feat, part: Part, span: int) -> Test:
        """Give the test of a rise: true now, and not in the time before."""
        level = self._cell(span, f"level {feat.key}", (part.fresh,))
        self.levels.append((level, part.idle))
        at, test, idle = level.index, part.test, part.idle

        def rises(event: Event, spans: Spans) -> bool:
            was, spans[span][at] = spans[span][at], idle(spans)
            return not was and test(event, spans)

        return rises

    # Parts.

    def _part(self, predicate: Predicate, span: int, path: str) -> Part:
        """Build a predicate once per scope and per `reset_if` (`path`) that it stands in."""
        key = (span, path, text(predicate))
        if key not in self._built:
            self._built[key] = self._build(predicate, span, path)
        return self._built[key]

    def _build(self, predicate: Predicate, span: int, path: str) -> Part:
        match predicate:
            case Happened(pattern):
                return moment(match_event(pattern), woken_by(pattern))
            case PayloadBound(key, value, at_least):
                return moment(payload_bound(key, value, at_least), ("payload", key))
            case CounterReached(name, value):
                return self._reached(name, value, span, path)
            case Count():
                return self._count(predicate, span, path)
            case Sequence():
                return self._sequence(predicate, path)
            case All(parts):
                return all_of([self._part(part, span, path) for part in parts])
            case AnyOf(k, parts):
                return any_of(k, [self._part(part, span, path) for part in parts])
            case Never(part):
                return self._never(part, span, path)
            case Restarted(part, when):
                return self._restarted(part, when, span, path)

    def _reached(self, name: str, value: float, span: int, path: str) -> Part:
        cell = self._counter(name, span, path)
        at = cell.index
        slot = next(slot for slot in self.slots[name] if (slot.span, slot.index) == (span, at))
        triggers = frozenset({("counter", slot, value)})
        return Part(
            test=lambda _, spans: spans[span][at] >= value,
            idle=lambda spans: spans[span][at] >= value,
            rises=triggers,
            moves=triggers,
            cells=frozenset({cell}),
            share=lambda spans: ratio(spans[span][at], value),
        )

    def _count(self, count: Count, span: int, path: str) -> Part:
        if count.within_s is not None:
            return self._count_within(count, self._ticks(count.within_s), path)
        trigger, n = woken_by(count.pattern), count.n
        writer = adder(match_event(count.pattern), span)
        cell = self._written(span, f"{path}count {text(Happened(count.pattern))}", (0,), trigger, writer)
        at = cell.index
        return Part(
            test=lambda _, spans: spans[span][at] >= n,
            idle=lambda spans: spans[span][at] >= n,
            rises=frozenset({trigger}),
            moves=frozenset({trigger}),
            cells=frozenset({cell}),
            share=lambda spans: ratio(spans[span][at], n),
        )

    def _count_within(self, count: Count, window: int, path: str) -> Part:
        matches, trigger, n = match_event(count.pattern), woken_by(count.pattern), count.n
        key = f"{path}last {n} {text(Happened(count.pattern))}"
        cell = self._written(RUN, key, (ABSENT,) * n, trigger, ticks_writer(matches, n))
        at = cell.index

        def full(event: Event, spans: Spans) -> bool:
            return matches(event, spans) and event.tick - spans[RUN][at] <= window

        return moment(full, trigger, frozenset({cell}))

    def _sequence(self, sequence: Sequence, path: str) -> Part:
        """Build a sequence on the latest start of each prefix: if any start lies within the window, that one does."""
        *first, last = sequence.patterns
        cells = self._prefixes(first, path)
        at, window, matches = cells[-1].index, self._ticks(sequence.within_s), match_event(last)

        def complete(event: Event, spans: Spans) -> bool:
            return matches(event, spans) and event.tick - start_before(spans[RUN], at, event.tick) <= window

        return moment(complete, woken_by(last), frozenset(cells))

    def _prefixes(self, patterns: list[Pattern], path: str) -> list[Cell]:
        """Give the cells of a sequence's beginnings: after one event, after two, and so on."""
        cells: list[Cell] = []
        for length, pattern in enumerate(patterns, start=1):
            before = cells[-1].index if cells else None
            key = "".join(text(Happened(part)) for part in patterns[:length])
            writer = prefix_writer(match_event(pattern), before)
            cells.append(self._written(RUN, f"{path}latest {key}", (ABSENT,) * 3, woken_by(pattern), writer))
        return cells

    def _never(self, predicate: Predicate, span: int, path: str) -> Part:
        part = self._part(predicate, span, path)
        cell = self._written(span, f"{path}ever {text(predicate)}", (part.fresh,), part.rises, latch(part, span))
        at = cell.index
        return Part(
            test=lambda _, spans: not spans[span][at],
            idle=lambda spans: not spans[span][at],
            fresh=not part.fresh,
            moves=part.rises,
            cells=part.cells | {cell},
            share=lambda spans: float(not spans[span][at]),
            veto=True,
        )

    def _restarted(self, predicate: Predicate, condition: Predicate, span: int, path: str) -> Part:
        when = self._part(condition, span, path)
        part = self._part(predicate, span, f"{path}{SPANS[span]} since {text(condition)}: ")

        def clear(event: Event, spans: Spans) -> None:
            if when.test(event, spans):
                for cell in part.cells:
                    cells, at = spans[cell.span], cell.index
                    cells[at : at + len(cell.start)] = array("d", cell.start)

        self._wake(when.rises, clear)
        return Part(
            test=lambda event, spans: part.fresh if when.test(event, spans) else part.test(event, spans),
            idle=part.idle,
            instant=part.instant,
            fresh=part.fresh,
            rises=part.rises | when.rises if part.fresh else part.rises,
            moves=frozenset() if part.instant else part.moves | when.rises,
            cells=part.cells | when.cells,
            share=part.share,
            veto=part.veto,
        )

    # Cells and what wakes their rules.

    def _counter(self, name: str, span: int, path: str) -> Cell:
        """Give the cell of a counter. The run's own is always there: a snapshot's difference is taken from it."""
        slots = self.slots.setdefault(name, [])
        for whose, prefix in ((RUN, ""), (span, path)):
            key = f"{prefix}counter {name}"
            if (whose, key) not in self.cells:
                slots.append(Slot(whose, self._cell(whose, key, (ABSENT,)).index))
        return self.cells[span, f"{path}counter {name}"]

    def _cell(self, span: int, key: str, start: tuple[float, ...]) -> Cell:
        if (span, key) not in self.cells:
            self.cells[span, key] = Cell(span, len(self.starts[span]), key, start)
            self.starts[span].extend(start)
        return self.cells[span, key]

    def _written(
        self,
        span: int,
        key: str,
        start: tuple[float, ...],
        triggers: Trigger | frozenset[Trigger],
        writer: Writer,
    ) -> Cell:
        """Give a cell; where it is new, with the rule that writes it."""
        known = (span, key) in self.cells
        cell = self._cell(span, key, start)
        if not known:
            self._wake(triggers if isinstance(triggers, frozenset) else {triggers}, writer(cell.index))
        return cell

    def _wake(self, triggers: Iterable[Trigger], act: Test | Write, feat: Feat | None = None) -> None:
        self._number += 1
        for trigger in triggers:
            self._rules.setdefault(trigger, []).append((self._number, act, feat))

    def _ticks(self, seconds: float) -> int:
        """Give a window in whole ticks; 0.29 s at 100 Hz are 29, though their product is a little less."""
        return int(seconds * self.tick_hz + 1e-6)

    def _index(self) -> tuple[dict[str, Woken], dict[str, tuple[Rule, ...]]]:
        """Sort the rules by what wakes them."""
        always: dict[str, tuple[Rule, ...]] = {}
        by_value: dict[str, dict[str, dict[Scalar, tuple[Rule, ...]]]] = {}
        keys: dict[str, tuple[Rule, ...]] = {}
        for trigger, rules in self._rules.items():
            match trigger:
                case ("event", kind, None, _):
                    always[kind] = tuple(rules)
                case ("event", kind, key, value):
                    by_value.setdefault(kind, {}).setdefault(key, {})[value] = tuple(rules)
                case ("payload", key):
                    keys[key] = tuple(rules)
                case ("counter", slot, threshold):
                    slot.watch(threshold, rules)
        kinds = {
            kind: Woken(always.get(kind, ()), tuple(by_value.get(kind, {}).items()))
            for kind in always.keys() | by_value.keys()
        }
        return kinds, keys
