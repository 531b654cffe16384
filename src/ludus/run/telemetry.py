"""What a game can tell the judge of feats, as its card has it."""

from __future__ import annotations

from ludus.core.events import COUNTER_DELTA
from ludus.feats.reach import Telemetry, Teller, Values
from ludus.gameboy.card import Card
from ludus.gameboy.expression import parse
from ludus.gameboy.watches import Reader, Watch

_BITS = {"u8": 8, "u16le": 16, "u16be": 16, "u32le": 32}
_GAINED = Values(low=1, high=2**32)


def telemetry(card: Card) -> Telemetry:
    """Give the events that a card's rules can make, what their payloads can hold, and the counters."""
    columns = Reader(card.watch).columns
    counters = [name for name, watch in card.watch.items() if watch.role == "counter"]
    tellers = (
        [Teller(COUNTER_DELTA, "its counters", {"name": Values(frozenset(counters)), "delta": _GAINED})]
        if counters
        else []
    )
    for number, rule in enumerate(card.event, start=1):
        payload = {key: _values(card.watch[name]) for key, name in rule.payload.items()}
        if parse(rule.when, columns).grown is not None:
            payload["delta"] = _GAINED
        tellers.append(Teller(rule.kind, f"[[event]] {number}, when {rule.when!r}", payload))
    return Telemetry(tuple(tellers), {name: f"watch.{name}" for name in counters})


def _values(watch: Watch) -> Values:
    """Give what a watch can say: its words, and every number that its type holds."""
    if watch.type.startswith("bcd"):
        high = 100 ** int(watch.type[3:]) - 1
    else:
        high = 2 ** _BITS.get(watch.type, 1) - 1
    return Values(frozenset(watch.names.values()), 0, high)
