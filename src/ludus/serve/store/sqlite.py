"""SQLite in WAL mode through apsw, which brings a library without the WAL-reset fault of 3.7.0 to 3.51.2.

One connection writes and checkpoints; readers are read-only, so that no second writer can ever meet it.
"""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import apsw

from ludus.core.errors import InputError
from ludus.serve.store.database import Durability, Row, UnwritableError, Values

BUSY_MS = 5_000
CHECKPOINT_PAGES = 4_000


class SqliteDatabase:
    """A database in a file."""

    def __init__(self, path: Path, *, durability: Durability = "normal", read_only: bool = False) -> None:
        self.path = path
        self._local = threading.local()
        self._readers: list[apsw.Connection] = []
        self._guard = threading.Lock()
        self._closed = False
        self._writer: apsw.Connection | None = None
        self._lock: IO[bytes] | None = None
        if read_only:
            if not path.is_file():
                raise InputError(f"there is no store at {path}; give the path of a file that an orchestrator wrote.")
            return
        self._lock = _lock(path)
        self._writer = apsw.Connection(str(path))
        self._writer.set_busy_timeout(BUSY_MS)
        for pragma in (
            "journal_mode=WAL",
            f"synchronous={durability.upper()}",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
            "mmap_size=0",
            "foreign_keys=ON",
        ):
            self._writer.execute(f"PRAGMA {pragma}").fetchall()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Begin a transaction of the writer; commit at its end, or undo all of it if an error leaves it."""
        try:
            self.write("BEGIN IMMEDIATE")
            yield
            self.write("COMMIT")
        except BaseException as error:
            if self._writer is not None and self._writer.in_transaction:
                self.write("ROLLBACK")
            if isinstance(error, apsw.FullError | apsw.IOError):
                raise UnwritableError(f"{self.path} takes nothing: {error}; make room on its disk.") from error
            raise

    def write(self, sql: str, values: Values | None = None) -> list[Row]:
        """Run a statement as the writer, and give its rows."""
        assert self._writer is not None, "opened to read only, or closed"
        return self._writer.execute(sql, values or {}).fetchall()

    def write_many(self, sql: str, values: Sequence[Values]) -> None:
        """Run a statement as the writer, once for each of the values."""
        assert self._writer is not None, "opened to read only, or closed"
        self._writer.executemany(sql, values)

    def read(self, sql: str, values: Values | None = None) -> list[Row]:
        """Run a query on what is committed, from any thread, and give its rows."""
        return self._reader().execute(sql, values or {}).fetchall()

    def faults(self) -> list[str]:
        """Give what the database finds wrong with its own files."""
        return [str(row[0]) for row in self.read("PRAGMA integrity_check") if row[0] != "ok"]

    def compact(self) -> None:
        """Give space that is no longer used back to the disk."""
        self.write("VACUUM")
        self.write("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let go of connections and of the writer's lock."""
        with self._guard:
            self._closed = True
            for reader in self._readers:
                reader.close()
            self._readers.clear()
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _reader(self) -> apsw.Connection:
        reader: apsw.Connection | None = getattr(self._local, "reader", None)
        if reader is None:
            reader = apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READONLY)
            reader.set_busy_timeout(BUSY_MS)
            reader.execute("PRAGMA query_only=ON").fetchall()
            with self._guard:
                assert not self._closed, "read after close"
                self._readers.append(reader)
            self._local.reader = reader
        return reader


def _lock(path: Path) -> IO[bytes]:
    """Hold the lock beside a store for as long as the file given is open; the death of the process lets it go."""
    file = path.with_name(f"{path.name}.lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise InputError(f"{path} is in use by another process; stop it, or give another folder.") from error
    return file
