from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ludus.cli import main
from ludus.core.errors import InputError
from ludus.gameboy.library import open_game
from ludus.gameboy.rules import merge_weights
from ludus.learn.checkpoint import read_checkpoint
from ludus.run.evaluate import evaluate
from ludus.run.games import GameSettings
from ludus.run.judge import read_events
from ludus.run.league import ANCESTOR, Plan, Returns, league, returned, tabulate
from ludus.run.policies import find_agent
from ludus.run.recipe import read_recipe

GENERALIST = find_agent("generalist", GameSettings(game="potyard"))
FLAGS = ["--run.lanes=4", "--run.horizon=8", "--run.steps=32", "--ppo.minibatches=2", "--run.tensorboard=false"]
PLAN = Plan(("scout", "tank"), seeds=(0, 1), episodes=2)


def _returns(*means: tuple[float, float, float], noise: float = 5.0) -> Returns:
    """Returns of scout, tank and ancestor under scout's rewards and tank's, two seeds of fifty episodes."""
    luck = np.random.default_rng(0).normal(0, 50, (2, 50))
    own = np.random.default_rng(1).normal(0, noise, (2, 3, 2, 50))
    agents = ("scout", "tank", ANCESTOR)
    return {
        role: {agent: luck + means[r][a] + own[r, a] for a, agent in enumerate(agents)}
        for r, role in enumerate(PLAN.roles)
    }


def test_roles_that_are_best_by_their_own_rewards_are_said_to_be() -> None:
    report = tabulate(_returns((10, 0, 99), (0, 4, 99)), PLAN, ancestor="a")
    assert report.specialised  # the ancestor may be better still: it is no role
    scout, tank = report.standings
    assert (scout.rival, tank.rival) == ("tank", "scout")
    assert 0 < scout.lead.low < scout.lead.value < scout.lead.high and len(scout.lead_by_seed) == 2
    assert report.returns["scout"]["scout"].low < report.returns["scout"]["tank"].high  # paired, or it would not show


@pytest.mark.parametrize("means", [((0, 10, 0), (0, 4, 0)), ((10, 0, 0), (0, 0.1, 0))])
def test_one_role_that_is_worse_or_not_surely_better_is_enough(means: tuple[tuple[float, float, float], ...]) -> None:
    report = tabulate(_returns(*means), PLAN, ancestor="a")
    assert not report.specialised and sorted(each.best for each in report.standings) == [False, True]


def test_a_league_trains_each_role_from_one_ancestor_and_goes_on_where_it_was(tmp_path: Path) -> None:
    assert GENERALIST is not None
    recipe, told = read_recipe("potyard", "potyard-league", FLAGS), []
    report = league(recipe, tmp_path, PLAN, ancestor=GENERALIST, on_judged=lambda *each: told.append(each))
    assert told == [(done, 5) for done in range(1, 6)]
    ancestor = read_checkpoint(GENERALIST)[0].digest
    assert report.ancestor == ancestor
    for name in ("scout-0", "tank-0", "scout-1", "tank-1"):
        checkpoint, facts = read_checkpoint(next((tmp_path / name / "checkpoints").glob("step_*")))
        assert facts.lineage == (ancestor,) and checkpoint.digest == report.agents[name]
        assert facts.settings["world"]["role"] == name[:-2] and facts.settings["run"]["seed"] == int(name[-1])
    assert len(set(report.agents.values())) == 4
    assert set(report.returns["tank"]) == {"scout", "tank", ANCESTOR}
    written = (tmp_path / "league.json").read_text()
    assert json.loads(written)["returns"]["tank"]["scout"]["value"] == report.returns["tank"]["scout"].value
    assert league(recipe, tmp_path, PLAN, ancestor=GENERALIST) == report
    assert (tmp_path / "league.json").read_text() == written


@pytest.mark.parametrize("role", [None, "scout", "speedrunner", "killer", "tank"])
def test_what_an_episode_returns_by_a_role_follows_from_its_events(tmp_path: Path, role: str | None) -> None:
    played = evaluate("potyard", policy="random", episodes=4, out=tmp_path, role=role)
    weights = merge_weights(open_game("potyard")[0], role)
    found = [returned(weights, read_events(tmp_path, episode), episode.steps) for episode in played.episodes]
    assert found == pytest.approx([episode.total for episode in played.episodes], abs=1e-3)


def test_the_verb_shows_the_table_and_says_who_is_not_the_best(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["league", "potyard", "--roles", "scout", "tank", "--episodes", "2", "--processes", "1"]
    assert main([*words, "--out", str(tmp_path), *FLAGS]) == 1
    told = capsys.readouterr().out
    assert "by tank's rewards" in told and "ancestor" in told
    assert "scout: not shown to be the best by its own rewards" in told or "tank: not shown" in told


@pytest.mark.parametrize(
    ("plan", "match"),
    [
        (Plan(("scout",)), "two or more"),
        (Plan(("scout", "scout")), "two or more"),
        (Plan(("scout", "tnak")), "did you mean 'tank'"),
        (Plan(("scout", ANCESTOR)), "as the agent that all come from"),
        (Plan(("scout", "tank"), seeds=()), "seeds"),
        (Plan(("scout", "tank"), episodes=1), "1 episodes"),
    ],
)
def test_what_could_not_be_judged_is_refused_before_anything_is_trained(tmp_path: Path, plan: Plan, match: str) -> None:
    assert GENERALIST is not None
    with pytest.raises(InputError, match=match):
        league(read_recipe("potyard", None, FLAGS), tmp_path, plan, ancestor=GENERALIST)
    assert not list(tmp_path.iterdir())
