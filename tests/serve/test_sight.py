"""What a worker tells of its lanes: black, frozen and stuck ones, and how much there is to see in each."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Discrete

from ludus.core.protocols import Choice, WorldSpec
from ludus.core.types import Frames, Step
from ludus.run.loop import Opening, Turn
from ludus.serve.worker.regard import HALF_LIFE_S, KEPT, MOST_LANES, MOST_SURPRISE, USUAL, Regard
from ludus.serve.worker.sight import FROZEN_LOOKS, FROZEN_STEPS, STUCK_S, Sight

SPEC = WorldSpec("w", (2, 2), (255, 170, 85, 0), Discrete(4), tick_hz=10, ticks_per_step=1)
SPOTTED = [[0, 3], [1, 2]]


class Lanes:
    """Lanes whose pictures, actions and rewards are made up."""

    def __init__(self, lanes: int = 1) -> None:
        self.lanes, self.sight = lanes, Sight(SPEC, lanes)
        self.begin(range(lanes))

    def begin(self, lanes: Any, frames: Frames | None = None) -> None:
        nothing = np.zeros((self.lanes, 2, 2), np.uint8) if frames is None else frames
        self._take(nothing, 0.0, began=tuple((lane, Opening(f"e{lane}", 0, 0)) for lane in lanes))

    def step(self, frames: Any, *, action: int = 0, reward: float = 0.0, times: int = 1) -> None:
        for _ in range(times):
            actions = np.full(self.lanes, action)
            shown = np.broadcast_to(np.array(frames, np.uint8), (self.lanes, 2, 2)).copy()
            self._take(shown, reward, choice=Choice(actions), moved=np.ones(self.lanes, np.bool_))

    def _take(self, frames: Frames, reward: float, **told: Any) -> None:
        nobody = np.zeros(self.lanes, np.bool_)
        rewards, ticks = np.full(self.lanes, reward, np.float32), np.zeros(self.lanes, np.int64)
        self.sight.follow(Turn(Step(frames, rewards, nobody, nobody, ticks), **told))

    def flags(self) -> list[str]:
        self.sight.look()
        told: list[str] = self.sight.to_json()["flags"]
        return told


@pytest.mark.parametrize(
    ("picture", "black"),
    [([[3, 3], [3, 3]], True), ([[0, 0], [0, 0]], True), (SPOTTED, False), ([[3, 3], [3, 2]], False)],
)
def test_a_picture_of_one_colour_is_black(picture: Any, black: bool) -> None:
    lanes = Lanes()
    lanes.step(picture)
    assert ("black" in lanes.flags()) is black


@pytest.mark.parametrize(
    ("varied", "moving", "each", "frozen"),
    [
        (True, False, FROZEN_STEPS, True),
        (False, False, FROZEN_STEPS, False),  # whoever does the same all the time may stand still
        (True, True, FROZEN_STEPS, False),
        (True, False, FROZEN_STEPS // FROZEN_LOOKS - 1, False),  # too few steps
    ],
)
def test_a_picture_that_stands_still_while_actions_vary_is_frozen(
    varied: bool, moving: bool, each: int, frozen: bool
) -> None:
    lanes = Lanes()
    for look in range(FROZEN_LOOKS + 1):
        picture = [[0, 3], [1, look % 4]] if moving else SPOTTED
        lanes.step(picture, action=look % 4 if varied else 0, times=each)
        flags = lanes.flags()
        assert ("frozen" in flags) is (frozen and look == FROZEN_LOOKS)


def test_a_look_at_which_nothing_new_was_played_changes_nothing() -> None:
    lanes = Lanes()
    for look in range(FROZEN_LOOKS + 1):
        lanes.step(SPOTTED, action=look % 4, times=FROZEN_STEPS)
        lanes.flags()
    assert "frozen" in lanes.flags() and "frozen" in lanes.flags()
    lanes.begin([0], np.array([SPOTTED], np.uint8))
    assert "frozen" not in lanes.flags(), "another episode has begun"


@pytest.mark.parametrize("news", ["none", "picture", "reward", "episode"])
def test_a_lane_without_a_new_picture_and_a_reward_for_long_is_stuck(news: str) -> None:
    lanes, half = Lanes(), int(STUCK_S * SPEC.step_hz / 2)
    for picture in (SPOTTED, SPOTTED[::-1]):
        lanes.step(picture)
        assert lanes.flags() == []
    lanes.step(SPOTTED, times=half)
    assert lanes.flags() == []
    if news == "episode":
        lanes.begin([0])
    lanes.step([[0, 1], [2, 3]] if news == "picture" else SPOTTED[::-1], reward=float(news == "reward"), times=half)
    assert ("stuck" in lanes.flags()) is (news == "none")


def test_flags_name_their_lanes() -> None:
    lanes = Lanes(3)
    picture = np.array([SPOTTED, [[3, 3], [3, 3]], SPOTTED], np.uint8)
    lanes.step(picture)
    lanes.sight.look()
    assert lanes.sight.to_json() == {"flags": ["black"], "black": [1], "frozen": [], "stuck": []}


def test_a_world_of_vectors_has_no_flags() -> None:
    sight = Sight(WorldSpec("v", (4,), None, Discrete(2), 50, 1), 2)
    sight.look()
    assert sight.to_json()["flags"] == []


def test_what_a_hall_counts_is_halved_with_every_minute_of_game_time_in_its_lane_alone() -> None:
    regard = Regard(3, step_hz=10.0)
    regard.credit(0, "fame")
    regard.credit(1, "shame")
    regard.credit(1, "shame")
    minute = int(HALF_LIFE_S * 10)
    regard.look(np.array([minute, 2 * minute, 0]), np.zeros(3))
    assert regard.to_json() == {"hype": [(0, 0.5)], "shame": [(1, 0.5)]}
    regard.look(np.array([minute, 2 * minute, 0]), np.zeros(3))
    assert regard.to_json() == {"hype": [(0, 0.5)], "shame": [(1, 0.5)]}, "no game time has passed"


def test_hype_counts_by_how_many_deviations_a_lane_has_earned_more_than_is_usual() -> None:
    regard = Regard(2, step_hz=10.0)
    regard.look(np.array([10, 10]), np.array([12.0, 8.0]))
    assert regard.to_json()["hype"] == [], "nothing is usual yet"
    mean, deviation = 1.0, math.sqrt((12.0**2 + 8.0**2) / 20)
    gain = mean * 10 + (USUAL + 1.0) * deviation * math.sqrt(10)
    regard.look(np.array([20, 20]), np.array([12.0 + gain, 8.0 + 10.0]))
    assert regard.to_json()["hype"] == [(0, 1.0)]
    regard.look(np.array([30, 20]), np.array([12.0 + gain + 1e6, 18.0]))
    assert regard.hype[0] == pytest.approx(0.5 ** (1 / HALF_LIFE_S) + MOST_SURPRISE)
    assert 0.9 < KEPT < 1.0


def test_only_the_highest_scores_are_told_highest_first() -> None:
    regard = Regard(MOST_LANES + 2, step_hz=1.0)
    for lane in range(MOST_LANES + 2):
        for _ in range(lane):
            regard.credit(lane, "fame")
    told = regard.to_json()["hype"]
    assert told[0] == (MOST_LANES + 1, MOST_LANES + 1.0) and len(told) == MOST_LANES
