from __future__ import annotations

import json
from typing import Any

import pytest

from ludus.core.errors import FileFormatError
from ludus.core.events import from_json, to_json
from ludus.core.types import Event


def test_an_event_travels_under_the_contracts_names() -> None:
    event = Event("death", {"stage": 2}, "run", "7.0", "2", 3, 480, seq=5, instance="scout", ts=1.5)
    assert json.loads(json.dumps(to_json(event))) == {
        "event_id": "run/7.0/5",
        "seq": 5,
        "event_type": "death",
        "tick": 480,
        "ts": 1.5,
        "run_id": "run",
        "episode_id": "7.0",
        "stage_id": "2",
        "instance_id": "scout",
        "payload": {"stage": 2},
    }


def test_an_event_keeps_the_id_it_came_with_and_leaves_out_an_unknown_time() -> None:
    told = to_json(Event("death", {}, "run", "7.0", "", 0, 0, id="from-elsewhere"))
    assert told["event_id"] == "from-elsewhere"
    assert "ts" not in told


def test_an_event_is_read_as_it_was_written() -> None:
    event = Event("death", {"stage": 2}, "run", "7.0", "", 3, 480, seq=5, instance="scout", id="x", ts=1.5)
    assert from_json(json.loads(json.dumps(to_json(event))), lane=3) == event


def test_a_kind_is_enough_and_a_stage_may_stand_in_the_payload() -> None:
    assert from_json({"event_type": "a"}, tick=7) == Event("a", {}, "", "", "", 0, 7)
    assert from_json({"event_type": "stage_end", "payload": {"stage": 2}}).stage == "2"


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ([], r"the event is \[\], expected a JSON object"),
        ({}, "event_type is None, expected text"),
        ({"event_type": "a", "payload": []}, r"payload is \[\], expected a JSON object"),
        ({"event_type": "a", "paylod": {}}, "no field 'paylod'; did you mean 'payload'?"),
        ({"event_type": "a", "tick": -1}, "tick is -1, expected a whole number, 0 or more"),
        ({"event_type": "a", "tick": 1.5}, "tick is 1.5, expected a whole number"),
        ({"event_type": "a", "run_id": 5}, "run_id is 5, expected text"),
        ({"event_type": "a", "ts": "now"}, "ts is 'now', expected seconds since 1970"),
        ({"event_type": "counter_delta"}, "payload.name is None, expected the name of a counter"),
        (
            {"event_type": "a", "payload": {"counters": {"x": True}}},
            "payload.counters is .*, expected an object",
        ),
    ],
)
def test_what_is_no_event_is_told_with_its_place(told: Any, message: str) -> None:
    with pytest.raises(FileFormatError, match=f"^my.jsonl, line 3: .*{message}"):
        from_json(told, where="my.jsonl, line 3")
