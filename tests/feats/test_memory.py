"""Memory: a value that can be cut anywhere, saved, and given to a judge of other feats."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ludus.core.errors import StateError
from ludus.core.events import to_json
from ludus.core.types import Event, Verdict
from ludus.feats.door import Door
from ludus.feats.feat import Feat
from ludus.feats.judge import FeatJudge
from ludus.feats.memory import Memory
from ludus.feats.predicate import Count, CounterReached, Pattern, PayloadBound, Predicate, Sequence
from tests.feats.streams import HZ, patterns, several, streams
from tests.feats.told import at, count, feat

Feats = tuple[Feat, ...]
Events = tuple[Event, ...]
FEW = settings(max_examples=40, deadline=None, derandomize=True)


def straight(feats: Feats, events: Events) -> tuple[FeatJudge, Memory, tuple[Verdict, ...]]:
    judge = FeatJudge(feats, tick_hz=HZ)
    memory, verdicts = judge.update(judge.init(2), events)
    return judge, memory, verdicts


@FEW
@given(several(), streams(), st.integers(0, 30), st.booleans())
def test_cut_anywhere_saved_and_restored_it_goes_on_as_if_nothing_was(
    feats: Feats, events: Events, cut: int, save: bool
) -> None:
    judge, whole, expected = straight(feats, events)
    memory, first = judge.update(judge.init(2), events[:cut])
    if save:
        again = FeatJudge(feats, tick_hz=HZ)
        restored = again.load(judge.save(memory))
        assert restored == memory
        memory, judge = restored, again
    memory, second = judge.update(memory, events[cut:])
    assert first + second == expected
    assert memory == whole


@FEW
@given(several(), streams())
def test_an_update_leaves_the_memory_it_was_given_as_it_was(feats: Feats, events: Events) -> None:
    judge, memory, _ = straight(feats, events[: len(events) // 2])
    before = judge.save(memory)
    first = judge.update(memory, events[len(events) // 2 :])
    assert judge.save(memory) == before
    assert judge.update(memory, events[len(events) // 2 :]) == first


@FEW
@given(several(), streams(), st.lists(st.integers(0, 30), max_size=8))
def test_what_is_delivered_twice_counts_once(feats: Feats, events: Events, again: list[int]) -> None:
    rows = [to_json(event) for event in events]
    order = [*range(len(rows))]
    for place in again:
        order.insert(place % len(rows) + 1, place % len(rows) // 2)
    heard = [Door(tick_hz=HZ).receive_all(told) for told in (rows, [rows[place] for place in order])]
    assert heard[0] == heard[1]
    assert straight(feats, tuple(heard[0]))[2] == straight(feats, tuple(heard[1]))[2]


@FEW
@given(several(), streams(), st.lists(st.integers(0, 30), max_size=8))
def test_events_outside_the_contract_change_nothing(feats: Feats, events: Events, places: list[int]) -> None:
    noise: list[tuple[str, dict[str, object]]] = [("noise", {"z": 1}), ("counter_delta", {"name": "z", "delta": 1})]
    noisy = list(events)
    for place in places:
        here, (kind, payload) = place % len(noisy), noise[place % 2]
        noisy.insert(here, replace(noisy[here], kind=kind, payload=payload))
    assert straight(feats, tuple(noisy))[1:] == straight(feats, events)[1:]


def unlocked(feats: Feats, events: Events) -> set[tuple[str, object]]:
    return {(verdict.name, verdict.evidence["seen_key"]) for verdict in straight(feats, events)[2]}


@FEW
@given(streams(), st.integers(0, 4), st.integers(0, 4), st.sampled_from(["x", "y"]))
def test_raising_a_threshold_never_adds_an_unlock(events: Events, low: int, more: int, key: str) -> None:
    pairs: list[tuple[Predicate, Predicate]] = [
        (CounterReached("p", low), CounterReached("p", low + more)),
        (PayloadBound(key, low), PayloadBound(key, low + more)),
    ]
    for easy, hard in pairs:
        feats = tuple(Feat("f", "F", predicate) for predicate in (easy, hard))
        assert unlocked(feats[1:], events) <= unlocked(feats[:1], events)


@FEW
@given(streams(), st.lists(patterns, min_size=2, max_size=3), st.floats(0.1, 2), st.floats(0, 2))
def test_widening_a_window_never_removes_an_unlock(
    events: Events, asked: list[Pattern], within: float, more: float
) -> None:
    for make in (lambda seconds: Sequence(tuple(asked), seconds), lambda seconds: Count(asked[0], len(asked), seconds)):
        narrow, wide = (Feat("f", "F", make(seconds)) for seconds in (within, within + more))
        assert unlocked((narrow,), events) <= unlocked((wide,), events)


@FEW
@given(several(), streams())
def test_an_unlock_is_unique_by_its_seen_key_and_the_best_gets_better(feats: Feats, events: Events) -> None:
    _, _, verdicts = straight(feats, events)
    for made in feats:
        mine = [verdict.evidence for verdict in verdicts if verdict.name == made.id]
        if made.dedupe == "best_only":
            scores = [evidence["score"] for evidence in mine if evidence["score"] is not None]
            assert scores == sorted(set(scores), reverse=made.direction == "min")
        else:
            keys = [evidence["seen_key"] for evidence in mine]
            assert len(keys) == len(set(keys))


@FEW
@given(several(), streams(most=25))
def test_a_lanes_memory_does_not_grow_with_the_stream(feats: Feats, events: Events) -> None:
    judge, memory, _ = straight(feats, events)
    later, _ = judge.update(memory, events * 3)
    assert [len(lane.run) + len(lane.stage) for lane in later.lanes.values()] == [
        len(judge.program.starts[0]) + len(judge.program.starts[1])
    ] * 2


# A file that changes while it is in use.

GOLD = {"counter_gte": ["gold", 10]}


def test_a_feat_that_did_not_change_keeps_its_memory_when_the_file_does() -> None:
    old = FeatJudge((feat(GOLD, name="gold"), feat({"event_happened": "a"}, name="gone")), tick_hz=60)
    memory, _ = old.update(old.init(1), [count("gold", 9), at("a")])
    renamed = replace(feat(GOLD, name="gold"), name="Rich", description="New words.")
    new = FeatJudge((feat({"count_gte": ["b", 1]}, name="new"), renamed), tick_hz=60)
    memory, found = new.update(new.load(old.save(memory)), [count("gold", 1)])
    assert [verdict.name for verdict in found] == ["gold"]
    memory, found = new.update(new.load(new.save(memory)), [count("gold", -5), count("gold", 5)])
    assert found == (), "it has unlocked in this run"


def test_a_feat_that_changed_begins_anew_and_waits_until_it_turns_true() -> None:
    both = {"and": [{"counter_gte": ["gold", 2]}, {"counter_gte": ["pots", 1]}]}
    old = FeatJudge((feat(GOLD), feat({"counter_gte": ["pots", 99]}, name="pots")), tick_hz=60)
    memory, _ = old.update(old.init(1), [count("gold", 10), count("pots", 1)])
    for scope in ("run", "lifetime"):
        new = FeatJudge((feat(both, scope=scope), feat(GOLD, name="gold")), tick_hz=60)
        taken = new.load(old.save(memory))
        assert new.update(taken, [count("pots", 1)])[1] == ()


def test_bytes_that_hold_no_memory_are_refused() -> None:
    judge = FeatJudge((feat(GOLD),), tick_hz=60)
    saved = json.loads(judge.save(judge.update(judge.init(1), [count("gold")])[0]))
    wrong = saved["lanes"] | {"0": saved["lanes"]["0"] | {"run": {"0": [1, 2]}}}
    for state in (b"", b"[]", b"{}", b'{"format": "other"}', json.dumps(saved | {"lanes": wrong}).encode()):
        with pytest.raises(StateError, match="memory of feats"):
            judge.load(state)
