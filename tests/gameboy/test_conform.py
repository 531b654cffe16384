from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ludus import cli
from ludus.core.errors import FileFormatError, InputError, MissingExtraError
from ludus.gameboy import conform, pictures
from ludus.gameboy.conform import Verdict, parse_expectation, run_rom
from tests.gameboy.assembler import assemble
from tests.gameboy.roms import program, scroller, serial

FIBONACCI = "        ld   bc, $0305\n        ld   de, $080D\n        ld   hl, $1522\n        ld   b, b\n"
ALL_42 = "        ld   bc, $4242\n        ld   de, $4242\n        ld   hl, $4242\n        ld   b, b\n"


def store(address: int, *values: int) -> str:
    return "".join(f"        ld   a, {v}\n        ld   [{address + i}], a\n" for i, v in enumerate(values))


def in_ram(status: int, text: str) -> bytes:
    """A ROM that reports as blargg's later ones do."""
    body = store(0, 0x0A) + store(0xA000, 0x80, 0xDE, 0xB0, 0x61, *text.encode(), 0) + store(0xA000, status)
    return program(body, cart=3, ram_code=2)


def on_screen(text: str) -> bytes:
    """A ROM that writes text into the tile map."""
    off = "        ldh  a, [rLY]\n        cp   144\n        jr   nz, @-4\n        xor  a\n        ldh  [rLCDC], a\n"
    return program(off + store(0x9820, *text.encode()))


