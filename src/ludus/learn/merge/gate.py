"""Whether a merged agent may take its ancestor's place, from what both returned on the same seeds. R roles, E episodes.

Two agents are compared by the difference of their interquartile means (IQM; Agarwal et al. 2021), with percentile
intervals of a bootstrap that draws whole seeds, so that what is paired stays paired. Returns of unlike roles are
made one by dividing them by the standard deviation of the ancestor's in the role, their spread.

A merge is promoted if it is not worse than the ancestor on every role and better on average. Not worse means that the
interval of the difference lies above `-margin` spreads: non-inferiority, not the mere lack of proof. All roles must
pass, so no correction for many comparisons is due (Berger 1982, intersection-union tests).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.stats
from pydantic import Field

from ludus.core import rng
from ludus.core.config import Settings
from ludus.core.errors import InputError

ANCESTOR, MERGED, STUDENT = "ancestor", "merged", "student"
Numbers = npt.NDArray[np.float64]
Returns = Mapping[str, Numbers]
"""Agent -> `float64[E]`, the return of each episode; episode i of all agents has the same seed."""


class GateConfig(Settings):
    """How sure the gate wants to be."""

    episodes: int = Field(100, ge=2)
    """Fewer episodes of each role than this promote nobody."""
    margin: float = Field(0.1, ge=0)
    """How much worse still counts as not worse, in standard deviations of the ancestor's returns."""
    level: float = Field(0.95, gt=0, lt=1)
    """Of the two-sided intervals."""
    resamples: int = Field(4000, ge=100)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and how sure it is."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class RoleReport:
    """One role."""

    role: str
    episodes: int
    returns: Mapping[str, Estimate]
    """Agent -> IQM of its returns."""
    difference: Estimate
    """Merged less ancestor, in returns."""
    allowed: float
    """The lowest that `difference.low` may be: 0 or less."""
    not_worse: bool


@dataclass(frozen=True, slots=True)
class GateReport:
    """What the gate says, and why."""

    promoted: bool
    reason: str
    roles: tuple[RoleReport, ...]
    average: Mapping[str, Estimate]
    """Agent -> how much better than the ancestor, in spreads, on average over the roles."""
    best_specialist: str | None
    """The specialist with the highest average; None where none was played."""
    lead: Mapping[str, Estimate]
    """Baseline (best specialist, student) -> how much better the merged agent is on average, in spreads."""


def judge(returns: Mapping[str, Returns], config: GateConfig) -> GateReport:
    """Give the verdict on the agent `merged`, from returns by role.

    Every role has the same agents: `ancestor`, `merged`, where there is one `student`, and any others, which are
    specialists. Raises `InputError` on roles without these, on unequal numbers of episodes, and on NaN.
    """
    agents = _check(returns)
    roles, boots = [], []
    for role in sorted(returns):
        played = {agent: np.asarray(returns[role][agent], np.float64) for agent in agents}
        report, boot = _judge_role(role, played, config)
        roles.append(report)
        boots.append(boot)
    estimate = _estimator(config)
    points = {agent: float(np.mean([boot.points[agent] for boot in boots])) for agent in agents}
    draws = {agent: np.mean([boot.draws[agent] for boot in boots], axis=0) for agent in agents}
    average = {agent: estimate(points[agent], draws[agent]) for agent in agents}
    specialists = [agent for agent in agents if agent not in (ANCESTOR, MERGED, STUDENT)]
    best = max(specialists, key=lambda agent: points[agent]) if specialists else None
    baselines = [agent for agent in agents if agent in (best, STUDENT)]
    lead = {agent: estimate(points[MERGED] - points[agent], draws[MERGED] - draws[agent]) for agent in baselines}
    few = min(role.episodes for role in roles) < config.episodes
    promoted = not few and all(role.not_worse for role in roles) and average[MERGED].low > 0
    reason = _reason(roles, average[MERGED], config, few=few) + _beside(lead)
    return GateReport(promoted, reason, tuple(roles), average, best, lead)


@dataclass(frozen=True, slots=True, eq=False)
class _Boot:
    """IQMs of a role, less the ancestor's, in spreads: of the episodes as they are, and of each resample."""

    points: Mapping[str, float]
    draws: Mapping[str, Numbers]


