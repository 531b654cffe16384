from __future__ import annotations

import dataclasses
import itertools
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
import pytest
from gymnasium import spaces

from ludus.core.errors import ActionError, InputError, MissingExtraError, StateError
from ludus.core.gym import WorldEnv
from ludus.core.gym_world import GymWorld, episode_seed
from tests.dots_env import IMAGES, SIZE, DotsEnv
from tests.world_play import assert_same

WORLDS_PAGE = Path(__file__).parent.parent.parent / "docs" / "worlds.md"


def test_a_lane_shows_what_the_game_alone_shows_when_seeded_as_documented() -> None:
    world, game = GymWorld(DotsEnv, 2), DotsEnv()
    world.reset(seeds=[3, 8])
    for episode in range(3):
        seen, _ = game.reset(seed=episode_seed(8, episode))
        step = world.reset(mask=[False, False])
        while not step.done[1]:
            np.testing.assert_array_equal(step.frames[1], seen)
            step = world.step([1, 1], mask=[False, True])
            seen, reward, terminated, _, _ = game.step(1)
            assert (step.reward[1], step.terminated[1]) == (np.float32(reward), terminated)
        np.testing.assert_array_equal(step.frames[1], seen)
        world.reset(mask=[False, True])


def test_an_episodes_seed_is_one_that_every_game_takes_and_never_changes() -> None:
    assert [episode_seed(0, 0), episode_seed(0, 1), episode_seed(-1, 0)] == [916557772, 131784362, 1473512424]
    assert all(0 <= episode_seed(seed, 5) < 2**31 for seed in range(-50, 50))


@pytest.mark.parametrize("observe", [name for name in IMAGES if name != "stacked"])
def test_image_observations_of_every_layout_show_the_same_picture(observe: str) -> None:
    world, colour = GymWorld(partial(DotsEnv, observe), 1), GymWorld(DotsEnv, 1)
    frame, expected = world.reset(seeds=1).frames, colour.reset(seeds=1).frames
    grey = observe.startswith("grey")
    assert world.spec.frame_shape == ((SIZE, SIZE) if grey else (SIZE, SIZE, 3))
    assert world.spec.shades == (tuple(range(256)) if grey else None)
    np.testing.assert_array_equal(frame, expected[..., 0] if grey else expected)


def test_a_game_can_be_drawn_or_seen_as_a_vector_and_plays_the_same() -> None:
    make = partial(DotsEnv, "place", render_mode="rgb_array")
    drawn, vector = GymWorld(make, 2), GymWorld(make, 2, show="vector")
    assert (drawn.spec.frame_shape, drawn.spec.frame_dtype.name) == ((SIZE, SIZE, 3), "uint8")
    assert (vector.spec.frame_shape, vector.spec.frame_dtype.name) == ((2 * SIZE,), "float32")
    for one, other in [(drawn.reset(), vector.reset()), (drawn.step([1, 1]), vector.step([1, 1]))]:
        places = np.argwhere(one.frames[..., 0])[:, 1:]
        np.testing.assert_array_equal(np.eye(SIZE)[places].reshape(2, -1), other.frames)


def test_the_games_clock_is_its_render_fps_unless_told() -> None:
    assert GymWorld(DotsEnv, 1).spec.step_hz == 12
    assert GymWorld(DotsEnv, 1, step_hz=60).spec.step_hz == 60


def test_max_steps_truncates_and_the_games_end_terminates() -> None:
    world = GymWorld(DotsEnv, 1, max_steps=2)
    world.reset()
    assert [bool(world.step([1]).truncated[0]) for _ in range(2)] == [False, True]
    world = GymWorld(DotsEnv, 1)
    step = world.reset()
    while not step.done[0]:
        step = world.step([1])
    assert (step.terminated[0], step.truncated[0]) == (True, False)


# Actions

SPACES: dict[str, tuple[spaces.Space[Any], Any, Any, str]] = {
    "from one": (spaces.Discrete(3, start=1), [3, 1], [3, 0], "the action of lane 1 is 0, expected 1 to 3."),
    "parts": (
        spaces.MultiDiscrete([3, 2]),
        [[2, 1], [0, 0]],
        [[2, 1], [0, 2]],
        "the action of lane 1, at [1], is 2, expected 0 to 1.",
    ),
    "bits": (spaces.MultiBinary(2), [[0, 1], [1, 1]], [[0, 1], [2, 1]], "lane 1, at [0], is 2, expected 0 to 1."),
    "forces": (spaces.Box(-1, 2, (1,)), [[0.5], [2]], [[0.5], [2.5]], "lane 1, at [0], is 2.5, expected -1.0 to 2.0."),
    "no number": (spaces.Box(-1, 2, (1,)), [[0], [1]], [[0], [np.nan]], "lane 1, at [0], is nan, expected -1.0 to 2.0"),
    "too few": (
        spaces.Box(-1, 2, (2,)),
        [[0, 0]] * 2,
        [[0], [0]],
        "int64[2, 1], expected numbers [2, 2]: [2] per lane",
    ),
    "too real": (spaces.MultiBinary(1), [[0], [1]], [[0.0], [1.0]], "expected integers [2, 1]: [1] per lane"),
}


