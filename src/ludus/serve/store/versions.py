"""Stores of older versions are brought up to this one, in the transaction that opens them; never back."""

from __future__ import annotations

import json

from ludus.core.errors import InputError
from ludus.serve.store.database import Database
from ludus.serve.store.lines import episode_line, run_line
from ludus.serve.store.tables import CHANGES, FIRST, TABLES, VERSION

FOUND_BY = (*("scenario", "policy", "outcome", "filmed", "steps", "total", "noticed"), *("verdicts", "words"))
"""The columns of `episode_line`."""
PUT_EPISODE = (
    f"INSERT INTO episodes (number, id, run, told, {', '.join(FOUND_BY)})"
    f" VALUES (:number, :id, :run, :told, {', '.join(f':{name}' for name in FOUND_BY)}) ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in ("run", "told", *FOUND_BY))
)
PAGE = 1_000


def bring_up(database: Database) -> None:
    """Make the tables, or bring those that are there up to this version. Raises `InputError` where they are newer."""
    for table in TABLES:
        database.write(table)
    fact = {"name": "version", "value": FIRST}
    database.write("INSERT INTO facts VALUES (:name, :value) ON CONFLICT (name) DO NOTHING", fact)
    found = database.write("SELECT value FROM facts WHERE name = 'version'")[0][0]
    if found == VERSION:
        return
    if found != FIRST:
        raise InputError(f"the store is of version {found!r}, expected {VERSION}; update Ludus.")
    for change in CHANGES:
        database.write(change)
    runs = database.write("SELECT run, told FROM runs")
    lines = [{"run": run, "line": json.dumps(run_line(json.loads(told))).encode()} for run, told in runs]
    database.write_many("UPDATE runs SET line = :line WHERE run = :run", lines)
    after = 0
    sql = "SELECT number, id, run, told FROM episodes WHERE number > :after ORDER BY number LIMIT :limit"
    while rows := database.write(sql, {"after": after, "limit": PAGE}):
        names = ("number", "id", "run", "told")
        lines = [dict(zip(names, row, strict=True)) | episode_line(json.loads(row[3]), id_=row[1]) for row in rows]
        database.write_many(PUT_EPISODE, lines)
        after = rows[-1][0]
    database.write("UPDATE facts SET value = :value WHERE name = 'version'", {"value": VERSION})
