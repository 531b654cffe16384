"""The reference of the command line: what every verb's --help says, as tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field
from html import escape
from importlib import import_module
from io import BytesIO, TextIOWrapper
from unittest.mock import patch

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from ludus.cli import VERBS, main

WIDE = {"COLUMNS": "400", "NO_COLOR": "1"}
NOTHING = ("None", "False", "", "()")
"""Defaults that say no more than the option itself."""


@dataclass
class Section:
    """A box of a help text: options of one kind."""

    title: str
    about: str = ""
    rows: list[list[str]] = field(default_factory=list)
    """Option and what it means."""


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the page."""
    files.append(File.generated(config, "reference/cli.md", content=page()))
    return files


def page() -> str:
    """Give the page as Markdown."""
    lines = [
        "# Command line",
        "",
        "What `ludus --help` and `ludus VERB --help` say. Exit codes: 0 all is well, 1 what was checked failed, 2 the",
        "input cannot be used, 130 it was stopped by Ctrl-C.",
        "",
        "| verb | |",
        "|---|---|",
    ]
    lines += [f"| [`ludus {verb}`](#ludus-{verb}) | {summary} |" for verb, summary in VERBS.items()]
    for verb, summary in VERBS.items():
        commands = import_module(f"ludus.cli.{verb}").main
        if not isinstance(commands, dict):
            lines += ["", f"## ludus {verb}", *told(verb)]
            continue
        lines += ["", f"## ludus {verb}", "", f"{summary[0].upper()}{summary[1:]}."]
        for name in commands:
            lines += ["", f"### ludus {verb} {name}", *told(verb, name)]
    return "\n".join(lines) + "\n"


def told(*words: str) -> Iterator[str]:
    """Give the lines of one command."""
    usage, about, sections = parse(help_of(*words))
    yield from ("", "```text", usage, "```", "", mark(about))
    for section in sections:
        rows = [row for row in section.rows if not row[0].startswith("-h, ")]
        if not rows:
            continue
        title = section.title.removesuffix(" options").capitalize()
        yield from ("", f"**{title}.** {mark(section.about)}", "", "| | |", "|---|---|")
        for option, meaning in rows:
            text, default = split_default(meaning)
            yield f"| {code(option.replace('{None}|', ''))} | {mark(text)}{default} |"


def help_of(*words: str) -> str:
    """Give what `ludus WORDS --help` prints on a wide screen."""
    printed = BytesIO()
    out = TextIOWrapper(printed, encoding="utf-8", write_through=True)  # as a terminal that can draw boxes
    with patch.dict("os.environ", WIDE), redirect_stdout(out), suppress(SystemExit):
        main([*words, "--help"])
    return printed.getvalue().decode()


def parse(text: str) -> tuple[str, str, list[Section]]:
    """Give usage, description and the boxes of a help text."""
    head, *boxes = text.split("╭─ ")
    usage, _, about = head.strip().partition("\n")
    sections = []
    for box in boxes:
        title, *lines = box.splitlines()
        section = Section(title.partition(" ─")[0])
        inner = [line[2:-1].rstrip() for line in lines if line.startswith("│")]
        ruled = next((number for number, line in enumerate(inner) if line.startswith("──")), -1)
        section.about = " ".join(inner[: max(ruled, 0)])
        for line in inner[ruled + 1 :]:
            if not line.startswith(" "):
                section.rows.append([*re.split(r"\s{2,}", line, maxsplit=1), ""][:2])
            else:
                section.rows[-1][1] = f"{section.rows[-1][1]} {line.strip()}".strip()
        sections.append(section)
    return usage.removeprefix("usage: "), about.strip(), sections


def split_default(meaning: str) -> tuple[str, str]:
    """Part what an option means from its default, in words."""
    found = re.fullmatch(r"(.*?) ?\((?:default: (.*)|required)\)", meaning)
    if not found:
        return meaning, ""
    if found[2] is None:
        return found[1], " Needed."
    if found[2] in NOTHING:
        return found[1], ""
    return found[1], " On by default." if found[2] == "True" else f" By default {code(found[2])}."


def code(text: str) -> str:
    """Give text as code that may stand in a table."""
    return f"<code>{escape(text).replace('|', '&#124;')}</code>" if text else ""


def mark(text: str) -> str:
    """Give plain text as Markdown, in which it looks the same; `code` stays code."""
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(part if part[:1] == "`" else re.sub(r"([*_|<\[\]])", r"\\\1", part) for part in parts)
