"""`ludus sweep`: trains by many recipes, and shows which settings are good."""

from __future__ import annotations

import json as json_format
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from ludus.cli._progress import progress_bar
from ludus.core import files
from ludus.run import plots
from ludus.run.search import read_space
from ludus.run.sweep import Plan, Trial, panels, sweep

WIDTH = 20


def main(
    game: str,
    /,
    *,
    search: tuple[str, ...],
    trials: int = 20,
    steps: int | None = None,
    recipe: str | None = None,
    seed: int = 0,
    start_trials: int = 5,
    prune: bool = True,
    processes: int = 1,
    out: Path | None = None,
    json: bool = False,
    settings: tuple[str, ...] = (),
) -> int:
    """Train a game by many recipes, each a run of its own, and write the best one as TOML. The extra `sweep` is needed.

    As in: ludus sweep CartPole-v1 --search ppo.optim.lr=1e-4..1e-2:log ppo.epochs=1..20 --trials 30 --steps 50000
    The same command goes on where it was stopped, and more --trials may be asked for later.

    Args:
        game: as for ludus train.
        search: what to try: A.B=LOW..HIGH, A.B=LOW..HIGH:log, A.B=THIS|THAT, or a TOML file with a table [search] of
            such texts. Whole numbers between whole ends.
        trials: how many in all.
        steps: of each, all lanes together; by default the recipe's.
        recipe: which one to change: a shipped one or the path of a .toml; by default the game's own.
        seed: of what is drawn.
        start_trials: trials drawn by chance before the others are drawn, and given up, by what they tell.
        prune: give up trials whose return is below the median of the others when as much of the budget is spent.
        processes: trials at a time; give --run.threads=1 then.
        out: folder of it all, by default runs/sweep/GAME.
        json: print the trials as JSON.
        settings: settings that all trials share, as a.b=c, over the recipe; --a.b=c says the same.
    """
    flags = tuple(f"--{each.removeprefix('--')}" for each in settings)
    if steps is not None:
        flags += (f"--run.steps={steps}", "--run.minutes=0")
    folder = out or Path("runs/sweep") / Path(game).stem
    plan = Plan(game, read_space(search), recipe, flags, trials, seed, start_trials, prune)
    with progress_bar("trials") as bar:
        bar.start(trials)
        found = sweep(plan, folder, processes=processes, on_report=lambda _, now: None if now else bar.advance())
    if json:
        print(json_format.dumps([asdict(each) for each in found], indent=2))
        return 0
    _show(plan, found, folder)
    return 0 if found[0].state == "complete" else 1


def _show(plan: Plan, found: Sequence[Trial], folder: Path) -> None:
    """Print all trials, draw them, and say where that lies."""
    console = Console()
    console.print(_table(plan, found))
    if drawn := panels(plan, found):
        files.write_atomic(folder / "sweep.svg", plots.svg(drawn).encode())
    for name in ("best.toml", "sweep.svg"):
        if (folder / name).exists():
            console.print(str(folder / name), markup=False, highlight=False, soft_wrap=True)


def _table(plan: Plan, found: Sequence[Trial]) -> Table:
    """Give all trials, the best first, with bars as long as their scores are high."""
    scores = [each.score for each in found if each.score is not None]
    low, high = (min(scores), max(scores)) if scores else (0.0, 0.0)
    table = Table(Column("trial", justify="right"), Column("score", justify="right"), "", "state", box=SIMPLE_HEAD)
    for key in plan.space:
        table.add_column(escape(key), justify="right")
    for each in found:
        score, bar = "", ""
        if each.score is not None:
            score, share = f"{each.score:.2f}", (each.score - low) / (high - low) if high > low else 1.0
            bar = "█" * max(1, round(WIDTH * share))
        drawn = [each.settings.get(key, "") for key in plan.space]
        words = [f"{value:.3g}" if isinstance(value, float) else str(value) for value in drawn]
        state = "given up" if each.state == "pruned" else each.state
        table.add_row(str(each.number), score, bar, escape(f"{state}: {each.reason}" if each.reason else state), *words)
    return table
