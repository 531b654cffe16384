"""`ludus demo`: an agent learns a game while the page is open, is judged beside random play, and leaves proof."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column, Table

from ludus.cli._progress import progress_bar
from ludus.cli.train import LINE_S, line
from ludus.cli.up import READY_S, stay_up, way_in
from ludus.core import config
from ludus.core.clock import Every, SystemClock
from ludus.run.train import Report

if TYPE_CHECKING:
    from ludus.episodes.summary import Summary
    from ludus.serve.lab.demo import DemoPlan, Shown
    from ludus.serve.lab.supervise import Status, Supervisor

MINUTES = 3.0


def main(
    game: str = "potyard",
    /,
    *,
    minutes: float | None = None,
    steps: int | None = None,
    episodes: int = 48,
    workers: int = 2,
    seed: int | None = None,
    runs: Path = Path("runs"),
    port: int = 8040,
    learner_port: int = 8061,
    metrics_port: int = 8765,
    keep_open: bool = False,
    settings: tuple[str, ...] = (),
) -> int:
    """Train an agent from pixels with the page open, evaluate it beside random play, unlock feats, try the goals' gate.

    It ends by itself: exit 0 if the trained agent beats random play with intervals apart, at least three feats were
    unlocked with clips that play, and the gate let all traces of the game's goals pass; else 1, and it says which part
    failed. All that it leaves is in a new folder RUNS/demo-...

    Args:
        game: id of a game of this package, or the path of a card that names feats and goals.
        minutes: how long to train, by default 3.
        steps: train for so many steps of all workers together instead.
        episodes: that the trained agent, and random play, are judged by, of the same seeds.
        workers: that play; of two, one plays while the learner learns from the other's rollout.
        seed: of the weights, and of all workers' lanes and chances.
        runs: folder of the folders of runs.
        port: of the page; 0 takes any that is free.
        learner_port: of the learner; 0 takes any that is free.
        metrics_port: of the metrics stream; -1 for none.
        keep_open: leave the page up afterwards, until Ctrl-C.
        settings: settings of the learner as a.b=c, over the game's recipe; --a.b=c says the same.
    """
    from ludus.serve.lab.demo import plan_demo
    from ludus.serve.lab.up import LabPlan, name_for

    lab = LabPlan(name_for(game), game, workers, runs / "lab", runs, port, learner_port)
    lab = replace(lab, metrics_port=None if metrics_port < 0 else metrics_port)
    lab = replace(lab, minutes=_minutes(minutes, steps), steps=steps, seed=seed, settings=settings)
    return _run(plan_demo(lab, episodes=episodes), keep_open=keep_open)


def _minutes(minutes: float | None, steps: int | None) -> float:
    return minutes if minutes is not None else MINUTES if steps is None else 0.0


def closing_table(plan: DemoPlan, shown: Shown) -> Table:
    """Give what a demo came to, as a table."""
    learned, clips = shown.learned, shown.clips
    playable = sum(clips.playable.values())
    told = {
        "return, trained": _mean(shown.trained),
        "return, random": _mean(shown.random),
        "episodes each": f"{shown.trained.episodes}, of equal seeds, all filmed",
        "learned from": f"{learned.steps:,} steps in {learned.seconds:.0f} s, {learned.updates:,} updates",
        "steps/s": f"{learned.steps_per_s:,.0f}",
        "feats unlocked": f"{len(clips.playable)} with clips that play: {', '.join(clips.playable) or 'none'}",
        "clips playable": f"{playable} of {playable + len(clips.faults)}",
        **{f"gate {name}": "passed" if why is None else "failed" for name, why in shown.gates.items()},
        "everything is in": f"{plan.folder}",
    }
    table = Table(Column(escape(plan.lab.game), no_wrap=True), Column("", overflow="fold"), box=SIMPLE_HEAD)
    for name, value in told.items():
        table.add_row(name, escape(value))
    return table


def _run(plan: DemoPlan, *, keep_open: bool) -> int:
    from ludus.serve.lab.supervise import Supervisor, ended_by_sigterm
    from ludus.serve.lab.up import children

    console = Console(stderr=True)

    def tell(status: Status) -> None:
        console.print(status.line, markup=False, highlight=False, soft_wrap=True)

    with ended_by_sigterm(), Supervisor(children(plan.lab), plan.lab.state / "logs", tell=tell) as supervisor:
        supervisor.wait_until_ready(READY_S)
        _open_page(plan)
        shown = _show(plan, supervisor, console)
        Console().print(closing_table(plan, shown))
        for failure in shown.failures:
            print(f"failed: {failure}", flush=True)
        if keep_open:
            _open_page(plan)
            print("Ctrl-C ends it", flush=True)
            with suppress(KeyboardInterrupt):
                stay_up(supervisor)
    return 1 if shown.failures else 0


def _open_page(plan: DemoPlan) -> None:
    """Say where the page opens, and open it where there is a display."""
    from ludus.serve.lab.up import open_url

    told = way_in(plan.lab.url, open_url(plan.lab))
    print(told, flush=True)
    if told.startswith("open ") and config.variable("page.display"):
        webbrowser.open(told.removeprefix("open "))


def _show(plan: DemoPlan, supervisor: Supervisor, console: Console) -> Shown:
    from ludus.serve.lab import demo

    with _bar(console) as show:
        for report in demo.training(plan.lab, supervisor):
            show(report)
    learned = demo.learned(plan.lab)
    found = {}
    for name, policy in {"trained": str(plan.lab.runs / plan.lab.name), "random": "random"}.items():
        with progress_bar(f"playing, {name}") as bar:
            bar.start(plan.episodes)
            found[name] = demo.evaluate_one(plan, name, policy, on_episode=bar.advance).summary
    console.print("reporting, and trying the gate", markup=False)
    clips = demo.collect_clips(plan, "trained")
    return demo.Shown(learned, found["trained"], found["random"], clips, demo.gates(plan))


@contextmanager
def _bar(console: Console) -> Iterator[Callable[[Report], None]]:
    """Show how training stands: a bar in a terminal, now and then a line elsewhere."""
    if not console.is_terminal:
        due, clock = Every(LINE_S), SystemClock()

        def show_line(report: Report) -> None:
            if due(clock.seconds()):
                console.print(line(report), markup=False, highlight=False, soft_wrap=True)

        yield show_line
        return
    with Progress(BarColumn(10), TextColumn("{task.description}", markup=False), console=console) as progress:
        task = progress.add_task("waits for the first rollout", total=1.0)
        yield lambda report: progress.update(task, completed=report.progress, description=_short(report))


def _short(report: Report) -> str:
    """Give a report in 70 columns."""
    told = report.metrics
    score = f"{told['charts/episodic_return']:.1f}" if "charts/episodic_return" in told else "none yet"
    return (
        f"{report.step:,} steps {told['charts/SPS']:,.0f}/s  return {score}  "
        f"losses {told['losses/policy_loss']:+.3f} {told['losses/value_loss']:.3f}  {report.left_s / 60:.1f} min left"
    )


def _mean(summary: Summary) -> str:
    interval = "" if summary.low is None else f", 95 % interval {summary.low:.2f} to {summary.high:.2f}"
    return f"{summary.mean:.2f}{interval}"
