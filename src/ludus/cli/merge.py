"""`ludus merge`: makes one agent of several that come from one, and promotes it if it plays no worse and better."""

from __future__ import annotations

import json as json_format
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import tyro
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from ludus.cli._progress import progress_bar
from ludus.core.errors import InputError
from ludus.learn.merge import MergeConfig, Similarity
from ludus.learn.merge.gate import ANCESTOR, Estimate, GateReport
from ludus.run.merge import MergeReport, Trial, merge


def main(
    sources: tuple[Path, ...],
    /,
    *,
    target: Path,
    method: Annotated[MergeConfig, tyro.conf.arg(name="")],
    trial: Annotated[Trial, tyro.conf.arg(name="")],
    ancestor: Path | None = None,
    student: Path | None = None,
    distil_steps: int = 0,
    play: bool = True,
    dry_run: bool = False,
    json: bool = False,
) -> int:
    """Merge agents trained from one ancestor, play the result beside them all, and promote it if it has earned it.

    It has if, on the same seeds, it is not worse than the ancestor on any role and better on average; exit 1 if not.
    docs/merging.md tells what the methods do.

    Args:
        sources: folders of checkpoints, or of training runs, whose best checkpoint counts.
        target: folder of what comes of it; where it is promoted, a run that can be named like any other.
        method: how.
        trial: how it is judged.
        ancestor: the checkpoint that all come from, where their runs keep no copy of it.
        student: a checkpoint to show beside, such as one distilled from the sources.
        distil_steps: distil a student from the sources in so many steps of play, and show it beside.
        play: without, the merged agent is written as a candidate and nothing is judged.
        dry_run: show how alike the sources are, and write and play nothing.
        json: print the report as JSON.
    """
    if not sources:
        raise InputError("no source was given, expected at least one: ludus merge RUN RUN --target FOLDER")
    with progress_bar("playing") as bar:
        report = merge(
            sources,
            target,
            config=method,
            trial=trial if play else None,
            ancestor=ancestor,
            student=student,
            distil_steps=distil_steps,
            dry_run=dry_run,
            on_start=bar.start,
            on_episode=bar.advance,
        )
    if json:
        print(json_format.dumps(asdict(report), indent=2))
    else:
        _print(Console(), report)
    return 0 if report.promoted or report.gate is None else 1


def _print(console: Console, report: MergeReport) -> None:
    console.print(_sources(report.similarity))
    console.print(_pairs(report.similarity))
    if report.gate is not None:
        console.print(_gate(report.gate))
    console.print(escape(report.reason), highlight=False, soft_wrap=True)
    if report.checkpoint is not None:
        console.print(report.checkpoint, markup=False, highlight=False, soft_wrap=True)


def _sources(similarity: Similarity) -> Table:
    """Give how far each source has gone."""
    title = f"of {similarity.size:,} weights"
    table = Table(Column("source", overflow="fold"), "moved by", "changed", "alone", title=title, box=SIMPLE_HEAD)
    for source in similarity.sources:
        table.add_row(escape(source.name), f"{source.norm:.3g}", f"{source.changed:.1%}", f"{source.alone:.1%}")
    return table


def _pairs(similarity: Similarity) -> Table:
    """Give how alike the sources are, in all and in the tensor where they are least so."""
    table = Table(Column("pair", overflow="fold"), "cosine", "same sign", "least alike in", box=SIMPLE_HEAD)
    for number, pair in enumerate(similarity.pairs):
        all_tensors = ((tensor.pairs[number].cosine, tensor.name) for tensor in similarity.tensors)
        known = [(value, name) for value, name in all_tensors if value is not None]
        least = f"{min(known)[1]}, {min(known)[0]:+.2f}" if known else ""
        cosine = "none" if pair.cosine is None else f"{pair.cosine:+.2f}"
        agreement = "none" if pair.sign_agreement is None else f"{pair.sign_agreement:.0%}"
        table.add_row(escape(f"{pair.first}, {pair.second}"), cosine, agreement, escape(least))
    return table


def _gate(gate: GateReport) -> Table:
    """Give what everybody returned in every role, and by how much better than the ancestor that is."""
    roles = [f"{role.role}{'' if role.not_worse else ' (worse?)'}" for role in gate.roles]
    table = Table(Column("agent", overflow="fold"), *map(escape, roles), "better by", box=SIMPLE_HEAD)
    for agent in sorted(gate.average, key=lambda agent: -gate.average[agent].value):
        returns = [_told(role.returns[agent], ".4g") for role in gate.roles]
        better = "" if agent == ANCESTOR else _told(gate.average[agent], "+.2f")
        table.add_row(escape(agent), *returns, better)
    table.caption = "interquartile means of returns; better by: standard deviations, on average over the roles"
    return table


def _told(estimate: Estimate, form: str) -> str:
    return f"{estimate.value:{form}} ({estimate.low:{form}} to {estimate.high:{form}})"
