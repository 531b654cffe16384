"""Feats files: every form is read, every mistake is told with its place, and the published schema says the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from ludus.core.errors import FileFormatError, InputError
from ludus.feats.feat import ClipWindow, Feat, Score
from ludus.feats.loader import SCHEMA, parse_feats, read_feats
from ludus.feats.predicate import Count, Happened, Pattern, Restarted, Sequence, text
from tests.feats.streams import several

POTS = {
    "id": "minor.pots.20_in_run",
    "name": "Pot Popper",
    "tier": "minor",
    "scope": "run",
    "predicate": {"counter_gte": ["pots_broken", 20]},
    "clip": {"pre_s": 12, "post_s": 6, "speed": 3.0},
    "hall": "fame",
    "dedupe": "once_per_run",
}
VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))


def load(*feats: Any) -> tuple[Feat, ...]:
    return parse_feats(json.dumps(feats), "my.json")


def predicate(told: Any) -> Any:
    return load(POTS | {"predicate": told})[0].predicate


def test_the_seeds_feat_is_read_as_it_stands() -> None:
    (pots,) = load(POTS)
    assert pots.clip == ClipWindow(12.0, 6.0, 3.0)
    assert {key: value for key, value in pots.to_json().items() if key in POTS} == POTS


def test_a_file_is_a_list_or_an_object_with_feats(tmp_path: Path) -> None:
    path = tmp_path / "feats.json"
    for told in ([POTS], {"feats": [POTS]}, {"$schema": "feats.schema.json", "feats": [POTS]}):
        path.write_text(json.dumps(told))
        assert read_feats(path) == load(POTS)
        VALIDATOR.validate(told)
    with pytest.raises(InputError, match="cannot read"):
        read_feats(tmp_path / "none.json")


def test_what_is_left_out_has_its_default() -> None:
    (bare,) = load({"id": "a", "name": "A", "predicate": {"event_happened": "x"}})
    assert bare == Feat("a", "A", Happened(Pattern("x")))
    told = (bare.tier, bare.scope, bare.hall, bare.dedupe, bare.clip, bare.score, bare.description, bare.hidden)
    assert told == ("minor", "run", "fame", "once_per_run", None, None, "", False)
    assert bare.points == 0


def test_the_optional_fields_are_kept() -> None:
    more = {"description": "Break them.", "hidden": True, "points": 5, "score": {"counter": "gold", "direction": "min"}}
    (made,) = load(POTS | more)
    assert (made.description, made.hidden, made.points) == ("Break them.", True, 5)
    assert (made.score, made.direction) == (Score("counter", "gold", "min"), "min")
    assert load(made.to_json()) == (made,)


def test_forms_that_mean_the_same_are_the_same() -> None:
    a, b = Pattern("a"), Pattern("b", (("x", 1),))
    told_b = ["b", {"x": 1}]
    for form in (
        {"event_then_within": ["a", told_b, 5]},
        {"sequence_within": [["a"], told_b, 5]},
        {"event_then_within": {"first": "a", "second": told_b, "within_s": 5}},
        {"event_then_within": {"first": {"type": "a"}, "then": {"event": "b", "payload": {"x": 1}}, "window_s": 5}},
        {"event_then_within": {"first": {"name": "a", "payload": {}}, "then": told_b, "within": 5}},
    ):
        assert predicate(form) == Sequence((a, b), 5)
        VALIDATOR.validate([POTS | {"predicate": form}])
    streak = {"streak": ["a", 3, told_b]}
    assert predicate(streak) == predicate({"count_gte": ["a", 3], "reset_if": {"event_happened": told_b}})
    assert predicate(streak) == Restarted(Count(a, 3), Happened(b))


WRONG_PREDICATES: list[tuple[Any, str]] = [
    ({}, r"\$\[0\].predicate is {}, expected exactly one of counter_gte"),
    ([], r"predicate is \[\], expected a predicate: an object with one of"),
    ({"counter_gt": ["a", 1]}, r"predicate has an unknown key 'counter_gt'; did you mean 'counter_gte'\?"),
    ({"counter_gte": ["a", 1], "not": {}}, "expected exactly one of"),
    ({"reset_if": {"event_happened": "a"}}, "expected exactly one of"),
    ({"counter_gte": ["a"]}, r"predicate.counter_gte is \['a'\], expected \[NAME, VALUE\]"),
    ({"counter_gte": ["a", "many"]}, r"counter_gte\[1\] is 'many', expected a number"),
    ({"counter_gte": ["a", True]}, r"counter_gte\[1\] is True, expected a number"),
    ({"counter_gte": [5, 1]}, r"counter_gte\[0\] is 5, expected the name of a counter"),
    ({"payload_gte": {"a": 1}}, r"payload_gte is {'a': 1}, expected \[KEY, VALUE\]"),
    ({"payload_lte": ["", 1]}, r"payload_lte\[0\] is '', expected a payload key"),
    ({"event_happened": 3}, "event_happened is 3, expected an event"),
    ({"event_happened": ["a", {"x": [1]}]}, r"event_happened\[1\].x is \[1\], expected text, a number, true"),
    ({"event_happened": ["a", "x"]}, r"event_happened\[1\] is 'x', expected filters"),
    ({"event_happened": ["a", {}, {}]}, "expected an event"),
    ({"event_happened": {"kind": "a"}}, "unknown key 'kind'; known are"),
    ({"event_happened": {"type": "a", "name": "a"}}, "expected one of event, type or name"),
    ({"event_then_within": ["a", "b"]}, r"expected \[A, B, SECONDS\]"),
    ({"event_then_within": ["a", "b", 0]}, r"event_then_within\[2\] is 0, expected a number of seconds above 0"),
    ({"event_then_within": {"first": "a", "within": 3}}, "expected exactly one of second, then"),
    ({"sequence_within": ["a", 3]}, "expected .* 2 to 16 events"),
    ({"sequence_within": ["a", "b", "c"]}, r"sequence_within\[2\] is 'c', expected a number of seconds"),
    ({"count_gte": ["a", 0]}, r"count_gte\[1\] is 0, expected a whole number from 1"),
    ({"count_gte": ["a", 2.5]}, "expected a whole number"),
    ({"count_gte": ["a", 300, 2]}, "expected a whole number from 1 to 256"),
    ({"streak": ["a", 3]}, r"expected \[EVENT, N, BREAKER\]"),
    ({"any_k_of": [3, [{"event_happened": "a"}]]}, "expected a whole number from 1 to 1"),
    ({"any_k_of": 2}, "expected .K, .PREDICATE"),
    ({"and": []}, r"predicate.and is \[\], expected a list of predicates, at least one"),
    ({"or": {}}, "expected a list of predicates"),
    ({"and": [{"or": [{"not": {"nor": 1}}]}]}, r"predicate.and\[0\].or\[0\].not has an unknown key 'nor'"),
    ({"count_gte": ["a", 2], "reset_if": {"counter_gte": ["b", 1]}}, "reset_if is .*, expected .* the current event"),
]


@pytest.mark.parametrize(("told", "message"), WRONG_PREDICATES)
def test_a_wrong_predicate_is_told_with_file_feat_path_and_expectation(told: Any, message: str) -> None:
    with pytest.raises(FileFormatError, match=message) as error:
        predicate(told)
    assert str(error.value).startswith("my.json: feat 'minor.pots.20_in_run': $[0].predicate")


@pytest.mark.parametrize(("told", "message"), WRONG_PREDICATES)
def test_the_schema_refuses_it_too(told: Any, message: str) -> None:
    beyond = ("from 1 to 1", "the current event", "SECONDS", "whole number", "seconds")
    if VALIDATOR.is_valid([POTS | {"predicate": told}]):
        assert any(word in message for word in beyond), "only what JSON Schema cannot say may pass"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tier": "huge"}, r"\$\[0\].tier is 'huge', expected minor or major"),
        ({"scope": "runs"}, r"scope is 'runs', expected run or stage or lifetime; did you mean 'run'"),
        ({"hall": "flame"}, "hall is 'flame', expected fame or shame; did you mean 'fame'"),
        ({"dedupe": "twice"}, "dedupe is 'twice', expected once_per_run or once_per_stage or once or best_only"),
        ({"dedupe": None}, "dedupe is None, expected"),
        ({"clip": {"pre_s": 3}}, "clip has no 'post_s', which is needed; add it"),
        ({"clip": {"pre_s": -1, "post_s": 1}}, "clip.pre_s is -1, expected seconds, 0 or more"),
        ({"clip": {"pre_s": 1, "post_s": 1, "speed": 0}}, "clip.speed is 0, expected a speed above 0"),
        ({"clip": {"pre_s": 1, "post": 1}}, "clip has an unknown key 'post'; did you mean 'post_s'"),
        ({"clip": None}, "clip is None, expected an object"),
        ({"score": {"payload": "a", "counter": "b"}}, "score is .* expected one of payload and counter"),
        ({"score": {"payload": "a", "direction": "up"}}, "score.direction is 'up', expected max or min"),
        ({"hidden": 1}, "hidden is 1, expected true or false"),
        ({"points": -5}, "points is -5, expected a whole number"),
        ({"description": 5}, "description is 5, expected text"),
        ({"name": ""}, "name is '', expected text"),
        ({"id": "../escape"}, "id is '../escape', expected letters, digits"),
        ({"id": "a..b"}, "expected letters, digits"),
        ({"predicat": {}}, "unknown key 'predicat'; did you mean 'predicate'"),
    ],
)
def test_a_wrong_field_is_told_and_the_schema_refuses_it_too(change: Any, message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        load(POTS | change)
    assert not VALIDATOR.is_valid([POTS | change])


@pytest.mark.parametrize("missing", ["id", "name", "predicate"])
def test_what_is_needed_is_asked_for(missing: str) -> None:
    told = {key: value for key, value in POTS.items() if key != missing}
    named = "number 1" if missing == "id" else POTS["id"]
    with pytest.raises(
        FileFormatError, match=rf"^my.json: feat '{named}': \$\[0\] has no '{missing}', which is needed"
    ):
        load(told)


def test_two_feats_of_one_id_are_refused() -> None:
    with pytest.raises(FileFormatError, match=r"'minor.pots.20_in_run': feats number 1 and 3 have this id; rename one"):
        load(POTS, POTS | {"id": "other"}, POTS)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("[{]", "my.json, line 1, column 3: Expecting property name"),
        ('{"feats": 3}', r"\$.feats is 3, expected a list of feats"),
        ('{"feat": []}', "unknown key 'feat'; did you mean 'feats'"),
        ("5", r"\$ is 5, expected a list of feats"),
        ("[5]", r"feat 'number 1': \$\[0\] is 5, expected an object"),
        ('[{"id": "a", "id": "b"}]', "the key 'id' stands twice"),
        ('[{"id": "a", "name": "A", "predicate": {"counter_gte": ["x", NaN]}}]', "expected a number"),
    ],
)
def test_a_file_that_holds_no_feats_is_refused(written: str, message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        parse_feats(written, "my.json")


@settings(max_examples=100, deadline=None, derandomize=True)
@given(several())
def test_every_feat_is_written_as_it_is_read_and_fits_the_schema(feats: tuple[Feat, ...]) -> None:
    told = [feat.to_json() for feat in feats]
    VALIDATOR.validate(told)
    for feat, again in zip(feats, load(*told), strict=True):
        assert again.to_json() == feat.to_json()
        assert text(again.predicate) == text(feat.predicate)