@pytest.mark.parametrize(("space", "good", "bad", "message"), SPACES.values(), ids=list(SPACES))
def test_actions_of_every_space_reach_the_game_or_are_refused_by_lane_part_and_range(
    space: spaces.Space[Any], good: npt.ArrayLike, bad: npt.ArrayLike, message: str
) -> None:
    envs, make = remembered(partial(DotsEnv, "colour", space))
    world = GymWorld(make, 2)
    world.reset()
    world.step(good)
    received = [env.received[-1] for env in envs if env.received]
    np.testing.assert_array_equal(received, np.asarray(good))
    assert all(space.contains(action) for action in received)
    with pytest.raises(ActionError, match=re.escape(message)):
        world.step(bad)
    assert sum(len(env.received) for env in envs) == 2


def remembered(make: Callable[[], DotsEnv]) -> tuple[list[DotsEnv], Callable[[], DotsEnv]]:
    """A list, and a `make` that puts every game it makes there."""
    envs: list[DotsEnv] = []

    def make_and_keep() -> DotsEnv:
        envs.append(make())
        return envs[-1]

    return envs, make_and_keep


# What cannot be a World


class TextEnv(DotsEnv):
    def __init__(self) -> None:
        super().__init__("place")
        self.metadata = {"render_modes": ["ansi"]}


class GrowingEnv(DotsEnv):
    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return np.zeros((SIZE + 1, SIZE, 3), np.uint8), 0.0, False, False, {}


class WideActions(DotsEnv):
    def __init__(self) -> None:
        super().__init__("colour", spaces.Tuple([spaces.Discrete(2)]))


