"""`merge`: makes one agent of several, plays it beside its ancestor, and promotes it only if the gate says so.

TARGET/merge.json            the report of the last merge
TARGET/candidate/            the last merged checkpoint, promoted or not
TARGET/gate/ROLE/            episodes that were played to judge, by digest of the weights; a later merge reuses them
TARGET/checkpoints/          promoted ones: what TARGET stands for wherever a run can be named
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ludus.core import digest, files
from ludus.core.types import Checkpoint
from ludus.learn.checkpoint import load_agent, load_weights
from ludus.learn.merge import MergeConfig, Similarity, compare, merge_weights
from ludus.learn.merge.family import Family, Member, read_family, read_member
from ludus.learn.merge.gate import ANCESTOR, MERGED, STUDENT, GateConfig, GateReport, Numbers, judge
from ludus.run.distil import distil_student
from ludus.run.evaluate import evaluate
from ludus.run.games import GameSettings

NO_ROLE = "default"
"""Where rewards are the game's own."""


@dataclass(frozen=True, slots=True)
class Named:
    """A checkpoint that had a part in a merge."""

    name: str
    path: str
    digest: str
    role: str | None
    """Whose rewards it was trained on."""


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What a merge came to."""

    promoted: bool
    reason: str
    settings: Mapping[str, Any]
    ancestor: Named
    sources: tuple[Named, ...]
    kept: tuple[str, ...]
    """Weights that stayed the ancestor's."""
    similarity: Similarity
    gate: GateReport | None = None
    """None where nothing was played."""
    checkpoint: str | None = None
    """The promoted checkpoint, or else the candidate; None after a dry run."""
    digest: str | None = None
    """sha256 of its file of weights."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How agents are played to be judged."""

    gate: GateConfig = field(default_factory=GateConfig)
    roles: tuple[str, ...] = ()
    """Roles of the card; by default those that sources and ancestor were trained on."""
    episodes: int = 100
    """Of each role, by each agent."""
    seed: int = 0
    """Of the first episode."""
    lanes: int = 16
    workers: int = 1


def merge(
    sources: Sequence[Path],
    target: Path,
    *,
    config: MergeConfig | None = None,
    trial: Trial | None = None,
    ancestor: Path | None = None,
    student: Path | None = None,
    distil_steps: int = 0,
    dry_run: bool = False,
    on_start: Callable[[int], None] = lambda _: None,
    on_episode: Callable[[object], None] = lambda _: None,
) -> MergeReport:
    """Merge checkpoints, or the best of runs, into a candidate, and promote it to `target/checkpoints` if it earns it.

    trial: None to write the candidate and judge nothing, so promote nothing either. ancestor: only needed where the
    sources' runs keep no copy of it. student: a checkpoint to show beside; distil_steps: distil one from the sources
    in so many steps. dry_run: merge and compare, but write and play nothing. on_start is told how many episodes there
    are, on_episode gets each that is played. Raises `AncestryError`, and `InputError` on what cannot be merged.
    """
    config = config or MergeConfig()
    family = read_family(sources, ancestor=ancestor)
    base = family.ancestor.agent.state_dict()
    nets = {member.name: member.agent.state_dict() for member in family.sources}
    similarity = compare(base, nets, kept=family.kept, epsilon=config.epsilon)
    weights = merge_weights(base, list(nets.values()), config, kept=family.kept)
    report = MergeReport(
        promoted=False,
        reason=f"Not promoted: {'a dry run, nothing was written' if dry_run else 'it was not played'}.",
        settings=config.model_dump(mode="json"),
        ancestor=_named(family.ancestor),
        sources=tuple(map(_named, family.sources)),
        kept=tuple(sorted(family.kept)),
        similarity=similarity,
    )
    if dry_run:
        return report
    agent = load_agent(family.ancestor.checkpoint.path)
    load_weights(agent, weights, name="the merged weights")
    played = sum(member.checkpoint.step for member in family.sources)
    shutil.rmtree(target / "candidate", ignore_errors=True)
    saved = family.save(target / "candidate", agent, step=played)
    if distil_steps:
        student = distil_student(family, target / "student", steps=distil_steps).path
    if trial is not None:
        verdict = _try(trial, family, _players(family, saved, student), target / "gate", on_start, on_episode)
        report = replace(report, promoted=verdict.promoted, reason=verdict.reason, gate=verdict)
    if report.promoted:
        saved = family.save(target / "checkpoints", agent, step=played)
    report = replace(report, checkpoint=str(saved.path), digest=saved.digest)
    files.write_atomic(target / "merge.json", (json.dumps(asdict(report), indent=2) + "\n").encode())
    return report


def _try(
    trial: Trial,
    family: Family,
    agents: Mapping[str, Checkpoint],
    folder: Path,
    on_start: Callable[[int], None],
    on_episode: Callable[[object], None],
) -> GateReport:
    """Play all agents in all roles on the same seeds, in the ancestor's world, and give the verdict."""
    world = GameSettings.model_validate(family.ancestor.facts.settings["world"])
    roles = trial.roles or sorted({_role(member) or NO_ROLE for member in (family.ancestor, *family.sources)})
    on_start(len(roles) * len(agents) * trial.episodes)
    returns: dict[str, dict[str, Numbers]] = {role: {} for role in roles}
    for role, (name, checkpoint) in itertools.product(roles, agents.items()):
        key = f"{checkpoint.path} {trial.seed}"  # a run is of one path and one seed
        evaluation = evaluate(
            world.game,
            policy=str(checkpoint.path),
            episodes=trial.episodes,
            seed=trial.seed,
            out=folder / role / f"{checkpoint.digest[:12]}-{digest.of_bytes(key.encode())[:8]}",
            lanes=trial.lanes,
            workers=trial.workers,
            role=None if role == NO_ROLE else role,
            on_episode=on_episode,
            **world.model_dump(exclude={"game", "role"}),
        )
        returns[role][name] = np.array([episode.total for episode in evaluation.episodes], np.float64)
    return judge(returns, trial.gate)


def _players(family: Family, candidate: Checkpoint, student: Path | None) -> dict[str, Checkpoint]:
    """Give everybody who is played, by name."""
    agents = {ANCESTOR: family.ancestor.checkpoint, MERGED: candidate}
    agents |= {member.name: member.checkpoint for member in family.sources}
    return agents if student is None else agents | {STUDENT: read_member(student).checkpoint}


def _role(member: Member) -> str | None:
    role: str | None = member.facts.settings.get("world", {}).get("role")
    return role


def _named(member: Member) -> Named:
    return Named(member.name, str(member.checkpoint.path), member.checkpoint.digest, _role(member))
