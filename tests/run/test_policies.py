from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from ludus.core.errors import InputError
from ludus.core.protocols import Policy, WorldSpec
from ludus.gameboy.library import open_game
from ludus.gameboy.trace import load_actions
from ludus.run.games import GameSettings
from ludus.run.policies import BLOCK, RandomPolicy, make_policy, policy_facts, policy_name
from tests.walk_world import WalkWorld

SPEC = WalkWorld(1).spec
POTYARD = GameSettings(game="potyard")
SPACES: list[spaces.Space[Any]] = [
    spaces.Discrete(7, start=3),
    spaces.MultiDiscrete(np.array([[2, 5], [3, 1]])),
    spaces.MultiBinary(4),
    spaces.Box(np.array([-2, 0], np.float32), np.array([1, 0.5], np.float32)),
    spaces.Box(-3, 3, (2,), np.int64),
]


class Resting:
    """A policy of a module."""

    def init(self, lanes: int) -> None:
        return None

    def act(self, frames: Any, carry: None) -> tuple[Any, None]:
        return np.zeros(len(frames), np.int64), None


def resting(spec: WorldSpec) -> Resting:
    assert spec.id == "walk"
    return Resting()


def broken(spec: WorldSpec) -> int:
    return 5


def played(policy: RandomPolicy, seeds: list[int], steps: int) -> Any:
    carry, rows = policy.seeded(np.array(seeds)), []
    for _ in range(steps):
        actions, carry = policy.act(np.zeros((len(seeds), 1, 2, 2)), carry)
        rows.append(actions)
    return np.array(rows)


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_random_actions_follow_from_seed_and_step_alone(space: spaces.Space[Any]) -> None:
    steps = 2 * BLOCK + 3
    together = played(RandomPolicy(space), [5, 6, 7], steps)
    alone = played(RandomPolicy(space), [6], steps)
    np.testing.assert_array_equal(together[:, 1], alone[:, 0])
    assert (together[:, 0] != together[:, 1]).any()
    assert together.dtype == space.dtype
    assert all(space.contains(action) for action in alone[:, 0])


@pytest.mark.parametrize("space", SPACES[:3] + SPACES[4:], ids=str)
def test_every_action_is_as_likely_as_any_other(space: spaces.Space[Any]) -> None:
    drawn = played(RandomPolicy(space), list(range(40)), 300).reshape(12_000, -1)
    for part in drawn.T:
        values, counts = np.unique(part, return_counts=True)
        expected = 12_000 / len(values)
        assert ((counts - expected) ** 2 / expected).sum() < 30  # chi-squared, at most 6 degrees: 1 in 20,000


def test_lanes_that_begin_later_draw_the_same() -> None:
    from ludus.run.actors import put_rows

    policy, frames = RandomPolicy(SPACES[0]), np.zeros((2, 1, 2, 2))
    carry, rows = policy.seeded(np.array([5, 6])), []
    for step in range(100):
        if step == 30:
            carry = put_rows(carry, [1], policy.seeded(np.array([9])))
        actions, carry = policy.act(frames, carry)
        rows.append(actions)
    late = np.array(rows)[30:, 1]
    np.testing.assert_array_equal(late, played(policy, [9], 70)[:, 0])


def test_unbounded_forces_cannot_be_drawn() -> None:
    with pytest.raises(InputError, match="need bounds"):
        RandomPolicy(spaces.Box(-np.inf, np.inf, (2,), np.float32))


def test_the_script_of_a_card_plays_its_own_seeds() -> None:
    policy = make_policy("scripted", POTYARD, SPEC)
    card, _ = open_game("potyard")
    assert card.demo is not None
    demo = load_actions(card.demo, codec=card.codec)
    carry: Any = policy.seeded(np.array([3, 0]))  # type: ignore[attr-defined] # it is Seeded
    for step in range(len(demo) + 2):
        actions, carry = policy.act(np.zeros((2, 1, 2, 2)), carry)
        expected = demo[step, [3, 0]].tolist() if step < len(demo) else [0, 0]
        assert actions.tolist() == expected
    with pytest.raises(InputError, match="no script for seed 16, expected 0 to 15"):
        policy.seeded(np.array([16]))  # type: ignore[attr-defined] # it is Seeded


def test_a_factory_of_a_module_gives_a_policy() -> None:
    policy = make_policy("tests.run.test_policies:resting", POTYARD, SPEC)
    assert type(policy).__name__ == "Resting"
    assert isinstance(policy, Policy)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("randm", "expected random, scripted"),
        ("nowhere:resting", "nowhere"),
        ("tests.run.test_policies:nothing", "nothing"),
        ("tests.run.test_policies:SPEC", "which is WorldSpec; expected a function"),
        ("tests.run.test_policies:broken", "gives int, expected a Policy"),
        (":x", "Empty module name"),
    ],
)
def test_what_gives_no_policy_is_an_error(name: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        make_policy(name, POTYARD, SPEC)


def test_scripts_belong_to_cards() -> None:
    with pytest.raises(InputError, match="no card that names a demo"):
        make_policy("scripted", GameSettings(game="CartPole-v1"), SPEC)
    with pytest.raises(InputError, match="its own codec"):
        make_policy("scripted", GameSettings(game="potyard", codec="full_v0"), SPEC)


def test_a_policy_is_called_what_it_was_asked_for() -> None:
    assert policy_name("random") == "random"
    assert policy_name(Resting()).endswith("test_policies:Resting")
    assert policy_facts("random", POTYARD) == {"name": "random", "digest": None}
