"""Games and their feats: where a game's feats are, what the game can tell of them, and their place in the loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ludus.core import config
from ludus.core.errors import InputError
from ludus.core.events import COUNTER_DELTA
from ludus.core.types import Verdict
from ludus.feats.feat import Feat
from ludus.feats.judge import FeatJudge
from ludus.feats.loader import read_feats
from ludus.feats.reach import Telemetry, Teller, Values
from ludus.gameboy.card import Card
from ludus.gameboy.expression import parse
from ludus.gameboy.watches import Reader, Watch
from ludus.run.games import GameSettings, open_world
from ludus.run.judging import Seat, Wish

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


FEATS = "feats"
"""The name of their seat."""

CARD = "card"
"""Stands for the feats of a game's own card."""


@dataclass(frozen=True, slots=True)
class Films:
    """What feats want filmed: around an unlock, what the feat's clip says."""

    clips: Mapping[str, Wish]
    """Feat id -> film."""

    def __call__(self, verdict: Verdict) -> Wish | None:
        """Give the film of an unlock, None where its feat asks for none."""
        return self.clips.get(verdict.name)


def feat_seat(feats: Sequence[Feat], *, tick_hz: float) -> Seat:
    """Give the place of feats in the loop; `tick_hz` is the World's."""
    films = Films({feat.id: Wish(**feat.clip.to_json()) for feat in feats if feat.clip})
    facts = {"feats": {feat.id: feat.to_json() for feat in feats}}
    return Seat(FEATS, FeatJudge(feats, tick_hz=tick_hz), "events", films, facts)


def game_seat(game: GameSettings, feats: str) -> Seat:
    """Give the place of a game's feats in the loop: those of a file, or of its card for `card`.

    Raises `InputError` where there are none, and as `open_world` does.
    """
    with closing(open_world(game, 1)) as world:
        card = getattr(world, "card", None)
        loaded = load_feats(card, None if feats == CARD else Path(feats))
        return feat_seat(loaded, tick_hz=world.spec.tick_hz)


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
