from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ludus.cli import main
from ludus.core.clock import SystemClock
from ludus.serve.door.keys import Keys, read_token
from ludus.serve.store.backends import open_database
from ludus.serve.store.rows import Store
from tests.serve.lab import FEATS, TICK_HZ, Desk, batch, pots


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A folder with a store of 30 events and an unlock, and the file of its feats beside it."""
    (tmp_path / "feats.json").write_text(json.dumps(FEATS))
    desk = Desk(Store(open_database(tmp_path / "lab.db")))
    desk.post(batch(pots(30)))
    desk.close()
    desk.ingest.save()
    desk.store.close()
    return tmp_path


def _check(lab: Path) -> int:
    return main(["store", "check", str(lab), "--feats", str(lab / "feats.json"), "--tick-hz", str(TICK_HZ)])


def test_a_store_that_is_whole_passes(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _check(lab) == 0
    assert capsys.readouterr().out.startswith("0 faults; events up to 31, 1 unlocks")


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("DELETE FROM events WHERE seq = 7", "event 8 comes after 6"),
        ("UPDATE producers SET last = 99", "has sent 99, but 30 is kept"),
        ("DELETE FROM unlocks", "a replay unlocks minor.pots.20_in_run at event 20"),
        ("UPDATE unlocks SET seq = 19", "was unlocked at event 19, but a replay does not"),
        ("UPDATE judges SET seq = 99", "the judge has heard event 99"),
    ],
)
def test_what_is_wrong_is_named(lab: Path, capsys: pytest.CaptureFixture[str], damage: str, fault: str) -> None:
    database = open_database(lab / "lab.db")
    database.write(damage)
    database.close()
    assert _check(lab) == 1
    assert fault in capsys.readouterr().out


def test_events_are_exported_whole(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("out.jsonl", "out.parquet"):
        assert main(["store", "export", str(lab / name), "--state", str(lab)]) == 0
    lines = (lab / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [*range(1, 32)]
    assert pq.read_table(lab / "out.parquet")["body"].to_pylist() == lines
    assert main(["store", "export", str(lab / "out.txt"), "--state", str(lab)]) == 2
    assert "expected .parquet or .jsonl" in capsys.readouterr().err


def test_old_events_are_moved_into_a_file_and_never_over_one(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(lab / "old.parquet")
    assert main(["store", "compact", str(lab), "--keep", "10", "--out", out]) == 0
    assert pq.read_table(out)["seq"].to_pylist() == [*range(1, 22)]
    assert _check(lab) == 0, "what is left is whole"
    assert main(["store", "compact", str(lab), "--keep", "1", "--out", out]) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["store", "compact", str(lab)]) == 0


def test_no_store_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "check", str(tmp_path)]) == 2
    assert "there is no store at" in capsys.readouterr().err


def test_tokens_of_scopes_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "token", str(tmp_path)]) == 2
    keys = Keys(read_token(tmp_path / "token"), SystemClock())
    assert main(["store", "token", str(tmp_path), "--scope", "worker", "--days", "2"]) == 0
    assert keys.opens(capsys.readouterr().out.strip()) == "worker"
    assert main(["store", "token", str(tmp_path), "--days", "-1"]) == 2
