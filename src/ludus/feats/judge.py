"""The judge of feats: a pure reducer from events to verdicts.

`update` leaves the memory it is given as it is: it copies the lanes that its events touch, and no others. Lanes are
kept apart by `Event.lane`; within a lane, events come in the order in which they happened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

from ludus.core.events import COUNTER_DELTA
from ludus.core.types import Event, Verdict
from ludus.feats import saved
from ludus.feats.compiler import Program, Woken
from ludus.feats.feat import Feat
from ludus.feats.memory import ABSENT, Memory, Spans
from ludus.feats.parts import Rule, Slot, is_number
from ludus.feats.work import STARTS, Work, rank

Slots = tuple[Slot, ...]

_BY_NUMBER = itemgetter(0)


class FeatJudge:
    """Judges the events of any number of lanes by the feats of one file."""

    def __init__(self, feats: Sequence[Feat], *, tick_hz: float) -> None:
        """Compile the feats; `tick_hz` is how many ticks of the events make a second of game time."""
        assert tick_hz > 0, tick_hz
        self.feats = tuple(feats)
        self.program = Program(feats, tick_hz)
        self._kinds = self.program.kinds
        self._slots = {name: tuple(found) for name, found in self.program.slots.items()}
        self._payload_keys = self.program.payload_keys

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as feats, to be compiled there."""
        return partial(FeatJudge, tick_hz=self.program.tick_hz), (self.feats,)

    def init(self, lanes: int) -> Memory:
        """Give the memory of a judge that has seen nothing. Lanes beyond these are added as they speak."""
        return Memory(lanes={lane: self.program.fresh_lane() for lane in range(lanes)}, lives={})

    def update(self, memory: Memory, seen: Sequence[Event]) -> tuple[Memory, tuple[Verdict, ...]]:
        """Give the memory after these events, and a verdict for every feat that unlocks."""
        work = Work(self.program, memory)
        kinds, all_slots, payload_keys = self._kinds, self._slots, self._payload_keys
        for event in seen:
            kind, payload = event.kind, event.payload
            woken = kinds.get(kind)
            due = [] if woken is None else [*woken.always]
            if woken is not None and woken.by_value:
                _choose(woken, payload, due)
            if payload_keys:
                for key in payload_keys.keys() & payload.keys():
                    due += payload_keys[key]
            slots = _counted(all_slots, payload) if kind == COUNTER_DELTA else None
            snapshot = self._known(payload["counters"]) if "counters" in payload else ()
            if not due and slots is None and not snapshot and kind not in STARTS:
                continue
            spans = work.spans(event)
            for slot in slots or ():
                slot.add(payload["delta"], spans, due)
            for slots, value in snapshot:
                was = spans[slots[0].span][slots[0].index]
                for slot in slots:
                    slot.add(value - (0 if was == ABSENT else was), spans, due)
            if due:
                _settle(due, event, spans, work)
        return work.finish()

    def save(self, memory: Memory) -> bytes:
        """Give a memory as bytes."""
        return saved.save(self.program, memory)

    def load(self, state: bytes) -> Memory:
        """Give a memory back that this judge, or one with other feats, has saved; what did not change goes on.

        Raises `StateError`.
        """
        return saved.load(self.program, state)

    def progress(self, memory: Memory, lane: int, instance: str = "") -> dict[str, float]:
        """Give how much of each feat is done in a lane, 0 to 1; 1 where it has unlocked and cannot do so again."""
        held = memory.lanes.get(lane) or self.program.fresh_lane()
        life = memory.lives.get(instance) or self.program.fresh_life()
        spans = (held.run, held.stage, life.cells)
        won = {"once_per_run": held.run_won, "once_per_stage": held.stage_won, "once": life.won}
        return {
            feat.id: 1.0
            if self.program.keys[feat.id] in won.get(feat.dedupe, ())
            else self.program.shares[feat.id](spans)
            for feat in self.feats
        }

    def rarity(self, memory: Memory) -> dict[str, float]:
        """Give the share of all runs so far in which each feat unlocked, 0 to 1; no feat where there was no run."""
        if not memory.runs:
            return {}
        return {feat.id: memory.winners.get(self.program.keys[feat.id], 0) / memory.runs for feat in self.feats}

    def leaderboards(self, memory: Memory) -> dict[str, list[dict[str, Any]]]:
        """Give each best_only feat's instances, best first, with `score` and where it was reached."""
        boards = {}
        for feat in self.feats:
            if feat.dedupe == "best_only":
                board, direction = memory.boards.get(self.program.keys[feat.id], {}), feat.direction
                rows = [{"instance_id": instance} | dict(best) for instance, best in board.items()]
                rows.sort(key=lambda row: rank(direction, row["score"]), reverse=True)
                boards[feat.id] = rows
        return boards

    def _known(self, snapshot: object) -> list[tuple[Slots, float]]:
        """Give the counters of a snapshot that feats speak of, and their values in the run."""
        told = snapshot.items() if isinstance(snapshot, Mapping) else ()
        return [(self._slots[name], value) for name, value in told if name in self._slots and is_number(value)]


def _counted(known: Mapping[str, Slots], payload: Mapping[str, Any]) -> Slots | None:
    """Give how a counter is seen that a delta is told of, None where no feat speaks of it or it tells no number."""
    name, delta = payload.get("name"), payload.get("delta")
    return known.get(name) if type(name) is str and is_number(delta) else None


def _choose(woken: Woken, payload: Mapping[str, Any], due: list[Rule]) -> None:
    """Add the rules that wait for a value which the payload has."""
    for key, by_value in woken.by_value:
        try:
            due += by_value.get(payload.get(key), ())
        except TypeError:
            continue  # a list or an object, which no filter asks for


def _settle(due: list[Rule], event: Event, spans: Spans, work: Work) -> None:
    """Run what is due, in order, each once."""
    if len(due) > 1:
        due.sort(key=_BY_NUMBER)
    last = -1
    for number, act, feat in due:
        if number != last and act(event, spans) and feat is not None:
            work.unlock(feat, event, spans)
        last = number
