from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ludus.core.errors import InputError, StateError
from ludus.gameboy import GameBoy, GameBoyWorld
from ludus.gameboy.codec import find_codec
from ludus.gameboy.machine import VIEWS, greys, pack, see, unpack
from tests.gameboy.roms import program, scroller
from tests.world_conformance import WorldConformance

SHORT: dict[str, Any] = {"frames_per_step": 3, "release_after_frames": 2, "max_steps": 12}


@cache
def starts() -> tuple[bytes, ...]:
    """States of the scroller at different places, one of them saved by a World."""
    gb = GameBoy(scroller())
    gb.tick(10)
    states = []
    for _ in range(3):
        gb.button("right", 7)
        gb.tick(9)
        states.append(gb.save_state())
    return tuple(states)


class TestFromPowerOn(WorldConformance):
    seeds_matter = False

    def make(self, lanes: int, threads: int = 1) -> GameBoyWorld:
        return GameBoyWorld(scroller(), lanes, threads=threads, **SHORT)


class TestFromStarts(WorldConformance):
    def make(self, lanes: int, threads: int = 1) -> GameBoyWorld:
        return GameBoyWorld(scroller(), lanes, threads=threads, starts=starts(), view="packed", **SHORT)


def world(lanes: int = 1, **settings: Any) -> GameBoyWorld:
    made = GameBoyWorld(scroller(), lanes, **settings)
    made.reset()
    return made


def test_a_step_is_the_button_held_then_let_go_and_the_last_frame_shown() -> None:
    gb, many = GameBoy(scroller()), world(view="full", codec="full_v0")
    for name in ("NOOP", "RIGHT", "RIGHT", "DOWN", "A"):
        if name != "NOOP":
            gb.button(name.lower(), 8)
        gb.tick(24)
        step = many.step([find_codec("full_v0").number(name)])
        np.testing.assert_array_equal(step.frames[0], gb.screen)
    assert step.tick.tolist() == [5 * 24]


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_the_full_picture_seen_so(view: str) -> None:
    full, seen = world(view="full"), world(view=view)
    for action in (0, 4, 2, 5, 0):
        expected, got = full.step([action]).frames[0], seen.step([action]).frames
        assert got.shape == (1, *VIEWS[view])
        np.testing.assert_array_equal(got[0], see(expected, view))


def test_the_views_by_hand() -> None:
    picture = np.zeros((144, 160), np.uint8)
    picture[0, :8] = [3, 3, 1, 0, 2, 0, 0, 1]
    picture[1, :4] = [3, 2, 1, 0]
    assert see(picture, "half")[0, :4].tolist() == [3, 1, 2, 0]
    assert see(picture, "mean")[0, :4].tolist() == [3, 1, 1, 0]
    assert see(picture, "packed")[0, 0] == 3 | 1 << 2 | 2 << 4
    np.testing.assert_array_equal(unpack(pack(picture)), picture)


def test_greys_are_those_of_the_four_shades_or_of_a_packed_bytes_mean() -> None:
    assert greys("half") == (255, 170, 85, 0)
    assert (len(greys("packed")), greys("packed")[0], greys("packed")[255], greys("packed")[3]) == (256, 255, 0, 191)


def test_frames_own_their_memory_and_are_taken_without_a_copy() -> None:
    many = world(2)
    frames = many.step([0, 1]).frames
    assert frames.flags.owndata
    taken = np.from_dlpack(frames)
    assert np.shares_memory(taken, frames)
    kept = taken.copy()
    many.step([3, 4])
    many.reset()
    np.testing.assert_array_equal(taken, kept)


@pytest.mark.slow
def test_torch_takes_frames_without_a_copy() -> None:
    torch = pytest.importorskip("torch", reason="needs: pip install 'ludus[rl]'")
    frames = world(2).step([0, 1]).frames
    assert torch.from_dlpack(frames).data_ptr() == frames.ctypes.data


