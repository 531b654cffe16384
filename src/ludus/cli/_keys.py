"""A person plays in a terminal: keys press buttons, and half blocks draw the screen about 30 times a second.

A terminal tells when a key goes down, not when it comes up. So a key holds its button for a while, and goes on holding
it while the terminal repeats the key.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ludus.core.errors import InputError
from ludus.core.types import Frames
from ludus.gameboy.cartridge import Cartridge
from ludus.gameboy.console import GameBoy
from ludus.gameboy.machine import FRAME_HZ
from ludus.gameboy.pictures import grey, half_blocks

FRAMES_PER_DRAWING = 2
HELD_FRAMES = 12
KEYS = {
    "\x1b[A": "up",
    "\x1b[B": "down",
    "\x1b[C": "right",
    "\x1b[D": "left",
    "w": "up",
    "s": "down",
    "d": "right",
    "a": "left",
    "x": "a",
    " ": "a",
    "z": "b",
    "\r": "start",
    "\n": "start",
    "\t": "select",
}
QUIT = ("q", "\x03", "\x04")
HELP = "arrows or wasd: walk   space or x: A   z: B   enter: START   tab: SELECT   q: leave"
HOME, CLEAR, HIDE, SHOW, PLAIN = "\x1b[H", "\x1b[2J", "\x1b[?25l", "\x1b[?25h", "\x1b[0m"
ALTERNATE, BACK = "\x1b[?1049h", "\x1b[?1049l"


def play_by_keys(cartridge: Cartridge, *, frames: int | None = None) -> None:
    """Play from power on until the person leaves, or for so many frames. Raises `InputError` without a terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError("--player keys needs a terminal to read keys from and to draw on; run it in one.")
    console = GameBoy(cartridge)
    with _raw_terminal():
        due = time.monotonic()
        while frames is None or console.frame_count < frames:
            due = max(due + FRAMES_PER_DRAWING / FRAME_HZ, time.monotonic())  # a slow terminal slows the game down
            for key in _keys_until(due):
                if key in QUIT:
                    return
                if key in KEYS:
                    console.button(KEYS[key], HELD_FRAMES)
            console.tick(FRAMES_PER_DRAWING)
            size = os.get_terminal_size(sys.stdout.fileno())
            _write(HOME + drawing(console.screen, columns=size.columns, lines=size.lines) + f"\r\n{PLAIN}{HELP}\x1b[K")


def drawing(screen: Frames, *, columns: int, lines: int) -> str:
    """Give a screen `uint8[144, 160]` as half blocks with their colours, as large as fits with a line to spare."""
    height, width = screen.shape
    columns = max(2, min(columns, width, (lines - 1) * 2 * width // height))
    rows = []
    for row in half_blocks(grey(screen), columns=columns):
        text, last = "", None
        for cell in row:
            if cell != last:
                upper, lower = cell
                text += f"\x1b[38;2;{upper};{upper};{upper};48;2;{lower};{lower};{lower}m"
                last = cell
            text += "▀"
        rows.append(text + PLAIN)
    return "\r\n".join(rows)


def split_keys(text: str) -> list[str]:
    """Give the keys in what a terminal sent: arrows are three characters, in either of their two forms."""
    keys, at = [], 0
    while at < len(text):
        length = 3 if text[at : at + 2] in ("\x1b[", "\x1bO") else 1
        keys.append(text[at : at + length].replace("\x1bO", "\x1b["))
        at += length
    return keys


def _keys_until(due: float) -> list[str]:
    """Wait for a moment of the monotonic clock, and give the keys that came until then."""
    text = ""
    while (left := due - time.monotonic()) > 0:
        if select.select([sys.stdin], [], [], left)[0]:
            came = os.read(sys.stdin.fileno(), 1024)
            if not came:
                return [QUIT[0]]  # the terminal has gone
            text += came.decode(errors="replace")
    return split_keys(text)


@contextmanager
def _raw_terminal() -> Iterator[None]:
    """Read keys as they come, on a screen of our own; give the terminal back as it was, whatever happens."""
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setraw(sys.stdin)
        _write(ALTERNATE + HIDE + CLEAR)
        yield
    finally:
        _write(PLAIN + SHOW + BACK)
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
