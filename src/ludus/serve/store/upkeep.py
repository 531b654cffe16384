"""Looking after a store: what must hold of it, what can leave it, and where that goes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ludus.core import files
from ludus.core.errors import InputError
from ludus.serve import wire
from ludus.serve.store.ingest import ITSELF, JUDGE
from ludus.serve.store.judging import Heard, Judging
from ludus.serve.store.rows import Store
from ludus.serve.store.tables import EventRow

PAGE = 10_000
SCHEMA = pa.schema(
    [
        *((name, pa.int64()) for name in ("seq", "epoch", "pseq")),
        *((name, pa.string()) for name in ("producer", "run", "kind", "body")),
    ]
)


def history(store: Store, *, after: int = 0) -> Iterator[list[EventRow]]:
    """Give all events, some at a time."""
    while rows := store.history(after=after, limit=PAGE):
        yield rows
        after = rows[-1].seq


def faults(store: Store, judging: Judging | None = None) -> list[str]:
    """Give what is wrong with a store: its files, holes in what producers numbered, unlocks that no replay gives.

    A replay needs the feats, and all events: after `compact` with `keep` it cannot be done.
    """
    found = store.database.faults()
    cursors = store.cursors()
    last: dict[tuple[str, int], int] = {}
    mind, unlocked, first, at = judging and judging.init(), [], None, 0
    for rows in history(store):
        first = rows[0].seq if first is None else first
        for row in rows:
            if row.seq != (at or row.seq - 1) + 1:
                found.append(f"event {row.seq} comes after {at}; the numbers between are not there")
            at = row.seq
            key = (row.producer, row.epoch)
            if row.pseq and row.pseq != last.get(key, row.pseq - 1) + 1:
                found.append(f"event {row.seq} is number {row.pseq} of {key}, after {last[key]}")
            if row.pseq:
                last[key] = row.pseq
        if judging and mind:
            told = [Heard(row.producer, wire.KEPT.decode(row.body).event()) for row in rows if row.producer != ITSELF]
            mind, more = judging.hear(mind, told)
            unlocked += [(each.row.feat, each.row.seen, each.row.seq) for each in more]
    found += [
        f"{key} has sent {cursors.get(key, 0)}, but {n} is kept" for key, n in last.items() if cursors.get(key) != n
    ]
    saved = store.memory(JUDGE)
    if saved and saved[0] > at:
        found.append(f"the judge has heard event {saved[0]}, but the newest is {at}")
    if judging and first in (None, 1):
        kept, replayed = set(store.unlock_keys()), set(unlocked)
        found += [
            f"{feat} was unlocked at event {seq}, but a replay does not" for feat, _, seq in sorted(kept - replayed)
        ]
        found += [
            f"a replay unlocks {feat} at event {seq}, which is not kept" for feat, _, seq in sorted(replayed - kept)
        ]
    return found


def export(store: Store, out: Path, *, through: int | None = None) -> int:
    """Write events to a `.parquet` or `.jsonl` file, whole or not at all, and give how many. Raises `InputError`."""
    if out.suffix not in (".parquet", ".jsonl"):
        raise InputError(f"{out} ends in {out.suffix!r}, expected .parquet or .jsonl.")
    part = out.with_name(f".{out.name}.part")
    count = 0
    try:
        with part.open("wb") as file:
            writer = pq.ParquetWriter(file, SCHEMA, compression="zstd") if out.suffix == ".parquet" else None
            for rows in history(store):
                rows = [row for row in rows if through is None or row.seq <= through]
                count += len(rows)
                if writer is None:
                    file.writelines(row.body + b"\n" for row in rows)
                else:
                    writer.write_table(_table(rows))
            if writer is not None:
                writer.close()
            file.flush()
            os.fsync(file.fileno())
        part.replace(out)
    except OSError as error:
        raise InputError(f"cannot write {out}: {error.strerror}; give another file.") from error
    finally:
        part.unlink(missing_ok=True)
    files.sync_folder(out.parent)
    return count


def compact(store: Store, *, keep: int | None = None, out: Path | None = None) -> int:
    """Give unused space back; with `keep`, move all but the newest events into a file first, and give how many.

    Only events that the judge's saved memory has heard are moved. Raises `InputError`.
    """
    moved = 0
    saved = store.memory(JUDGE)
    if keep is not None:
        if out is None or keep < 1:
            raise InputError(
                "to keep only the newest events, give how many, at least 1, and --out FILE for the others."
            )
        if out.exists():
            raise InputError(f"{out} is there already, and may hold events; give another --out.")
        through = min(store.head() - keep, saved[0] if saved else 0)
        if through > 0:
            moved = export(store, out, through=through)
            with store.transaction():
                store.forget(through)
    store.database.compact()
    return moved


def _table(rows: list[EventRow]) -> pa.Table:
    columns = {name: [getattr(row, name) for row in rows] for name in SCHEMA.names if name != "body"}
    return pa.table(columns | {"body": [row.body.decode() for row in rows]}, SCHEMA)
