"""`league`: one agent for each role, all from one ancestor, and each of them judged by every role's rewards.

FOLDER/ROLE-SEED/              a training run, as of `train`; the ancestor's copy lies within
FOLDER/judged/DIGEST/          recorded episodes by an agent; the ancestor plays too
FOLDER/league.json             the report

An agent sees no rewards, so it plays once, and every role's rewards are counted from what its episodes tell. The same
call goes on where it was stopped. S seeds, E episodes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.stats

from ludus.core import digest, files, rng
from ludus.core.errors import InputError
from ludus.core.types import Event
from ludus.gameboy.card import Weights
from ludus.gameboy.library import open_game
from ludus.gameboy.rules import COUNTER_DELTA, merge_weights
from ludus.learn.checkpoint import find_checkpoint, read_checkpoint
from ludus.learn.threads import threads
from ludus.run.compare import RESAMPLES, Estimate
from ludus.run.evaluate import evaluate
from ludus.run.games import open_world
from ludus.run.judge import read_events
from ludus.run.recipe import Recipe
from ludus.run.side_by_side import Tell, Work, side_by_side
from ludus.run.train import Report, train

ANCESTOR = "ancestor"
"""What the agent that all come from is called beside them."""

Numbers = npt.NDArray[np.float64]
Returns = Mapping[str, Mapping[str, Numbers]]
"""Role whose rewards count -> agent -> `float64[S, E]`; episode e of all has the same seed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Who is trained, and how they are judged."""

    roles: tuple[str, ...]
    seeds: tuple[int, ...] = (0,)
    """Of training: every role is trained once with each."""
    episodes: int = 100
    """Of every agent under every role's rewards."""
    first_seed: int = 1000
    """Of these episodes."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a role's agent stands under its own rewards."""

    role: str
    rival: str
    """The role whose agent does best of the others."""
    lead: Estimate
    """The IQM of its returns less the rival's."""
    lead_by_seed: tuple[float, ...]
    """The same within each training seed, over the best of the others there."""

    @property
    def best(self) -> bool:
        """It is shown to be the best: the interval of its lead lies above 0."""
        return self.lead.low > 0


@dataclass(frozen=True, slots=True)
class LeagueReport:
    """What a league came to."""

    ancestor: str
    """The digest of its weights."""
    plan: Plan
    returns: Mapping[str, Mapping[str, Estimate]]
    """Role whose rewards count -> agent -> IQM of its returns, over all seeds."""
    standings: tuple[Standing, ...]
    agents: Mapping[str, str] = field(default_factory=dict)
    """ROLE-SEED -> digest of its weights."""

    @property
    def specialised(self) -> bool:
        """Every role's agent is the best by its own rewards."""
        return all(standing.best for standing in self.standings)


def league(
    recipe: Recipe,
    folder: Path,
    plan: Plan,
    *,
    ancestor: Path,
    processes: int = 1,
    on_report: Callable[[str, Report], None] = lambda _name, _report: None,
    on_judged: Callable[[int, int], None] = lambda _done, _all: None,
) -> LeagueReport:
    """Train every role from the ancestor, judge each agent by every role's rewards, write and give the report.

    on_report gets the name of a run and how it stands, on_judged how many agents have been played, and of how many.
    Raises `InputError` on roles that the game does not have, and what `train` and `evaluate` raise.
    """
    root = find_checkpoint(ancestor)
    base = read_checkpoint(root)[0].digest
    _check(recipe, plan)
    runs = {
        f"{role}-{seed}": recipe.model_copy(
            update={
                "world": recipe.world.model_copy(update={"role": role}),
                "run": recipe.run.model_copy(update={"seed": seed, "threads": recipe.run.threads or 1}),
            }
        )
        for seed in plan.seeds
        for role in plan.roles
    }
    names = list(runs)
    works: list[Work] = [partial(_train, each, folder / name, root) for name, each in runs.items()]
    side_by_side(works, lambda number, told: on_report(names[number], told), processes=processes)
    agents = {name: folder / name / "checkpoints" / _latest(folder / name) for name in names}
    returns = _judge(recipe, folder, plan, {ANCESTOR: root} | agents, processes, on_judged)
    report = tabulate(returns, plan, ancestor=base)
    told = asdict(report) | {"agents": {name: read_checkpoint(path)[0].digest for name, path in agents.items()}}
    files.write_atomic(folder / "league.json", (json.dumps(told, indent=2) + "\n").encode())
    return LeagueReport(report.ancestor, plan, report.returns, report.standings, told["agents"])


def tabulate(returns: Returns, plan: Plan, *, ancestor: str) -> LeagueReport:
    """Give the table and the standings of what all returned; `ancestor` is the digest of its weights.

    IQMs over all seeds, with 95 % intervals of a bootstrap that draws episodes within each seed again, the same ones
    for all agents (Agarwal et al. 2021, stratified).
    """
    table: dict[str, dict[str, Estimate]] = {}
    standings = []
    for reward in plan.roles:
        played = {agent: np.asarray(values, np.float64) for agent, values in returns[reward].items()}
        points, draws = _iqms(played, reward)
        table[reward] = {agent: _estimate(points[agent], draws[agent]) for agent in played}
        others = [role for role in plan.roles if role != reward]
        rival = max(others, key=lambda role: points[role])
        by_seed = [
            {role: float(scipy.stats.trim_mean(played[role][s], 0.25)) for role in plan.roles}
            for s in range(len(plan.seeds))
        ]
        standings.append(
            Standing(
                reward,
                rival,
                _estimate(points[reward] - points[rival], draws[reward] - draws[rival]),
                tuple(seed[reward] - max(seed[role] for role in others) for seed in by_seed),
            )
        )
    return LeagueReport(ancestor, plan, table, tuple(standings))


