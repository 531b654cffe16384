"""Runs what a page shows, from top to bottom, in a folder of its own, and compares what it says one sees.

Commands are the lines that begin with `ludus` in an indented or ```sh block, programs are ```python blocks; a block
with a title, as in ```toml title="card.toml", is written to that file. A ```text block after commands is what they
print: every line of it must come, but numbers may differ and `...` stands for anything. A comment before a block tells
how it is run:

    <!-- ci: with --steps 512 -->          adds words to its commands, so that long ones are short
    <!-- ci: with train --steps 512; play --steps 9 -->    adds words to commands of these verbs
    <!-- ci: exits 1 -->                   the last of its commands does
    <!-- ci: servers stopped -->           servers that run are stopped first
    <!-- ci: not run: why -->              it is not run

Servers go on until the page ends; {serve} in the words that a comment adds is the address of `ludus serve`, and so on.
"""

from __future__ import annotations

import io
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ludus.cli import main

BLOCK = re.compile(
    r"(?:^<!-- ci: (?P<how>[^>]*?) -->\n+)?"
    r"(?:^```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<fenced>(?s:.*?))^```$"
    r"|(?P<indented>(?:^ {4}.*\n(?:\n+(?= {4}\S))?)+))",
    flags=re.MULTILINE,
)
NUMBER = re.compile(r"[-+]?\d[\d,.]*|\b(?:nan|never)\b")
RULE = re.compile(r"[\s─━]+")
SERVERS = ("serve", "learner", "up")
PATIENCE_S = 60
IN_FULL_S = 1200


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code on a page."""

    language: str
    title: str | None
    text: str
    how: str
    """What its comment says."""


def blocks(page: str) -> list[Block]:
    """Give the blocks of a page, in order."""
    found = []
    for match in BLOCK.finditer(page):
        text = match["fenced"] if match["language"] else re.sub(r"^ {4}", "", match["indented"], flags=re.MULTILINE)
        found.append(Block(match["language"] or "sh", match["title"], text, match["how"] or ""))
    return found


def commands(block: Block) -> list[list[str]]:
    """Give the words of the commands of a block, comments left out."""
    if block.language != "sh":
        return []
    lines = block.text.replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("ludus ")]


@dataclass
class Reader:
    """Somebody who types what a page shows, in the folder where they are."""

    in_full: bool = False
    """Leave out what makes commands short."""
    said: str = ""
    """What the commands and programs of the newest block printed."""
    names: dict[str, Any] = field(default_factory=dict)
    """What the programs have defined."""
    addresses: dict[str, str] = field(default_factory=dict)
    """Of servers that run, by verb."""
    ran: int = 0
    """Commands and programs."""
    servers: ExitStack = field(default_factory=ExitStack)

    def read(self, page: str) -> None:
        """Do all that a page shows."""
        with self.servers:
            for block in blocks(page):
                self.do(block)

    def do(self, block: Block) -> None:
        """Do what one block shows."""
        if block.how.startswith("not run: "):
            return
        if block.how == "servers stopped":
            self.servers.close()
        if block.title:
            Path(block.title).write_text(block.text)
        elif block.language == "python":
            self._hear(lambda: exec(block.text, self.names))
        elif block.language == "text":
            self._compare(block.text)
        else:
            self._type(block)

    def _type(self, block: Block) -> None:
        how, _, more = block.how.partition("with ")
        added = [] if self.in_full else [shlex.split(each) for each in more.split(";")]
        typed = commands(block)
        said = ""
        for number, words in enumerate(typed):
            words = [self._place(word) for word in [*words, *_for_verb(words[0], added)]]
            if words[0] in SERVERS and "--processes" not in words:
                self.addresses[words[0]] = self.servers.enter_context(server(words))
                continue
            expected = int(how.split()[1]) if how.startswith("exits") and number == len(typed) - 1 else 0
            code = self._hear(lambda words=words: main(words))
            said += self.said
            assert code == expected, f"ludus {shlex.join(words)}: exit code {code}\n{self.said}"
        self.said = said or self.said

    def _place(self, word: str) -> str:
        """Give a word with `...` as the newest path that fits, and addresses of servers in their places."""
        if "/" in word and "..." in word:
            return str(max(Path().glob(word.replace("...", "*")), key=lambda path: path.stat().st_mtime_ns))
        return word.format(**self.addresses) if word[:1] == "{" and word[-1:] == "}" else word

    def _hear(self, act: Any) -> Any:
        out = io.StringIO()
        self.ran += 1
        before = signal.signal(signal.SIGALRM, _lose_patience)
        signal.alarm(IN_FULL_S if self.in_full else PATIENCE_S)
        try:
            with redirect_stdout(out), redirect_stderr(out):
                return act()
        except SystemExit as end:
            return end.code
        finally:
            signal.alarm(0)
            signal.signal(signal.SIGALRM, before)
            self.said = out.getvalue()

    def _compare(self, text: str) -> None:
        heard = "\n".join(bare(line) for line in self.said.splitlines())
        for line in filter(None, map(bare, text.splitlines())):
            wanted = ".*".join(map(re.escape, line.split("...")))
            assert re.search(rf"^{wanted}$", heard, flags=re.MULTILINE), f"{line!r} is not in\n{heard}"


def _lose_patience(*_: object) -> None:
    raise AssertionError("it goes on and on: make it short, or a server, by a comment on the page")


def _for_verb(verb: str, added: list[list[str]]) -> Iterator[str]:
    """Give the words that are added to a command."""
    for words in added:
        if words[:1] == [verb]:
            yield from words[1:]
        elif words and words[0].startswith("-"):
            yield from words


def bare(line: str) -> str:
    """Give a line without what may differ: numbers, and the widths of columns."""
    return RULE.sub(" ", NUMBER.sub("0", line)).strip()


@contextmanager
def server(words: list[str]) -> Iterator[str]:
    """Run a command that goes on until it is stopped, and give the address that it prints first."""
    command = [sys.executable, "-c", "from ludus.cli import main; raise SystemExit(main())", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            until = time.monotonic() + PATIENCE_S
            while select.select([process.stdout], [], [], max(0.0, until - time.monotonic()))[0]:
                line = process.stdout.readline()
                if found := re.search(r"https?://[\w.:-]+", line):
                    yield found[0]
                    break
                assert line, f"ludus {shlex.join(words)} ended, exit code {process.wait()}"
            else:
                raise AssertionError(f"ludus {shlex.join(words)} prints no address")
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(PATIENCE_S)
    assert code in (0, 130), f"ludus {shlex.join(words)}: exit code {code} when it was stopped"
