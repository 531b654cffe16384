"""Where rows live: one writer with transactions and many readers, behind SQL that SQLite and PostgreSQL both read.

Parameters are named (`:name`), conflicts are settled by `ON CONFLICT`, and blobs hold JSON; types of columns are those
of SQLite and are translated for PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol

from ludus.core.errors import LudusError

Row = tuple[Any, ...]
Values = Mapping[str, Any]
Durability = Literal["normal", "full"]


class UnwritableError(LudusError):
    """The disk does not take what is to be written; nothing of the transaction is kept."""

    reason = "disk_full"
    """For programs."""
    told = "the disk takes nothing; send it again later."
    """For whoever has sent what is refused."""


class LostError(UnwritableError):
    """The database went away, maybe while it was committing: only a new process knows from it what is kept."""

    reason = "store_lost"
    told = "the database went away; send it again later."


class Database(Protocol):
    """SQL, from one thread that writes and any number that read."""

    def transaction(self) -> AbstractContextManager[None]:
        """Begin a transaction of the writer; commit at its end, or undo all of it if an error leaves it."""
        ...

    def write(self, sql: str, values: Values | None = None) -> list[Row]:
        """Run a statement as the writer, and give its rows."""
        ...

    def write_many(self, sql: str, values: Sequence[Values]) -> None:
        """Run a statement as the writer, once for each of the values."""
        ...

    def read(self, sql: str, values: Values | None = None) -> list[Row]:
        """Run a query on what is committed, from any thread, and give its rows."""
        ...

    def faults(self) -> list[str]:
        """Give what the database finds wrong with its own files."""
        ...

    def compact(self) -> None:
        """Give space that is no longer used back to the disk."""
        ...

    def close(self) -> None:
        """Let go of connections and of the writer's lock."""
        ...