CASES: dict[str, tuple[bytes, str, Verdict, str]] = {
    "serial passed": (program(serial("all Passed")), "serial:Passed", Verdict.PASSED, ""),
    "serial failed": (program(serial("1 Failed")), "serial:Passed", Verdict.CONTRADICTED, "1 Failed"),
    "serial silent": (program(serial("Pass")), "serial:Passed", Verdict.TIME_UP, "sent 'Pass'"),
    "RAM passed": (in_ram(0, "ok"), "serial:Passed", Verdict.PASSED, ""),
    "RAM failed": (in_ram(3, "no"), "serial:Passed", Verdict.CONTRADICTED, "code 3: no"),
    "RAM running": (in_ram(0x80, "..."), "serial:Passed", Verdict.TIME_UP, "sent ''"),
    "text passed": (on_screen("Passed"), "text:Passed", Verdict.PASSED, ""),
    "text failed": (on_screen("02 Failed"), "text:Passed", Verdict.CONTRADICTED, "02 Failed"),
    "text other": (on_screen("Hello"), "text:Passed", Verdict.TIME_UP, "shows 'Hello'"),
    "registers passed": (program(FIBONACCI), "registers:3,5,8,13,21,34", Verdict.PASSED, ""),
    "registers failed": (program(ALL_42), "registers:3,5,8,13,21,34", Verdict.CONTRADICTED, "66 66 66 66 66 66"),
    "no breakpoint": (program(""), "registers:3,5,8,13,21,34", Verdict.TIME_UP, "no LD B,B, at 0150"),
    "memory passed": (program(store(0xFF82, 1)), "memory:FF82=01!FF", Verdict.PASSED, ""),
    "memory failed": (program(store(0xFF82, 255)), "memory:ff82=01!ff", Verdict.CONTRADICTED, "FF82 is FF"),
    "memory other": (program(store(0xC000, 1, 2)), "memory:C000=0103", Verdict.TIME_UP, "C000 is 01 02"),
    "damaged": (program("")[:0x143] + b"\xc0" + program("")[0x144:], "serial:x", Verdict.REFUSED, "checksum"),
    "no picture": (program(""), "image", Verdict.REFUSED, "game.png: No such file"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_rom_is_judged_by_what_is_expected_of_it(case: str, tmp_path: Path) -> None:
    rom, expect, verdict, reason = CASES[case]
    path = tmp_path / "game.gb"
    path.write_bytes(rom)
    result = run_rom(path, parse_expectation(expect), frames=120)
    assert result.verdict == verdict, result
    assert reason in result.reason
    assert result.frames <= 122
    if not reason:
        assert result.reason == ""


def picture_of(rom: bytes, path: Path, changed: int = 0) -> Path:
    """A PNG of what a ROM shows at the end of 20 frames and two more, with some pixels changed."""
    from ludus.gameboy import GameBoy

    gb = GameBoy(rom)
    gb.tick(22)
    shown = pictures.grey(gb.screen)
    shown[0, :changed] = 255 - shown[0, :changed]
    pictures.write_png(path, shown)
    return path


@pytest.mark.parametrize(("changed", "verdict", "reason"), [(0, "passed", ""), (7, "contradicted", "7 of 23040 pix")])
def test_a_picture_beside_the_rom_is_compared(changed: int, verdict: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "game.gb"
    path.write_bytes(scroller())
    picture_of(scroller(), tmp_path / "game.png", changed)
    result = run_rom(path, parse_expectation("image"), frames=20)
    assert result.verdict == verdict
    assert reason in result.reason


def test_pictures_may_lie_in_another_folder_and_choose_the_roms(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for name in ("one", "two"):
        (tmp_path / f"{name}.gb").write_bytes(scroller())
    picture_of(scroller(), tmp_path / "pictures" / "two.png")
    expectation = parse_expectation(f"image:{tmp_path / 'pictures'}")
    assert [rom.name for rom in conform.find_roms(tmp_path, expectation)] == ["two.gb"]
    assert run_rom(tmp_path / "two.gb", expectation, frames=20).verdict == Verdict.PASSED
    (tmp_path / "pictures" / "two.png").unlink()
    with pytest.raises(InputError, match="no PNG there is named as a ROM"):
        conform.find_roms(tmp_path, expectation)


def test_a_picture_of_another_size_is_a_contradiction(tmp_path: Path) -> None:
    pictures.write_png(tmp_path / "small.png", np.zeros((72, 80), np.uint8))
    shown = pictures.read_shades(tmp_path / "small.png")
    verdict, reason = conform.compare(np.zeros((144, 160), np.uint8), shown)
    assert (verdict, reason) == (Verdict.CONTRADICTED, "the picture is 80x72, a Game Boy's is 160x144")


def test_luminance_becomes_the_nearest_shade(tmp_path: Path) -> None:
    greys = np.array([[255, 213, 212, 170, 128, 127, 85, 43, 42, 0]], np.uint8)
    pictures.write_png(tmp_path / "greys.png", greys)
    assert pictures.read_shades(tmp_path / "greys.png").tolist() == [[0, 0, 1, 1, 1, 2, 2, 2, 3, 3]]
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(FileFormatError, match=r"broken\.png: no picture that Pillow can read"):
        pictures.read_shades(tmp_path / "broken.png")


def test_without_pillow_pictures_say_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r"Pillow is not installed; run: pip install 'ludus\[pictures\]'"):
        pictures.pillow()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seral:Passed", "there is no 'seral'; did you mean 'serial'"),
        ("serial:", "expected serial:Passed"),
        ("registers:1,2,3", "expected registers:3,5,8,13,21,34"),
        ("registers:1,2,3,4,5,256", "expected registers:3,5,8,13,21,34"),
        ("memory:FF8=01", "expected memory:FF82=01"),
        ("memory:FF82=1", "expected memory:FF82=01"),
    ],
)
def test_an_expectation_that_cannot_be_read_is_an_error(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_expectation(text)


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A folder with one ROM that passes and one, deeper, that fails."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "good.gb").write_bytes(program(serial("Passed")))
    (tmp_path / "deep" / "bad.gb").write_bytes(program(serial("Failed #3")))
    return tmp_path


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_command_line_judges_every_rom_below_a_folder(
    jobs: str, suite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["conform", "roms", str(suite), "--frames", "60", "--jobs", jobs, "--json"]) == 1
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (told["passed"], told["total"], told["expect"], told["frames"]) == (1, 2, "serial:Passed", 60)
    assert [(Path(r["rom"]).name, r["verdict"], r["reason"]) for r in told["results"]] == [
        ("bad.gb", "contradicted", "Failed #3"),
        ("good.gb", "passed", ""),
    ]


def test_the_table_names_every_rom_and_counts(suite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["conform", "roms", str(suite), "--frames", "60", "--jobs", "1"]) == 1
    text = capsys.readouterr().out
    assert all(word in text for word in ("good.gb", "deep/bad.gb", "contradicted", "Failed #3"))
    assert text.endswith("passed 1 of 2, 1 contradicted\n")
    assert cli.main(["conform", "roms", str(suite / "good.gb"), "--frames", "60", "--jobs", "1"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["/nowhere"], "/nowhere: no .gb file there or below"),
        (["/nowhere", "--expect", "sound"], "there is no 'sound'"),
        (["/nowhere", "--model", "cgb"], "model is 'cgb'"),
        (["/nowhere", "--frames", "0"], "--frames is 0"),
    ],
)
def test_arguments_that_cannot_be_used_exit_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["conform", "roms", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_model_reaches_the_console(tmp_path: Path) -> None:
    (tmp_path / "a.gb").write_bytes(assemble("main:   ld   b, b\n        jr   @\n"))
    expectation = parse_expectation("registers:0,20,0,0,192,96")
    assert run_rom(tmp_path / "a.gb", expectation, model="sgb").verdict == Verdict.PASSED
    assert run_rom(tmp_path / "a.gb", expectation).verdict == Verdict.CONTRADICTED
