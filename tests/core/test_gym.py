from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from ludus.core.errors import InputError, LaneEndedError
from ludus.core.gym import WorldEnv, WorldVectorEnv
from tests.walk_world import WalkWorld


def test_a_stack_holds_the_last_frames_newest_last() -> None:
    env = WorldEnv(WalkWorld(1), stack=3)
    first, _ = env.reset(seed=0)
    assert (first == first[:1]).all()
    second = env.step(2)[0]
    third = env.step(0)[0]
    np.testing.assert_array_equal(second[:2], first[1:])
    np.testing.assert_array_equal(third[:2], second[1:])
    assert (third[2] != second[2]).any()


def test_a_reset_refills_only_the_stacks_of_its_lanes() -> None:
    env = WorldVectorEnv(WalkWorld(2), stack=2, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0)
    before = env.step([2, 2])[0]
    after, info = env.reset(options={"reset_mask": np.array([True, False])})
    np.testing.assert_array_equal(after[1], before[1])
    assert (after[0] == after[0, :1]).all()
    assert (info["tick"].tolist(), info["_tick"].tolist()) == ([0, 0], [True, False])


def test_observations_are_the_callers_to_change() -> None:
    one, other = WorldVectorEnv(WalkWorld(2)), WorldVectorEnv(WalkWorld(2))
    first, _ = one.reset(seed=0)
    other.reset(seed=0)
    first[:] = 9
    np.testing.assert_array_equal(one.step([0, 1])[0], other.step([0, 1])[0])


def test_a_picture_shows_the_newest_frame_in_the_shades_of_the_world() -> None:
    env = WorldEnv(WalkWorld(1), render_mode="rgb_array")
    frames, _ = env.reset(seed=0)
    picture = env.render()
    assert picture is not None
    assert picture.shape == (2, 8, 3)
    assert picture[frames[-1] == 3].tolist() == [[0, 0, 0]]
    assert picture[frames[-1] == 0].min() == 255
    assert env.metadata["render_fps"] == 10.0
    assert WorldEnv(WalkWorld(1)).render() is None


def test_without_autoreset_an_ended_lane_waits_for_its_reset() -> None:
    env = WorldVectorEnv(WalkWorld(1), autoreset_mode="Disabled")
    env.reset(seed=0)
    while not env.step([2])[2].any():
        pass
    with pytest.raises(LaneEndedError):
        env.step([2])
    env.reset(options={"reset_mask": np.array([True])})
    env.step([2])


def test_the_vector_face_takes_gymnasiums_own_wrappers() -> None:
    env = gymnasium.wrappers.vector.RecordEpisodeStatistics(WorldVectorEnv(WalkWorld(2)))
    env.reset(seed=0)
    infos = [env.step([2, 2])[4] for _ in range(20)]
    assert any("episode" in info for info in infos)
    env.close()


def test_what_the_faces_cannot_do_is_an_error_that_says_what_they_can() -> None:
    with pytest.raises(InputError, match="2 lanes, expected 1; use WorldVectorEnv"):
        WorldEnv(WalkWorld(2))
    with pytest.raises(InputError, match="'human', expected None or 'rgb_array'"):
        WorldEnv(WalkWorld(1), render_mode="human")
    with pytest.raises(InputError, match="stack is 0, expected at least 1"):
        WorldEnv(WalkWorld(1), stack=0)
    with pytest.raises(InputError, match=r"\['mask'\], expected \['reset_mask'\]"):
        WorldVectorEnv(WalkWorld(1)).reset(options={"mask": 1})
    with pytest.raises(InputError, match=r"\['reset_mask'\], expected none"):
        WorldEnv(WalkWorld(1)).reset(options={"reset_mask": 1})
    with pytest.raises(InputError, match="seeds are"):
        WorldVectorEnv(WalkWorld(2)).reset(seed=[1])
