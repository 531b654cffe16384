"""What both Gymnasium faces of every World promise, as tests to inherit."""

from __future__ import annotations

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from ludus.core.gym import WorldEnv, WorldVectorEnv
from tests.world_play import WorldPlay


class GymConformance(WorldPlay):
    def test_the_single_face_passes_the_gymnasium_checker(self) -> None:
        name = f"Conformance/{type(self).__name__}-v0"
        gymnasium.register(name, entry_point=lambda **settings: WorldEnv(self.make(1), **settings))
        try:
            mode = "rgb_array" if self.make(1).spec.pictures else None
            with warnings.catch_warnings():
                if mode is None:  # a vector has no bounds, and nothing is drawn of it
                    warnings.filterwarnings("ignore", message=".*(infinity|render_modes)")
                check_env(gymnasium.make(name, render_mode=mode).unwrapped)
        finally:
            del gymnasium.registry[name]

    @pytest.mark.parametrize("mode", list(AutoresetMode))
    def test_the_vector_face_equals_gymnasiums_own_vector_of_single_faces(self, mode: AutoresetMode) -> None:
        ours = WorldVectorEnv(self.make(3), stack=3, autoreset_mode=mode)
        theirs = SyncVectorEnv([lambda: WorldEnv(self.make(1), stack=3)] * 3, autoreset_mode=mode)
        assert ours.observation_space == theirs.observation_space
        assert ours.action_space == theirs.action_space
        assert ours.metadata["autoreset_mode"] is mode
        assert data_equivalence(ours.reset(seed=4), theirs.reset(seed=4), exact=True)
        ends = 0
        for row in self.actions(ours.world, steps=self.max_steps):
            one, other = ours.step(row), theirs.step(row)
            assert data_equivalence(one, other, exact=True)
            done = one[2] | one[3]
            if done.any() and mode is AutoresetMode.DISABLED:
                one_reset = ours.reset(options={"reset_mask": done.copy()})
                assert data_equivalence(one_reset, theirs.reset(options={"reset_mask": done.copy()}), exact=True)
            ends += int(done.sum())
            if ends >= 4:
                return
        pytest.fail(f"only {ends} episodes ended within max_steps = {self.max_steps}, expected 4")

    @pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP])
    def test_autoreset_never_loses_the_last_frame(self, mode: AutoresetMode) -> None:
        world = self.make(2)
        world.reset(seeds=0)
        end = self.play_to_end(world)
        lane = int(np.flatnonzero(end.done)[0])
        env = WorldVectorEnv(self.make(2), autoreset_mode=mode)
        env.reset(seed=0)
        for row in self.actions(world, steps=self.max_steps):
            shown, _, terminated, truncated, info = env.step(row)
            if (terminated | truncated).any():
                break
        last = info["final_obs"][lane] if mode is AutoresetMode.SAME_STEP else shown[lane]
        np.testing.assert_array_equal(last[-1], end.frames[lane])
