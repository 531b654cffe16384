"""The agents that ship with Pot Yard are what their receipts say."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ludus.core import stack
from ludus.gameboy import GameBoyWorld
from ludus.gameboy.library import shipped_agents
from ludus.learn.checkpoint import read_checkpoint
from ludus.learn.policy import load_policy

AGENTS = shipped_agents("potyard")
LANES = 24


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_is_whole_and_has_a_receipt(name: str) -> None:
    checkpoint, facts = read_checkpoint(AGENTS[name])
    receipt = json.loads((AGENTS[name] / "receipt.json").read_text())
    assert checkpoint.game == facts.game == "gameboy:potyard" and checkpoint.step == receipt["steps"]
    assert receipt["command"].startswith("ludus train potyard")


def test_the_generalist_plays_many_times_better_than_chance() -> None:
    policy = load_policy(AGENTS["generalist"])
    world = GameBoyWorld("potyard", LANES, max_steps=150)
    step = world.reset(seeds=5000)
    carry, seen = policy.seeded(5000 + np.arange(LANES)), stack.begin(step.frames, policy.stack)
    total = np.zeros(LANES)
    while not step.done.all():
        actions, carry = policy.act(seen, carry)
        step = world.step(actions, mask=~step.done)
        seen = stack.push(seen, step.frames, first=np.zeros(LANES, np.bool_))
        total += step.reward
    assert total.mean() > 30  # 89 in a whole episode; chance earns -1
