"""From JSON to predicates; whatever is not a predicate is refused with its place and what was expected."""

from __future__ import annotations

from collections.abc import Callable

from ludus.feats.place import NUMBERS, Place
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
)

MOST_EVENTS = 16
"""Steps of a sequence."""
MOST_WITHIN = 256
"""Events that `count_gte` counts within seconds: each lane remembers the tick of so many."""

EVENT = 'an event: "KIND" or ["KIND", {filters}]'
_OBJECT_EVENT = {"event", "type", "name", "payload"}


def parse_predicate(at: Place) -> Predicate:
    """Give the predicate that stands there. Raises `FileFormatError`."""
    known = [*OPERATORS, "reset_if"]
    at.table(known, f"a predicate: an object with one of {', '.join(OPERATORS)}")
    found = [name for name in at.value if name != "reset_if"]
    if len(found) != 1:
        raise at.fault(f"exactly one of {', '.join(OPERATORS)}, beside an optional reset_if")
    predicate = OPERATORS[found[0]](at.key(found[0]))
    return _restarted(predicate, at.key("reset_if")) if "reset_if" in at.value else predicate


def instant(predicate: Predicate) -> bool:
    """Whether it speaks of the current event, and so is false between events."""
    match predicate:
        case Happened() | PayloadBound() | Sequence():
            return True
        case Count(_, _, within_s):
            return within_s is not None
        case All(parts):
            return any(map(instant, parts))
        case AnyOf(k, parts):
            return sum(not instant(part) for part in parts) < k
        case Restarted(part, _):
            return instant(part)
        case _:
            return False


def _restarted(part: Predicate, at: Place) -> Predicate:
    when = parse_predicate(at)
    if not instant(when):
        raise at.fault("a predicate that speaks of the current event, such as event_happened")
    return Restarted(part, when)


def _pattern(at: Place) -> Pattern:
    """Read an event; the object form is that of the predecessor's files."""
    if isinstance(at.value, dict):
        at.table(_OBJECT_EVENT, EVENT)
        kinds = [name for name in ("event", "type", "name") if name in at.value]
        if len(kinds) != 1:
            raise at.fault("one of event, type or name, beside an optional payload")
        return Pattern(at.key(kinds[0]).text(), _filters(at.key("payload")) if "payload" in at.value else ())
    if not isinstance(at.value, list):
        return Pattern(at.text(EVENT))
    kind, *filters = at.list((1, 2), EVENT)
    return Pattern(kind.text("the kind of an event, as text"), _filters(filters[0]) if filters else ())


def _filters(at: Place) -> tuple[tuple[str, Scalar], ...]:
    if not isinstance(at.value, dict):
        raise at.fault("filters: an object of payload keys and the values that they must have")
    return tuple((name, _scalar(at.key(name))) for name in sorted(at.value))


def _scalar(at: Place) -> Scalar:
    if at.value is None or isinstance(at.value, str | bool):
        return at.value
    if type(at.value) in NUMBERS:
        return at.number()
    raise at.fault("text, a number, true, false or null")


def _happened(at: Place) -> Predicate:
    return Happened(_pattern(at))


def _bound(*, at_least: bool) -> Callable[[Place], Predicate]:
    def read(at: Place) -> Predicate:
        key, value = at.list((2,), "[KEY, VALUE]: a payload key and a number")
        return PayloadBound(key.text("a payload key, as text"), value.number(), at_least)

    return read


def _counter(at: Place) -> Predicate:
    name, value = at.list((2,), "[NAME, VALUE]: a counter and a number")
    return CounterReached(name.text("the name of a counter, as text"), value.number())


def _count(at: Place) -> Predicate:
    event, n, *within = at.list((2, 3), "[EVENT, N] or [EVENT, N, SECONDS]")
    most = MOST_WITHIN if within else 2**53
    return Count(_pattern(event), n.whole(1, most), _seconds(within[0]) if within else None)


def _streak(at: Place) -> Predicate:
    event, n, breaker = at.list((3,), "[EVENT, N, BREAKER]: so many events with no breaker between them")
    return Restarted(Count(_pattern(event), n.whole(1, 2**53)), Happened(_pattern(breaker)))


def _then(at: Place) -> Predicate:
    if isinstance(at.value, dict):
        return _then_of_object(at)
    first, second, within = at.list((3,), "[A, B, SECONDS]: two events and the seconds between them")
    return Sequence((_pattern(first), _pattern(second)), _seconds(within))


def _then_of_object(at: Place) -> Predicate:
    """Read `{first, second|then, within_s|window_s|within}`, as the predecessor's files may have it."""
    choices = (("first",), ("second", "then"), ("within_s", "window_s", "within"))
    at.table([name for names in choices for name in names], "[A, B, SECONDS]")
    picked = []
    for names in choices:
        given = [name for name in names if name in at.value]
        if len(given) != 1:
            raise at.fault(f"exactly one of {', '.join(names)}")
        picked.append(at.key(given[0]))
    first, second, within = picked
    return Sequence((_pattern(first), _pattern(second)), _seconds(within))


def _sequence(at: Place) -> Predicate:
    what = f"[A, B, ..., SECONDS]: 2 to {MOST_EVENTS} events in order, and the seconds from first to last"
    *events, within = at.list(range(3, MOST_EVENTS + 2), what)
    return Sequence(tuple(_pattern(event) for event in events), _seconds(within))


def _seconds(at: Place) -> float:
    return at.number("a number of seconds above 0", fits=lambda value: value > 0)


def _parts(at: Place, what: str = "a list of predicates, at least one") -> tuple[Predicate, ...]:
    if not isinstance(at.value, list) or not at.value:
        raise at.fault(what)
    return tuple(parse_predicate(part) for part in at.items())


def _any_k_of(at: Place) -> Predicate:
    if not isinstance(at.value, list) or len(at.value) != 2:
        raise at.fault("[K, [PREDICATE, ...]]: how many of them must be true")
    k, listed = at.items()
    parts = _parts(listed)
    return AnyOf(k.whole(1, len(parts)), parts)


OPERATORS: dict[str, Callable[[Place], Predicate]] = {
    "counter_gte": _counter,
    "payload_gte": _bound(at_least=True),
    "payload_lte": _bound(at_least=False),
    "event_happened": _happened,
    "event_then_within": _then,
    "sequence_within": _sequence,
    "count_gte": _count,
    "streak": _streak,
    "any_k_of": _any_k_of,
    "and": lambda at: All(_parts(at)),
    "or": lambda at: AnyOf(1, _parts(at)),
    "not": lambda at: Never(parse_predicate(at)),
}
