"""What every World promises, as tests to inherit.

    class TestMyWorld(WorldConformance):
        def make(self, lanes: int, threads: int = 1) -> World:
            return MyWorld(lanes)

Random play must end an episode within `max_steps`; give a World of long games a short limit in `make`.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from gymnasium.spaces import Discrete

from ludus.core.errors import ActionError, ClosedError, InputError, LaneEndedError, StateError
from ludus.core.protocols import World
from tests.gym_conformance import GymConformance
from tests.world_play import FIELDS, assert_same


class WorldConformance(GymConformance):
    # What a step shows

    def test_it_is_a_world(self) -> None:
        assert isinstance(self.make(2), World)

    def test_steps_have_the_shapes_and_dtypes_of_the_spec(self) -> None:
        world = self.make(3)
        for step in [world.reset(seeds=0), world.step(self.actions(world, steps=1)[0])]:
            if world.spec.shades is not None:
                assert step.frames.max() < len(world.spec.shades)
            assert (world.spec.shades is not None) == (len(world.spec.frame_shape) == 2)
            shapes = {field: getattr(step, field).shape for field in FIELDS}
            assert shapes == dict.fromkeys(FIELDS, (3,)) | {"frames": (3, *world.spec.frame_shape)}
            dtypes = [getattr(step, field).dtype for field in FIELDS]
            assert dtypes == [world.spec.frame_dtype, np.float32, np.bool_, np.bool_, np.int64]

    def test_a_reset_begins_with_no_reward_no_end_and_tick_zero(self) -> None:
        world = self.make(2)
        world.reset(seeds=0)
        world.step(self.actions(world, steps=1)[0])
        step = world.reset()
        assert not step.reward.any()
        assert not step.done.any()
        assert not step.tick.any()

    def test_time_goes_on_with_every_step(self) -> None:
        world = self.make(2)
        before = world.reset(seeds=0)
        after = world.step(self.actions(world, steps=1)[0])
        assert (after.tick > before.tick).all()

    def test_what_was_shown_is_never_overwritten(self) -> None:
        world = self.make(2)
        shown = [world.reset(seeds=0)]
        kept = [copy.deepcopy(shown[0].frames)]
        for step in self.play(world, self.actions(world, steps=5)):
            shown.append(step)
            kept.append(step.frames.copy())
        for step, frames in zip(shown, kept, strict=True):
            np.testing.assert_array_equal(step.frames, frames)
        for one, other in pairwise(shown):
            assert not any(np.shares_memory(getattr(one, field), getattr(other, field)) for field in FIELDS)

    # Determinism

    def test_the_same_seeds_and_actions_give_the_same_play(self) -> None:
        world = self.make(3)
        rows = self.actions(world)
        plays = [[world.reset(seeds=[5, 6, 5]), *self.play(world, rows)] for _ in range(2)]
        assert_same(plays[0], plays[1])

    def test_an_unseeded_world_begins_with_seed_zero(self) -> None:
        one, other = self.make(2), self.make(2)
        assert_same([one.reset(), one.reset()], [other.reset(seeds=0), other.reset()])

    def test_an_int_seeds_each_lane_with_its_own_number(self) -> None:
        one, other = self.make(3), self.make(3)
        rows = self.actions(one, steps=10)
        assert_same(
            [one.reset(seeds=7), *self.play(one, rows)], [other.reset(seeds=[7, 8, 9]), *self.play(other, rows)]
        )

    def test_seeds_matter_exactly_where_the_world_says_so(self) -> None:
        world = self.make(8)
        same_actions = [np.repeat(row[:1], 8, axis=0) for row in self.actions(world)]
        shown = [world.reset(seeds=0), *self.play(world, same_actions)]
        assert any((step.frames != step.frames[:1]).any() for step in shown) == self.seeds_matter

    def test_a_batch_equals_its_lanes_played_alone(self) -> None:
        world = self.make(4)
        together = [world.reset(seeds=10), *self.play(world, self.actions(world))]
        for lane in range(4):
            single = self.make(1)
            alone = [single.reset(seeds=10 + lane), *self.play(single, self.actions(single, first=lane))]
            assert_same(together, alone, lanes=([lane], [0]))

    def test_threads_do_not_matter(self) -> None:
        one, two = self.make(5, threads=1), self.make(5, threads=2)
        rows = self.actions(one)
        assert_same([one.reset(seeds=0), *self.play(one, rows)], [two.reset(seeds=0), *self.play(two, rows)])
        assert one.events() == two.events()

    # Masks

    def test_a_masked_reset_touches_only_its_lanes(self) -> None:
        one, other = self.make(3), self.make(3)
        rows = self.actions(one, steps=3)
        for world in (one, other):
            world.reset(seeds=0)
        before = [one.step(row) for row in rows][-1]
        for row in rows:
            other.step(row)
        after = one.reset(seeds=[90, 91, 92], mask=[False, True, False])
        np.testing.assert_array_equal(after.frames[[0, 2]], before.frames[[0, 2]])
        np.testing.assert_array_equal(after.tick, np.where([False, True, False], 0, before.tick))
        assert not after.reward.any()
        fresh = self.make(3).reset(seeds=[0, 91, 0])
        np.testing.assert_array_equal(after.frames[1], fresh.frames[1])
        assert_same(self.play(one, rows), self.play(other, rows), lanes=([0, 2], [0, 2]))

    def test_a_masked_step_touches_only_its_lanes(self) -> None:
        one, other = self.make(3), self.make(3)
        rows = self.actions(one)
        before, _ = one.reset(seeds=0), other.reset(seeds=0)
        step = one.step(rows[0], mask=[False, True, True])
        np.testing.assert_array_equal(step.frames[0], before.frames[0])
        assert (step.tick[0], step.reward[0]) == (before.tick[0], 0)
        assert_same([step], [other.step(rows[0])], lanes=([1, 2], [1, 2]))
        step = one.step(rows[0], mask=[True, False, False])
        assert_same(self.play(one, rows), self.play(other, rows))

    def test_an_empty_mask_just_looks(self) -> None:
        world = self.make(2)
        world.reset(seeds=0)
        step = world.step(self.actions(world, steps=1)[0])
        look = world.reset(mask=[False, False])
        np.testing.assert_array_equal(look.frames, step.frames)
        np.testing.assert_array_equal(look.tick, step.tick)

    # Ends

    def test_the_last_frame_of_an_episode_stays_until_the_reset(self) -> None:
        world = self.make(2)
        world.reset(seeds=0)
        end = self.play_to_end(world)
        look = world.reset(mask=[False, False])
        for field in ("frames", "terminated", "truncated", "tick"):
            np.testing.assert_array_equal(getattr(look, field), getattr(end, field))

    def test_an_ended_lane_refuses_a_step_until_it_is_reset(self) -> None:
        world = self.make(2)
        world.reset(seeds=0)
        end = self.play_to_end(world)
        row = self.actions(world, steps=1)[0]
        with pytest.raises(LaneEndedError, match=str(np.flatnonzero(end.done)[0])):
            world.step(row)
        np.testing.assert_array_equal(world.reset(mask=[False, False]).tick, end.tick)
        world.reset(mask=end.done)
        assert (world.step(row).tick > 0).all()

    def test_a_lane_that_never_began_refuses_a_step(self) -> None:
        world = self.make(2)
        row = self.actions(world, steps=1)[0]
        with pytest.raises(LaneEndedError, match="lane 0"):
            world.step(row)
        assert world.reset(mask=[True, False]).done.tolist() == [False, True]
        with pytest.raises(LaneEndedError, match="lane 1"):
            world.step(row)

    # Saving

    def test_saving_and_loading_at_any_step_changes_nothing(self) -> None:
        world = self.make(2)
        rows = self.actions(world)
        world.reset(seeds=3)
        for at in range(0, self.steps, max(1, self.steps // 4)):
            self.play(world, rows[:at])
            states = [world.save(lane) for lane in range(2)]
            look = world.reset(mask=[False, False])
            once = self.play(world, rows)
            for lane, state in enumerate(states):
                world.load(lane, state)
            assert_same([look, *once], [world.reset(mask=[False, False]), *self.play(world, rows)])

    def test_a_saved_lane_goes_on_in_any_lane_of_any_such_world(self) -> None:
        one, other = self.make(2), self.make(3)
        rows = self.actions(one)
        one.reset(seeds=3)
        self.play(one, rows[:5])
        other.reset(seeds=40)
        other.load(2, one.save(0))
        wide = [np.concatenate([row[[1]], row[[1]], row[[0]]]) for row in rows]
        assert_same(self.play(one, rows), self.play(other, wide), lanes=([0], [2]))

    def test_an_ended_lane_is_saved_as_ended(self) -> None:
        world = self.make(1)
        world.reset(seeds=0)
        self.play_to_end(world)
        state = world.save(0)
        world.reset()
        world.load(0, state)
        with pytest.raises(LaneEndedError):
            world.step(self.actions(world, steps=1)[0])

    @pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "longer", "foreign"])
    def test_a_damaged_state_is_an_error_and_loads_nothing(self, damage: str) -> None:
        world = self.make(1)
        world.reset(seeds=0)
        state = world.save(0)
        before = world.step(self.actions(world, steps=1)[0])
        flipped = state[: len(state) // 2] + bytes([state[len(state) // 2] ^ 1]) + state[len(state) // 2 + 1 :]
        bad = {"empty": b"", "cut": state[:-1], "flipped": flipped, "longer": state + b"\0", "foreign": bytes(64)}
        with pytest.raises(StateError):
            world.load(0, bad[damage])
        np.testing.assert_array_equal(world.reset(mask=[False]).frames, before.frames)

    # Events

    def test_events_are_drained_and_bear_their_lane_and_tick(self) -> None:
        world = self.make(3)
        world.reset(seeds=0)
        for row in self.actions(world):
            step = world.step(row)
            for event in world.events():
                assert 0 <= event.lane < 3
                assert 0 <= event.tick <= step.tick[event.lane]
            assert world.events() == ()
            world.reset(mask=step.done)
            world.events()

    def test_the_same_play_gives_the_same_events(self) -> None:
        world = self.make(3)
        rows = self.actions(world)
        heard = []
        for _ in range(2):
            world.reset(seeds=0)
            world.events()
            self.play(world, rows)
            heard.append(world.events())
        assert heard[0] == heard[1]

    # Errors at the door

    def test_bad_actions_are_errors_and_no_lane_moves(self) -> None:
        world = self.make(2)
        before = world.reset(seeds=0)
        row = self.actions(world, steps=1)[0]
        bad: list[npt.ArrayLike] = [row[:1], np.concatenate([row, row]), row[0], row.astype(np.str_)]
        if isinstance(space := world.spec.action_space, Discrete):
            bad += [row.astype(np.float32), [0, int(space.n)], [-1, 0]]
        for actions in bad:
            with pytest.raises(ActionError):
                world.step(actions)
        np.testing.assert_array_equal(world.reset(mask=[False, False]).tick, before.tick)

    @pytest.mark.parametrize("lane", [-1, 2])
    def test_a_lane_that_is_not_there_is_an_error(self, lane: int) -> None:
        world = self.make(2)
        world.reset(seeds=0)
        with pytest.raises(InputError, match=f"lane is {lane}, expected 0 to 1"):
            world.save(lane)
        with pytest.raises(InputError, match=f"lane is {lane}, expected 0 to 1"):
            world.load(lane, world.save(0))

    @pytest.mark.parametrize("seeds", [[1], [1, 2, 3], [1.5, 2.5], "12"])
    def test_seeds_that_do_not_fit_are_errors(self, seeds: Sequence[int]) -> None:
        with pytest.raises(InputError, match="seeds"):
            self.make(2).reset(seeds=seeds)

    @pytest.mark.parametrize("mask", [[True], [1, 0], True])
    def test_masks_that_do_not_fit_are_errors(self, mask: npt.ArrayLike) -> None:
        world = self.make(2)
        world.reset(seeds=0)
        with pytest.raises(InputError, match="mask"):
            world.reset(mask=mask)
        with pytest.raises(InputError, match="mask"):
            world.step(self.actions(world, steps=1)[0], mask=mask)

    def test_a_closed_world_refuses_everything_but_close(self) -> None:
        world = self.make(1)
        world.reset(seeds=0)
        state, row = world.save(0), self.actions(world, steps=1)[0]
        world.close()
        world.close()
        for use in (
            lambda: world.reset(seeds=0),
            lambda: world.step(row),
            lambda: world.events(),
            lambda: world.save(0),
            lambda: world.load(0, state),
        ):
            with pytest.raises(ClosedError):
                use()
