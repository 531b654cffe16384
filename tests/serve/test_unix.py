"""An orchestrator answers at a Unix socket too, for workers of the same user on the same machine."""

from __future__ import annotations

import json
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import unix_connect

from ludus.core.errors import InputError
from ludus.serve.api.lab import LabSettings
from ludus.serve.door.listen import bind_unix
from ludus.serve.lab.up import LabPlan, children
from ludus.serve.worker.spool import client_for
from tests.serve.lab import Served
from tests.serve.test_api import wait_for
from tests.serve.worker_nemesis import Lab, end, wait


def test_the_door_stands_before_the_socket_too(tmp_path: Path) -> None:
    path = tmp_path / "s"
    served = Served(LabSettings(state=tmp_path / "state", runs=tmp_path / "runs", uds=path))
    try:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with client_for(f"unix:{path}", served.token) as client:
            assert client.post("/events", json={"event_type": "pot"}).json()["accepted"] == 1
            assert client.post("/open", headers={"authorization": ""}).json()["error"] == "no_token"
            assert client.get("/runs", headers={"host": "evil.example"}).json()["error"] == "wrong_host"
            assert client.get("/runs", headers={"origin": "http://evil.example"}).json()["error"] == "wrong_origin"
        with unix_connect(str(path), "ws://localhost/live", additional_headers=served.headers) as link:
            assert json.loads(link.recv()) == {"type": "workers", "workers": []}
    finally:
        served.stop()


@pytest.mark.slow
def test_a_worker_reaches_its_lab_by_a_socket_alone_and_finds_it_again(tmp_path: Path) -> None:
    lab = Lab(tmp_path, uds="lab.sock")
    path, worker = tmp_path / "lab.sock", lab.begin()
    url, token = f"unix:{path}", (tmp_path / "lab" / "token").read_text().strip()

    def told(client: httpx.Client) -> int:
        """The number of the newest event, once the worker has said how it is."""
        known = [each["worker"] for each in client.get("/workers").json()]
        newest: list[dict[str, Any]] = client.get("/events", params={"limit": 1}).json()
        return int(newest[-1]["seq"]) if newest and known == ["w"] else 0

    try:
        with client_for(url, token) as client:
            wait(lambda: told(client))
            seen = told(client)
            headers = {"authorization": f"Bearer {token}"}
            with unix_connect(str(path), "ws://localhost/live", additional_headers=headers) as link:
                shown = wait_for(lambda: json.loads(link.recv())["workers"])
            assert [each["name"] for each in shown] == ["w"]
        lab.kill_orchestrator()
        assert path.is_socket()  # left behind, and replaced by the next one
        lab.serve()
        with client_for(url, token) as client:
            wait(lambda: told(client) > seen)
    finally:
        worker.terminate()
        end(worker)
        lab.close()
    assert not path.exists()


def test_a_path_where_something_else_is_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    there = "there is a file"
    for name, why in (("file", there), ("link", there), ("no/folder", "No such"), ("x" * 200, "too long")):
        with pytest.raises(InputError, match=f"{why}.*give another --uds"):
            bind_unix(tmp_path / name)
    assert (tmp_path / "file").read_text() == "mine"
    with closing(bind_unix(tmp_path / "s")) as bound:
        bound.listen()
        with pytest.raises(InputError, match="another process listens there"):
            bind_unix(tmp_path / "s")
    bind_unix(tmp_path / "s").close()  # nobody does any more


def test_a_lab_tells_its_workers_the_socket(tmp_path: Path) -> None:
    serve, _, worker = (child.argv for child in children(LabPlan("pole", "CartPole-v1", uds=tmp_path / "s")))
    assert serve[serve.index("--uds") + 1] == str(tmp_path / "s")
    assert worker[worker.index("--lab") + 1] == f"unix:{tmp_path / 's'}"
