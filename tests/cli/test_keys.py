from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest

from ludus import cli
from ludus.cli._keys import drawing, split_keys

PROGRAM = "import sys; from ludus.cli import main; sys.exit(main(sys.argv[1:]))"
PATIENCE_S = 60


class Terminal:
    """A terminal with a game in it."""

    def __init__(self, *arguments: str, columns: int = 84, lines: int = 40) -> None:
        self.person, game = pty.openpty()
        termios.tcsetwinsize(self.person, (lines, columns))
        self.settings = termios.tcgetattr(game)
        command = [sys.executable, "-c", PROGRAM, "play", *arguments, "--player", "keys"]
        self.process = subprocess.Popen(command, stdin=game, stdout=game, stderr=game)
        self.game, self.shown = game, ""

    def wait_for(self, text: str) -> str:
        """Read until a text is shown, and give all that came."""
        due = time.monotonic() + PATIENCE_S
        while text not in self.shown:
            assert select.select([self.person], [], [], max(0, due - time.monotonic()))[0], self.shown[-500:]
            self.shown += os.read(self.person, 65536).decode(errors="replace")
        return self.shown

    def press(self, keys: str) -> None:
        os.write(self.person, keys.encode())

    def leave(self) -> int:
        """Read what is still shown until the program has ended."""
        due = time.monotonic() + PATIENCE_S
        while self.process.poll() is None and time.monotonic() < due:
            if select.select([self.person], [], [], 0.05)[0]:
                self.shown += os.read(self.person, 65536).decode(errors="replace")
        assert termios.tcgetattr(self.game) == self.settings, "the terminal is as it was"
        return self.process.returncode


def test_a_person_plays_in_a_terminal_and_leaves_it_as_it_was() -> None:
    terminal = Terminal("potyard")
    terminal.wait_for("q: leave")
    terminal.press("\r")
    terminal.press("\x1b[C\x1b[Bx")
    terminal.shown = ""
    terminal.wait_for("q: leave")
    terminal.press("q")
    assert terminal.leave() == 0
    assert terminal.shown.count("▀") >= 80 * 36
    assert terminal.shown.endswith("\x1b[?25h\x1b[?1049l"), "the cursor is shown, the old screen is back"


def test_control_c_leaves_too() -> None:
    terminal = Terminal("potyard")
    terminal.wait_for("▀")
    terminal.press("\x03")
    assert terminal.leave() == 0


def test_a_play_of_some_steps_ends_by_itself() -> None:
    assert Terminal("potyard", "--steps", "2").leave() == 0


def test_without_a_terminal_keys_are_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["play", "--player", "keys"]) == 2
    assert "--player keys needs a terminal" in capsys.readouterr().err


def test_keys_are_told_apart() -> None:
    assert split_keys("w\x1b[A\x1bOB q\x1b") == ["w", "\x1b[A", "\x1b[B", " ", "q", "\x1b"]


@pytest.mark.parametrize(("columns", "lines", "shape"), [(84, 80, (84, 38)), (200, 80, (160, 72)), (200, 30, (64, 29))])
def test_a_drawing_is_as_large_as_fits(columns: int, lines: int, shape: tuple[int, int]) -> None:
    screen = np.arange(144 * 160, dtype=np.uint16).reshape(144, 160).astype(np.uint8) % 4
    rows = drawing(screen, columns=columns, lines=lines).split("\r\n")
    assert len(rows) <= lines - 1
    assert (rows[0].count("▀"), len(rows)) == shape
