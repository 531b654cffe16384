"""The cartridge: built again from its source, and played on one console as a person would."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ludus.gameboy import GameBoy
from tests.potyard.bot import Scripted
from tests.potyard.memory import CARD, CLEARED, DEAD, FOLDER, PLAYING, SYMBOLS, TITLE, Memory

SOURCE = FOLDER.parents[3] / "games" / "potyard"
GENERATED = ("potyard.gb", "watches.toml", "potyard.sym")


class Player:
    """One console, stepped as a World steps."""

    def __init__(self) -> None:
        self.console = GameBoy(FOLDER / "potyard.gb")

    def peek(self, start: int, stop: int) -> bytes:
        return self.console.memory[start:stop]

    @property
    def memory(self) -> Memory:
        return Memory(self.peek)

    def step(self, action: str = "NOOP") -> None:
        if action != "NOOP":
            self.console.button(action.lower(), 8)
        self.console.tick(24)

    def wait_for(self, phase: int, action: str = "NOOP", steps: int = 600) -> None:
        for _ in range(steps):
            if self.memory.phase == phase:
                return
            self.step(action)
        pytest.fail(f"phase is {self.memory.phase} after {steps} steps, expected {phase}")

    def start(self, seed: int, *, practice: bool = False) -> None:
        self.wait_for(TITLE)
        self.step()
        self.step()
        if practice != bool(self.memory.practice):
            self.step("DOWN")
        for offset, byte in enumerate(seed.to_bytes(2, "little")):
            self.console.memory[CARD.watch["seed"].address + offset] = byte
        self.step("START")
        self.wait_for(PLAYING)


@pytest.mark.skipif(not shutil.which("sdcc"), reason="needs sdcc: apt install sdcc")
def test_the_source_gives_what_ships(tmp_path: Path) -> None:
    copy, out = tmp_path / "copy", tmp_path / "out"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("build", "pictures"))
    out.mkdir()
    subprocess.run(["make", f"PYTHON={sys.executable}", f"OUT={out}"], cwd=copy, check=True, capture_output=True)
    for name in GENERATED:
        assert (out / name).read_bytes() == (FOLDER / name).read_bytes(), name


def test_the_card_watches_what_the_linker_placed() -> None:
    assert len(CARD.watch) == 33
    for name, watch in CARD.watch.items():
        assert watch.address == SYMBOLS[name], name


def test_the_header_is_valid_without_the_logo() -> None:
    rom = (FOLDER / "potyard.gb").read_bytes()
    assert len(rom) == 0x8000
    assert rom[0x104:0x134] == bytes(0x30)
    assert rom[0x134:0x144].rstrip(b"\0") == b"POT YARD"
    assert rom[0x147:0x14A] == bytes(3), "ROM only, 32 KB, no RAM"


def test_a_run_leads_back_to_the_title_and_on_to_the_next_seed() -> None:
    player = Player()
    player.start(8)
    player.wait_for(DEAD)
    player.wait_for(TITLE, "START", steps=40)
    assert player.memory.seed == 9
    player.step()
    player.step("START")
    player.wait_for(PLAYING)
    assert (player.memory.stage, player.memory.hearts, player.memory.pots_broken) == (1, 5, 0)


def test_practice_has_no_foes_and_pots_come_back() -> None:
    player = Player()
    player.start(3, practice=True)
    bot = Scripted(player.peek)
    for _ in range(300):
        player.step(bot.act())
    memory = player.memory
    assert memory.damage_taken == memory.boss_spawned == 0
    assert memory.pots_broken > 20, "more than the yard began with"


def test_any_buttons_for_any_time_leave_a_sound_game() -> None:
    player, random = Player(), np.random.default_rng(9)
    names = ["a", "b", "start", "select", "up", "down", "left", "right"]
    for button, held, free in zip(
        random.choice(names, 3000), random.integers(1, 9, 3000), random.integers(0, 9, 3000), strict=True
    ):
        player.console.button(str(button), int(held))
        player.console.tick(int(held + free), render=False)
        memory = player.memory
        assert memory.phase in range(7) and memory.hearts <= 5 and memory.boss_curse_activations_stage <= 3
        assert max(memory.block("yard", 144)) <= 11


@pytest.fixture
def pyboy() -> Iterator[Player]:
    """The same player on PyBoy."""
    module = pytest.importorskip("pyboy", reason="needs: pip install 'ludus[bench]'")
    boy = module.PyBoy(str(FOLDER / "potyard.gb"), window="null", sound_emulated=False)
    boy.set_emulation_speed(0)

    class OnPyBoy(Player):
        def __init__(self) -> None:
            self.console = boy

        def peek(self, start: int, stop: int) -> bytes:
            return bytes(boy.memory[start:stop])

        def step(self, action: str = "NOOP") -> None:
            if action != "NOOP":
                boy.button_press(action.lower())
            boy.tick(8, True)
            if action != "NOOP":
                boy.button_release(action.lower())
            boy.tick(16, True)

    yield OnPyBoy()
    boy.stop(save=False)


@pytest.mark.slow
def test_another_emulator_plays_it_too(pyboy: Player) -> None:
    pyboy.start(2)
    bot = Scripted(pyboy.peek)
    for _ in range(1000):
        if pyboy.memory.phase == CLEARED:
            break
        pyboy.step(bot.act())
    assert pyboy.memory.phase == CLEARED
    assert (pyboy.memory.boss_defeated, pyboy.memory.stages_ended) == (3, 3)
