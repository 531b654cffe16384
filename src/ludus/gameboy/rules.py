"""What a card makes of its watches: reward, ends and events, for all lanes at once. N lanes, W watches."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ludus.core.errors import InputError, nearest
from ludus.core.types import Mask
from ludus.gameboy.card import Card, EventRule, Weights
from ludus.gameboy.expression import Expression, Values, parse
from ludus.gameboy.watches import Reader

COUNTER_DELTA = "counter_delta"


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a step led to."""

    change: Values
    """`int64[N, W]`, what each watch has gained or lost."""
    now: Values
    """`int64[N, W]`, the watches after it."""
    facts: Values
    """`int64[N, W + E + 1]`: what each watch has gained, which events happened, whether the lane moved."""
    reward: npt.NDArray[np.float32]
    terminated: Mask
    truncated: Mask
    """`bool[N]` each."""


Happening = tuple[int, str, dict[str, Any], str]
"""An event that is not stamped yet: lane, kind, payload, stage."""


class Rules:
    """A card's rules, parsed once, with the weights of one role. Raises `SettingsError` that names file and key."""

    def __init__(self, card: Card, role: str | None = None) -> None:
        self.card = card
        self.reader = Reader(card.watch)
        self._index = {name: column.index for name, column in self.reader.columns.items()}
        self._counters = [(name, self._index[name]) for name, watch in card.watch.items() if watch.role == "counter"]
        self._events = [self._event(number, rule) for number, rule in enumerate(card.event)]
        told = [index for _, index in self._counters] + [len(card.watch) + number for number in range(len(card.event))]
        self._told = np.array(told, np.intp)
        self._ends = [self._expression(f"end.{name}", getattr(card.end, name)) for name in ("terminated", "truncated")]
        self._stage = self._watch("stage", card.stage) if card.stage else None
        _check_weights(card, self._index)
        weights = merge_weights(card, role)
        self._weights = np.array(
            [
                *(weights.watches.get(name, 0.0) for name in card.watch),
                *(weights.events.get(rule.kind, 0.0) for rule in card.event),
                weights.step or 0.0,
            ]
        )

    @property
    def speaks(self) -> bool:
        """Whether there is anything to judge: a ROM alone has no watches, and no reward for a step."""
        return bool(self.card.watch) or bool(self._weights[-1])

    def judge(self, before: Values, now: Values, moved: Mask) -> Outcome:
        """Give what a step from one state of the watches to the next led to, in the lanes that `moved` names.

        Rewards add up in the card's order, so that a lane's sum does not depend on the lanes beside it.
        """
        lanes, watches = now.shape
        change = now - before
        facts = np.zeros((lanes, len(self._weights)), np.int64)
        np.maximum(change, 0, out=facts[:, :watches])
        facts[:, -1] = moved
        changed = set(np.flatnonzero(change.any(axis=0)).tolist())
        for column, (expression, _) in enumerate(self._events, start=watches):
            if expression.triggers is None or not changed.isdisjoint(expression.triggers):
                facts[:, column] = expression.test(before, now) & moved
        reward = np.cumsum(facts * self._weights, axis=1)[:, -1].astype(np.float32)
        none = np.zeros(lanes, np.bool_)
        ends = [expression.test(before, now) & moved if expression else none for expression in self._ends]
        return Outcome(change, now, facts, reward, *ends)

    def happenings(self, outcome: Outcome) -> Iterator[Happening]:
        """Give the events of a step, lane by lane: first what the counters gained, then the card's own in its order."""
        change, now, counters = outcome.change, outcome.now, len(self._counters)
        happened = outcome.facts[:, self._told]
        stages = self._stages(now)
        for lane, which in zip(*(found.tolist() for found in happened.nonzero()), strict=True):
            if which < counters:
                name, index = self._counters[which]
                yield lane, COUNTER_DELTA, {"name": name, "delta": change.item(lane, index)}, stages[lane]
                continue
            expression, rule = self._events[which - counters]
            payload = {key: self._word(name, now[lane]) for key, name in rule.payload.items()}
            if expression.grown is not None:
                payload["delta"] = change.item(lane, self._index[expression.grown])
            yield lane, rule.kind, payload, stages[lane]

    def words(self, values: Values) -> dict[str, int | str]:
        """Give the watches of one lane, `int64[W]`, as a card's reader would say them."""
        return {name: self._word(name, values) for name in self._index}

    def condition(self, key: str, text: str) -> Expression:
        """Give an expression over the card's watches; `key` is where it stands. Raises `SettingsError`."""
        try:
            return parse(text, self.reader.columns)
        except InputError as error:
            raise self.card.fault(key, text, str(error)) from error

    def _event(self, number: int, rule: EventRule) -> tuple[Expression, EventRule]:
        for key, name in rule.payload.items():
            self._watch(f"event.{number}.payload.{key}", name)
        expression = self.condition(f"event.{number}.when", rule.when)
        if expression.grown is not None and "delta" in rule.payload:
            reason = f"'delta' is there already, the n of {rule.when!r}; name the key differently."
            raise self.card.fault(f"event.{number}.payload", rule.payload, reason)
        if rule.kind == COUNTER_DELTA:
            reason = "every counter gives these events by itself; choose another kind."
            raise self.card.fault(f"event.{number}.kind", rule.kind, reason)
        return expression, rule

    def _expression(self, key: str, text: str | None) -> Expression | None:
        return None if text is None else self.condition(key, text)

    def _watch(self, key: str, name: str) -> str:
        if name not in self._index:
            raise self.card.fault(key, name, f"there is no such watch; {nearest(name, self._index)}")
        return name

    def _stages(self, now: Values) -> list[str]:
        if self._stage is None:
            return [""] * len(now)
        names = self.card.watch[self._stage].names
        return [names.get(value) or str(value) for value in now[:, self._index[self._stage]].tolist()]

    def _word(self, name: str, values: Values) -> int | str:
        return self.card.watch[name].word(int(values[self._index[name]]))


def merge_weights(card: Card, role: str | None) -> Weights:
    """Give the weights of a role over those that it is based on. Raises `SettingsError` on a cyclic or unknown one."""
    chain: list[str] = []
    name = role
    while name is not None:
        if name not in card.role:
            if not chain:
                raise InputError(f"the card {card.id!r} has no role {name!r}; {nearest(name, card.role)}")
            reason = f"there is no such role; {nearest(name, card.role)}"
            raise card.fault(f"role.{chain[-1]}.base", name, reason)
        if name in chain:
            circle = " -> ".join([*chain[chain.index(name) :], name])
            raise card.fault(f"role.{chain[-1]}.base", name, f"that leads in a circle, {circle}; cut it somewhere.")
        chain.append(name)
        name = card.role[name].base
    merged = card.reward
    for name in reversed(chain):
        over = card.role[name]
        merged = Weights(
            watches=merged.watches | over.watches,
            events=merged.events | over.events,
            step=merged.step if over.step is None else over.step,
        )
    return merged


def _check_weights(card: Card, watches: Collection[str]) -> None:
    kinds = [rule.kind for rule in card.event]
    for key, weights in [("reward", card.reward), *((f"role.{name}", role) for name, role in card.role.items())]:
        for table, given, known in (("watches", weights.watches, watches), ("events", weights.events, kinds)):
            for name in given:
                if name not in known:
                    reason = f"there is nothing of that name to reward; {nearest(name, known)}"
                    raise card.fault(f"{key}.{table}.{name}", given[name], reason)
    for name in card.role:
        merge_weights(card, name)
