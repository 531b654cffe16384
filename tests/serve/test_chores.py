"""What an orchestrator does besides answering: done again where it fails, nothing of it lost, nothing said twice."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ludus.serve.api import lab as labs
from ludus.serve.api.lab import LabSettings
from ludus.serve.store.rows import Store
from tests.serve.lab import Served
from tests.serve.test_api import wait_for


@pytest.fixture
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """An orchestrator that looks at its folders a hundred times a second."""
    monkeypatch.setattr(labs, "LOOK_S", 0.01)
    served = Served(LabSettings(state=tmp_path / "state", runs=tmp_path / "runs"))
    yield served
    served.stop()


def write_run(quick: Served, name: str, *lines: str) -> None:
    folder = quick.lab.settings.runs / name
    folder.mkdir(parents=True)
    (folder / "episodes.jsonl").write_text("".join(f"{line}\n" for line in lines))


def test_what_fails_again_and_again_is_said_once(
    quick: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks = 0

    def look() -> Any:
        nonlocal looks
        looks += 1
        raise OSError("away" if looks < 20 else "far away")

    monkeypatch.setattr("ludus.serve.store.shelf.Shelf.look", lambda _shelf: look())
    with caplog.at_level(logging.ERROR, "ludus.serve"):
        wait_for(lambda: looks > 40)
    assert len([record for record in caplog.records if "tried again" in record.message]) == 2


def test_what_could_not_be_kept_is_found_again(quick: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    put, tries = Store.put_episodes, 0

    def fail_twice(store: Store, episodes: Any) -> None:
        nonlocal tries
        tries += 1
        if tries <= 4:  # of each look the writer makes two: with others, and alone
            raise OSError("the disk is full")
        put(store, episodes)

    monkeypatch.setattr(Store, "put_episodes", fail_twice)
    write_run(quick, "eval", json.dumps({"id": "a"}))
    with quick.client() as client:
        wait_for(lambda: client.get("/episodes").json()["total"] == 1)
        assert [run["run_id"] for run in client.get("/runs").json()] == ["eval"]


def test_a_folder_that_tells_what_json_cannot_hides_no_other(quick: Served) -> None:
    write_run(quick, "a", '{"id": "x", "return": NaN, "events": {"pot": [Infinity, 1]}}', '{"id": 3}', '{"id": "../y"}')
    write_run(quick, "b", '{"id": "y", "return": 2}')
    with quick.client() as client:
        told = wait_for(lambda: (found := client.get("/episodes").json())["total"] == 2 and found)
        assert [line["id"] for line in told["episodes"]] == ["b:y", "a:x"]
        assert client.get("/episodes/a:x").json()["events"] == {"pot": [None, 1]}
