"""`ludus goal`: takes a screen as a goal, finds its limit, and proves that a trace gets there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

from ludus.cli._picture import draw
from ludus.core import files
from ludus.gameboy.pictures import grey
from ludus.goals.artefact import load_goal, write_limits
from ludus.goals.calibration import MARGIN, Limits, assess, calibrate
from ludus.run.goal import CODEC, Plan, capture, read_trace, replay
from ludus.run.goal_gate import replay_rows, try_gate, write_receipt

COLUMNS = 80
BARS = " ▁▂▃▄▅▆▇█"
ROWS = 6


def run_capture(
    game: str = "potyard",
    /,
    *,
    out: Path,
    start: str | None = None,
    seed: int = 0,
    actions: Path | None = None,
    from_state: tuple[Path, ...] = (),
    templates: int = 1,
    codec: str = CODEC,
    view: Literal["half", "mean"] | None = None,
    tau: float = 0.05,
    k: int = 2,
    force: bool = False,
    log_jsonl: Path | None = None,
) -> int:
    """Play a trace from a start and keep the screen that it ends with as a goal: a folder with template, meta, picture.

    The folder holds copies of the start and the trace, so that ludus goal replay can prove it; ludus goal calibrate
    then finds its tau.

    Args:
        game: id of a game of this package (see ludus games), or the path of a card (.toml) or a ROM (.gb).
        out: folder for the goal.
        start: where the trace begins, a start of the card or the path of a saved state; by default the card's first.
        seed: that the start is begun with.
        actions: the trace, JSON Lines with a list of action numbers in each; its last frame is the goal.
        from_state: take the goal from what these saved states show instead; several give several templates.
        templates: how many of the last different frames of the trace to take; the nearest will count.
        codec: what the numbers in the trace press.
        view: how pictures are made smaller; by default as the card has it.
        tau: distance below which a frame counts as the goal, until it is calibrated.
        k: steps in a row that must be below tau.
        force: replace the goal that is in the folder.
        log_jsonl: write the distance of each step from the goal there.
    """
    plan = Plan(
        game=game,
        start=start,
        seed=seed,
        actions=actions,
        from_state=from_state,
        templates=templates,
        codec=codec,
        view=view,
        tau=tau,
        k_consecutive=k,
    )
    goal = capture(plan, out, force=force, log=log_jsonl)
    console = Console()
    if console.is_terminal:
        console.print(draw(grey(goal.templates[-1]), min(COLUMNS, console.width)))
    console.print(f"{out}", highlight=False, soft_wrap=True)
    return 0


def run_calibrate(folder: Path, /, *, margin: float = MARGIN, k: int = 2) -> int:
    """Find the tau of a goal on its own trace and write it to its meta: least distance of the last 10 steps + margin.

    Exit 1, and nothing is written, if other frames of the trace would then count as the goal too, or the trace
    does not stay there for k steps.

    Args:
        folder: of the goal.
        margin: how much further a frame may be than the nearest of the trace.
        k: steps in a row that must be below tau.
    """
    goal = load_goal(folder)
    seen = replay(goal, read_trace(goal))
    limits = calibrate(seen.dist[:, 0], margin=margin, k_consecutive=k)
    console = Console()
    console.print(_limits_table(goal.name, limits))
    if limits.refusals:
        _tell(console, [f"tau {limits.tau:.4f} does not do: {refusal}" for refusal in limits.refusals])
        return 1
    write_limits(goal, tau=limits.tau, k_consecutive=limits.k_consecutive)
    return 0


def run_replay(
    folder: Path,
    /,
    *,
    actions: Path | None = None,
    device: Literal["cpu", "cuda"] = "cpu",
    repeat: int = 1,
    log_jsonl: Path | None = None,
    receipts: Path = Path("runs/goal"),
) -> int:
    """Play the trace of a goal from its start: exit 0 if it gets to the goal, 1 if it does not, 2 if files do not fit.

    Args:
        folder: of the goal.
        actions: another trace to try from the same start.
        device: where distances are computed; the results are the same.
        repeat: play it so often; all frames and distances must be the same each time.
        log_jsonl: write the distance and the count of each step there.
        receipts: folder in which a failure leaves one of its own, with all that is needed to look into it.
    """
    goal = load_goal(folder)
    gate = try_gate(goal, actions=actions, device=device, repeat=repeat)
    if log_jsonl:
        files.write_jsonl(log_jsonl, replay_rows(gate))
    first = gate.replays[0]
    console = Console()
    if gate.failure is not None or first.reached is None:
        _tell(console, [f"{goal.name}: {gate.failure}", f"{write_receipt(gate, receipts)}"])
        return 1
    step, lane = first.reached
    where = f"step {step} of {first.steps}" + (f" in lane {lane}" if gate.rows.shape[1] > 1 else "")
    alike = f"; {repeat} replays alike" if repeat > 1 else ""
    near = f"{first.dist[step, lane]:.4f} away, tau {goal.meta.tau:.4f}"
    _tell(console, [f"{goal.name}: done at {where}, {near}{alike}; frames {first.frames_digest}"])
    return 0


def run_show(folder: Path, /) -> int:
    """Show a goal: its template, how near each step of its trace comes, and how much room its tau leaves.

    Args:
        folder: of the goal.
    """
    goal, console = load_goal(folder), Console()
    for template in goal.templates:
        console.print(draw(grey(template), min(COLUMNS, console.width)))
    if goal.actions is None:
        _tell(console, [f"{goal.name}: taken from a state; there is no trace to show."])
        return 0
    seen = replay(goal, read_trace(goal))
    curve = seen.dist[:, 0]
    limits = assess(curve, tau=goal.meta.tau, k_consecutive=goal.meta.k_consecutive)
    _tell(console, draw_curve(curve, min(COLUMNS, console.width)))
    console.print(_limits_table(goal.name, limits))
    return 0


main = {"capture": run_capture, "calibrate": run_calibrate, "replay": run_replay, "show": run_show}


def draw_curve(curve: npt.NDArray[np.float32], columns: int) -> list[str]:
    """Give the lines of a curve of bars, its largest value as high as `ROWS` lines; the least of some steps each."""
    count = min(columns, len(curve))
    edges = np.arange(count) * len(curve) // count
    least = np.minimum.reduceat(curve, edges)
    eighths = np.ceil(least / max(float(curve.max()), 1e-9) * ROWS * 8).astype(int)
    return [
        "".join(BARS[int(level)] for level in np.clip(eighths - 8 * row, 0, 8)).rstrip() for row in range(ROWS)[::-1]
    ]


def _limits_table(name: str, limits: Limits) -> Table:
    """Give limits and the margins on both sides as a table."""
    table = Table(Column(name, no_wrap=True), Column("", justify="right"), box=SIMPLE_HEAD, pad_edge=False)
    told = {
        "tau": f"{limits.tau:.4f}",
        "k consecutive": f"{limits.k_consecutive}",
        "steps": f"{limits.steps}",
        "done at step": "never" if limits.done_at is None else f"{limits.done_at}",
        "start frame": f"{limits.start:.4f}",
        "least of the last 10": f"{limits.tail_min:.4f}",
        "nearest other frame": f"{limits.nearest_other:.4f}",
        "margin below tau": f"{limits.tau - limits.tail_min:.4f}",
        "margin above tau": f"{limits.nearest_other - limits.tau:.4f}",
    }
    for what, value in told.items():
        table.add_row(what, value)
    return table


def _tell(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
