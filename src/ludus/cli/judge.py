"""`ludus judge`: judges recorded episodes again by feats, from their events alone."""

from __future__ import annotations

import json as json_format
from dataclasses import asdict
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from ludus.run.judge import Judged
from ludus.run.judge import judge as judge_run


def main(out: Path, /, *, feats: Path | None = None, json: bool = False) -> int:
    """Judge every episode of a run again by its recorded events. Exit 1 if its verdicts come out differently.

    By the feats that the run was judged by, the verdicts must be those of its manifest; other feats give verdicts that
    nobody has asked for yet. Nothing is played, and nothing is written.

    Args:
        out: folder of the run, as ludus eval left it.
        feats: a feats file, instead of the feats that the run was judged by.
        json: print JSON instead of text.
    """
    found = judge_run(out, feats=feats)
    if json:
        print(json_format.dumps(asdict(found), indent=2))
        return 1 if found.differences else 0
    console = Console(highlight=False)
    console.print(_table(found))
    for difference in found.differences:
        console.print(difference, markup=False, soft_wrap=True)
    told = f"{found.episodes} episodes, {found.events:,} events"
    if found.differences:
        print(f"{told}: {len(found.differences)} verdicts are not as recorded.")
        return 1
    print(f"{told}: every verdict is as recorded." if found.compared else f"{told}; the run knew other feats.")
    return 0


def _table(found: Judged) -> Table:
    table = Table(Column("feat", no_wrap=True), box=SIMPLE_HEAD, pad_edge=False)
    for name in ("episodes", "rarity", "over the run", "best"):
        table.add_column(name, justify="right")
    for name, rarity in found.rarity.items():
        board = found.leaderboards.get(name, ())
        best = f"{board[0]['score']}" if board else ""
        told = f"{found.verdicts.get(name, 0)}", f"{rarity:.0%}", f"{found.unlocked.get(name, 0)}", best
        table.add_row(escape(name), *told)
    return table
