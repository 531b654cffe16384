"""What the lab keeps: events, the judge's memory, unlocks and their clips, runs, episodes and workers.

The same statements run on SQLite and PostgreSQL. Writing methods belong inside `transaction` and to one thread (see
`writer.Writer`); reading methods may be called from any thread and see what is committed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from ludus.serve.store.database import Database, Row, Values
from ludus.serve.store.lines import ORDERS, Order, Wanted, episode_line, run_line
from ludus.serve.store.tables import TRIES, ClipRow, EventRow, UnlockRow
from ludus.serve.store.versions import PUT_EPISODE, bring_up

NAMES = {"runs": "run", "scenarios": "scenario", "policies": "policy", "verdicts": "verdicts"}
"""What episodes can be asked for by, and its column; verdicts are lines of one."""


class Store:
    """The tables of a lab."""

    def __init__(self, database: Database, *, read_only: bool = False) -> None:
        self.database = database
        if not read_only:
            with database.transaction():
                bring_up(database)

    def transaction(self) -> AbstractContextManager[None]:
        """Begin a transaction; commit at its end, or undo all of it if an error leaves it."""
        return self.database.transaction()

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    # Events.

    def head(self) -> int:
        """Give the number of the newest event, 0 where there is none."""
        return self._number("SELECT coalesce(max(seq), 0) FROM events")

    def cursors(self) -> dict[tuple[str, int], int]:
        """Give, by producer and epoch, the number of its last event that is kept."""
        rows = self.database.read("SELECT producer, epoch, last FROM producers")
        return {(producer, epoch): last for producer, epoch, last in rows}

    def append(self, rows: Sequence[EventRow], cursors: Mapping[tuple[str, int], int]) -> None:
        """Add events, and set the cursors of those who sent them."""
        self.database.write_many(
            "INSERT INTO events VALUES (:seq, :producer, :epoch, :pseq, :run, :kind, :body)",
            [
                {"seq": row.seq, "producer": row.producer, "epoch": row.epoch, "pseq": row.pseq}
                | {"run": row.run, "kind": row.kind, "body": row.body}
                for row in rows
            ],
        )
        self.database.write_many(
            "INSERT INTO producers VALUES (:producer, :epoch, :last)"
            " ON CONFLICT (producer, epoch) DO UPDATE SET last = excluded.last",
            [{"producer": name, "epoch": epoch, "last": last} for (name, epoch), last in cursors.items()],
        )

    def claim(self, event_id: str, seq: int) -> bool:
        """Note an event by the id that its sender gave it; False if it is known already."""
        sql = "INSERT INTO event_ids VALUES (:id, :seq) ON CONFLICT (id) DO NOTHING RETURNING id"
        return bool(self.database.write(sql, {"id": event_id, "seq": seq}))

    def events(self, *, after: int = 0, limit: int = 1000, run: str | None = None) -> list[tuple[int, bytes]]:
        """Give the number and JSON of events beyond `after`, oldest first."""
        which = "seq > :after" + (" AND run = :run" if run is not None else "")
        sql = f"SELECT seq, body FROM events WHERE {which} ORDER BY seq LIMIT :limit"
        values = {"after": after, "limit": limit} | ({} if run is None else {"run": run})
        return [(seq, bytes(body)) for seq, body in self.database.read(sql, values)]

    def newest(self, limit: int) -> list[tuple[int, bytes]]:
        """Give the newest events, oldest first."""
        rows = self.database.read("SELECT seq, body FROM events ORDER BY seq DESC LIMIT :limit", {"limit": limit})
        return [(seq, bytes(body)) for seq, body in reversed(rows)]

    def history(self, *, after: int = 0, limit: int = 10_000) -> list[EventRow]:
        """Give events beyond `after` with all that is kept of them, oldest first."""
        sql = "SELECT seq, producer, epoch, pseq, run, kind, body FROM events WHERE seq > :after"
        rows = self.database.read(f"{sql} ORDER BY seq LIMIT :limit", {"after": after, "limit": limit})
        return [
            EventRow(seq, producer, epoch, pseq, run, kind, bytes(body))
            for seq, producer, epoch, pseq, run, kind, body in rows
        ]

    def forget(self, through: int) -> None:
        """Delete events up to a number."""
        self.database.write("DELETE FROM events WHERE seq <= :through", {"through": through})

    # The judge.

    def memory(self, judge: str) -> tuple[int, bytes] | None:
        """Give the number of the last event that a judge's saved memory has seen, and the memory."""
        rows = self.database.read("SELECT seq, memory FROM judges WHERE name = :name", {"name": judge})
        return (rows[0][0], bytes(rows[0][1])) if rows else None

    def remember(self, judge: str, seq: int, memory: bytes) -> None:
        """Save a judge's memory."""
        self.database.write(
            "INSERT INTO judges VALUES (:name, :seq, :memory)"
            " ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, memory = excluded.memory",
            {"name": judge, "seq": seq, "memory": memory},
        )

    def unlock(self, unlock: UnlockRow) -> int | None:
        """Keep an unlock and give its id; None where it is known already."""
        sql = "INSERT INTO unlocks SELECT coalesce(max(id), 0) + 1, :feat, :seen, :hall, :run, :seq, 1, :record"
        values: Values = {
            "feat": unlock.feat,
            "seen": unlock.seen,
            "hall": unlock.hall,
            "run": unlock.run,
            "seq": unlock.seq,
            "record": _pack(unlock.record),
        }
        # `WHERE true` tells SQLite's parser that ON belongs to the insert and not to a join.
        rows = self.database.write(f"{sql} FROM unlocks WHERE true ON CONFLICT DO NOTHING RETURNING id", values)
        if not rows:
            return None
        number: int = rows[0][0]
        if unlock.best_only:
            sql = "UPDATE unlocks SET best = 0 WHERE feat = :feat AND id <> :id"
            self.database.write(sql, {"feat": unlock.feat, "id": number})
        return number

    def unlocks(
        self, limit: int, *, feat: str | None = None, run: str | None = None, after: int = 0
    ) -> list[dict[str, Any]]:
        """Give the newest unlocks, of a feat, of a run, after one, oldest first, each with what became of its clip."""
        values = {name: value for name, value in (("feat", feat), ("run", run)) if value is not None}
        which = " AND ".join(["u.id > :after", *(f"{name} = :{name}" for name in values)])
        return self._unlocks(which, limit, {**values, "after": after})

    def hall(self, hall: str, limit: int) -> list[dict[str, Any]]:
        """Give the newest unlocks of a hall, newest first; of a best_only feat only the best."""
        return self._unlocks("hall = :hall AND best = 1", limit, {"hall": hall})[::-1]

    def unlock_counts_of_runs(self) -> dict[tuple[str, str], int]:
        """Give how often each feat was unlocked in each run."""
        rows = self.database.read("SELECT feat, run, count(*) FROM unlocks GROUP BY feat, run")
        return {(feat, run): count for feat, run, count in rows}

    def unlock_counts(self) -> dict[str, int]:
        """Give how often each feat was unlocked."""
        return dict(self.database.read("SELECT feat, count(*) FROM unlocks GROUP BY feat"))

    def unlock_keys(self) -> list[tuple[str, str, int]]:
        """Give feat, unique key and event of every unlock, in their order."""
        rows = self.database.read("SELECT feat, seen, seq FROM unlocks ORDER BY id")
        return [(feat, seen, seq) for feat, seen, seq in rows]

    # Clips.

    def wish(self, clip: ClipRow) -> None:
        """Ask for a clip, or keep that there can be none."""
        self.database.write(
            "INSERT INTO clips VALUES (:id, :worker, :status, 0, 0, :wish, :clip)",
            {"id": clip.id, "worker": clip.worker, "status": clip.status}
            | {"wish": _pack(clip.wish), "clip": _pack(clip.clip)},
        )

    def release(self, worker: str) -> None:
        """Take back what a worker was given to make, which has forgotten it."""
        sql = "UPDATE clips SET lease = 0 WHERE status = 'pending' AND worker = :worker"
        self.database.write(sql, {"worker": worker})

    def lease(self, worker: str, *, now: float, seconds: float, limit: int) -> list[ClipRow]:
        """Give a worker clips to make, oldest first: its own that nobody holds."""
        which = "status = 'pending' AND worker = :worker AND lease <= :now"
        rows = self.database.write(
            "UPDATE clips SET lease = :until, tries = tries + 1 WHERE id IN"
            f" (SELECT id FROM clips WHERE {which} ORDER BY id LIMIT :limit)"
            " RETURNING id, worker, status, wish, clip",
            {"worker": worker, "now": now, "until": now + seconds, "limit": limit},
        )
        return sorted(map(_clip, rows), key=lambda clip: clip.id)

    def settle(self, clip: int, worker: str, status: str, told: Mapping[str, Any]) -> bool:
        """Keep what became of a clip; False unless it was pending and this worker's."""
        sql = "UPDATE clips SET status = :status, clip = :clip WHERE id = :id AND worker = :worker"
        values: Values = {"id": clip, "worker": worker, "status": status, "clip": _pack(told)}
        return bool(self.database.write(f"{sql} AND status = 'pending' RETURNING id", values))

    def expire(self, *, now: float, silent_since: float) -> list[int]:
        """Give up clips that were leased too often, or whose worker has not been seen; give their ids."""
        failed = _pack({"reason": {"code": "worker_failed", "detail": f"its worker took it {TRIES} times"}})
        lost = _pack({"reason": {"code": "worker_lost", "detail": "its worker is gone; its trace can be rendered"}})
        sql = "UPDATE clips SET status = :status, clip = :clip WHERE status = 'pending' AND lease <= :now"
        rows = self.database.write(
            f"{sql} AND tries >= :tries RETURNING id", {"status": "failed", "clip": failed, "now": now, "tries": TRIES}
        )
        rows += self.database.write(
            f"{sql} AND worker IN (SELECT worker FROM workers WHERE seen < :since) RETURNING id",
            {"status": "rerenderable", "clip": lost, "now": now, "since": silent_since},
        )
        return [row[0] for row in rows]

    def clips(self, limit: int, *, before: int | None = None, status: str | None = None) -> list[ClipRow]:
        """Give the newest clips, newest first, below the id `before`."""
        which = [*(["id < :before"] if before is not None else []), *(["status = :status"] if status else [])]
        sql = "SELECT id, worker, status, wish, clip FROM clips" + (f" WHERE {' AND '.join(which)}" if which else "")
        values = {"limit": limit, "before": before, "status": status}
        used = {name: value for name, value in values.items() if value is not None}
        return [_clip(row) for row in self.database.read(f"{sql} ORDER BY id DESC LIMIT :limit", used)]

    def pending(self) -> int:
        """Give how many clips are still to be made."""
        return self._number("SELECT count(*) FROM clips WHERE status = 'pending'")

    def clip(self, number: int) -> ClipRow | None:
        """Give a clip by its id."""
        sql = "SELECT id, worker, status, wish, clip FROM clips WHERE id = :id"
        rows = self.database.read(sql, {"id": number})
        return _clip(rows[0]) if rows else None

    # Runs, episodes, workers.

    def put_run(self, run: str, began: float, told: Mapping[str, Any]) -> None:
        """Keep what is told of a run; an empty telling keeps what is there."""
        keep = "DO UPDATE SET told = excluded.told, line = excluded.line" if told else "DO NOTHING"
        self.database.write(
            f"INSERT INTO runs (run, began, told, line) VALUES (:run, :began, :told, :line) ON CONFLICT (run) {keep}",
            {"run": run, "began": began, "told": _pack(told), "line": _pack(run_line(told))},
        )

    def runs(self, limit: int) -> list[dict[str, Any]]:
        """Give the newest runs, newest first, each with what a list tells of it."""
        sql = "SELECT run, began, line FROM runs ORDER BY began DESC, run LIMIT :limit"
        rows = self.database.read(sql, {"limit": limit})
        return [{"run_id": run, "began": began, **_unpack(line)} for run, began, line in rows]

    def run(self, run: str) -> dict[str, Any] | None:
        """Give all that is told of a run, None of one that nobody told of."""
        rows = self.database.read("SELECT run, began, told FROM runs WHERE run = :run", {"run": run})
        return {"run_id": rows[0][0], "began": rows[0][1], **_unpack(rows[0][2])} if rows else None

    def put_episodes(self, episodes: Iterable[tuple[str, str, Mapping[str, Any]]]) -> None:
        """Keep lines of manifests as (id, run, line); a later line of an id replaces an earlier one."""
        number = self._number("SELECT coalesce(max(number), 0) FROM episodes")
        self.database.write_many(
            PUT_EPISODE,
            [
                {"number": number + place, "id": id_, "run": run, "told": _pack(told), **episode_line(told, id_=id_)}
                for place, (id_, run, told) in enumerate(episodes, start=1)
            ],
        )

    def episodes(
        self,
        limit: int,
        wanted: Wanted = Wanted(),  # noqa: B008 # it is frozen
        *,
        order: Order = "newest",
        offset: int = 0,
        before: int | None = None,
    ) -> list[dict[str, Any]]:
        """Give the episodes that are wanted, each with its `number` here; `before`: only those with a lower one."""
        which, values = wanted.where()
        if before is not None:
            which, values = f"{which} AND number < :before", values | {"before": before}
        sql = f"SELECT number, id, told FROM episodes WHERE {which} ORDER BY {ORDERS[order]}"
        rows = self.database.read(f"{sql} LIMIT :limit OFFSET :offset", values | {"limit": limit, "offset": offset})
        return [{**_unpack(told), "number": number, "id": id_} for number, id_, told in rows]

    def episode_count(self, wanted: Wanted) -> int:
        """Give how many episodes are wanted."""
        which, values = wanted.where()
        return int(self.database.read(f"SELECT count(*) FROM episodes WHERE {which}", values)[0][0])

    def episode_names(self) -> dict[str, list[str]]:
        """Give the runs, scenarios, policies and verdicts that there are episodes of, each in order."""
        rows = self.database.read(f"SELECT DISTINCT {', '.join(NAMES.values())} FROM episodes")
        told = zip(NAMES, zip(*rows, strict=True), strict=True) if rows else ((name, ()) for name in NAMES)
        return {name: sorted({part for text in column for part in text.split("\n")} - {""}) for name, column in told}

    def episode(self, id_: str) -> dict[str, Any] | None:
        """Give an episode by its id here, `RUN:EPISODE`."""
        rows = self.database.read("SELECT number, told FROM episodes WHERE id = :id", {"id": id_})
        return {**_unpack(rows[0][1]), "number": rows[0][0], "id": id_} if rows else None

    def see_worker(self, worker: str, seen: float, status: Mapping[str, Any] | None = None) -> None:
        """Keep that a worker was heard of, and what it told of itself; without that, only that there is one."""
        known = "DO NOTHING" if status is None else "DO UPDATE SET seen = excluded.seen, status = excluded.status"
        self.database.write(
            f"INSERT INTO workers VALUES (:worker, :seen, :status) ON CONFLICT (worker) {known}",
            {"worker": worker, "seen": seen, "status": _pack(status or {})},
        )

    def workers(self) -> list[dict[str, Any]]:
        """Give all workers by name, with the time when they were last seen."""
        rows = self.database.read("SELECT worker, seen, status FROM workers ORDER BY worker")
        return [{"worker": worker, "seen": seen, "status": _unpack(status)} for worker, seen, status in rows]

    def counts(self) -> dict[str, int]:
        """Give how many rows there are of each kind, but of events, which take long to count."""
        return {name: self._number(f"SELECT count(*) FROM {name}") for name in ("unlocks", "clips", "runs", "episodes")}

    def _number(self, sql: str) -> int:
        return int(self.database.read(sql)[0][0])

    def _unlocks(self, which: str, limit: int, values: Values) -> list[dict[str, Any]]:
        rows = self.database.read(
            "SELECT u.id, u.seq, u.record, c.status, c.clip FROM unlocks u LEFT JOIN clips c ON c.id = u.id"
            f" WHERE {which} ORDER BY u.id DESC LIMIT :limit",
            {**values, "limit": limit},
        )
        return [_unlocked(row) for row in reversed(rows)]


def _unlocked(row: Row) -> dict[str, Any]:
    number, seq, record, status, clip = row
    told = {"id": number, "seq": seq, **_unpack(record)}
    if status is None:
        return told
    made = _unpack(clip)
    told |= {"clip_status": status}
    return told | {name: made[name] for name in ("clip_url", "poster_url", "reason") if name in made}


def _clip(row: Row) -> ClipRow:
    number, worker, status, wish, clip = row
    return ClipRow(number, worker, status, _unpack(wish), _unpack(clip))


def _pack(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, allow_nan=False, separators=(",", ":")).encode()


def _unpack(told: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(told)
    return found
