"""Pot Yard as a World and as Gymnasium environments."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from ludus.core.gym import WorldEnv
from ludus.core.types import Event
from ludus.gameboy import GameBoyWorld
from tests.world_conformance import WorldConformance


class TestFirstYard(WorldConformance):
    steps = 25

    def make(self, lanes: int, threads: int = 1) -> GameBoyWorld:
        return GameBoyWorld("potyard", lanes, threads=threads, max_steps=12)


class TestTitleAsATank(WorldConformance):
    steps = 25
    seeds_matter = False

    def make(self, lanes: int, threads: int = 1) -> GameBoyWorld:
        return GameBoyWorld("potyard", lanes, threads=threads, max_steps=12, start="title", role="tank")


def play(world: GameBoyWorld, steps: int = 120) -> tuple[list[Event], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    random, returns = np.random.default_rng(2), np.zeros(world.lanes)
    events: list[Event] = []
    world.reset(seeds=0)
    for _ in range(steps):
        step = world.step(random.integers(0, len(world.codec), world.lanes))
        returns += step.reward
        events += world.events()
        world.reset(mask=step.done)
    return events, returns


def test_every_lane_has_its_own_yard() -> None:
    frames = GameBoyWorld("potyard", 16).reset(seeds=100).frames
    assert len({frame.tobytes() for frame in frames}) == 16


def test_the_title_is_the_same_for_all_and_start_leads_into_a_yard() -> None:
    world = GameBoyWorld("potyard", 2, start="title")
    frames = world.reset().frames
    assert (frames[0] == frames[1]).all() and len(np.unique(frames)) == 4
    for name in ("START", *["NOOP"] * 9):
        world.step([world.codec.number(name)] * 2)
    started = [event for event in world.events() if event.kind == "run_start"]
    assert [(event.lane, event.stage, event.payload["practice"]) for event in started] == [(0, "1", 0), (1, "1", 0)]


def test_events_bear_ids_and_time_stamped_once() -> None:
    world = GameBoyWorld("potyard", 4)
    events, _ = play(world)
    assert {event.kind for event in events} >= {"counter_delta", "heart_lost", "stage_end", "death"}
    assert {event.run for event in events} == {world_run(events)}
    assert {event.stage for event in events} <= {"0", "1", "2", "3"}
    assert {event.episode for event in events} >= {"0.0", "3.0", "1.1"}
    assert all(event.tick % 24 == 0 and event.tick > 0 for event in events)
    again = GameBoyWorld("potyard", 4, run="mine")
    mine, _ = play(again)
    assert {event.run for event in mine} == {"mine"}
    assert [(e.kind, e.payload, e.lane, e.tick) for e in mine] == [(e.kind, e.payload, e.lane, e.tick) for e in events]
    assert world_run(play(GameBoyWorld("potyard", 1, role="scout", threads=1), 20)[0]) != world_run(events)


def world_run(events: list[Event]) -> str:
    return events[0].run


def test_events_can_be_left_out() -> None:
    events, returns = play(GameBoyWorld("potyard", 4, events=False))
    assert events == []
    np.testing.assert_array_equal(returns, play(GameBoyWorld("potyard", 4))[1])


def test_roles_reward_differently_and_generalist_is_the_default() -> None:
    returns = {role: play(GameBoyWorld("potyard", 4, role=role))[1] for role in (None, "generalist", "scout", "killer")}
    np.testing.assert_array_equal(returns[None], returns["generalist"])
    assert len({tuple(found) for found in returns.values()}) == 3


def test_loading_a_lane_makes_no_events_of_its_own() -> None:
    world = GameBoyWorld("potyard", 2)
    play(world, 40)
    state = world.save(1)
    world.reset()
    world.events()
    world.load(0, state)
    world.step([0, 0])
    assert "pots_broken" not in {event.payload.get("name") for event in world.events()}


@pytest.mark.parametrize("role", [None, "scout", "speedrunner", "killer", "tank"])
def test_gymnasium_makes_one_in_every_role(role: str | None) -> None:
    env = gymnasium.make("Ludus/PotYard-v0", role=role, max_steps=40)
    assert env.observation_space.shape == (4, 72, 80)
    env.reset(seed=3)
    steps = {"speedrunner": -0.3, "tank": 0.1}
    assert env.step(0)[1] == pytest.approx(steps.get(role or "", 0))
    assert isinstance(env.unwrapped, WorldEnv)
    assert env.unwrapped.world.events() == ()


def test_the_gymnasium_checker_passes() -> None:
    check_env(gymnasium.make("Ludus/PotYard-v0", render_mode="rgb_array").unwrapped)


def test_gymnasium_makes_many() -> None:
    env = gymnasium.make_vec("Ludus/PotYard-v0", num_envs=64, role="killer")
    frames, _ = env.reset(seed=0)
    assert frames.shape == (64, 4, 72, 80)
    for _ in range(5):
        frames, rewards, *_ = env.step(env.action_space.sample())
    assert rewards.shape == (64,)
    env.close()
