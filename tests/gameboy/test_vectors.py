from __future__ import annotations

import copy
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ludus import cli
from ludus.core.errors import FileFormatError, InputError
from ludus.gameboy.vectors import SHOWN, differences_of, run_file

REGISTERS = {"a": 1, "f": 0, "b": 2, "c": 3, "d": 4, "e": 5, "h": 0xC0, "l": 0x10, "sp": 0xFFFE, "pc": 0x1234}
INC_HL: dict[str, Any] = {  # INC [HL] at 1234: 0F becomes 10, half carry
    "name": "34 0000",
    "initial": REGISTERS | {"ime": 0, "ie": 0, "ram": [[0x1234, 0x34], [0xC010, 0x0F]]},
    "final": REGISTERS | {"f": 0x20, "pc": 0x1235, "ime": 0, "ram": [[0x1234, 0x34], [0xC010, 0x10]]},
    "cycles": [[0x1234, 0x34, "r-m"], [0xC010, 0x0F, "r-m"], [0xC010, 0x10, "-wm"]],
}


def changed(**final: int) -> dict[str, Any]:
    vector = copy.deepcopy(INC_HL)
    vector["final"] |= final
    return vector


def write(path: Path, *vectors: object) -> Path:
    path.write_text("".join(json.dumps(vector) + "\n" for vector in vectors))
    return path


def test_a_vector_that_hardware_shows_passes_and_leaves_the_memory_clean() -> None:
    memory = np.zeros(0x10000, np.uint8)
    assert differences_of(INC_HL, memory) == []
    assert not memory.any()


def test_every_kind_of_difference_is_told() -> None:
    vector = changed(f=0x21, ime=1)
    vector["final"]["ram"] = [[0xC010, 0x11]]
    vector["cycles"][1][2] = "-wm"
    memory = np.zeros(0x10000, np.uint8)
    assert differences_of(vector, memory) == [
        "f: 0x20, expected 0x21",
        "ime: 0x0, expected 0x1",
        "memory C010: 10, expected 11",
        "bus: r1234=34 rC010=0F wC010=10, expected r1234=34 wC010=0F wC010=10",
    ]
    assert not memory.any()


def test_a_pending_ei_is_part_of_the_vector() -> None:
    ei = copy.deepcopy(INC_HL)
    ei["initial"]["ram"] = ei["final"]["ram"] = [[0x1234, 0xFB]]
    ei["final"] |= {"f": 0, "ei": 1}
    ei["cycles"] = [[0x1234, 0xFB, "r-m"]]
    assert differences_of(ei, np.zeros(0x10000, np.uint8)) == []


@pytest.mark.parametrize("form", ["lines", "list", "gzip"])
def test_vectors_are_read_from_lines_from_a_list_and_from_gzip(form: str, tmp_path: Path) -> None:
    path = write(tmp_path / "v.jsonl", INC_HL, changed(a=2))
    if form == "list":
        path.write_text(json.dumps([INC_HL, changed(a=2)]))
    if form == "gzip":
        path.write_bytes(gzip.compress(path.read_bytes()))
    report = run_file(path)
    assert (report.passed, report.total) == (1, 2)
    assert [(found.line, found.name, found.what) for found in report.differences] == [
        (2, "34 0000", ("a: 0x1, expected 0x2",))
    ]


def test_only_the_first_differences_are_kept(tmp_path: Path) -> None:
    report = run_file(write(tmp_path / "v.jsonl", *[changed(a=2)] * (SHOWN + 5)))
    assert (report.passed, report.total, len(report.differences)) == (0, SHOWN + 5, SHOWN)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "holds no vectors"),
        (b"[]", "holds no vectors"),
        (b"{\n", "line 1: Expecting"),
        (b"[1,", "Expecting"),
        (b"{}\n", "line 1: no single-step vector"),
        (b"3\n", "line 1: no single-step vector"),
        (b'"\xff"\n', "line 1: .*decode"),
        (b"\x1f\x8b\x08\x00broken", "damaged gzip data"),
    ],
)
def test_a_file_that_holds_no_vectors_is_an_error(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match=message) as caught:
        run_file(path)
    assert str(path) in str(caught.value)


def test_an_impossible_value_is_an_error(tmp_path: Path) -> None:
    vector = copy.deepcopy(INC_HL)
    vector["initial"]["a"] = 256
    with pytest.raises(FileFormatError, match="line 1: no single-step vector"):
        run_file(write(tmp_path / "v.jsonl", vector))


def test_the_command_line_counts_and_exits_by_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = write(tmp_path / "good.jsonl", INC_HL), write(tmp_path / "bad.jsonl", INC_HL, changed(a=2))
    assert cli.main(["conform", "vectors", str(good)]) == 0
    assert capsys.readouterr().out == "passed 1 of 1\n"
    assert cli.main(["conform", "vectors", str(good), str(bad)]) == 1
    assert capsys.readouterr().out == f"{bad}, line 2: 34 0000: a: 0x1, expected 0x2\npassed 2 of 3\n"
    assert cli.main(["conform", "vectors", "--json", str(bad)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["passed"], told["total"], told["files"][0]["differences"][0]["line"]) == (1, 2, 2)
    assert cli.main(["conform", "vectors", str(tmp_path / "absent")]) == 2
    assert "cannot read" in capsys.readouterr().err
    with pytest.raises((InputError, SystemExit)):
        cli.main(["conform", "vectors", "--jsn"])
