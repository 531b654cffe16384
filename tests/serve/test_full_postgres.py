"""A PostgreSQL whose disk is full: senders are told so, nothing acknowledged is lost, and with room all goes on."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from ludus.core import digest
from ludus.core.types import Event
from ludus.serve.api.lab import LabSettings
from ludus.serve.store import upkeep
from ludus.serve.store.backends import open_database
from ludus.serve.store.database import UnwritableError
from ludus.serve.store.rows import Store
from ludus.serve.worker.spool import Reporter, Spool
from tests.serve.lab import Served

psycopg = pytest.importorskip("psycopg")
EVENTS = 6_000


def event(number: int) -> Event:
    noise = "".join(digest.of_bytes(b"%d/%d" % (number, part)) for part in range(120))  # it does not compress
    return Event("pot", {"name": noise}, "run", "episode", "", 0, number)


@pytest.fixture
def small(postgres: str) -> Iterator[tuple[str, Path]]:
    """The URL of a database on a disk of 24 MiB, of which an empty one takes a third, and where that is mounted."""
    place = Path(postgres.partition("host=")[2]).with_name(f"ludus-small-{uuid.uuid4().hex}")
    place.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mounted, check=False, capture_output=True).returncode:
        place.rmdir()
        pytest.skip("a small disk takes root, and a system that lets it mount")
    shutil.chown(place, "postgres")
    name = f"small_{uuid.uuid4().hex}"
    server: Any = open_database(postgres)
    server.write(f"CREATE TABLESPACE {name} LOCATION '{place}'")
    server.write(f"CREATE DATABASE {name} TABLESPACE {name}")
    server.close()
    try:
        yield postgres.replace("/postgres?", f"/{name}?"), place
    finally:
        server = open_database(postgres)
        server.write(f"DROP DATABASE {name} WITH (FORCE)")
        server.write(f"DROP TABLESPACE {name}")
        server.close()
        subprocess.run(["umount", "-l", str(place)], check=True)
        place.rmdir()


def test_a_server_without_room_refuses_and_what_waits_is_sent_when_there_is_some(
    small: tuple[str, Path], tmp_path: Path
) -> None:
    url, disk = small
    served = Served(LabSettings(state=tmp_path / "state", runs=tmp_path / "runs", database=url))
    try:
        spool = Spool(tmp_path / "spool")
        spool.add([event(number) for number in range(EVENTS)])
        with served.client() as client:
            reporter = Reporter(spool, "w", client)
            assert not reporter.send_all()  # it is full
            taken = EVENTS - len(spool)
            assert 0 < taken < EVENTS
            answer = client.post("/events", json=spool.batch("w"))
            assert (answer.status_code, answer.json()["error"]) == (503, "disk_full")
            assert answer.headers["retry-after"]
            assert "the disk takes nothing" in client.get("/readyz").json()["problems"]
            assert served.lab.store.head() == taken == served.lab.ingest.head
            subprocess.run(["mount", "-o", "remount,size=256m", str(disk)], check=True)
            assert reporter.send_all()
            assert client.get("/readyz").json()["problems"] in ([], ["the disk is almost full"])
        told = [row.pseq for rows in upkeep.history(served.lab.store) for row in rows]
        assert told == [*range(1, EVENTS + 1)]
        assert upkeep.faults(served.lab.store) == []
    finally:
        served.stop()


def test_a_full_disk_is_told_by_its_code_and_no_other_error_is(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not place.startswith("postgresql://"):
        pytest.skip("of SQLite see test_mishaps")
    store = Store(open_database(place))
    try:
        for name, expected in (("DiskFull", UnwritableError), ("DivisionByZero", OperationalError)):
            raised = OperationalError("INSERT", {}, getattr(psycopg.errors, name)("could not extend file\nHINT: more"))
            with pytest.raises(expected), store.transaction():
                _put_and_raise(store, raised)
            assert store.run("r") is None  # undone
        assert "takes nothing: could not extend file; make room" in str(_full(store, monkeypatch))
    finally:
        store.close()


def _put_and_raise(store: Store, error: Exception) -> None:
    store.put_run("r", 1, {})
    raise error


def _full(store: Store, monkeypatch: pytest.MonkeyPatch) -> BaseException:
    """What a read raises that needs room on the disk."""

    def full(*_told: Any) -> Any:
        raise OperationalError("SELECT", {}, psycopg.errors.DiskFull("could not extend file\nHINT: more"))

    monkeypatch.setattr("sqlalchemy.engine.Connection.execute", full)
    with pytest.raises(UnwritableError) as caught:
        store.head()
    monkeypatch.undo()
    return caught.value
