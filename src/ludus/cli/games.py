"""`ludus games`: what games there are, and what their cards tell of them."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from ludus.gameboy.card import Card
from ludus.gameboy.library import open_game, shipped


def main(cards: tuple[Path, ...] = (), /, *, json: bool = False) -> int:
    """Show the games of this package, or those of the cards given; exit 2 if one does not fit its ROM.

    Args:
        cards: card files (.toml).
        json: print a JSON list instead of tables.
    """
    found = [_describe(open_game(path)[0], path) for path in (cards or shipped().values())]
    if json:
        print(json_format.dumps(found, indent=2))
        return 0
    for game in found:
        table = Table(
            Column(escape(game["title"]), no_wrap=True), Column("", overflow="fold"), box=SIMPLE_HEAD, pad_edge=False
        )
        for name, value in game.items():
            text = ", ".join(value) if isinstance(value, list) else value
            table.add_row(name, escape(text or "none"))
        Console().print(table)
    return 0


def _describe(card: Card, path: Path) -> dict[str, Any]:
    names = {role: [name for name, watch in card.watch.items() if watch.role == role] for role in ("counter", "gauge")}
    ends = [f"{name}: {text}" for name in ("terminated", "truncated") if (text := getattr(card.end, name))]
    return {
        "id": card.id,
        "title": card.title,
        "card": str(path),
        "rom": str(card.rom),
        "codec": card.codec,
        "step": f"{card.frames_per_step} frames, a button held for {card.release_after_frames}",
        "starts": list(card.start),
        "counters": names["counter"],
        "gauges": names["gauge"],
        "events": list(dict.fromkeys(rule.kind for rule in card.event)),
        "roles": list(card.role),
        "ends": ends + ([f"after {card.end.max_steps} steps"] if card.end.max_steps else []),
        "feats": str(card.feats) if card.feats else None,
        "goals": sorted(folder.name for folder in card.goals.iterdir() if folder.is_dir()) if card.goals else [],
    }
