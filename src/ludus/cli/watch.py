"""`ludus watch`: what changes in a game's memory while it is played, to write a card for it."""

from __future__ import annotations

import json as json_format
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Column, Table

from ludus.core import rng
from ludus.core.errors import InputError
from ludus.gameboy.changes import Change, Changes, parse_range
from ludus.gameboy.expression import Values
from ludus.gameboy.trace import load_actions
from ludus.gameboy.world import GameBoyWorld

LIVE_ROWS = 40


def main(
    game: str,
    /,
    *,
    memory: str | None = None,
    actions: Path | None = None,
    steps: int | None = None,
    seed: int = 0,
    start: str | None = None,
    counters: bool = False,
    once: bool = False,
    json: bool = False,
) -> int:
    """Play one lane of a game, and show its watches, or the bytes of its memory that change.

    Args:
        game: id of a game of this package, or the path of a card (.toml) or a ROM (.gb).
        memory: addresses whose bytes to show, such as C000:E000; that is what a game without watches shows.
        actions: a trace to play, its first lane; without it actions are random.
        steps: steps of 24 frames; by default the whole trace, 100 with --once or --json, else until Ctrl-C.
        seed: of the lane.
        start: where the episode begins, a start of the card.
        counters: show only what never fell, as a counter does.
        once: play at full speed and print one table at the end.
        json: the same as JSON.
    """
    if steps is not None and steps < 1:
        raise InputError(f"--steps is {steps}, expected at least 1.")
    world = GameBoyWorld(game, 1, start=start, events=False, max_steps=2**31)
    look = _Look(world, seed, memory, actions, counters)
    if once or json:
        for _ in range(steps or look.length or 100):
            look.step()
        if json:
            print(json_format.dumps({"steps": look.steps, "changes": look.rows()}, indent=2))
        else:
            Console().print(look.table(limit=None))
        return 0
    try:
        with Live(look.table(limit=LIVE_ROWS), auto_refresh=False, console=Console()) as live:
            while look.steps < (steps or look.length or look.steps + 1):
                due = time.monotonic() + 1 / world.spec.step_hz
                look.step()
                live.update(look.table(limit=LIVE_ROWS), refresh=True)
                time.sleep(max(0.0, due - time.monotonic()))
    except KeyboardInterrupt:
        pass  # how one leaves
    return 0


class _Look:
    """One lane, and what has changed in it."""

    def __init__(
        self, world: GameBoyWorld, seed: int, memory: str | None, actions: Path | None, counters: bool
    ) -> None:
        self.world, self.seed, self.steps = world, seed, 0
        self.trace = None if actions is None else load_actions(actions, codec=world.codec.id)[:, 0]
        self.counters = counters
        self.names = list(world.card.watch) if memory is None else []
        self.start, self.stop = parse_range(memory or "C000:E000")
        self.done = world.reset(seeds=seed).done
        self.changes = Changes(self.read())

    @property
    def length(self) -> int | None:
        return None if self.trace is None else len(self.trace)

    def read(self) -> Values:
        if self.names:
            values: Values = self.world.values[0]
            return values
        return np.frombuffer(self.world.peek(0, self.start, self.stop), np.uint8).astype(np.int64)

    def step(self) -> None:
        if self.trace is None:
            action = rng.integers(self.seed, "watch", self.steps, high=len(self.world.codec)).item()
        else:
            action = int(self.trace[self.steps % len(self.trace)])
        if self.done[0]:
            self.world.reset()
            self.changes.begin(self.read())
        self.done = self.world.step([action]).done
        self.steps += 1
        self.changes.note(self.read())

    def rows(self) -> list[dict[str, Any]]:
        return [self.row(change) for change in self.changes.rows(everything=bool(self.names)) if self.wanted(change)]

    def wanted(self, change: Change) -> bool:
        return not (self.counters and (change.fell or not change.times))

    def row(self, change: Change) -> dict[str, Any]:
        facts = {key: value for key, value in asdict(change).items() if key != "index"}
        if not self.names:
            return {"address": f"{self.start + change.index:04X}"} | facts
        name = self.names[change.index]
        watch = self.world.card.watch[name]
        place = {"address": f"{watch.address:04X}", "watch": name, "type": watch.type}
        return place | facts | {"word": watch.names.get(change.now), "about": watch.about}

    def table(self, *, limit: int | None) -> Table:
        rows = self.rows()
        places = ["address", "watch", "type"] if self.names else ["address"]
        right = ["now", "before", "low", "high", "times"]
        columns = [*places, *right, "fell"]
        title = f"{self.world.card.title}, step {self.steps}"
        if limit is not None and len(rows) > limit:
            title += f", the {limit} that changed least of {len(rows)}"
            rows = sorted(rows, key=lambda row: row["times"])[:limit]
        headers = [Column(name, justify="right" if name in right else "left") for name in columns]
        table = Table(*headers, title=escape(title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
        for row in rows:
            row = row | {"now": row.get("word") or row["now"], "fell": "fell" if row["fell"] else ""}
            table.add_row(*(escape(str(row[name])) for name in columns))
        return table
