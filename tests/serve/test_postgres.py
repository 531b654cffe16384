"""A PostgreSQL without room, or away: senders are told so, nothing acknowledged is lost, and then all goes on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from ludus.core import digest
from ludus.core.types import Event
from ludus.serve.api.lab import LabSettings
from ludus.serve.store import upkeep
from ludus.serve.store.backends import open_database
from ludus.serve.store.database import UnwritableError
from ludus.serve.store.rows import Store
from ludus.serve.worker.spool import Reporter, Spool, client_for
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


@pytest.mark.slow
def test_a_server_that_went_away_is_told_and_the_process_ends_to_begin_again(postgres: str, tmp_path: Path) -> None:
    name = f"gone_{uuid.uuid4().hex}"
    url = postgres.replace("/postgres?", f"/{name}?")
    server: Any = open_database(postgres)
    server.write(f"CREATE DATABASE {name}")
    lab = Orchestrator(tmp_path, url)
    try:
        spool = Spool(tmp_path / "spool")
        spool.add([event(number) for number in range(10)])
        with lab.client() as client:
            assert Reporter(spool, "w", client).send_all()
            server.read(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
            spool.add([event(number) for number in range(10)])
            answer = client.post("/events", json=spool.batch("w"))
            assert (answer.status_code, answer.json()["error"]) == (503, "store_lost")
        assert lab.process.wait(60) == 2  # ludus up starts it again
        lab.end()
        lab = Orchestrator(tmp_path, url)
        with lab.client() as client:
            assert Reporter(spool, "w", client).send_all()
            stored = [(told["seq"], told["tick"]) for told in client.get("/events", params={"after": 0}).json()]
        assert stored == [*enumerate([*range(10), *range(10)], start=1)]
    finally:
        lab.end()
        server.close()


class Orchestrator:
    """A process of `ludus serve`."""

    def __init__(self, folder: Path, url: str) -> None:
        command = [sys.executable, "-m", "ludus.cli", "serve", "--port", "0", "--metrics-port", "-1", "--json"]
        command += ["--state", str(folder / "lab"), "--runs", str(folder / "runs"), "--database", url]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        self.url = json.loads(self.process.stdout.readline())["url"]
        self.token = (folder / "lab" / "token").read_text().strip()

    def client(self) -> httpx.Client:
        return client_for(self.url, self.token)

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        if self.process.stdout:
            self.process.stdout.close()
