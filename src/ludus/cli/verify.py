"""`ludus verify`: plays recorded episodes again and tells whether they come out as recorded."""

from __future__ import annotations

import json as json_format
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from ludus.cli._progress import progress_bar
from ludus.run import verify as run


def main(out: Path, /, *, lanes: int = 16, json: bool = False) -> int:
    """Check every episode of a run: its line, its files, and its play, step by step. Exit 1 if one is wrong.

    Lines are held against the JSON Schema of the manifest, files against their sizes and sha256, and every episode is
    played again from its trace: frames, return, length, end and events must be the same.

    Args:
        out: folder of the run, as ludus eval left it.
        lanes: episodes played together.
        json: print JSON instead of text.
    """
    with progress_bar("playing again") as bar:
        found = run.verify(out, lanes=lanes, on_start=bar.start, on_episode=bar.advance)
    if json:
        print(json_format.dumps(asdict(found), indent=2))
        return 1 if found.faults else 0
    console = Console(highlight=False, soft_wrap=True, markup=False)
    for name, faults in found.faults.items():
        for fault in faults:
            console.print(f"{name}: {fault}")
    for note in found.notes:
        console.print(note)
    wrong = len(found.faults)
    console.print(
        f"{wrong} of {found.episodes} episodes are wrong."
        if wrong
        else f"all {found.episodes} episodes are as recorded: {found.steps:,} steps played again."
    )
    return 1 if wrong else 0
