"""`ludus league`: trains an agent for each role from one ancestor, and shows who is best by whose rewards."""

from __future__ import annotations

import json as json_format
from dataclasses import asdict
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from ludus.core.errors import InputError
from ludus.gameboy.machine import usable_cpus
from ludus.run.compare import Estimate
from ludus.run.league import ANCESTOR, LeagueReport, Plan, league
from ludus.run.policies import find_agent
from ludus.run.recipe import read_recipe, recipes
from ludus.run.train import Report

ROLES = ("scout", "speedrunner", "killer", "tank")


def main(
    game: str = "potyard",
    /,
    *,
    ancestor: str = "generalist",
    roles: tuple[str, ...] = ROLES,
    seeds: tuple[int, ...] = (0,),
    steps: int | None = None,
    recipe: str | None = None,
    episodes: int = 100,
    first_seed: int = 1000,
    processes: int | None = None,
    out: Path | None = None,
    json: bool = False,
    settings: tuple[str, ...] = (),
) -> int:
    """Train an agent for each role from one ancestor, in parallel, and judge all by every role's rewards.

    Exit 1 unless every role's agent is shown to be the best of them by its own rewards. The same command goes on where
    it was stopped. docs/training.md tells more; any setting of the training can be given as --a.b=c.

    Args:
        game: id of a game of this package, or the path of a card (.toml), that has these roles.
        ancestor: the agent to begin with: one that ships with the game, a checkpoint, or a run.
        roles: of the card, two or more.
        seeds: of training; every role is trained once with each.
        steps: of all lanes together, for every agent; by default the recipe's.
        recipe: name of a shipped recipe or path of a .toml; by default GAME-league if there is one, else the game's.
        episodes: of every agent.
        first_seed: of these episodes.
        processes: at a time, one thread each; by default as many as there are CPUs.
        out: folder of it all, by default runs/league/GAME.
        json: print the report as JSON.
        settings: settings as a.b=c, over the recipe; --a.b=c says the same.
    """
    flags = [*settings, *([] if steps is None else [f"--run.steps={steps}", "--run.minutes=0"])]
    own = f"{game}-league"
    chosen = read_recipe(game, recipe or (own if own in recipes() else None), flags)
    root = find_agent(ancestor, chosen.world)
    if root is None:
        raise InputError(
            f"ancestor is {ancestor!r}, expected an agent that ships with the game, a checkpoint or a run."
        )
    console = Console(stderr=True)
    with _Bars(console) as bars:
        report = league(
            chosen,
            out or Path("runs/league") / Path(game).stem,
            Plan(roles, seeds, episodes, first_seed),
            ancestor=root,
            processes=processes or usable_cpus(),
            on_report=bars.trained,
            on_judged=bars.judged,
        )
    if json:
        print(json_format.dumps(asdict(report), indent=2))
    else:
        _print(Console(), report)
    return 0 if report.specialised else 1


class _Bars:
    """A bar for each run while it trains, and one for the judging; in a terminal only."""

    def __init__(self, console: Console) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def trained(self, name: str, report: Report) -> None:
        score = report.metrics.get("charts/episodic_return")
        self._show(name, report.progress, "" if score is None else f"return {score:.1f}")

    def judged(self, done: int, total: int) -> None:
        self._show("judging", done / total, f"{done} of {total} agents")

    def _show(self, name: str, share: float, told: str) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(escape(name), total=1.0, told=told)
        self._progress.update(self._tasks[name], completed=share, told=told)


def _print(console: Console, report: LeagueReport) -> None:
    roles = report.plan.roles
    table = Table(Column("agent"), *(Column(escape(f"by {role}'s rewards")) for role in roles), box=SIMPLE_HEAD)
    for agent in (*roles, ANCESTOR):
        cells = [report.returns[role][agent] for role in roles]
        table.add_row(
            escape(agent), *(_told(cell, bold=agent == role) for cell, role in zip(cells, roles, strict=True))
        )
    seeds = len(report.plan.seeds)
    table.caption = f"IQM of returns, 95 % interval; {report.plan.episodes} episodes by each of {seeds} seeds"
    console.print(table)
    for standing in report.standings:
        lead, ahead = standing.lead, sum(each > 0 for each in standing.lead_by_seed)
        verdict = "best by its own rewards" if standing.best else "not shown to be the best by its own rewards"
        told = f"{lead.value:+.1f} ({lead.low:+.1f} to {lead.high:+.1f}) over {standing.rival}"
        console.print(f"{standing.role}: {verdict}, {told}; ahead in {ahead} of {seeds} seeds", highlight=False)


def _told(estimate: Estimate, *, bold: bool) -> str:
    text = f"{estimate.value:.1f} ({estimate.low:.1f} to {estimate.high:.1f})"
    return f"[bold]{text}[/bold]" if bold else text
