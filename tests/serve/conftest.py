from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from ludus.serve.api.lab import LabSettings
from ludus.serve.store.backends import open_database
from ludus.serve.store.database import Database
from ludus.serve.store.rows import Store
from tests.serve.lab import FEATS, Served

Opener = Callable[[], Store]


def _postgres_tools() -> Path | None:
    found = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return Path(found).resolve().parent if found else folders[-1].parent if folders else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a server of its own, which listens on a socket in its folder and nowhere else."""
    tools = _postgres_tools()
    if tools is None:
        pytest.skip("PostgreSQL is not installed; .ci/run installs it")
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="ludus-pg-"))
    if user:
        shutil.chown(folder, user)
    data = folder / "data"

    def run(*command: str) -> None:
        subprocess.run(command, user=user, cwd=folder, check=True, capture_output=True, timeout=120)

    run(str(tools / "initdb"), "-D", str(data), "-U", "ludus", "-A", "trust", "-N", "--locale=C", "-E", "UTF8")
    options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
    run(str(tools / "pg_ctl"), "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        yield f"postgresql://ludus@/postgres?host={folder}"
    finally:
        run(str(tools / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a store can be, of either kind, empty."""
    if request.param == "sqlite":
        yield str(tmp_path / "lab.db")
        return
    url: str = request.getfixturevalue("postgres")
    name = f"lab_{uuid.uuid4().hex}"
    server: Database = open_database(url)
    server.write(f"CREATE DATABASE {name}")
    server.close()
    yield url.replace("/postgres?", f"/{name}?")


@pytest.fixture
def opened(place: str) -> Iterator[Opener]:
    """Opens the store at the place, again after it was closed."""
    stores: list[Store] = []

    def opener() -> Store:
        while stores:
            stores.pop().close()
        stores.append(Store(open_database(place)))
        return stores[-1]

    yield opener
    while stores:
        stores.pop().close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An orchestrator that the tests of a module share."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "feats.json").write_text(json.dumps(FEATS))
    settings = LabSettings(
        state=folder / "state",
        runs=folder / "runs",
        goals=folder / "goals",
        feats=folder / "feats.json",
        unlocks_file=folder / "unlocks.json",
        tick_hz=60,
    )
    lab = Served(settings)
    yield lab
    lab.stop()


@pytest.fixture(scope="module")
def bare(served: Served) -> Iterator[httpx.Client]:
    """A client that brings no token."""
    with httpx.Client(base_url=served.url, trust_env=False, timeout=30) as client:
        yield client
