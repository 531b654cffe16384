"""Goals to learn from: rewards, ends and chains, in a World that keeps every promise of a World."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from ludus.core.errors import InputError, StateError
from ludus.core.protocols import World
from ludus.core.types import Step
from ludus.gameboy import GameBoyWorld
from ludus.goals.artefact import load_goal
from ludus.goals.match import distance, to_tensor
from ludus.goals.task import GoalReward, GoalWorld, Stage
from tests.goals.record import GOALS
from tests.goals.wide_walk import WideWalk, screen
from tests.potyard.memory import FOLDER
from tests.walk_world import GOAL
from tests.world_conformance import WorldConformance

STAY, LEFT, RIGHT = 0, 1, 2
CLOCK = np.stack([screen(3, tick) for tick in range(9)])
"""The walk at one place, whatever its clock says."""


def stage(place: int = 3, *, k: int = 1, start: bytes | None = None, max_steps: int = 20) -> Stage:
    return Stage(np.stack([screen(place, tick) for tick in range(9)]), 0.01, k, start, max_steps)


def start_at(place: int, lanes: int = 1) -> bytes:
    """A lane of the walk that begins at a place."""
    world = WideWalk(lanes)
    for seed in range(200):
        if (world.reset(seeds=seed).frames[0] == screen(place, 0)).all():
            return world.save(0)
    raise AssertionError(f"no seed begins at {place}")


class TestGoalWorld(WorldConformance):
    def make(self, lanes: int, threads: int = 1) -> World:
        return GoalWorld(WideWalk(lanes), [stage(k=2, max_steps=12)])


class TestChain(WorldConformance):
    seeds_matter = False

    def make(self, lanes: int, threads: int = 1) -> World:
        stages = [stage(place, start=start_at(place - 2), max_steps=9) for place in (2, 4, 5)]
        return GoalWorld(WideWalk(lanes), stages)


def dist(step: Step, goal: Stage) -> npt.NDArray[np.float32]:
    found: npt.NDArray[np.float32] = distance(to_tensor(step.frames), to_tensor(goal.templates)).numpy()
    return found


def test_a_step_is_worth_its_cost_the_way_it_came_nearer_and_the_bonus() -> None:
    goal = stage(k=2)
    world = GoalWorld(WideWalk(3), [goal], reward=GoalReward(step_cost=-0.5, alpha=2.0, bonus=7.0))
    before, done = dist(world.reset(seeds=5), goal), np.zeros(3, np.bool_)
    counts = np.zeros(3, int)
    for action in [RIGHT, STAY, LEFT, LEFT, RIGHT, STAY, STAY, LEFT, STAY, STAY] * 2:
        running = ~done
        step = world.step([action] * 3, mask=running)
        after = np.where(running, dist(step, goal), before)
        counts = np.where(running, (counts + 1) * (after < np.float32(goal.tau)), counts)
        reached = running & (counts >= 2)
        expected = np.float32(-0.5) + np.float32(2) * (before - after) + np.float32(7) * reached
        np.testing.assert_array_equal(step.reward, np.where(running, expected, 0).astype(np.float32))
        np.testing.assert_array_equal(world.distance, after)
        before, done = after, step.done
    assert done.any()


def test_the_defaults_are_the_seeds() -> None:
    assert GoalReward() == GoalReward(step_cost=-0.01, alpha=1.0, bonus=10.0)
    assert Stage(CLOCK, 0.1, 2).max_steps == 128


def test_an_episode_ends_with_the_goal_with_the_game_and_with_its_steps() -> None:
    world = GoalWorld(WideWalk(1), [stage(3, start=start_at(2))])
    world.reset(seeds=0)
    ended = next(step for _ in range(99) if (step := world.step([RIGHT])).done[0])
    assert (ended.terminated[0], ended.truncated[0], ended.reward[0] > 9) == (True, False, True)
    world = GoalWorld(WideWalk(1), [stage(0, start=start_at(GOAL - 1))])
    world.reset(seeds=0)
    ended = next(step for _ in range(99) if (step := world.step([RIGHT])).done[0])
    assert (ended.terminated[0], ended.reward[0] < 1) == (True, True)
    world = GoalWorld(WideWalk(1), [stage(7, start=start_at(0), max_steps=3)])
    world.reset(seeds=0)
    steps = [world.step([LEFT]) for _ in range(3)]
    assert [step.truncated[0] for step in steps] == [False, False, True]


def test_the_goal_must_be_there_for_k_steps_in_a_row() -> None:
    world = GoalWorld(WideWalk(1), [stage(0, k=3, start=start_at(1))])
    world.reset(seeds=0)
    steps = [world.step([LEFT]) for _ in range(3)]
    assert [step.terminated[0] for step in steps] == [False, False, True]


def chain(lanes: int) -> GoalWorld:
    return GoalWorld(WideWalk(lanes), [stage(0, start=start_at(1), max_steps=2), stage(1, start=start_at(2))])


def test_a_lane_that_reaches_its_goal_goes_on_to_the_next_stage_and_another_tries_again() -> None:
    world = chain(2)
    step = world.reset(seeds=0)
    np.testing.assert_array_equal(step.frames[0], screen(1, 0))
    while not world.step([LEFT, STAY], mask=[True, False]).done[0]:
        pass
    while not world.step([STAY, RIGHT], mask=[False, True]).done[1]:
        pass
    step = world.reset()
    assert world.stage.tolist() == [1, 0]
    np.testing.assert_array_equal(step.frames, np.stack([screen(2, 0), screen(1, 0)]))


def test_after_the_last_stage_comes_the_first_and_a_seed_begins_anew() -> None:
    world = chain(1)
    world.reset(seeds=0)
    stages = []
    for _ in range(3):
        while not world.step([LEFT]).done[0]:
            pass
        world.reset()
        stages.append(int(world.stage[0]))
    assert stages == [1, 0, 1]
    world.reset(seeds=3)
    assert world.stage.tolist() == [0]


def test_an_episode_that_is_cut_short_stays_in_its_stage() -> None:
    world = chain(1)
    world.reset(seeds=0)
    world.reset()
    assert world.stage.tolist() == [0]


def test_the_stage_is_saved_with_the_lane() -> None:
    world = chain(1)
    world.reset(seeds=0)
    while not world.step([LEFT]).done[0]:
        pass
    state = world.save(0)
    other = chain(3)
    other.reset(seeds=9)
    other.load(2, state)
    other.reset(mask=[False, False, True])
    assert other.stage.tolist() == [0, 0, 1]


def test_a_state_of_other_goals_or_rewards_is_refused() -> None:
    world = GoalWorld(WideWalk(1), [stage(0)])
    world.reset(seeds=0)
    state = world.save(0)
    others = [GoalWorld(WideWalk(1), [stage(1)]), GoalWorld(WideWalk(1), [stage(0)], reward=GoalReward(alpha=2))]
    for other in others:
        with pytest.raises(StateError, match="other goals or rewards"):
            other.load(0, state)


def test_events_of_the_inner_world_are_passed_on() -> None:
    world = GoalWorld(WideWalk(1), [stage(0, start=start_at(GOAL - 1))])
    world.reset(seeds=0)
    while not world.step([RIGHT]).done[0]:
        pass
    assert [event.kind for event in world.events()] == ["arrived"]


def test_chains_that_make_no_sense_are_errors() -> None:
    late = WideWalk(1)
    late.reset(seeds=0)
    late.step([STAY])
    for stages, message in [
        ([], "0 stages"),
        ([stage(0), stage(1, start=start_at(2))], "several with a start state each"),
        ([replace(stage(0), tau=0)], "tau is 0"),
        ([replace(stage(0), k_consecutive=0)], "k_consecutive is 0"),
        ([replace(stage(0), max_steps=0)], "max_steps of stage 0 is 0"),
        ([stage(0, start=late.save(0))], "stage 0 is at tick 1, expected 0"),
    ]:
        with pytest.raises(InputError, match=message):
            GoalWorld(WideWalk(1), stages)
    with pytest.raises(StateError):
        GoalWorld(WideWalk(1), [stage(0, start=b"elsewhere")])


def test_making_it_moves_no_lane_of_the_inner_world() -> None:
    inner = WideWalk(1)
    before = inner.reset(seeds=3)
    GoalWorld(inner, [stage(0, start=start_at(1))])
    np.testing.assert_array_equal(inner.reset(mask=[False]).frames, before.frames)


def test_a_world_of_other_frames_is_refused() -> None:
    with pytest.raises(InputError, match="expected 72 x 80 shades"):
        GoalWorld(GameBoyWorld(FOLDER / "potyard.gb", 1, view="full"), [stage()])
    coloured = WideWalk(1)
    coloured.spec = replace(coloured.spec, shades=(0, 255))
    with pytest.raises(InputError, match="expected four shades"):
        GoalWorld(coloured, [stage()])


def potyard(lanes: int) -> GoalWorld:
    """Pot Yard's two goals as a chain."""
    stages = [Stage.of(load_goal(GOALS / name)) for name in ("desert", "crypt")]
    return GoalWorld(GameBoyWorld("potyard", lanes, codec="pokemonred_puffer_v0"), stages)


@pytest.mark.slow
class TestPotYardChain(WorldConformance):
    steps = 12
    max_steps = 300
    seeds_matter = False

    def make(self, lanes: int, threads: int = 1) -> World:
        return potyard(lanes)


def test_the_goals_of_pot_yard_are_a_chain_that_their_traces_walk_through() -> None:
    from ludus.run.goal import read_trace

    world = potyard(1)
    world.reset(seeds=0)
    for number, name in enumerate(("desert", "crypt")):
        assert world.stage.tolist() == [number]
        goal = load_goal(GOALS / name)
        total = 0.0
        for row in read_trace(goal):
            step = world.step(row)
            total += float(step.reward[0])
            if step.done[0]:
                break
        assert step.terminated[0]
        assert total > 9
        world.reset()
    assert world.stage.tolist() == [0]
