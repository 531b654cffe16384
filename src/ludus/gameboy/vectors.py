"""Single-step vectors: one instruction each, with the registers, memory and every machine cycle that hardware shows.

The format is that of the SingleStepTests project's `sm83`: JSON objects with `initial`, `final` and `cycles`, one to a
line or in one list, plain or gzipped.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ludus.core import files
from ludus.core.errors import FileFormatError
from ludus.gameboy._native import run_flat

NAMES = ("a", "f", "b", "c", "d", "e", "h", "l", "sp", "pc")
KINDS = {"r-m": "r", "-wm": "w", "---": "-"}
SHOWN = 10

Vector = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """A vector that the core did not reproduce."""

    line: int
    """Its line in the file, or its place in the list, from 1."""
    name: str
    what: tuple[str, ...]
    """Each difference in words."""


@dataclass(frozen=True, slots=True)
class VectorReport:
    """What came of one file of vectors."""

    file: str
    passed: int
    total: int
    differences: tuple[Difference, ...]
    """The first `SHOWN` of them."""


def run_file(path: Path) -> VectorReport:
    """Give what the core makes of a file of vectors. Raises `FileFormatError` that names the line."""
    memory = np.zeros(0x10000, np.uint8)
    passed = total = 0
    differences: list[Difference] = []
    for line, vector in _read(path):
        total += 1
        try:
            what = differences_of(vector, memory)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise FileFormatError(
                f"{path}, line {line}: no single-step vector ({error!r}), expected an object with `initial`, `final` "
                "and `cycles`; give a file in the format of SingleStepTests/sm83."
            ) from error
        passed += not what
        if what and len(differences) < SHOWN:
            differences.append(Difference(line, str(vector.get("name", "")), tuple(what)))
    if not total:
        raise FileFormatError(f"{path}: holds no vectors, expected one JSON object per line; give another file.")
    return VectorReport(str(path), passed, total, tuple(differences))


def differences_of(vector: Vector, memory: npt.NDArray[np.uint8]) -> list[str]:
    """Give how the core's run of a vector differs from it; `memory` (`uint8[65536]`, all 0) is left as it was."""
    initial, final = vector["initial"], vector["final"]
    for address, value in initial["ram"]:
        memory[address] = value
    before = tuple(initial[name] for name in NAMES)
    after, ime, ei_pending, cycles = run_flat(before, bool(initial["ime"]), memory)
    told = [*zip(NAMES, after, strict=True), ("ime", int(ime)), ("ei", int(ei_pending))]
    what = [
        f"{name}: {got:#x}, expected {final.get(name, 0):#x}" for name, got in told if got != int(final.get(name, 0))
    ]
    for address, value in final["ram"]:
        if memory[address] != value:
            what.append(f"memory {address:04X}: {memory[address]:02X}, expected {value:02X}")
    expected = [(address, data, KINDS[kind]) for address, data, kind in vector["cycles"]]
    if cycles != expected:
        what.append(f"bus: {_bus(cycles)}, expected {_bus(expected)}")
    for address, _ in [*initial["ram"], *final["ram"], *((address, 0) for address, _, _ in cycles)]:
        memory[address] = 0
    return what


def _bus(cycles: list[tuple[int, int, str]]) -> str:
    return " ".join(f"{kind}{address:04X}={data:02X}" for address, data, kind in cycles)


def _read(path: Path) -> Iterator[tuple[int, Vector]]:
    data = files.read_bytes(path)
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error) as error:
            raise FileFormatError(f"{path}: damaged gzip data ({error}); get a clean copy.") from error
    if data.lstrip()[:1] == b"[":
        yield from enumerate(_json(data, f"{path}"), start=1)
        return
    for line, text in enumerate(data.splitlines(), start=1):
        yield line, _json(text, f"{path}, line {line}")


def _json(text: bytes, where: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise FileFormatError(f"{where}: {error}; give JSON as SingleStepTests/sm83 has it.") from error
