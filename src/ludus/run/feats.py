"""Games and their feats: where a game's feats are, and what the game can tell the judge of them."""

from __future__ import annotations

from pathlib import Path

from ludus.core import config
from ludus.core.errors import InputError
from ludus.core.events import COUNTER_DELTA
from ludus.feats.feat import Feat
from ludus.feats.loader import read_feats
from ludus.feats.reach import Telemetry, Teller, Values
from ludus.gameboy.card import Card
from ludus.gameboy.expression import parse
from ludus.gameboy.watches import Reader, Watch

_BITS = {"u8": 8, "u16le": 16, "u16be": 16, "u32le": 32}
_GAINED = Values(low=1, high=2**32)


def find_feats(card: Card | None, path: Path | None = None) -> Path:
    """Give the feats file: the path that is given, else that of METABONK_FEATS_PATH, else the card's.

    Raises `InputError` where there is none of them.
    """
    named = config.variable("serve.feats")
    found = path or (Path(named) if named else card.feats if card else None)
    if found is None:
        game = f"the card {card.id!r}" if card else "this game"
        raise InputError(f"{game} has no feats; give a feats file with --feats FILE, or in the card as feats = 'FILE'.")
    return found


def load_feats(card: Card | None, path: Path | None = None) -> tuple[Feat, ...]:
    """Give the feats of the file that `find_feats` finds. Raises `InputError`, `FileFormatError`."""
    return read_feats(find_feats(card, path))


def telemetry(card: Card) -> Telemetry:
    """Give the events that a card's rules can make, what their payloads can hold, and the counters."""
    columns = Reader(card.watch).columns
    counters = [name for name, watch in card.watch.items() if watch.role == "counter"]
    counted = {"name": Values(frozenset(counters)), "delta": _GAINED}
    tellers = [Teller(COUNTER_DELTA, "its counters", counted)] if counters else []
    for number, rule in enumerate(card.event, start=1):
        payload = {key: _values(card.watch[name]) for key, name in rule.payload.items()}
        if parse(rule.when, columns).grown is not None:
            payload["delta"] = _GAINED
        tellers.append(Teller(rule.kind, f"[[event]] {number}, when {rule.when!r}", payload))
    return Telemetry(tuple(tellers), {name: f"watch.{name}" for name in counters})


def _values(watch: Watch) -> Values:
    """Give what a watch can say: its words, and every number that its type holds."""
    digits = watch.type.removeprefix("bcd")
    high = 100 ** int(digits) if digits != watch.type else 2 ** _BITS.get(watch.type, 1)
    return Values(frozenset(watch.names.values()), 0, high - 1)
