from __future__ import annotations

import json

from ludus.core.events import to_json
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
