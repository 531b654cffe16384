"""`merge`: makes one agent of several, plays it beside its ancestor, and promotes it only if the gate says so.

TARGET/merge.json            the report of the last merge
TARGET/candidate/            the last merged checkpoint, promoted or not
TARGET/gate/ROLE/            episodes that were played to judge, by digest of the weights; a later merge reuses them
TARGET/checkpoints/          promoted ones: what TARGET stands for wherever a run can be named
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ludus.core import digest, files
from ludus.core.types import Checkpoint
from ludus.learn.checkpoint import Facts, load_agent, load_weights, save_checkpoint
from ludus.learn.merge import MergeConfig, Similarity, compare, merge_weights
from ludus.learn.merge.family import Family, Member, read_family, read_member
from ludus.learn.merge.gate import ANCESTOR, MERGED, STUDENT, GateConfig, GateReport, Returns, judge
from ludus.learn.ppo import PpoConfig, make_learner
from ludus.learn.profile import numeric_profile
from ludus.nets.agent import Agent
from ludus.run.evaluate import evaluate

WORLD = ("start", "view", "frames_per_step", "max_steps", "show", "options")
"""Settings of the ancestor's world that its descendants are judged in."""
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
    gate: GateReport | None
    """None where nothing was played."""
    checkpoint: str | None
    """The promoted checkpoint, or else the candidate; None after a dry run."""
    digest: str | None
    """sha256 of its file of weights."""


def merge(
    sources: Sequence[Path],
    target: Path,
    *,
    config: MergeConfig | None = None,
    gate: GateConfig | None = None,
    ancestor: Path | None = None,
    student: Path | None = None,
    roles: Sequence[str] = (),
    episodes: int = 100,
    seed: int = 0,
    lanes: int = 16,
    workers: int = 1,
    dry_run: bool = False,
    play: bool = True,
    on_start: Callable[[int], None] | None = None,
    on_episode: Callable[[object], None] | None = None,
) -> MergeReport:
    """Merge checkpoints, or the best of runs, into a candidate, and promote it to `target/checkpoints` if it earns it.

    ancestor: only needed where the sources' runs keep no copy of it. student: a checkpoint to show beside, such as one
    distilled from the sources. roles: those to be judged on; by default those of sources and ancestor. seed: of the
    first of `episodes` of each role. dry_run: compute all but write and play nothing. play: without it the candidate
    is written and not judged, so not promoted either. on_start is told how many episodes there are, on_episode gets
    each that is played. Raises `AncestryError`, and `InputError` on what cannot be merged.
    """
    config, gate = config or MergeConfig(), gate or GateConfig()
    family = read_family(sources, ancestor=ancestor)
    base = family.ancestor.agent.state_dict()
    nets = {member.name: member.agent.state_dict() for member in family.sources}
    similarity = compare(base, nets, kept=family.kept, epsilon=config.epsilon)
    weights = merge_weights(base, list(nets.values()), config, kept=family.kept)
    verdict, saved = None, None
    if not dry_run:
        agent = load_agent(family.ancestor.checkpoint.path)
        load_weights(agent, weights, name="the merged weights")
        shutil.rmtree(target / "candidate", ignore_errors=True)
        saved = _save(target / "candidate", family, agent)
        if play:
            agents = _players(family, saved, student)
            plays = _Plays(target / "gate", family.ancestor, episodes, seed, lanes, workers, on_episode)
            chosen = list(roles) or _roles(family)
            if on_start:
                on_start(len(chosen) * len(agents) * episodes)
            verdict = judge({role: plays.returns(role, agents) for role in chosen}, gate)
        if verdict and verdict.promoted:
            saved = _save(target / "checkpoints", family, agent)
    report = MergeReport(
        promoted=bool(verdict and verdict.promoted),
        reason=verdict.reason if verdict else _unplayed(dry_run),
        settings=config.model_dump(mode="json"),
        ancestor=_named(family.ancestor),
        sources=tuple(map(_named, family.sources)),
        kept=tuple(sorted(family.kept)),
        similarity=similarity,
        gate=verdict,
        checkpoint=None if saved is None else str(saved.path),
        digest=None if saved is None else saved.digest,
    )
    if not dry_run:
        files.write_atomic(target / "merge.json", (json.dumps(asdict(report), indent=2) + "\n").encode())
    return report


@dataclass(frozen=True, slots=True)
class _Plays:
    """How agents are played to be judged."""

    folder: Path
    ancestor: Member
    episodes: int
    seed: int
    lanes: int
    workers: int
    on_episode: Callable[[object], None] | None

    def returns(self, role: str, agents: Mapping[str, Checkpoint]) -> Returns:
        """Give what all agents return in a role, `float64[E]` each, on the same seeds."""
        return {name: self._returns(role, checkpoint) for name, checkpoint in agents.items()}

    def _returns(self, role: str, checkpoint: Checkpoint) -> np.ndarray[Any, np.dtype[np.float64]]:
        world = self.ancestor.facts.settings["world"]
        key = f"{checkpoint.path} {self.seed}"  # a run is of one path and one seed
        evaluation = evaluate(
            world["game"],
            policy=str(checkpoint.path),
            episodes=self.episodes,
            seed=self.seed,
            out=self.folder / role / f"{checkpoint.digest[:12]}-{digest.of_bytes(key.encode())[:8]}",
            lanes=self.lanes,
            workers=self.workers,
            role=None if role == NO_ROLE else role,
            on_episode=self.on_episode,
            **{name: world[name] for name in WORLD if name in world},
        )
        return np.array([episode.total for episode in evaluation.episodes], np.float64)


def _save(folder: Path, family: Family, agent: Agent) -> Checkpoint:
    """Write merged weights as a checkpoint that has not learned anything yet."""
    base = family.ancestor
    facts = Facts(
        game=base.checkpoint.game,
        step=sum(member.checkpoint.step for member in family.sources),
        settings=base.facts.settings,
        profile=numeric_profile(torch.device("cpu"), torch.float32),
        parent=base.checkpoint.digest,
        lineage=(base.checkpoint.digest, *base.facts.lineage),
    )
    ppo = PpoConfig.model_validate(base.facts.settings.get("ppo", {}))
    return save_checkpoint(folder, make_learner(agent, ppo, seed=0), facts, {})


def _players(family: Family, candidate: Checkpoint, student: Path | None) -> dict[str, Checkpoint]:
    """Give everybody who is played, by name."""
    agents = {ANCESTOR: family.ancestor.checkpoint, MERGED: candidate}
    agents |= {member.name: member.checkpoint for member in family.sources}
    return agents if student is None else agents | {STUDENT: read_member(student).checkpoint}


def _roles(family: Family) -> list[str]:
    return sorted({_role(member) or NO_ROLE for member in (family.ancestor, *family.sources)})


def _role(member: Member) -> str | None:
    role: str | None = member.facts.settings.get("world", {}).get("role")
    return role


def _named(member: Member) -> Named:
    return Named(member.name, str(member.checkpoint.path), member.checkpoint.digest, _role(member))


def _unplayed(dry_run: bool) -> str:
    done = "a dry run, nothing was written" if dry_run else "it was not played"
    return f"Not promoted: {done}."
