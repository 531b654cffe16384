from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from ludus import cli
from ludus.core.errors import InputError, MissingExtraError
from ludus.gameboy import GameBoy, bench, builtin
from ludus.gameboy.bench import Plan, Round, Side
from tests.gameboy.roms import scroller

SHORT = Plan(lanes=2, seconds=0.01, rounds=2)


class FakePyBoy:
    """Stands in for PyBoy: keeps what it was told."""

    made: ClassVar[list[FakePyBoy]] = []

    def __init__(self, path: str, **settings: Any) -> None:
        self.rom = Path(path).read_bytes()
        self.settings = settings
        self.told: list[tuple[object, ...]] = []
        FakePyBoy.made.append(self)

    def set_emulation_speed(self, speed: int) -> None:
        self.told.append(("speed", speed))

    def button(self, name: str, frames: int) -> None:
        self.told.append(("button", name, frames))

    def tick(self, frames: int, render: bool) -> None:
        self.told.append(("tick", frames, render))

    def stop(self, *, save: bool) -> None:
        self.told.append(("stop", save))


@pytest.fixture
def pyboy(monkeypatch: pytest.MonkeyPatch) -> type[FakePyBoy]:
    module = types.ModuleType("pyboy")
    vars(module)["PyBoy"] = FakePyBoy
    monkeypatch.setitem(sys.modules, "pyboy", module)
    FakePyBoy.made = []
    return FakePyBoy


def only(plan: Plan, *, peer: str | None = None) -> bench.Result:
    return next(bench.run([("scroller", GameBoy(scroller()).cartridge)], plan, peer=peer))


def test_steps_frames_and_real_time_are_one_figure() -> None:
    found = Round(steps=500, wall_s=2.0, cpu_s=4.0)
    assert found.steps_per_s == 250
    assert found.frames_per_s == 250 * 24 == 6000
    assert found.times_real == pytest.approx(6000 / 59.7275, rel=1e-6)
    assert found.steps_per_cpu_s == 125


def test_the_best_and_the_median_are_of_the_rounds() -> None:
    side = Side(tuple(Round(steps, 1.0, 1 / steps) for steps in (3, 9, 4)))
    assert (side.best.steps, side.median, side.best_cpu) == (9, 4, 81)


def test_ratios_compare_like_with_like() -> None:
    ours, peer = Side((Round(80, 1, 2), Round(60, 1, 1))), Side((Round(10, 1, 1), Round(8, 1, 0.5)))
    result = bench.Result("x", SHORT, ours, peer)
    assert (result.ratio, result.median_ratio, result.cpu_ratio) == (8, 70 / 9, 60 / 16)
    assert bench.geometric_mean([2, 8]) == pytest.approx(4)
    assert bench.Result("x", SHORT, ours, None).ratio is None


def test_a_run_measures_the_rounds_that_were_asked_for() -> None:
    result = only(SHORT)
    assert (len(result.ours.rounds), result.peer) == (2, None)
    assert all(found.steps > 0 and found.steps % 2 == 0 for found in result.ours.rounds)
    assert all(found.wall_s >= 0.01 for found in result.ours.rounds)
    row = result.row()
    assert (row["lanes"], row["threads"], row["view"], row["skip"]) == (2, 1, "full", True)
    assert row["frames_per_s"] == pytest.approx(24 * row["steps_per_s"])


def test_the_peer_plays_the_same_rom_with_the_same_buttons(pyboy: type[FakePyBoy]) -> None:
    result = only(SHORT, peer="pyboy")
    (console,) = pyboy.made
    assert console.rom == scroller()
    names = [told[1] for told in console.told if told[0] == "button"]
    expected = [bench.CODEC.names[bench.actions(step, 2)[0]].lower() for step in range(40)]
    assert names[:40] == expected
    assert {told[1:] for told in console.told if told[0] == "tick"} == {(24, True)}
    assert console.told[-1] == ("stop", False)
    assert result.peer is not None
    assert result.row()["peer"]["name"] == "pyboy"
    assert result.ratio == result.ours.best.steps_per_s / result.peer.best.steps_per_s


def test_the_actions_of_a_lane_do_not_depend_on_the_number_of_lanes() -> None:
    np.testing.assert_array_equal(bench.actions(7, 5)[:2], bench.actions(7, 2))


def test_what_cannot_be_measured_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="--peer is 'sameboy', expected 'pyboy'"):
        only(SHORT, peer="sameboy")
    with pytest.raises(InputError, match="0 rounds"):
        only(Plan(rounds=0))
    monkeypatch.setitem(sys.modules, "pyboy", None)
    with pytest.raises(MissingExtraError, match=r"ludus\[bench\]"):
        only(SHORT, peer="pyboy")


def test_the_busy_loop_never_waits() -> None:
    gb = GameBoy(builtin.busy_loop())
    places = set()
    for _ in range(50):
        gb.tick(render=False)
        places.add(gb.registers.pc)
    assert len(places) > 3
    assert all(0x153 <= place < 0x170 for place in places)
    assert len(set(gb.memory[0xC000:0xE000])) > 50


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one.gb").write_bytes(scroller())
    (tmp_path / "two.gb").write_bytes(builtin.busy_loop().rom)
    return tmp_path


def test_the_command_line_measures_every_rom(
    folder: Path, pyboy: type[FakePyBoy], capsys: pytest.CaptureFixture[str]
) -> None:
    quick = ["--seconds", "0.005", "--rounds", "1", "--roms", str(folder)]
    assert cli.main(["bench", "gameboy", *quick, "--peer", "pyboy", "--json", "--no-skip", "--lanes", "3"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(row["rom"], row["lanes"], row["skip"]) for row in told["results"]] == [
        ("one", 3, False),
        ("two", 3, False),
    ]
    ratios = [row["ratio"] for row in told["results"]]
    assert told["geometric_mean_ratio"] == pytest.approx(np.sqrt(ratios[0] * ratios[1]))
    assert cli.main(["bench", "gameboy", *quick, "--view", "half"]) == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ("one", "two", "view half", "skip on", "frames/s", "x real"))
    assert cli.main(["bench", "gameboy", "--roms", str(folder / "absent.gb")]) == 2
    assert cli.main(["bench", "gameboy", *quick, "--view", "ful"]) == 2