def _check(recipe: Recipe, plan: Plan) -> None:
    """Refuse what could not be judged, before anything is trained. Raises `InputError`."""
    if len(set(plan.roles)) != len(plan.roles) or len(plan.roles) < 2:
        raise InputError(f"roles are {', '.join(plan.roles) or 'none'}, expected two or more different ones.")
    if plan.episodes < 2 or not plan.seeds or len(set(plan.seeds)) != len(plan.seeds):
        raise InputError(f"{plan.episodes} episodes and seeds {plan.seeds}, expected 2 or more, and different seeds.")
    for role in plan.roles:
        if role == ANCESTOR:
            raise InputError(f"a role is called {role!r}, as the agent that all come from is here; leave it out.")
        open_world(recipe.world.model_copy(update={"role": role}), 1).close()
        card = open_game(recipe.world.game)[0]
        for name in merge_weights(card, role).watches:
            if card.watch[name].role != "counter":
                raise InputError(f"role {role!r} pays for the gauge {name!r}, which no event tells; pay for a counter.")


def _train(recipe: Recipe, folder: Path, ancestor: Path, tell: Tell) -> None:
    train(recipe, folder, ancestor=ancestor, on_report=tell)


def _latest(run: Path) -> str:
    return files.read_text(run / "checkpoints" / "latest").strip()


def _judge(
    recipe: Recipe,
    folder: Path,
    plan: Plan,
    agents: Mapping[str, Path],
    processes: int,
    on_judged: Callable[[int, int], None],
) -> Returns:
    """Play every agent, and give what they returned by every role's rewards."""
    names = list(agents)
    works: list[Work] = [partial(_play, recipe, plan, agents[name], folder / "judged") for name in names]
    found: dict[str, dict[str, list[float]]] = {}

    def take(number: int, totals: dict[str, list[float]]) -> None:
        found[names[number]] = totals
        on_judged(len(found), len(names))

    side_by_side(works, take, processes=processes)
    returns: dict[str, dict[str, Numbers]] = {}
    for reward in plan.roles:
        own = {role: [found[f"{role}-{seed}"][reward] for seed in plan.seeds] for role in plan.roles}
        own[ANCESTOR] = [found[ANCESTOR][reward]] * len(plan.seeds)
        returns[reward] = {agent: np.array(rows, np.float64) for agent, rows in own.items()}
    return returns


def _play(recipe: Recipe, plan: Plan, path: Path, folder: Path, tell: Tell) -> None:
    """Play an agent, and tell what it returned by each role's rewards."""
    key = f"{path} {read_checkpoint(path)[0].digest} {plan.first_seed}"  # a longer run's agent is another one
    with threads(recipe.run.threads or 1):
        played = evaluate(
            recipe.world.game,
            policy=str(path),
            episodes=plan.episodes,
            seed=plan.first_seed,
            out=folder / digest.of_bytes(key.encode())[:12],
            **recipe.world.model_dump(exclude={"game", "role"}),
        )
    card = open_game(recipe.world.game)[0]
    weights = {role: merge_weights(card, role) for role in plan.roles}
    told = [(read_events(played.out, episode), episode.steps) for episode in played.episodes]
    tell({role: [returned(weight, *each) for each in told] for role, weight in weights.items()})


def returned(weights: Weights, events: Sequence[Event], steps: int) -> float:
    """Give what an episode of so many steps, in which this happened, returns by weights of counters and events."""
    total = (weights.step or 0.0) * steps
    for event in events:
        total += weights.events.get(event.kind, 0.0)
        if event.kind == COUNTER_DELTA:
            total += weights.watches.get(event.payload["name"], 0.0) * event.payload["delta"]
    return total


def _iqms(played: Mapping[str, Numbers], stream: str) -> tuple[dict[str, float], dict[str, Numbers]]:
    """Give each agent's IQM over all seeds, and those of the resamples, `float64[RESAMPLES]`."""
    seeds, episodes = next(iter(played.values())).shape
    places = np.arange(RESAMPLES * seeds * episodes).reshape(RESAMPLES, seeds, episodes)
    drawn = rng.integers(0, f"league {stream}", places, high=episodes) + episodes * np.arange(seeds)[:, None]
    flat = drawn.reshape(RESAMPLES, -1)
    points = {agent: float(scipy.stats.trim_mean(values.ravel(), 0.25)) for agent, values in played.items()}
    return points, {
        agent: scipy.stats.trim_mean(values.ravel()[flat], 0.25, axis=1) for agent, values in played.items()
    }


def _estimate(value: float, draws: Numbers) -> Estimate:
    low, high = np.percentile(draws, (2.5, 97.5))
    return Estimate(value, float(low), float(high))
