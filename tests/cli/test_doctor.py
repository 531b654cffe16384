from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ludus import cli
from ludus.cli import doctor


@pytest.fixture
def findings() -> dict[str, doctor.Finding]:
    return {finding.name: finding for finding in doctor.examine()}


def test_what_is_here_is_found_with_its_version(findings: dict[str, doctor.Finding]) -> None:
    assert findings["Python"].found == platform.python_version()
    assert findings["numpy"].found == np.__version__
    assert platform.machine() in str(findings["CPU"].found)


def test_what_can_be_missing_says_how_to_get_it(findings: dict[str, doctor.Finding]) -> None:
    assert all(finding.remedy for finding in findings.values() if finding.found is None)


def test_json_is_the_findings(capsys: pytest.CaptureFixture[str], findings: dict[str, doctor.Finding]) -> None:
    cli.main(["doctor", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in told] == list(findings)
    assert {row["name"]: row["found"] for row in told} == {name: row.found for name, row in findings.items()}


def test_the_table_names_every_finding_and_the_remedy_of_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = doctor.Finding("part", None, "a test", "pip install 'ludus[part]'")
    here = doctor.Finding("other part", "1.0 [beta]", "a test", "not shown")
    monkeypatch.setattr(doctor, "examine", lambda: iter([missing, here]))
    cli.main(["doctor"])
    text = capsys.readouterr().out
    assert all(words in text for words in ("part", "none", "pip install 'ludus[part]'", "other part", "1.0 [beta]"))
    assert "not shown" not in text


@pytest.mark.parametrize(("found", "required", "code"), [(None, True, 1), (None, False, 0), ("1.0", True, 0)])
def test_only_a_required_part_that_is_missing_fails(
    monkeypatch: pytest.MonkeyPatch, found: str | None, required: bool, code: int
) -> None:
    part = doctor.Finding("part", found, "a test", "make it", required=required)
    monkeypatch.setattr(doctor, "examine", lambda: iter([part]))
    assert cli.main(["doctor"]) == code


def test_an_absent_extension_is_a_finding_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ludus.gameboy._native", None)
    finding = doctor._extension()
    assert (finding.found, finding.required) == (None, True)
    assert "ludus.gameboy._native" in finding.remedy


def test_an_absent_package_is_none() -> None:
    assert doctor._version("no-such-package-anywhere") is None


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a shell script called `tool` where programs are looked for."""

    def write(script: str) -> None:
        tool = tmp_path / "tool"
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))

    return write


def test_a_program_is_asked_for_its_version(program: Callable[[str], None]) -> None:
    program("echo 'tool for sm83/z80, release 4.2.1, of 2026'")
    assert doctor._release("tool", "--version") == "4.2.1"
    assert doctor._release("another") is None


def test_a_program_that_tells_no_version_is_quoted(program: Callable[[str], None]) -> None:
    program("echo NVIDIA H200")
    assert doctor._release("tool") == "NVIDIA H200"


def test_a_program_that_fails_is_described_as_such(program: Callable[[str], None]) -> None:
    program("exit 3")
    assert doctor._release("tool") == "installed, but Command '('tool',)' returned non-zero exit status 3."


def test_env_shows_every_variable_that_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("METABONK_HIGHLIGHTS", "1")
    monkeypatch.delenv("LUDUS_PERF_ENFORCE", raising=False)
    assert cli.main(["doctor", "--env", "--json"]) == 0
    told = {row["name"]: row["value"] for row in json.loads(capsys.readouterr().out)}
    assert (told["METABONK_HIGHLIGHTS"], told["LUDUS_PERF_ENFORCE"]) == ("1", None)
    cli.main(["doctor", "--env"])
    text = capsys.readouterr().out
    assert all(name in text for name in told) and "not set" in text
