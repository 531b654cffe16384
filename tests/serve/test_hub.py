"""Whoever listens gets every record, in order, once, or is told which ones were left out."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ludus.serve.live import hub as hubs
from ludus.serve.live.hub import Filter, Hub, Topic

ALL = Filter()


def _hub(**told: int) -> Hub:
    return Hub([Topic("metrics", **told)], rest=lambda topic, first, last: f"/rest/{first}-{last}")


def _publish(hub: Hub, count: int, *, size: int = 0, run: str = "r") -> None:
    for _ in range(count):
        hub.publish("metrics", {"run_id": run, "values": {"loss": 1.0, "x": 2.0}, "pad": "x" * size})


def _read(messages: list[str]) -> list[dict[str, Any]]:
    return [json.loads(message) for message in messages]


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 400), st.booleans()), max_size=30),
    st.integers(1, 60),
    st.integers(0, 30),
)
def test_what_is_sent_and_what_is_told_as_a_gap_are_all_numbers_once_in_order(
    turns: list[tuple[int, int, bool]], most_rows: int, before: int
) -> None:
    hub = _hub(most_rows=most_rows, most_bytes=20_000)
    _publish(hub, before)
    place, first = hub.place("metrics", 0, ALL, 1)
    told = _read(first)
    for count, size, listens in turns:
        _publish(hub, count, size=size)
        if listens:
            told += _read(hub.cut(place))
    while place.at < place.topic.head:
        told += _read(hub.cut(place))
    assert told[0]["type"] == "snap"
    at = 0
    for message in told[1:]:
        assert message["from"] == at + 1
        at = message["to"]
        if message["type"] == "d":
            assert [row["seq"] for row in message["rows"]] == [*range(message["from"], at + 1)]
        else:
            assert (message["type"], message["rest"]) == ("gap", f"/rest/{message['from']}-{at}")
    assert at == hub.topics["metrics"].head


def test_a_listener_who_falls_behind_its_budget_skips_to_the_newest_and_one_who_resumes_does_not() -> None:
    hub = _hub()
    _publish(hub, 600, size=1000)
    resuming, _ = hub.place("metrics", 0, ALL, 1)
    assert _read(hub.cut(resuming))[0]["type"] == "d"
    behind, _ = hub.place("metrics", None, ALL, 1)
    behind.resuming = False
    _publish(hub, 600, size=1000)
    gap, rows = _read(hub.cut(behind))
    assert (gap["type"], gap["from"], behind.gaps) == ("gap", 601, 1)
    assert rows["from"] == gap["to"] + 1 > 900
    assert behind.topic.behind(behind.at) < hubs.BUDGET_BYTES


def test_everybody_at_the_same_place_is_sent_the_same_message() -> None:
    hub = _hub()
    places = [hub.place("metrics", None, ALL, 1)[0] for _ in range(3)]
    _publish(hub, 5)
    first, *others = [hub.cut(place)[0] for place in places]
    assert all(other is first for other in others)


def test_a_filter_takes_runs_and_keys_and_says_how_far_it_has_looked() -> None:
    hub = _hub()
    place, _ = hub.place("metrics", None, Filter(frozenset({"a"}), frozenset({"loss"})), 1)
    _publish(hub, 2, run="b")
    assert hub.cut(place) == []
    _publish(hub, 1, run="a")
    (message,) = _read(hub.cut(place))
    assert (message["from"], message["to"], len(message["rows"])) == (1, 3, 1)
    assert message["rows"][0]["values"] == {"loss": 1.0}


def test_a_ring_holds_no_more_than_its_bytes() -> None:
    topic = Topic("t", most_bytes=10_000)
    for _ in range(1000):
        topic.add(b"x" * 100)
        assert topic.behind(topic.oldest - 1) <= 10_000
    assert (topic.head, topic.head - topic.oldest + 1 > 80) == (1000, True)