def _judge_role(role: str, played: Returns, config: GateConfig) -> tuple[RoleReport, _Boot]:
    count = len(played[ANCESTOR])
    places = np.arange(config.resamples * count).reshape(config.resamples, count)
    drawn = rng.integers(config.seed, f"gate {role}", places, high=count)
    points = {agent: _iqm(values) for agent, values in played.items()}
    draws = {agent: _iqms(values[drawn]) for agent, values in played.items()}
    spread = _spread(played)
    estimate = _estimator(config)
    difference = estimate(points[MERGED] - points[ANCESTOR], draws[MERGED] - draws[ANCESTOR])
    allowed = -config.margin * spread
    report = RoleReport(
        role=role,
        episodes=count,
        returns={agent: estimate(points[agent], draws[agent]) for agent in played},
        difference=difference,
        allowed=allowed,
        not_worse=difference.low >= allowed,
    )
    above = {agent: (points[agent] - points[ANCESTOR]) / spread for agent in played}
    return report, _Boot(above, {agent: (draws[agent] - draws[ANCESTOR]) / spread for agent in played})


def _spread(played: Returns) -> float:
    """Give what a return counts in: of an ancestor that always returns the same, what both together are spread by."""
    return float(np.std(played[ANCESTOR])) or float(np.std([played[ANCESTOR], played[MERGED]])) or 1.0


def _iqm(values: Numbers) -> float:
    return float(scipy.stats.trim_mean(values, 0.25))


def _iqms(values: Numbers) -> Numbers:
    found: Numbers = scipy.stats.trim_mean(values, 0.25, axis=1)
    return found


def _estimator(config: GateConfig) -> Callable[[float, Numbers], Estimate]:
    tail = 50 * (1 - config.level)

    def estimate(value: float, draws: Numbers) -> Estimate:
        low, high = np.percentile(draws, (tail, 100 - tail))
        return Estimate(value, float(low), float(high))

    return estimate


def _check(returns: Mapping[str, Returns]) -> list[str]:
    """Give the agents that all roles have, in order."""
    if not returns:
        raise InputError("no role was played, expected at least one.")
    agents = sorted(next(iter(returns.values())))
    for role, played in returns.items():
        if sorted(played) != agents or not {ANCESTOR, MERGED} <= played.keys():
            raise InputError(
                f"role {role!r} has {sorted(played)}, expected ancestor, merged and the same in all roles."
            )
        counts = {agent: len(values) for agent, values in played.items()}
        if len(set(counts.values())) > 1 or min(counts.values()) < 2:
            raise InputError(f"role {role!r} has {counts} episodes, expected as many of each, at least 2.")
        if not all(np.isfinite(values).all() for values in played.values()):
            raise InputError(f"role {role!r} has a return that is NaN or infinite; play it again.")
    return agents


def _reason(roles: list[RoleReport], average: Estimate, config: GateConfig, *, few: bool) -> str:
    """Say what decided, in a sentence."""
    sure = f"{100 * config.level:g} % interval"
    if few:
        least = min(roles, key=lambda role: role.episodes)
        return (
            f"Not promoted: {least.episodes} episodes of role {least.role}, {config.episodes} are needed for a claim."
        )
    for role in sorted((role for role in roles if not role.not_worse), key=lambda role: role.difference.high):
        told = f"{role.difference.value:+.3g} returns, {sure} {role.difference.low:+.3g} to {role.difference.high:+.3g}"
        if role.difference.high < 0:
            return f"Not promoted: worse than the ancestor on role {role.role} ({told})."
        return (
            f"Not promoted: on role {role.role} it may be worse than the ancestor by more than {-role.allowed:.3g} "
            f"({told}); more episodes may tell."
        )
    told = f"{average.value:+.3g} standard deviations, {sure} {average.low:+.3g} to {average.high:+.3g}"
    many = f"not worse than the ancestor on {'all ' if len(roles) > 1 else ''}{len(roles)} role{'s' * (len(roles) > 1)}"
    if average.low <= 0:
        return f"Not promoted: {many}, but not better on average ({told})."
    return f"Promoted: {many}, and better on average ({told})."


def _beside(lead: Mapping[str, Estimate]) -> str:
    """Say how the merged agent stands beside the baselines."""
    told = ""
    for agent, ahead in lead.items():
        name = "The distilled student" if agent == STUDENT else f"The best specialist, {agent},"
        how = "is better" if ahead.high < 0 else "is worse" if ahead.low > 0 else "is no different"
        told += f" {name} {how} on average ({-ahead.value:+.3g}, {-ahead.high:+.3g} to {-ahead.low:+.3g})."
    return told
