"""Events are taken once, in order, judged, and all of that survives."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ludus.core.clock import ManualClock, now
from ludus.feats.unlocks import UNLOCKED
from ludus.serve import wire
from ludus.serve.store import ingest
from ludus.serve.store.backends import open_database
from ludus.serve.store.judging import Heard
from ludus.serve.store.rows import Store
from ludus.serve.wire import RefusedError
from tests.serve.conftest import Opener
from tests.serve.lab import FEATS, Desk, batch, judging, pots


def _told(store: Store) -> list[dict[str, Any]]:
    return [json.loads(body) for _, body in store.events()]


def replayed(store: Store) -> list[tuple[str, str, int]]:
    """The unlocks that a judge gives who hears all stored events in one go."""
    mine = judging()
    rows = [row for row in store.history(limit=10**9) if row.producer != ingest.ITSELF]
    _, unlocked = mine.hear(mine.init(), [Heard(row.producer, wire.KEPT.decode(row.body).event()) for row in rows])
    return [(each.row.feat, each.row.seen, each.row.seq) for each in unlocked]


def test_a_batch_that_comes_again_counts_once(opened: Opener) -> None:
    desk = Desk(opened())
    assert desk.post(batch(pots(3))) == ingest.Receipt(3, 0, 3)
    assert desk.post(batch(pots(3))) == ingest.Receipt(0, 3, 3)
    assert desk.post(batch(pots(4), first=2)) == ingest.Receipt(2, 2, 5)
    desk.close()
    assert [(row.seq, row.pseq) for row in desk.store.history()] == [(n, n) for n in range(1, 6)]


def test_a_hole_is_refused_with_the_number_that_is_expected(opened: Opener) -> None:
    desk = Desk(opened())
    desk.post(batch(pots(2)))
    with pytest.raises(RefusedError, match="expected 3") as refused:
        desk.post(batch(pots(1), first=4))
    assert (refused.value.status, refused.value.told) == (409, {"expected": 3})
    assert desk.post(batch(pots(1), epoch=2)).accepted == 1
    desk.close()
    assert desk.store.cursors() == {("worker-1", 1): 2, ("worker-1", 2): 1}


def test_an_event_that_nobody_numbers_is_told_apart_by_its_own_id(opened: Opener) -> None:
    desk = Desk(opened())
    named = json.dumps({"event_type": "fell", "event_id": "a"}).encode()
    assert [desk.post(named).accepted for _ in range(2)] == [1, 0]
    assert [desk.post(b'{"event_type": "fell"}').accepted for _ in range(2)] == [1, 1]
    desk.close()
    assert [event["event_id"] for event in _told(desk.store) if event["event_type"] == "fell"] == [
        "a",
        "ludus:3",
        "ludus:4",
    ]


def test_the_receiver_gives_the_number_the_time_and_where_it_is_missing_the_tick(opened: Opener) -> None:
    clock = ManualClock()
    desk = Desk(opened(), clock=clock)
    clock.advance(2)
    desk.post(b'{"event_type": "a", "payload": {"x": [1, "\\u0000"]}, "seq": 99}')
    desk.close()
    (event,) = _told(desk.store)
    then = now(clock)
    assert (event["seq"], event["ts"], event["tick"], event["payload"]) == (1, then, then * 60, {"x": [1, "\x00"]})


def test_an_unlock_its_event_and_its_clip_come_with_the_event_that_caused_them(opened: Opener) -> None:
    desk = Desk(opened())
    desk.post(batch(pots(25)))
    desk.close()
    assert desk.store.unlock_keys() == [("minor.pots.20_in_run", "run/1.0", 20)]
    (told,) = [event for event in _told(desk.store) if event["event_type"] == UNLOCKED]
    assert told["payload"]["evidence"]["event_id"] == "worker-1:1:20"
    assert told["payload"]["clip_status"] == "pending"
    (clip,) = desk.store.clips(9)
    assert (clip.worker, clip.wish["tag"], clip.wish["tick"]) == ("worker-1", "feat_minor.pots.20_in_run", 19)
    assert [worker["worker"] for worker in desk.store.workers()] == ["worker-1"]
    assert [run["run_id"] for run in desk.store.runs(9)] == ["run"]


def test_an_unlock_of_nobody_says_why_there_is_no_clip(opened: Opener) -> None:
    desk = Desk(opened())
    desk.post(b'{"event_type": "fell", "payload": {"depth": 3}}')
    desk.close()
    (told,) = desk.store.unlocks(9)
    assert (told["clip_status"], told["reason"]["code"], told["score"]) == ("skipped", "no_worker", 3)


def test_of_many_unlocks_of_a_feat_in_a_run_the_first_and_ever_fewer_later_ones_have_clips(opened: Opener) -> None:
    desk, sent = Desk(opened()), 0
    for episode in range(1, 41):
        if episode == 20:  # it goes on counting after a restart
            desk.close()
            desk = Desk(opened())
        desk.post(batch(pots(20, episode=str(episode)), first=sent + 1))
        sent += 20
    desk.close()
    told = {unlock["episode_id"]: unlock for unlock in desk.store.unlocks(99)}
    made = [int(episode) for episode, unlock in told.items() if unlock["clip_status"] == "pending"]
    assert len(told) == 40 and sorted(made) == [*range(1, 9), 16, 32]
    assert told["9"]["reason"]["code"] == "enough" and "unlock 9" in told["9"]["reason"]["detail"]


def test_episodes_that_come_at_the_same_time_are_kept_apart(opened: Opener) -> None:
    desk = Desk(opened())
    mixed = [event for pair in zip(pots(19, episode="1.0"), pots(19, episode="2.0"), strict=True) for event in pair]
    desk.post(batch(mixed))
    assert desk.store.unlock_keys() == []
    desk.post(batch(pots(1, first_tick=19, episode="2.0"), first=39))
    desk.close()
    assert desk.store.unlock_keys() == [("minor.pots.20_in_run", "run/2.0", 39)]


def test_game_time_never_goes_back_within_an_episode(opened: Opener) -> None:
    desk = Desk(opened())
    told = [("boss_spawned", {"boss_id": "bark_vader"}, 6000), ("a", {}, 9000), ("boss_defeated", {}, 6060)]
    rows = [{"event_type": kind, "payload": payload, "tick": tick, "run_id": "r"} for kind, payload, tick in told]
    desk.post(batch(rows))
    desk.close()
    assert desk.store.unlock_keys() == [], "50 seconds had gone by"


def test_a_restart_judges_again_what_its_memory_has_not_heard(opened: Opener) -> None:
    desk = Desk(opened())
    desk.post(batch(pots(15)))
    desk.close()
    desk.ingest.save()
    desk = Desk(opened())
    assert desk.heard_again == 0
    desk.post(batch(pots(3, first_tick=15), first=16))
    desk.close()
    desk = Desk(opened())
    assert desk.heard_again == 3
    desk.post(batch(pots(2, first_tick=18), first=19))
    desk.close()
    assert desk.store.unlock_keys() == replayed(desk.store) == [("minor.pots.20_in_run", "run/1.0", 20)]


def test_a_memory_that_is_kept_holds_all_that_it_held(opened: Opener) -> None:
    desk = Desk(opened())
    desk.post(batch([{"event_type": "boss_spawned", "payload": {"boss_id": "bark_vader"}}, *pots(30)]))
    desk.post(batch([{"event_type": "counter_delta", "payload": {"name": "pots_broken", "delta": 2**70}}], first=32))
    desk.close()
    desk.ingest.save()
    assert Desk(opened()).ingest.mind == desk.ingest.mind


def test_a_memory_of_other_feats_keeps_what_they_share(opened: Opener) -> None:
    desk = Desk(opened())
    desk.post(batch(pots(19)))
    desk.close()
    desk.ingest.save()
    desk = Desk(opened(), feats=FEATS[:2])
    desk.post(batch(pots(1, first_tick=19), first=20))
    desk.close()
    assert desk.store.unlock_keys() == [("minor.pots.20_in_run", "run/1.0", 20)]


def test_one_request_that_fails_takes_no_other_with_it(opened: Opener) -> None:
    desk = Desk(opened())

    def fail() -> None:
        desk.store.put_run("lost", 0, {})
        raise ZeroDivisionError

    told = wire.read_batch(batch(pots(2)))
    failing = [desk.writer.submit(fail)]
    taken = desk.writer.submit(lambda: desk.ingest.take(told))
    failing.append(desk.writer.submit(fail))
    assert taken.result() == ingest.Receipt(2, 0, 2)
    assert all(isinstance(each.exception(), ZeroDivisionError) for each in failing)
    desk.close()
    assert [run["run_id"] for run in desk.store.runs(9)] == ["run"]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"", 400, "malformed"),
        (b"\xff", 400, "malformed"),
        (b'{"event_type": "\\ud800"}', 400, "malformed"),
        (b'{"event_type": "a", "payload": {"x": NaN}}', 400, "malformed"),
        (b"[]", 422, "invalid"),
        (b"{}", 422, "invalid"),
        (b'{"event_type": "a", "episode": "1"}', 422, "invalid"),
        (b'{"event_type": "a\\u0000"}', 422, "invalid"),
        (b'{"event_type": "a", "tick": -1}', 422, "invalid"),
        (b'{"event_type": "a", "payload": {"x": 1e999}}', 422, "invalid"),
        (b'{"event_type": "a", "payload": {"x": 1' + b"0" * 5000 + b"}}", 422, "invalid"),
        (b'{"event_type": "a", "payload": ' + b'{"a":' * 9 + b"1" + b"}" * 10, 422, "too_deep"),
        (b'{"event_type": "a", "payload": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001, 422, "too_deep"),
        (b'{"event_type": "a", "payload": {"x": "' + b"x" * 9000 + b'"}}', 422, "payload_too_large"),
        (batch(pots(501)), 422, "invalid"),
        (batch(pots(1), first=0), 422, "invalid"),
        (batch(pots(1), producer="../w"), 422, "invalid"),
        (batch(pots(1), producer=""), 422, "invalid"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_a_reason(body: bytes, status: int, reason: str) -> None:
    with pytest.raises(RefusedError) as refused:
        wire.read_batch(body)
    assert (refused.value.status, refused.value.reason) == (status, reason)


Act = tuple[str, int, int]
ACTS = st.lists(
    st.tuples(st.sampled_from(["send", "again", "ahead", "restart", "save"]), st.integers(0, 2), st.integers(1, 30)),
    max_size=25,
)


@settings(max_examples=60)
@given(ACTS)
def test_whatever_comes_twice_or_early_the_store_holds_each_event_once_and_its_unlocks(acts: list[Act]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lab.db"
        desk = Desk(Store(open_database(path)))
        sent = [0, 0, 0]
        for act, who, count in acts:
            name = f"worker-{who}"
            if act == "restart":
                desk.close()
                desk.store.close()
                desk = Desk(Store(open_database(path)))
            elif act == "save":
                desk.ingest.save()
            elif act == "ahead":
                with pytest.raises(RefusedError, match="send what lies before it"):
                    desk.post(batch(pots(count), producer=name, first=sent[who] + 2))
            else:
                first = max(1, sent[who] - count) if act == "again" else sent[who] + 1
                desk.post(batch(pots(count, first_tick=first, run=name), producer=name, first=first))
                sent[who] = max(sent[who], first + count - 1)
        desk.close()
        kept = [(row.producer, row.pseq) for row in desk.store.history(limit=10**6) if row.producer != ingest.ITSELF]
        assert sorted(kept) == [(f"worker-{who}", n) for who in range(3) for n in range(1, sent[who] + 1)]
        assert desk.store.unlock_keys() == replayed(desk.store)
        desk.store.close()
