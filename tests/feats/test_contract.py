"""The telemetry contract, whether a stream keeps it, and whether anything can feed a feat."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ludus.core.errors import FileFormatError
from ludus.feats.contract import contract, read_contract
from ludus.feats.drift import Drift, diff
from ludus.feats.reach import Telemetry, Teller, Values, examine
from tests.feats.told import at, count, feat

FEATS = (
    feat({"counter_gte": ["pots", 20]}, name="pots"),
    feat({"and": [{"event_happened": ["end", {"result": "clear"}]}, {"payload_gte": ["gold", 9]}]}, name="rich"),
    feat(
        {"or": [{"payload_lte": ["hearts", 1]}, {"not": {"event_happened": ["end", {"result": "death"}]}}]}, name="low"
    ),
    feat({"event_then_within": ["a", ["b", {"n": 1}], 5], "reset_if": {"event_happened": "c"}}, name="then"),
    feat({"count_gte": ["d", 2]}, name="best", dedupe="best_only", score={"counter": "steps"}),
    feat({"event_happened": "e"}, name="scored", dedupe="best_only", score={"payload": "points"}),
)


def test_a_contract_is_what_feats_need_to_be_told() -> None:
    told = contract(FEATS).to_json()
    assert told | {"notes": []} == {
        "events": {"a": [], "b": ["n"], "c": [], "d": [], "e": ["points"], "end": ["gold", "result"]},
        "values": {"b": {"n": [1]}, "end": {"result": ["clear", "death"]}},
        "payload_keys_any": ["hearts"],
        "counters": ["pots", "steps"],
        "notes": [],
    }
    assert read_contract(json.loads(json.dumps(told)), "c.json") == contract(FEATS)


def test_values_of_a_contract_tell_true_from_1() -> None:
    both = feat({"or": [{"event_happened": ["a", {"x": 1}]}, {"event_happened": ["a", {"x": True}]}]})
    assert contract([both]).to_json()["values"] == {"a": {"x": [1, True]}}


@pytest.mark.parametrize("told", [[], {}, {"events": []}, {"events": {}, "counters": []}, 5])
def test_a_file_that_is_no_contract_is_refused(told: Any) -> None:
    with pytest.raises(FileFormatError, match=r"^c.json: .*expected events, payload_keys_any and counters"):
        read_contract(told, "c.json")


WHOLE = [
    count("pots"),
    at("t", {"counters": {"steps": 4}, "hearts": 3}),
    at("end", {"result": "clear", "gold": 3}),
    at("end", {"result": "death", "gold": 3}),
    at("a"),
    at("b", {"n": 1}),
    at("c"),
    at("d"),
    at("e", {"points": 1}),
]


def test_a_stream_that_tells_everything_has_no_drift() -> None:
    assert diff(contract(FEATS), WHOLE) == Drift(events_scanned=len(WHOLE))
    assert not diff(contract(FEATS), WHOLE).found


@pytest.mark.parametrize(
    ("place", "instead", "expected", "note"),
    [
        (6, at("C"), {"missing_events": ("c",)}, "event 'c': "),
        (5, at("b", {"m": 1}), {"missing_payload_keys": {"b": ("n",)}}, "payload key b.n: known are: m."),
        (5, at("b", {"n": True}), {"missing_values": {"b.n": (1,)}}, ""),
        (2, at("end", {"result": "cleared", "gold": 1}), {"missing_values": {"end.result": ("clear",)}}, ""),
        (1, at("t", {"counters": {"steps": 4}}), {"missing_payload_keys_any": ("hearts",)}, ""),
        (0, count("pot"), {"missing_counters": ("pots",)}, "counter 'pots': did you mean 'pot'?"),
    ],
)
def test_drift_is_named(place: int, instead: Any, expected: dict[str, Any], note: str) -> None:
    stream = [*WHOLE[:place], instead, *WHOLE[place + 1 :]]
    drift = diff(contract(FEATS), stream)
    assert drift.found
    assert {name: getattr(drift, name) for name in expected} == expected
    clean = Drift(events_scanned=len(stream), notes=drift.notes, **expected)
    assert drift == clean
    assert any(told.startswith(note) for told in drift.notes) or not note


# Reach.

END = {"result": Values(frozenset({"clear", "death"}), 0, 255), "gold": Values(low=0, high=65535)}
TELEMETRY = Telemetry(
    tellers=(
        Teller("counter_delta", "its counters", {"name": Values(frozenset({"pots"})), "delta": Values(low=1, high=9)}),
        Teller("end", "rule 1", END),
        Teller("spawn", "rule 2", {"boss": Values(frozenset({"worm"}), 0, 255)}),
        Teller("a", "rule 3"),
    ),
    counters={"pots": "watch.pots"},
)


def reach(predicate: Any, **fields: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    (found,) = examine([feat(predicate, **fields)], TELEMETRY)
    return found.fed_by, found.reasons


@pytest.mark.parametrize(
    ("predicate", "fed_by"),
    [
        ({"counter_gte": ["pots", 3]}, "counter pots by watch.pots"),
        ({"event_happened": ["end", {"result": "clear"}]}, "end result='clear' by rule 1"),
        ({"event_happened": ["counter_delta", {"name": "pots", "delta": 2}]}, "counter_delta delta=2 name='pots' by"),
        ({"and": [{"event_happened": "end"}, {"payload_gte": ["gold", 65535]}]}, "end by rule 1"),
        ({"and": [{"event_happened": "end"}, {"not": {"event_happened": "a"}}]}, "a by rule 3"),
        ({"or": [{"event_happened": "nobody"}, {"event_happened": "a"}]}, "a by rule 3"),
        ({"any_k_of": [1, [{"counter_gte": ["none", 1]}, {"count_gte": ["a", 2]}]]}, "a by rule 3"),
        ({"sequence_within": ["a", "spawn", "end", 5]}, "spawn by rule 2"),
        ({"streak": ["a", 2, "spawn"]}, "spawn by rule 2"),
        ({"count_gte": ["a", 2, 5]}, "a by rule 3"),
    ],
)
def test_a_feat_within_reach_is_fed_by_somebody(predicate: Any, fed_by: str) -> None:
    sources, reasons = reach(predicate)
    assert reasons == ()
    assert any(source.startswith(fed_by) for source in sources)


@pytest.mark.parametrize(
    ("predicate", "reason"),
    [
        ({"counter_gte": ["pot", 3]}, "nothing counts 'pot'; did you mean 'pots'?"),
        ({"event_happened": "ends"}, "nothing tells 'ends'; did you mean 'end'?"),
        ({"event_happened": ["end", {"results": "clear"}]}, "'end' has no key 'results'; did you mean 'result'?"),
        ({"event_happened": ["end", {"result": "cleared"}]}, "end.result is never 'cleared'; did you mean 'clear'?"),
        ({"event_happened": ["end", {"gold": 70000}]}, "end.gold is never 70000"),
        ({"event_happened": ["end", {"gold": True}]}, "end.gold is never True"),
        ({"event_happened": ["end", {"gold": None}]}, "end.gold is never None"),
        ({"payload_gte": ["gold", 65536]}, "'gold' is never at least 65536"),
        ({"payload_lte": ["gold", -1]}, "'gold' is never at most -1"),
        ({"payload_gte": ["speed", 1]}, "no event has the key 'speed'"),
        ({"and": [{"event_happened": "a"}, {"payload_gte": ["gold", 1]}]}, "no event can be all that"),
        ({"and": [{"event_happened": "a"}, {"event_happened": "end"}]}, "no event can be all that"),
        ({"event_then_within": ["nobody", "a", 5]}, "nothing tells 'nobody'"),
        ({"any_k_of": [2, [{"event_happened": "nobody"}, {"event_happened": "a"}]]}, "nothing tells 'nobody'"),
        ({"count_gte": ["nobody", 2]}, "nothing tells 'nobody'"),
        ({"not": {"event_happened": "a"}}, "it is true from the start"),
        ({"and": [{"event_happened": "a"}, {"not": {"not": {"event_happened": "end"}}}]}, "a 'not' of what is true"),
        ({"streak": ["nobody", 2, "a"]}, "nothing tells 'nobody'"),
    ],
)
def test_a_feat_out_of_reach_is_told_why(predicate: Any, reason: str) -> None:
    assert any(told.startswith(reason) for told in reach(predicate)[1])


def test_a_feat_about_a_score_needs_one() -> None:
    ends, a = {"event_happened": "end"}, {"event_happened": "a"}
    assert reach(ends, dedupe="best_only", score={"payload": "gold"})[1] == ()
    assert reach(ends, dedupe="best_only", score={"counter": "pots"})[1] == ()
    assert reach(a, dedupe="best_only", score={"payload": "gold"})[1][0].startswith("no event that it unlocks at has")
    assert reach(a, dedupe="best_only", score={"counter": "steps"})[1] == ("nothing counts its score, 'steps'",)
    usual = "'score' or 'final_reward' or 'reward' or 'steam_score' or 'hype_score'"
    assert reach(a, dedupe="best_only")[1][0].endswith(usual)


def test_a_report_has_the_shape_of_the_validate_endpoint() -> None:
    (found,) = examine([feat({"event_happened": ["end", {"x": 1}]})], TELEMETRY)
    assert found.to_json() == {
        "feat_id": "f",
        "name": "F",
        "missing_events": [],
        "missing_payload_keys": ["end.x"],
        "missing_counters": [],
        "reasons": ["'end' has no key 'x'; known are: result, gold."],
    }
