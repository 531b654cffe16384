from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from gymnasium import spaces

from ludus.core.gym_world import GymWorld
from tests.dots_env import DotsEnv


@pytest.mark.parametrize(
    ("space", "words", "names"),
    [
        (spaces.Discrete(3), ["NOOP", "LEFT", "RIGHT"], ("NOOP", "LEFT", "RIGHT")),
        (spaces.Discrete(2), ["NOOP", "LEFT", "RIGHT"], ("0", "1")),  # a wrapper left one out: which, nobody tells
        (spaces.Discrete(3), None, ("0", "1", "2")),
        (spaces.Discrete(3, start=1), None, None),
        (spaces.MultiBinary(2), None, None),
    ],
)
def test_numbers_of_actions_are_told_in_the_games_own_words(
    space: spaces.Space[Any], words: list[str] | None, names: tuple[str, ...] | None
) -> None:
    class Worded(DotsEnv):
        def get_action_meanings(self) -> list[str]:
            assert words is not None
            return words

    make = partial(DotsEnv if words is None else Worded, "colour", space)
    assert GymWorld(make, 1).action_names == names


@pytest.mark.parametrize(
    ("name", "module", "names"),
    [
        ("ALE/Pong-v5", "ale_py", "NOOP FIRE RIGHT LEFT RIGHTFIRE LEFTFIRE"),
        ("MiniGrid-Empty-5x5-v0", "minigrid", "left right forward pickup drop toggle done"),
    ],
)
def test_atari_and_minigrid_name_their_actions(name: str, module: str, names: str) -> None:
    pytest.importorskip(module, reason=f"{module} is not installed: pip install 'ludus[games]'")
    assert GymWorld(name, 1).action_names == tuple(names.split())
