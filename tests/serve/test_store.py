"""What both backends of the store promise."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ludus.core.errors import InputError
from ludus.serve.store.backends import open_database
from ludus.serve.store.lines import Wanted
from ludus.serve.store.rows import Store
from ludus.serve.store.tables import ClipRow, EventRow, UnlockRow
from tests.serve.conftest import Opener

ROWS = [EventRow(n, "w", 1, n, "r" if n % 2 else "s", "pot", f'{{"seq":{n}}}'.encode()) for n in range(1, 8)]


def _unlock(seq: int, *, feat: str = "f", seen: str = "r/1", best_only: bool = False, hall: str = "fame") -> UnlockRow:
    return UnlockRow(seq, feat, seen, hall, "r", best_only, {"feat_id": feat, "score": seq})


def _wish(store: Store, number: int, worker: str = "w", status: str = "pending") -> None:
    with store.transaction():
        store.wish(ClipRow(number, worker, status, {"tag": f"feat_{number}"}, {}))


def test_events_are_there_after_reopening_in_their_order(opened: Opener) -> None:
    store = opened()
    assert (store.head(), store.events(), store.cursors()) == (0, [], {})
    with store.transaction():
        store.append(ROWS, {("w", 1): 7})
    store = opened()
    assert (store.head(), store.cursors()) == (7, {("w", 1): 7})
    assert store.history(after=0) == ROWS
    assert [seq for seq, _ in store.events(after=2, limit=3)] == [3, 4, 5]
    assert [seq for seq, _ in store.events(after=2, run="s")] == [4, 6]
    assert store.newest(2) == [(6, b'{"seq":6}'), (7, b'{"seq":7}')]


def test_an_error_undoes_all_of_a_transaction(opened: Opener) -> None:
    store = opened()

    def fail() -> None:
        with store.transaction():
            store.append(ROWS, {("w", 1): 7})
            store.unlock(_unlock(3))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (store.head(), store.cursors(), store.unlock_keys()) == (0, {}, [])
    with store.transaction():
        store.append(ROWS[:1], {})
    assert store.head() == 1


def test_readers_see_only_what_is_committed(opened: Opener) -> None:
    store = opened()
    with store.transaction():
        store.append(ROWS, {})
        assert store.head() == 0
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: store.head(), range(16))) == [7] * 16


def test_an_opaque_id_is_claimed_once(opened: Opener) -> None:
    store = opened()
    with store.transaction():
        assert store.claim("a", 1)
        assert not store.claim("a", 2)
    with store.transaction():
        assert not store.claim("a", 3)


def test_an_unlock_is_kept_once_and_the_best_stands_alone_in_its_hall(opened: Opener) -> None:
    store = opened()
    with store.transaction():
        assert store.unlock(_unlock(1)) == 1
        assert store.unlock(_unlock(5)) is None
        assert store.unlock(_unlock(6, seen="r/2")) == 2
        assert store.unlock(_unlock(7, feat="b", seen="1", best_only=True)) == 3
        assert store.unlock(_unlock(8, feat="b", seen="2", best_only=True)) == 4
        assert store.unlock(_unlock(9, feat="s", hall="shame")) == 5
    assert store.unlock_keys() == [("f", "r/1", 1), ("f", "r/2", 6), ("b", "1", 7), ("b", "2", 8), ("s", "r/1", 9)]
    assert [told["id"] for told in store.unlocks(3)] == [3, 4, 5]
    assert [told["id"] for told in store.unlocks(9, feat="f")] == [1, 2]
    assert [told["id"] for told in store.hall("fame", 9)] == [4, 2, 1]
    assert store.hall("shame", 9) == [{"id": 5, "seq": 9, "feat_id": "s", "score": 9}]


def test_a_clip_is_leased_to_its_worker_alone_until_the_lease_ends(opened: Opener) -> None:
    store = opened()
    for number in (1, 2, 3):
        _wish(store, number, worker="v" if number == 3 else "w")
    with store.transaction():
        assert [clip.id for clip in store.lease("w", now=0, seconds=60, limit=1)] == [1]
        assert [clip.id for clip in store.lease("w", now=1, seconds=60, limit=9)] == [2]
        assert store.lease("w", now=59, seconds=60, limit=9) == []
        assert [clip.id for clip in store.lease("w", now=60, seconds=60, limit=9)] == [1]
        store.release("other")
        assert store.lease("w", now=60, seconds=60, limit=9) == []
        store.release("w")
        assert [clip.id for clip in store.lease("w", now=60, seconds=60, limit=9)] == [1, 2]


def test_a_clip_is_settled_once_and_by_its_worker(opened: Opener) -> None:
    store = opened()
    with store.transaction():
        store.unlock(_unlock(1))
    _wish(store, 1)
    with store.transaction():
        assert not store.settle(1, "v", "ready", {})
        assert store.settle(1, "w", "ready", {"clip_url": "/highlights/1.mp4"})
        assert not store.settle(1, "w", "failed", {})
    assert store.clip(1) == ClipRow(1, "w", "ready", {"tag": "feat_1"}, {"clip_url": "/highlights/1.mp4"})
    assert store.clip(2) is None
    assert store.unlocks(1)[0] | {"clip_status": "ready", "clip_url": "/highlights/1.mp4"} == store.unlocks(1)[0]
    assert [clip.id for clip in store.clips(9, status="ready")] == [1]
    assert store.clips(9, before=1) == []


def test_a_clip_that_nobody_finishes_is_given_up_with_a_reason(opened: Opener) -> None:
    store = opened()
    for number, worker in ((1, "tries"), (2, "gone"), (3, "alive")):
        _wish(store, number, worker)
    with store.transaction():
        for now in (0, 60, 120):
            assert store.lease("tries", now=now, seconds=60, limit=1)
        store.see_worker("gone", 10, {})
        store.see_worker("alive", 100, {})
        assert store.expire(now=179, silent_since=50) == [2]
        assert store.expire(now=180, silent_since=50) == [1]
    told = {clip.id: (clip.status, clip.clip.get("reason", {}).get("code")) for clip in store.clips(9)}
    assert told == {1: ("failed", "worker_failed"), 2: ("rerenderable", "worker_lost"), 3: ("pending", None)}


def test_runs_episodes_and_workers_are_told_as_they_were_last_heard(opened: Opener) -> None:
    store = opened()
    with store.transaction():
        store.put_run("r", 5, {})
        store.put_run("r", 6, {"settings": {"world": {"game": "potyard"}}})
        store.put_run("r", 7, {})
        store.put_run("s", 4, {})
        store.put_episodes([("r:a", "r", {"return": 1}), ("r:b", "r", {"return": 2})])
    with store.transaction():
        store.put_episodes([("s:c", "s", {"return": 4}), ("r:a", "r", {"return": 3})])
        store.see_worker("w", 1)
        store.see_worker("w", 2, {"fps": 3})
        store.see_worker("w", 9)
    assert [(run["run_id"], run["began"], run["kind"], run["game"]) for run in store.runs(9)] == [
        ("r", 5, "train", "potyard"),
        ("s", 4, "told", None),
    ]
    assert store.run("r") == {"run_id": "r", "began": 5, "settings": {"world": {"game": "potyard"}}}
    assert (store.run("s"), store.run("t")) == ({"run_id": "s", "began": 4}, None)
    assert [(line["id"], line["return"]) for line in store.episodes(9)] == [("s:c", 4), ("r:b", 2), ("r:a", 3)]
    assert [line["id"] for line in store.episodes(1, Wanted(run="r"), before=3)] == ["r:b"]
    assert store.episode("r:a") == {"return": 3, "number": 1, "id": "r:a"}
    assert store.episode("nobody") is None
    assert store.workers() == [{"worker": "w", "seen": 2, "status": {"fps": 3}}]
    assert store.counts() == {"unlocks": 0, "clips": 0, "runs": 2, "episodes": 3}


def test_the_memory_of_a_judge_is_replaced(opened: Opener) -> None:
    store = opened()
    assert store.memory("feats") is None
    with store.transaction():
        store.remember("feats", 3, b"\x00old")
        store.remember("feats", 7, b"\xffnew")
    assert store.memory("feats") == (7, b"\xffnew")


def test_one_process_writes_at_a_time(opened: Opener, place: str) -> None:
    opened()
    with pytest.raises(InputError, match="in use by another"):
        open_database(place)
    reading = Store(open_database(place, read_only=True), read_only=True)
    assert reading.head() == 0
    reading.close()


def test_space_is_given_back_and_nothing_is_wrong(opened: Opener) -> None:
    store = opened()
    with store.transaction():
        store.append(ROWS, {("w", 1): 7})
        store.forget(5)
    store.database.compact()
    assert store.database.faults() == []
    assert [row.seq for row in store.history()] == [6, 7]


def test_many_threads_read_while_one_writes(opened: Opener) -> None:
    store, done = opened(), threading.Event()
    heads: list[int] = []

    def watch() -> None:
        while not done.is_set():
            heads.append(store.head())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for row in ROWS:
            with store.transaction():
                store.append([row], {})
    finally:
        done.set()
        watcher.join()
    assert heads == sorted(heads)