def test_seed_and_episode_choose_the_start_state_and_a_reset_shows_its_picture() -> None:
    many = GameBoyWorld(scroller(), 6, starts=starts(), view="full")
    pictures = []
    for state in starts():
        gb = GameBoy(scroller())
        gb.load_state(state)
        pictures.append(gb.screen)
    seen: list[list[int]] = []
    for _ in range(8):
        frames = many.reset(seeds=None).frames
        seen.append([next(i for i, p in enumerate(pictures) if (p == frame).all()) for frame in frames])
    assert set(np.ravel(seen)) == {0, 1, 2}
    assert len({tuple(row) for row in seen}) > 1
    many.reset(seeds=0)
    assert [many.reset().frames.tobytes() for _ in range(3)] == [
        np.stack([pictures[i] for i in row]).tobytes() for row in seen[1:4]
    ]


def test_starts_may_be_files_and_lanes_that_a_world_saved(tmp_path: Path) -> None:
    many = world()
    many.step([4])
    path = tmp_path / "start.state"
    path.write_bytes(many.save(0))
    shown = GameBoyWorld(scroller(), 2, starts=[path]).reset().frames
    np.testing.assert_array_equal(shown, np.concatenate([many.reset(mask=[False]).frames] * 2))


def test_a_start_that_does_not_fit_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "other.state"
    path.write_bytes(GameBoy(program("")).save_state())
    with pytest.raises(StateError, match=r"other\.state: saved with the ROM of sha256"):
        GameBoyWorld(scroller(), 1, starts=[path])
    with pytest.raises(StateError, match=r"starts\[1\]: damaged"):
        GameBoyWorld(scroller(), 1, starts=[starts()[0], starts()[1][:-1] + b"\0"])
    with pytest.raises(StateError, match=r"starts\[0\]: saved with view 'full', expected 'half'"):
        GameBoyWorld(scroller(), 1, starts=[world(view="full").save(0)])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"view": "full"}, "view 'full', expected 'half'"),
        ({"codec": "pokemonred_puffer_v1"}, "codec 'pokemonred_puffer_v1', expected 'full_v0'"),
        ({"frames_per_step": 12}, "frames_per_step 12, expected 24"),
        ({"release_after_frames": 1}, "release_after_frames 1, expected 8"),
    ],
)
def test_a_lane_of_a_world_that_means_other_things_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(StateError, match=message):
        world().load(0, world(**settings).save(0))


def test_a_consoles_state_is_no_lane_and_a_lane_is_no_consoles_state() -> None:
    with pytest.raises(StateError, match="saved by a GameBoy, expected a World's lane"):
        world().load(0, starts()[0])
    with pytest.raises(StateError, match="that of a World's lane, expected a console's"):
        GameBoy(scroller()).load_state(world().save(0))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"device": "cuda"}, "device is 'cuda': this version of Ludus steps Game Boys on the CPU alone"),
        ({"view": "ful"}, "view is 'ful'; did you mean 'full'"),
        ({"codec": "full"}, "no action codec 'full'; did you mean 'full_v0'"),
        ({"frames_per_step": 0}, "frames_per_step is 0, expected 1 or more"),
        ({"release_after_frames": 25}, "release_after_frames is 25, expected 0 to 24"),
        ({"max_steps": 0}, "max_steps is 0, expected 1 or more"),
        ({"threads": 0}, "threads is 0, expected at least 1"),
        ({"lanes": 0}, "lanes is 0, expected at least 1"),
    ],
)
def test_settings_that_cannot_be_are_errors(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        GameBoyWorld(scroller(), **{"lanes": 1} | settings)


def test_an_episode_is_truncated_at_max_steps_and_never_terminated() -> None:
    many = world(max_steps=3)
    ends = [many.step([0]) for _ in range(3)]
    assert [step.truncated[0].item() for step in ends] == [False, False, True]
    assert not any(step.terminated.any() for step in ends)


def test_the_spec_tells_frames_as_time() -> None:
    spec = world().spec
    assert (spec.id, spec.ticks_per_step, round(spec.tick_hz, 4)) == ("gameboy:SCROLLER", 24, 59.7275)


def test_every_lane_of_many_is_the_lane_alone() -> None:
    rows = np.random.default_rng(0).integers(0, 9, (6, 20))
    many, alone = world(20, threads=2), [world() for _ in range(20)]
    for row in rows:
        together = many.step(row).frames
        apart = np.concatenate([one.step([action]).frames for one, action in zip(alone, row, strict=True)])
        np.testing.assert_array_equal(together, apart)
