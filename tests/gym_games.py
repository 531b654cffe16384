"""Games that Gymnasium knows once this module is imported, as in "tests.gym_games:Dots-v0"."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from tests.dots_env import DotsEnv

FORCES = spaces.Box(-1, 1, (2,), np.float32)
PARTS = spaces.MultiDiscrete([3, 2], start=[-1, 0])


def small_dots(**settings: Any) -> gymnasium.Env[Any, Any]:
    return gymnasium.wrappers.TimeLimit(DotsEnv(**settings), 30)


SETTINGS: dict[str, dict[str, Any]] = {
    "Dots-v0": {},
    "DotsForces-v0": {"action_space": FORCES},
    "DotsParts-v0": {"observe": "place", "action_space": PARTS},
}


def register() -> None:
    for name, settings in SETTINGS.items():
        gymnasium.register(name, entry_point=small_dots, kwargs=settings, disable_env_checker=True)


register()
