"""PostgreSQL through SQLAlchemy Core and psycopg, for labs that outgrow one machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from ludus.core.errors import InputError
from ludus.serve.store.database import LostError, Row, UnwritableError, Values

LOCK = 0x4C554455  # "LUDU": the advisory lock of the writer
DISK_FULL, GONE = "53100", ("08", "57P")
"""Of PostgreSQL's error codes, appendix A: one, and the beginnings of those that say that there is no connection."""
TYPES = {"INTEGER": "BIGINT", "REAL": "DOUBLE PRECISION", "BLOB": "BYTEA"}


class PostgresDatabase:
    """A database of a PostgreSQL server, named by a URL such as `postgresql://user:word@host:5432/ludus`."""

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self._engine = create_engine(
            make_url(url).set(drivername="postgresql+psycopg"), pool_size=8, max_overflow=32, pool_pre_ping=True
        )
        self._writer: Connection | None = None
        self._lost: LostError | None = None
        if read_only:
            return
        try:
            self._writer = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        except OperationalError as error:
            shown = make_url(url).render_as_string(hide_password=True)
            raise InputError(f"cannot reach {shown}: {error.orig}; start the server, or mend the URL.") from error
        if not self.write("SELECT pg_try_advisory_lock(:lock)", {"lock": LOCK})[0][0]:
            self.close()
            raise InputError(f"{make_url(url).database} is in use by another orchestrator; stop it first.")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Begin a transaction of the writer; commit at its end, or undo all of it if an error leaves it.

        Raises `LostError` from when on the server has gone: its lock may be another one's now.
        """
        if self._lost is not None:
            raise LostError(str(self._lost)) from self._lost
        try:
            with _told():
                self.write("BEGIN")
                yield
                self.write("COMMIT")
        except LostError as error:
            self._lost = error
            raise
        except BaseException:
            self.write("ROLLBACK")
            raise

    def write(self, sql: str, values: Values | None = None) -> list[Row]:
        """Run a statement as the writer, and give its rows."""
        assert self._writer is not None, "opened to read only, or closed"
        result = self._writer.execute(text(_translated(sql)), dict(values or {}))
        return [tuple(row) for row in result] if result.returns_rows else []

    def write_many(self, sql: str, values: Sequence[Values]) -> None:
        """Run a statement as the writer, once for each of the values."""
        assert self._writer is not None, "opened to read only, or closed"
        if values:
            self._writer.execute(text(sql), [dict(row) for row in values])

    def read(self, sql: str, values: Values | None = None) -> list[Row]:
        """Run a query on what is committed, from any thread, and give its rows."""
        with _told(), self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql), dict(values or {}))]

    def faults(self) -> list[str]:
        """Give nothing: a server looks after its own files."""
        return []

    def compact(self) -> None:
        """Give space that is no longer used back to the disk."""
        self.write("VACUUM")

    def close(self) -> None:
        """Let go of connections and of the writer's lock."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._engine.dispose()


@contextmanager
def _told() -> Iterator[None]:
    """Raise `UnwritableError` where the server's disk is full, and `LostError` where the server has gone."""
    try:
        yield
    except DBAPIError as error:
        code, why = getattr(error.orig, "sqlstate", None), str(error.orig).partition("\n")[0]
        if code == DISK_FULL:
            raise UnwritableError(f"PostgreSQL takes nothing: {why}; make room on its disk.") from error
        if error.connection_invalidated or ((code or GONE[0]).startswith(GONE) and isinstance(error, OperationalError)):
            raise LostError(f"PostgreSQL went away: {why}; see that it runs.") from error
        raise


def _translated(sql: str) -> str:
    """Give a statement with the column types of PostgreSQL, where it makes a table or a column."""
    if not sql.startswith(("CREATE TABLE", "ALTER TABLE")):
        return sql
    return re.sub(r"\b(" + "|".join(TYPES) + r")\b", lambda found: TYPES[found[0]], sql)
