"""Checkpoints that come from a common one, found by what they tell of their lineage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ludus.core.errors import AncestryError, InputError
from ludus.core.types import Checkpoint
from ludus.learn.checkpoint import Facts, find_checkpoint, load_agent, read_checkpoint, save_checkpoint
from ludus.learn.merge.gate import ANCESTOR, MERGED, STUDENT
from ludus.learn.ppo import PpoConfig, make_learner
from ludus.learn.profile import numeric_profile
from ludus.nets.agent import Agent

CRITIC = ("value.", "critic.")
"""What judges returns stays the ancestor's: specialists earn unlike rewards, so their judgements have no mean."""


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A checkpoint, read whole."""

    name: str
    """Of its run's folder."""
    checkpoint: Checkpoint
    facts: Facts
    agent: Agent


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """An ancestor and what became of it."""

    ancestor: Member
    sources: tuple[Member, ...]

    @property
    def kept(self) -> frozenset[str]:
        """Names of the weights that are not merged."""
        return frozenset(name for name in self.ancestor.agent.state_dict() if name.startswith(CRITIC))

    def save(self, folder: Path, agent: Agent, *, step: int) -> Checkpoint:
        """Write weights that come from the family as a checkpoint that has not learned anything yet."""
        base = self.ancestor
        facts = Facts(
            game=base.checkpoint.game,
            step=step,
            settings=base.facts.settings,
            profile=numeric_profile(torch.device("cpu"), torch.float32),
            parent=base.checkpoint.digest,
            lineage=(base.checkpoint.digest, *base.facts.lineage),
        )
        ppo = PpoConfig.model_validate(base.facts.settings.get("ppo", {}))
        return save_checkpoint(folder, make_learner(agent, ppo, seed=0), facts, {})


def read_family(sources: Sequence[Path], *, ancestor: Path | None = None) -> Family:
    """Give sources and their nearest common ancestor: the one given, or the copy that a run of theirs keeps.

    Paths are checkpoints or runs. Raises `AncestryError` where there is none, or the one given is another, and
    `InputError` on checkpoints of unlike games.
    """
    members = [read_member(path) for path in sources]
    members = [_named(member, members) for member in members]
    digest = common_ancestor({member.name: member.facts.lineage for member in members})
    games = {member.checkpoint.game for member in members}
    if len(games) > 1:
        raise InputError(f"the sources play {sorted(games)}, expected one game.")
    if ancestor is None:
        return Family(_find(digest, members), tuple(members))
    given = read_member(ancestor)
    if given.checkpoint.digest != digest:
        raise AncestryError(
            f"{ancestor} has the digest {given.checkpoint.digest[:12]}, the sources come from {digest[:12]}; "
            "give that one, or leave it out."
        )
    return Family(given, tuple(members))


def common_ancestor(lineages: Mapping[str, Sequence[str]]) -> str:
    """Give the nearest digest that all lineages have. Raises `AncestryError`."""
    first, *others = lineages.values()
    for digest in first:
        if all(digest in other for other in others):
            return digest
    told = "; ".join(
        f"{name} comes from {', '.join(digest[:12] for digest in lineage) or 'none'}"
        for name, lineage in lineages.items()
    )
    raise AncestryError(f"there is no common ancestor: {told}. Train each from one checkpoint, with --ancestor.")


def read_member(path: Path) -> Member:
    """Give a checkpoint, or the best of a run, read whole. Raises `InputError`."""
    found = find_checkpoint(path)
    checkpoint, facts = read_checkpoint(found)
    run = found.parent.parent if found.parent.name == "checkpoints" else found
    return Member(run.resolve().name, checkpoint, facts, load_agent(found))


def _named(member: Member, members: Sequence[Member]) -> Member:
    """Give a member a name that is its own."""
    alike = [other.name for other in members].count(member.name) > 1
    if not alike and member.name not in (ANCESTOR, MERGED, STUDENT):
        return member
    return Member(str(member.checkpoint.path), member.checkpoint, member.facts, member.agent)


def _find(digest: str, members: Sequence[Member]) -> Member:
    looked = []
    for member in members:
        folder = member.checkpoint.path.parent.parent / "ancestor"
        if folder.is_dir():
            found = read_member(folder)
            if found.checkpoint.digest == digest:
                return found
        looked.append(str(folder))
    raise AncestryError(
        f"the common ancestor {digest[:12]} is in none of {', '.join(looked)}; name its folder with --ancestor."
    )
