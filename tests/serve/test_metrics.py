from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from ludus.serve.store import metrics
from ludus.serve.store.metrics import MetricRow, MetricsLog
from ludus.serve.store.shelf import Shelf


def _rows(first: int, count: int) -> list[MetricRow]:
    return [MetricRow(step=step, values={"loss": 1.0}, ts=1.0) for step in range(first, first + count)]


def _steps(log: MetricsLog) -> list[int]:
    steps: list[int] = log.rows("run")["step"].to_pylist()
    return steps


def test_nothing_is_lost_or_doubled_while_full_files_are_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "PACK_ROWS", 20)
    log, done = MetricsLog(tmp_path), threading.Event()
    seen: list[list[int]] = []

    def read() -> None:
        while not done.is_set():
            seen.append(_steps(log))

    log.add("run", _rows(0, 7))
    reader = threading.Thread(target=read)
    reader.start()
    for first in range(7, 700, 7):
        log.add("run", _rows(first, 7))
    done.set()
    reader.join()
    log.close()
    assert all(steps == [*range(len(steps))] for steps in seen)
    assert _steps(MetricsLog(tmp_path)) == [*range(700)]
    (folder,) = tmp_path.iterdir()
    assert {path.suffix for path in folder.iterdir()} == {".jsonl", ".parquet"}


def test_a_killed_process_leaves_whole_lines_and_the_next_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = MetricsLog(tmp_path)
    killed.add("run", _rows(0, 10))
    killed.close()  # which writes nothing that is not there yet
    (path,) = tmp_path.glob("*/*.jsonl")
    path.write_bytes(path.read_bytes() + b'{"step":1')
    log = MetricsLog(tmp_path)
    log.add("run", _rows(10, 10))
    assert _steps(log) == [*range(20)]
    log.close()
    (path.parent / "00000002.jsonl").write_bytes(b"")  # killed before 00000001 was packed
    log = MetricsLog(tmp_path)
    log.add("run", _rows(20, 5))
    log.close()
    assert _steps(MetricsLog(tmp_path)) == [*range(25)]
    assert (path.parent / "00000001.parquet").exists()


def test_what_a_run_in_a_folder_tells_is_told_once_as_it_comes(tmp_path: Path) -> None:
    shelf, path = Shelf(tmp_path), tmp_path / "run" / "metrics.jsonl"

    def row(step: int) -> str:
        return json.dumps({"global_step": step, "losses/value_loss": 0.5}) + "\n"

    def look() -> list[int]:
        return [told.step for told in shelf.look().metrics.get("run", [])]

    path.parent.mkdir()
    path.write_text(row(1) + row(2)[:9])
    assert look() == []  # whoever asks for the curve gets it
    path.write_text(row(1) + row(2) + row(3) + row(4)[:5])
    assert look() == [2, 3]
    assert look() == []
    path.write_text(row(1) + row(2))  # a killed run does the rest again
    assert look() == []
    path.write_text(row(1) + row(2) + row(3))
    assert look() == [3]
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "metrics.jsonl").write_text(row(7))
    assert [told.step for told in shelf.look().metrics["later"]] == [7]
    path.write_text(row(1) + row(2) + row(3) + "{nonsense}\n")
    assert look() == []


def test_a_curve_has_few_points_and_forgets_neither_its_least_nor_its_most() -> None:
    rows = [MetricRow(step=step, values={"x": float(step % 100 == 50), "y": None}, ts=step / 2) for step in range(1000)]
    told = metrics.curves(metrics.table(rows), points=10)
    assert set(told) == {"x"}
    assert (told["x"]["max"], told["x"]["min"], told["x"]["mean"]) == ([1.0] * 10, [0.0] * 10, [0.01] * 10)
    assert told["x"]["time"] == [step / 2 for step in told["x"]["step"]]
    assert metrics.curves(metrics.table([]), points=10) == {}
    assert metrics.curves(metrics.table(rows), points=10, keys=["z"]) == {}
    untimed = [MetricRow(step=0, values={"x": 1.0})]
    assert metrics.curves(metrics.table(untimed), points=10)["x"]["time"] == [None]