class ListEnv(DotsEnv):
    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Sequence(spaces.Discrete(2))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"make": TextEnv}, "TextEnv has no image observations and renders ['ansi'], expected 'rgb_array' among them"),
        ({"make": partial(DotsEnv, "place")}, "render_mode None, expected 'rgb_array'; make it with that"),
        ({"make": partial(DotsEnv, "stacked")}, "observations are uint8[4, 12, 12], expected one picture of 1 or 3"),
        ({"make": WideActions}, "expected Discrete, MultiDiscrete, MultiBinary or Box; wrap the game"),
        ({"make": ListEnv, "show": "vector"}, "no fixed number of values"),
        ({"make": DotsEnv, "show": "pixel"}, "show is 'pixel', known are: auto, render, vector."),
        ({"make": DotsEnv, "settings": {"size": 3}}, "expected none beside a callable"),
        ({"make": DotsEnv, "lanes": 0}, "lanes is 0, expected 1 or more"),
        ({"make": DotsEnv, "max_steps": 0}, "max_steps is 0, expected 1 or more"),
        ({"make": "CartPool-v1"}, "make is 'CartPool-v1' with settings {}, expected what gymnasium.make takes"),
        ({"make": "CartPole-v1", "settings": {"gravity": 1}}, "gravity"),
    ],
)
def test_what_cannot_be_a_world_is_an_error_that_says_why(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        GymWorld(**{"lanes": 1} | settings)


def test_a_frame_of_another_shape_is_an_error() -> None:
    world = GymWorld(GrowingEnv, 1)
    world.reset()
    with pytest.raises(InputError, match=re.escape("GrowingEnv shows uint8[13, 12, 3], expected uint8[12, 12, 3]")):
        world.step([0])


@pytest.mark.parametrize(("name", "module"), [("ALE/Pong-v5", "ale_py"), ("MiniGrid-Empty-5x5-v0", "minigrid")])
def test_a_missing_package_is_an_error_with_its_remedy(name: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'ludus[games]'")):
        GymWorld(name, 1)


def test_a_missing_pygame_is_an_error_only_where_something_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(MissingExtraError, match="pygame, which draws CartPole-v1, is not installed"):
        GymWorld("CartPole-v1", 1)
    assert GymWorld("CartPole-v1", 1, show="vector").reset().frames.shape == (1, 4)


# Saving


class RestlessEnv(DotsEnv):
    """A game that begins elsewhere every time, whatever its seed."""

    episodes = itertools.count()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.place[:] = 4 + next(self.episodes) % 4
        return self._observe(), {}


def test_a_game_that_does_not_come_back_the_same_is_an_error_and_the_lane_is_untouched() -> None:
    world = GymWorld(RestlessEnv, 2)
    world.reset()
    for _ in range(3):
        before = world.step([1, 1])
    with pytest.raises(StateError, match="RestlessEnv looks different after the same 3 steps; make it with"):
        world.load(1, world.save(0))
    look = world.reset(mask=[False, False])
    assert_same([look], [dataclasses.replace(before, reward=look.reward)])
    assert (world.step([1, 1]).tick == 4).all()


def test_a_state_of_another_game_is_an_error() -> None:
    one, other = GymWorld(DotsEnv, 1), GymWorld("CartPole-v1", 1, show="vector")
    one.reset()
    with pytest.raises(StateError, match="the state is one of 'DotsEnv', expected 'CartPole-v1'"):
        other.load(0, one.save(0))


def test_a_lane_that_never_began_is_saved_so() -> None:
    world = GymWorld(DotsEnv, 1)
    state = world.save(0)
    world.reset()
    world.load(0, state)
    look = world.reset(mask=[False])
    assert look.done.all() and not look.frames.any()


def test_closing_closes_every_game() -> None:
    envs, make = remembered(DotsEnv)
    world = GymWorld(make, 2)
    world.reset()
    world.load(0, world.save(1))
    world.close()
    assert len(envs) == 4 and all(env.closed for env in envs)  # one to look at, two lanes, one to load with


# The single Gymnasium face


def test_a_picture_in_colour_is_rendered_as_it_is() -> None:
    env = WorldEnv(GymWorld(DotsEnv, 1), render_mode="rgb_array")
    frames, _ = env.reset(seed=0)
    picture = env.render()
    assert picture is not None
    np.testing.assert_array_equal(picture, frames[-1])
    assert not np.shares_memory(picture, frames)


def test_a_world_of_vectors_renders_nothing() -> None:
    world = GymWorld("CartPole-v1", 1, show="vector")
    assert WorldEnv(world).render() is None
    assert WorldEnv(world).observation_space == spaces.Box(-np.inf, np.inf, (4, 4), np.float32)
    with pytest.raises(InputError, match="expected None, for this World shows vectors"):
        WorldEnv(world, render_mode="rgb_array")


# Games of others


def test_breakout_comes_back_exactly_with_its_sticky_buttons() -> None:
    pytest.importorskip("ale_py", reason="ale-py is not installed: pip install 'ludus[games]'")
    world = GymWorld("ALE/Breakout-v5", 2, max_steps=200)
    assert (world.spec.frame_shape, world.spec.id) == ((210, 160, 3), "ALE/Breakout-v5")
    world.reset(seeds=[4, 9])
    rows = np.random.Generator(np.random.PCG64(0)).integers(0, 4, (120, 2))
    for row in rows[:60]:
        world.step(row)
    state = world.save(0)
    once = [world.step(row).frames[0] for row in rows[60:]]
    world.load(1, state)
    again = [world.step(row[::-1], mask=[False, True]).frames[1] for row in rows[60:]]
    np.testing.assert_array_equal(once, again)
    assert (once[0] != once[-1]).any()


def test_an_id_is_drawn_only_where_its_observations_are_no_pictures() -> None:
    pytest.importorskip("pygame", reason="pygame is not installed: pip install 'ludus[games]'")
    world = GymWorld("CartPole-v1", 1)
    assert world.reset().frames.shape == (1, 400, 600, 3)
    assert world.spec.step_hz == gymnasium.make("CartPole-v1").metadata["render_fps"]


def test_the_code_of_the_docs_runs_and_shows_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    for module in ("ale_py", "minigrid"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install 'ludus[games]'")
    section = WORLDS_PAGE.read_text().split("## Any Gymnasium game")[1]
    code = section.split("```python")[1].split("```")[0]
    worlds: dict[str, Any] = {}
    exec(code, worlds)
    assert capsys.readouterr().out.startswith("(8, 4) [")
    shown = {line.split(" = ")[0]: line.split("#")[1] for line in code.splitlines() if "#" in line}
    assert set(shown) == {"pong", "grid", "pole"}
    for name, comment in shown.items():
        frames = worlds[name].reset().frames
        assert f"{frames.dtype}{list(frames.shape)}" in comment
