"""Logs: what a line holds, what it never holds, and that success is silent."""

from __future__ import annotations

import io
import json
import logging
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ludus.core.clock import ManualClock
from ludus.serve import logs
from ludus.serve.door.keys import Keys
from ludus.serve.logs import set_up_logs
from tests.serve.lab import Served, batch, pots
from tests.serve.nemesis import Process

TOKEN = "a-token-of-43-characters-as-read-token-gives"
LOG = logging.getLogger("ludus.serve.test")


@pytest.fixture(autouse=True)
def undone() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    yield
    for handler in {*root.handlers} - {*handlers}:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


class Terminal(io.StringIO):
    """Standard error where people watch."""

    def isatty(self) -> bool:
        return True


def test_a_line_is_json_with_the_fields_of_its_process_and_its_message(tmp_path: Path) -> None:
    err = io.StringIO()
    set_up_logs(tmp_path / "logs" / "w.jsonl", err=err, role="worker", worker="w1")
    LOG.info("unlocked %(feat)s", {"feat": "shame.death", "run": "r", "tick": 7, "trace": "r/1/3"})
    logging.getLogger("some.library").warning("of %s", "theirs")
    try:
        raise ValueError("why")
    except ValueError:
        LOG.exception("it failed")
    first, second, third = [json.loads(line) for line in (tmp_path / "logs" / "w.jsonl").read_text().splitlines()]
    assert first.pop("ts").endswith("Z")
    told = {"lvl": "info", "evt": "unlocked shame.death", "logger": "ludus.serve.test"}
    assert first == told | {"role": "worker", "worker": "w1", "feat": "shame.death", "run": "r"} | {
        "tick": 7,
        "trace": "r/1/3",
    }
    assert (second["evt"], second["logger"], second["lvl"]) == ("of theirs", "some.library", "warning")
    assert "ValueError: why" in third["exc"]
    assert [json.loads(line)["evt"] for line in err.getvalue().splitlines()] == ["of theirs", "it failed"]


def test_people_get_colours_and_no_json() -> None:
    err = Terminal()
    set_up_logs(err=err)
    LOG.info("all is well")
    assert err.getvalue() == ""
    try:
        raise ValueError("why")
    except ValueError:
        LOG.exception("it failed")
    assert "it failed" in err.getvalue() and "\x1b[" in err.getvalue() and "ValueError" in err.getvalue()
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(err.getvalue())


@pytest.mark.parametrize(
    "told",
    [
        f"it is {TOKEN}",
        "Authorization: Bearer {granted}",
        "who brings {granted}",
        "GET /open?code={granted}",
        "cookie ludus_8040={granted}",
        "token={granted}",
    ],
)
def test_nothing_that_opens_a_door_is_written(told: str, tmp_path: Path) -> None:
    granted = Keys(TOKEN, ManualClock()).grant("view")
    err = Terminal()
    set_up_logs(tmp_path / "log.jsonl", secrets=[TOKEN], err=err)
    LOG.warning("%(what)s", {"what": told.format(granted=granted), "more": {"deep": [granted]}})
    for text in (err.getvalue(), (tmp_path / "log.jsonl").read_text()):
        assert "***" in text
        assert TOKEN not in text and granted.rpartition(".")[2] not in text


def test_a_long_file_is_put_aside_and_few_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "FILE_BYTES", 2_000)
    set_up_logs(tmp_path / "log.jsonl", err=io.StringIO())
    for number in range(200):
        LOG.info("line %d", number)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.jsonl", *(f"log.jsonl.{n}" for n in range(1, 5))]
    lines = [json.loads(line)["evt"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines[-1] == "line 199"


def test_setting_up_again_replaces_what_was_there(tmp_path: Path) -> None:
    set_up_logs(tmp_path / "first.jsonl", err=io.StringIO())
    set_up_logs(tmp_path / "second.jsonl", err=io.StringIO())
    LOG.info("once")
    assert (tmp_path / "first.jsonl").read_text() == ""
    assert len((tmp_path / "second.jsonl").read_text().splitlines()) == 1


def test_an_event_its_unlock_and_its_clip_have_one_trace(served: Served, tmp_path: Path) -> None:
    set_up_logs(tmp_path / "log.jsonl", err=io.StringIO())
    events = pots(20, run="traced")
    events[-1]["event_id"] = "the-last-pot"
    served.post(batch(events, producer="traced"))
    with served.client() as client:
        (clip,) = client.post("/workers/traced/sync", json={"want": 1}).json()["clips"]
        told = {"worker": "traced", "status": "skipped", "reason": {"code": "no_frames", "detail": "none"}}
        assert client.post(f"/clips/{clip['id']}", json=told).status_code == 200
        (unlock,) = [unlock for unlock in client.get("/feats/unlocks").json() if unlock["run_id"] == "traced"]
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    traced = [line for line in lines if line.get("trace") == "the-last-pot"]
    assert [line["evt"] for line in traced] == ["unlocked minor.pots.20_in_run", f"clip {clip['id']} is skipped"]
    assert {(line["run"], line["worker"], line["tick"]) for line in traced} == {("traced", "traced", 19)}
    assert (unlock["evidence"]["event_id"], clip["wish"]["trace"]) == ("the-last-pot", "the-last-pot")
    (audited,) = [line for line in lines if line["logger"] == "ludus.audit" and line["path"].startswith("/clips/")]
    assert (audited["scope"], audited["status"]) == ("admin", 200)


def test_an_orchestrator_that_does_its_work_is_silent(tmp_path: Path) -> None:
    process = Process(tmp_path, stderr=subprocess.PIPE)
    headers = {"authorization": f"Bearer {process.token}"}
    for _ in range(3):
        answer = httpx.post(f"{process.url}/events", json={"event_type": "a"}, headers=headers, trust_env=False)
        assert answer.status_code == 200
    process.popen.terminate()
    assert process.popen.stderr is not None
    assert process.popen.stderr.read() == b""
    process.popen.stderr.close()
    assert process.end() == 0
    text = (tmp_path / "state" / "logs" / "orchestrator.jsonl").read_text()
    assert {json.loads(line)["role"] for line in text.splitlines()} == {"orchestrator"}
    assert process.token not in text
