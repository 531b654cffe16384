"""The tables of a lab, and rows on their way into them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TABLES = (
    "CREATE TABLE IF NOT EXISTS producers"
    " (producer TEXT NOT NULL, epoch INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (producer, epoch))",
    "CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, producer TEXT NOT NULL, epoch INTEGER NOT NULL,"
    " pseq INTEGER NOT NULL, run TEXT NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS events_of_run ON events (run, seq)",
    "CREATE TABLE IF NOT EXISTS event_ids (id TEXT PRIMARY KEY, seq INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS judges (name TEXT PRIMARY KEY, seq INTEGER NOT NULL, memory BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS unlocks (id INTEGER PRIMARY KEY, feat TEXT NOT NULL, seen TEXT NOT NULL,"
    " hall TEXT NOT NULL, run TEXT NOT NULL, seq INTEGER NOT NULL, best INTEGER NOT NULL, record BLOB NOT NULL,"
    " UNIQUE (feat, seen))",
    "CREATE TABLE IF NOT EXISTS clips (id INTEGER PRIMARY KEY, worker TEXT NOT NULL, status TEXT NOT NULL,"
    " lease REAL NOT NULL, tries INTEGER NOT NULL, wish BLOB NOT NULL, clip BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS clips_waiting ON clips (status, worker, id)",
    "CREATE TABLE IF NOT EXISTS runs (run TEXT PRIMARY KEY, began REAL NOT NULL, told BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS episodes (number INTEGER NOT NULL, id TEXT PRIMARY KEY, run TEXT NOT NULL,"
    " told BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS episodes_in_order ON episodes (number)",
    "CREATE TABLE IF NOT EXISTS workers (worker TEXT PRIMARY KEY, seen REAL NOT NULL, status BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)
CHANGES = (
    "ALTER TABLE runs ADD COLUMN line BLOB NOT NULL DEFAULT ''",
    *(f"ALTER TABLE episodes ADD COLUMN {name} TEXT NOT NULL DEFAULT ''" for name in ("scenario", "policy", "outcome")),
    *(f"ALTER TABLE episodes ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0" for name in ("filmed", "steps", "noticed")),
    "ALTER TABLE episodes ADD COLUMN total REAL",
    *(f"ALTER TABLE episodes ADD COLUMN {name} TEXT NOT NULL DEFAULT ''" for name in ("verdicts", "words")),
    "CREATE INDEX episodes_of_run ON episodes (run, number)",
    "CREATE INDEX unlocks_of_run ON unlocks (run, id)",
)
"""From the first version to this one."""
FIRST, VERSION = "1", "2"
TRIES = 3
"""Leases of a clip until it counts as failed."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event on its way to its table."""

    seq: int
    producer: str
    epoch: int
    pseq: int
    """0 where nobody numbered it."""
    run: str
    kind: str
    body: bytes
    """Its JSON, as it is handed out."""


@dataclass(frozen=True, slots=True)
class UnlockRow:
    """An unlock on its way to its table, under the number of the event that caused it."""

    seq: int
    feat: str
    seen: str
    """What it is unique by, for its feat."""
    hall: str
    run: str
    best_only: bool
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ClipRow:
    """A clip that a worker is to make, or has made."""

    id: int
    """Of its unlock."""
    worker: str
    status: str
    """pending, ready, skipped, failed or rerenderable."""
    wish: Mapping[str, Any]
    clip: Mapping[str, Any]
    """What came of it."""
