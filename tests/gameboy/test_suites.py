"""The suites of docs/conformance.md, where a folder holds their ROMs: pytest -m slow --test-roms FOLDER."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from ludus.core.errors import RomError
from ludus.gameboy.cartridge import read_cartridge
from ludus.gameboy.conform import Result, Verdict, find_roms, parse_expectation, run_roms
from ludus.gameboy.machine import MODELS, make_batch
from ludus.gameboy.vectors import run_file
from tests.gameboy.roms import frame_by_bytes

PAGE = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text()
COFFEE = "coffee-gb/core/src/test/resources/roms"
FIBONACCI = "registers:3,5,8,13,21,34"
SUITES = {
    "blargg cpu_instrs": ("gb-test-roms/cpu_instrs", "serial:Passed"),
    "blargg instr_timing": ("gb-test-roms/instr_timing", "serial:Passed"),
    "blargg mem_timing": ("gb-test-roms/mem_timing", "serial:Passed"),
    "blargg mem_timing-2": ("gb-test-roms/mem_timing-2", "serial:Passed"),
    "blargg halt_bug": ("gb-test-roms/halt_bug.gb", "text:Passed"),
    "blargg oam_bug": ("gb-test-roms/oam_bug", "serial:Passed"),
    "blargg dmg_sound": ("gb-test-roms/dmg_sound", "serial:Passed"),
    "mooneye, as a DMG": (f"{COFFEE}/mooneye", FIBONACCI),
    "dmg-acid2": (f"{COFFEE}/dmg-acid2", "image"),
    "gbmicrotest": ("gbmicrotest", "memory:FF82=01!FF"),
    "mealybug tearoom, DMG pictures": (f"{COFFEE}/mealybug", "image:mealybug-tearoom-tests/expected/DMG-blob"),
}


def told(suite: str) -> tuple[int, int]:
    """What the page says that passes, of how many."""
    found = re.search(rf"^\| {re.escape(suite)} \| (\d+) of (\d+) \|", PAGE, flags=re.MULTILINE)
    assert found, suite
    return int(found[1]), int(found[2])


@pytest.fixture
def folder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    given = request.config.getoption("--test-roms")
    if given is None:
        pytest.skip("needs test ROMs: pytest -m slow --test-roms FOLDER")
    assert isinstance(given, Path)
    monkeypatch.chdir(given)
    return given


def judge(place: str, expect: str, *, model: str = "dmg", frames: int = 3600) -> list[Result]:
    if not Path(place).exists():
        pytest.skip(f"{place} is not below the folder of --test-roms")
    expectation = parse_expectation(expect)
    return list(run_roms(find_roms(Path(place), expectation), expectation, model=model, frames=frames))


def test_every_suite_is_on_the_page() -> None:
    assert all(0 <= told(suite)[0] <= told(suite)[1] for suite in SUITES)


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
def test_a_suite_passes_as_the_page_says(suite: str, folder: Path) -> None:
    results = judge(*SUITES[suite], frames=4 if suite == "gbmicrotest" else 3600)
    failed = [result for result in results if result.verdict != Verdict.PASSED]
    assert (len(results) - len(failed), len(results)) == told(suite), failed


@pytest.mark.slow
def test_every_mooneye_test_for_some_model_passes_on_it(folder: Path) -> None:
    runs = [judge(f"{COFFEE}/mooneye", FIBONACCI, model=model, frames=600) for model in MODELS]
    passed = {result.rom for results in runs for result in results if result.verdict == Verdict.PASSED}
    assert (len(passed), len(runs[0])) == told("mooneye, as any of the five models")


@pytest.mark.slow
def test_every_vector_passes(folder: Path) -> None:
    paths = sorted(Path("sm83/v1").glob("*.json"))
    if not paths:
        pytest.skip("sm83/v1 is not below the folder of --test-roms")
    reports = [run_file(path) for path in paths]
    passed, total = sum(report.passed for report in reports), sum(report.total for report in reports)
    assert (passed, total) == told("single-step vectors, 1,000 of each of 500 opcodes, bus included")


@pytest.mark.slow
def test_skipping_decoding_and_drawing_change_nothing_in_any_rom(folder: Path) -> None:
    """Every ROM of the suites, 30 frames: waiting loops skipped and run, drawn and not, decoded and read by bytes."""
    played = 0
    for path in sorted(folder.rglob("*.gb")):
        try:
            cartridge = read_cartridge(path)
        except RomError:
            continue
        skipping, running, unseen, plain = consoles = [
            make_batch(cartridge, skip=on) for on in (True, False, True, True)
        ]
        pictures = np.zeros((2, 144, 160), np.uint8)
        for frame in range(30):
            for console in consoles:
                console.set_buttons(0, frame % 3 << 4)
            skipping.watch(1, False, pictures[0])
            running.watch(1, False, pictures[1])
            unseen.watch(1, False, None)
            frame_by_bytes(plain)
            assert len({console.save(0) for console in consoles}) == 1, f"{path}, frame {frame}"
            assert np.array_equal(*pictures), f"{path}, frame {frame}"
        played += 1
    assert played, "no ROM below the folder can be played"
