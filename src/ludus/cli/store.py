"""`ludus store`: look after what an orchestrator keeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ludus.core.clock import SystemClock
from ludus.core.errors import InputError

if TYPE_CHECKING:
    from ludus.serve.store.rows import Store

Scope = Literal["view", "ingest", "worker", "admin"]
MOST_SHOWN = 20
DAY_S = 24 * 3600


def check(state: str = "lab", /, *, feats: Path | None = None, tick_hz: float = 4194304 / 70224) -> int:
    """Check a store: its files, the numbers of its events and, with feats, its unlocks by a replay; exit 1 on a fault.

    An orchestrator may run meanwhile, but then events that come during the check can look like faults.

    Args:
        state: folder of the orchestrator, or the URL of its database.
        feats: file of the feats that it judges by.
        tick_hz: ticks in a second, as the orchestrator has it.
    """
    with _opened(state, read_only=True) as store:
        from ludus.feats.loader import read_feats
        from ludus.serve.store.judging import Judging
        from ludus.serve.store.upkeep import faults

        found = faults(store, Judging(read_feats(feats), tick_hz=tick_hz) if feats else None)
        for fault in found[:MOST_SHOWN]:
            print(fault)
        counts = ", ".join(f"{count} {name}" for name, count in store.counts().items())
        print(f"{len(found)} faults; events up to {store.head()}, {counts}")
    return 1 if found else 0


def compact(state: str = "lab", /, *, keep: int | None = None, out: Path | None = None) -> int:
    """Give unused space back to the disk; no orchestrator may run meanwhile.

    Args:
        state: folder of the orchestrator, or the URL of its database.
        keep: move all but so many of the newest events into a file.
        out: that file, .parquet or .jsonl.
    """
    with _opened(state, read_only=False) as store:
        from ludus.serve.store.upkeep import compact as compact_store

        moved = compact_store(store, keep=keep, out=out)
        if keep is not None:
            print(f"moved {moved} events to {out}")
    return 0


def export(out: Path, /, *, state: str = "lab") -> int:
    """Write all events to a file, for DuckDB, pandas or `ludus feats replay`; an orchestrator may run meanwhile.

    Args:
        out: file to write, .parquet or .jsonl.
        state: folder of the orchestrator, or the URL of its database.
    """
    with _opened(state, read_only=True) as store:
        from ludus.serve.store.upkeep import export as export_store

        print(f"wrote {export_store(store, out)} events to {out}")
    return 0


def token(state: Path = Path("lab"), /, *, scope: Scope = "view", days: int = 0) -> int:
    """Print a token that may do less than the one in the folder, and is good for its learner too where they share it.

    view reads and listens; ingest tells events and metrics, and reads nothing beyond this machine; worker does what
    ludus worker does; admin does everything. All of them end when the file of the token is deleted.

    Args:
        state: folder of the orchestrator, or of a learner's runs.
        scope: what it may do.
        days: for how long; 0 until there is a new token in the folder.
    """
    from ludus.serve.door.keys import Keys, read_token

    if not (state / "token").is_file():
        raise InputError(f"{state}: there is no token; ludus serve makes one when it is first run.")
    if days < 0:
        raise InputError(f"days is {days}, expected 0 or more.")
    print(Keys(read_token(state / "token"), SystemClock()).grant(scope, days * DAY_S))
    return 0


main = {"check": check, "compact": compact, "export": export, "token": token}


@contextmanager
def _opened(state: str, *, read_only: bool) -> Iterator[Store]:
    from ludus.serve.store.backends import open_database
    from ludus.serve.store.rows import Store

    place = state if "://" in state else Path(state) / "lab.db"
    store = Store(open_database(place, read_only=read_only), read_only=read_only)
    try:
        yield store
    finally:
        store.close()
