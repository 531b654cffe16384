"""Which database a place is: the path of a file, or the URL of a server."""

from __future__ import annotations

from pathlib import Path

from ludus.core.extras import from_extra
from ludus.serve.store.database import Database, Durability


def open_database(place: str | Path, *, durability: Durability = "normal", read_only: bool = False) -> Database:
    """Give the database at a place: the path of an SQLite file, or a URL that begins with `postgresql://`.

    What is committed outlives the death of this process; with `durability="full"`, and always in
    PostgreSQL as its server is set, also a loss of power. One process at a time may write: it holds a lock, and another
    one's attempt raises `InputError`.
    """
    if str(place).startswith(("postgresql://", "postgres://")):
        with from_extra():
            from ludus.serve.store.postgres import PostgresDatabase
        return PostgresDatabase(str(place), read_only=read_only)
    with from_extra():
        from ludus.serve.store.sqlite import SqliteDatabase
    return SqliteDatabase(Path(place), durability=durability, read_only=read_only)
