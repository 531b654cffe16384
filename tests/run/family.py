"""Agents of CartPole whose weights are set by hand, as runs that come from one ancestor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from gymnasium import spaces

from ludus.learn.checkpoint import Facts, save_checkpoint
from ludus.learn.ppo import PpoConfig, make_learner
from ludus.nets.agent import Agent, Door, make_agent
from ludus.nets.encoders import NetConfig

DOOR = Door((1, 4), 255, spaces.Discrete(2))
SETTINGS = {"world": {"game": "CartPole-v1", "show": "vector", "role": None, "max_steps": 50}}


def agent_of_skill(skill: float) -> Agent:
    """Give an agent that pushes to where the pole falls, the surer the greater its skill; with 0 it flips a coin."""
    agent = make_agent(DOOR, NetConfig(kind="mlp"), seed=0)
    weights = {name: torch.zeros_like(tensor) for name, tensor in agent.state_dict().items()}
    weights["encoder.layers.1.weight"][0] = torch.tensor([0.0, 0.1, 2.0, 1.0])
    weights["encoder.layers.3.weight"][0, 0] = 4.0
    weights["head.layer.weight"][:, 0] = torch.tensor([-skill, skill])
    weights["value.bias"][0] = skill
    agent.load_state_dict(weights)
    return agent


def save_run(run: Path, agent: Agent, lineage: tuple[str, ...] = (), *, game: str = "CartPole-v1") -> str:
    """Write a run's checkpoint after 100 steps, and give its digest."""
    facts = Facts(game, 100, SETTINGS, {}, parent=lineage[0] if lineage else None, lineage=lineage)
    return save_checkpoint(run / "checkpoints", make_learner(agent, PpoConfig(), seed=0), facts, {}).digest


def family_of_skills(tmp_path: Path, *skills: float) -> list[Path]:
    """Write an ancestor without skill, and runs that come from it."""
    ancestor = save_run(tmp_path / "generalist", agent_of_skill(0.0))
    runs = [tmp_path / f"run{number}" for number in range(len(skills))]
    for run, skill in zip(runs, skills, strict=True):
        save_run(run, agent_of_skill(skill), (ancestor,))
    return runs


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Nets as small as these wait for a second thread longer than it works."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
