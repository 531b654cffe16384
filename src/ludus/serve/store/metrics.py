"""Metrics of runs: appended as they come, packed into Parquet, read as curves with DuckDB."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Annotated, Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec import Meta, Struct

from ludus.core import digest, files
from ludus.serve import wire

PACK_ROWS = 20_000
MOST_OPEN = 64
SCHEMA = pa.schema([("step", pa.int64()), ("ts", pa.float64()), ("key", pa.string()), ("value", pa.float64())])
NUMBERED = re.compile(r"\d{8}")

CURVES = """
    WITH seen AS (SELECT min(step) AS low, max(step) - min(step) + 1 AS width FROM rows)
    SELECT key, (step - low) * $points // width AS bin, max(step), count(value), avg(value), min(value), max(value),
           arg_max(value, step), max(ts)
    FROM rows, seen WHERE value IS NOT NULL AND NOT isnan(value) GROUP BY key, bin ORDER BY key, bin
"""


class MetricRow(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a run told at one step."""

    step: wire.Count
    values: Annotated[dict[wire.Id, float | None], Meta(max_length=256)]
    ts: float | None = None


class MetricsBody(Struct, forbid_unknown_fields=True):
    """Some rows, oldest first."""

    rows: Annotated[list[MetricRow], Meta(max_length=500)]


class MetricsLog:
    """Metrics of any number of runs below one folder.

    What is added is in a file of the system at once, so that it outlives this process; full files become Parquet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, tuple[IO[bytes], int]] = {}
        self._guard = threading.Lock()
        self._reading = threading.Lock()
        """Held while files are read, and while a packed one takes the place of another."""
        self._packer = ThreadPoolExecutor(1, "ludus-packer")

    def add(self, run: str, rows: Sequence[MetricRow]) -> None:
        """Append rows, from any thread."""
        lines = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
        with self._guard:
            file, count = self._open.pop(run) if run in self._open else self._begin(run)
            file.write(lines)
            self._open[run] = file, count + len(rows)
            if count + len(rows) >= PACK_ROWS:
                full = Path(file.name)
                file.close()
                # The next one is there before this one is packed, so that nobody goes on with this one.
                self._open[run] = _fresh(full.parent, int(full.stem) + 1), 0
                self._packer.submit(self._pack, full)
            while len(self._open) > MOST_OPEN:
                self._open.pop(next(iter(self._open)))[0].close()

    def rows(self, run: str) -> pa.Table:
        """Give all that was told of a run: step, ts, key, value."""
        with self._reading:
            return pa.concat_tables([SCHEMA.empty_table(), *(_read(path) for path in _parts(self._place(run)))])

    def close(self) -> None:
        """Close the files; what the open ones hold is packed some other time."""
        self._packer.shutdown()
        with self._guard:
            while self._open:
                self._open.popitem()[1][0].close()

    def _pack(self, path: Path) -> None:
        if not path.exists():
            return  # it was packed meanwhile
        sink = pa.BufferOutputStream()
        pq.write_table(_read(path), sink, compression="zstd")
        files.write_atomic(path.with_suffix(".parquet"), sink.getvalue().to_pybytes())
        with self._reading:
            path.unlink()

    def _place(self, run: str) -> Path:
        return self._folder / digest.of_bytes(run.encode())

    def _begin(self, run: str) -> tuple[IO[bytes], int]:
        place = self._place(run)
        place.mkdir(parents=True, exist_ok=True)
        parts = _parts(place)
        for path in parts[:-1]:
            if path.suffix == ".jsonl":  # a killed process has not packed it
                self._packer.submit(self._pack, path)
        if not parts or parts[-1].suffix != ".jsonl":
            return _fresh(place, int(parts[-1].stem) + 1 if parts else 1), 0
        data = parts[-1].read_bytes()
        whole = data.rfind(b"\n") + 1
        file = parts[-1].open("r+b", buffering=0)
        file.truncate(whole)  # what a killed process had half written
        file.seek(whole)
        return file, data.count(b"\n")


def _fresh(place: Path, number: int) -> IO[bytes]:
    return (place / f"{number:08}.jsonl").open("xb", buffering=0)


def _parts(place: Path) -> list[Path]:
    """Give the files of a run in their order, a packed one instead of what it was packed from."""
    found = {path.stem: path for path in sorted(place.glob("*.*")) if NUMBERED.fullmatch(path.stem)}
    return [found[stem] for stem in sorted(found)]  # "jsonl" < "parquet"


def _read(path: Path) -> pa.Table:
    if path.suffix == ".parquet":
        return pq.read_table(path, schema=SCHEMA)
    lines = path.read_bytes().rpartition(b"\n")[0].splitlines()
    return table(msgspec.json.decode(line, type=MetricRow) for line in lines)


def table(rows: Iterable[MetricRow]) -> pa.Table:
    """Give rows as a table with one line for each value."""
    told = [(row.step, row.ts, key, value) for row in rows for key, value in row.values.items()]
    columns = zip(*told, strict=True) if told else ([], [], [], [])
    return pa.table([pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)], SCHEMA)


def row_of(told: Mapping[str, Any]) -> MetricRow | None:
    """Give the row that a line of a run's `metrics.jsonl` stands for, None for one that has no step."""
    step = told.get("global_step", told.get("step"))
    if not isinstance(step, int) or step < 0:
        return None
    values = {key: float(value) for key, value in told.items() if type(value) in (int, float) and key != "global_step"}
    return MetricRow(step=step, values={key: value for key, value in values.items() if math.isfinite(value)})


def curves(rows: pa.Table, *, points: int, keys: Sequence[str] = ()) -> dict[str, dict[str, list[Any]]]:
    """Give, for each metric, at most `points` places of its curve: step, count, mean, min, max, last, and time.

    time: seconds since 1970, None where nobody told.
    """
    if keys:
        rows = rows.filter(pc.is_in(rows["key"], pa.array(keys, pa.string())))
    if not rows.num_rows:
        return {}
    with duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False}) as connection:
        connection.register("rows", rows)
        found = connection.execute(CURVES, {"points": points}).fetchall()
    told: dict[str, dict[str, list[Any]]] = {}
    names = ("step", "count", "mean", "min", "max", "last", "time")
    for key, _, *values in found:
        curve = told.setdefault(key, {name: [] for name in names})
        for name, value in zip(names, values, strict=True):
            curve[name].append(value)
    return told
