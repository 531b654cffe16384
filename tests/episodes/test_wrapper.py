from __future__ import annotations

import resource
import signal
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Discrete

from ludus.core.errors import InputError
from ludus.episodes.video.record import Code
from ludus.episodes.wrapper import RecordEpisodes

av = pytest.importorskip("av")


class Numbers(gymnasium.Env[Any, Any]):
    """Shows its step's number as a grey; an episode has `length` steps."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012
    observation_space = Discrete(1000)
    action_space = Discrete(2)

    def __init__(self, length: int = 5, *, side: int = 32, render_mode: str | None = "rgb_array") -> None:
        self.render_mode, self.length, self.side, self.number = render_mode, length, side, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.number = 0
        return 0, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self.number += 1
        return self.number, 1.0, self.number == self.length, False, {}

    def render(self) -> Any:
        return np.full((self.side, self.side, 3), 20 * self.number % 256, np.uint8)


def play(env: RecordEpisodes, episodes: int) -> None:
    for _ in range(episodes):
        env.reset(seed=0)
        while not env.step(0)[2]:
            pass


def greys(path: Path) -> list[int]:
    with av.open(str(path)) as file:
        return [round(float(image.to_ndarray(format="rgb24").mean()) / 20) for image in file.decode(video=0)]


def test_a_film_holds_the_first_picture_and_one_a_step(tmp_path: Path) -> None:
    env = RecordEpisodes(Numbers(), str(tmp_path / "videos"), episode_trigger=lambda number: number != 1)
    play(env, 3)
    assert sorted(path.name for path in (tmp_path / "videos").iterdir()) == [
        "rl-video-episode-0.mp4",
        "rl-video-episode-2.mp4",
    ]  # nothing had to be closed for them
    assert greys(tmp_path / "videos" / "rl-video-episode-2.mp4") == [0, 1, 2, 3, 4, 5]
    assert [record.file.frames for record in env.records if record.file] == [6, 6]


@pytest.mark.parametrize("length", [8, 10, 11, 57, 100])
def test_no_picture_is_lost_where_moviepy_loses_one(tmp_path: Path, length: int) -> None:
    env = RecordEpisodes(Numbers(length - 1), str(tmp_path), fps=10, name_prefix="n")
    play(env, 1)
    with av.open(str(tmp_path / "n-episode-0.mp4")) as file:
        assert sum(1 for _ in file.decode(video=0)) == length
        assert file.streams.video[0].average_rate == 10


def test_by_default_episodes_are_filmed_on_gymnasiums_schedule(tmp_path: Path) -> None:
    play(RecordEpisodes(Numbers(1), str(tmp_path)), 9)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"rl-video-episode-{number}.mp4" for number in (0, 1, 8)
    ]


def test_a_number_of_pictures_from_a_step_on_goes_across_episodes(tmp_path: Path) -> None:
    env = RecordEpisodes(Numbers(), str(tmp_path), step_trigger=lambda step: step == 3, video_length=4)
    play(env, 2)
    env.close()
    assert greys(tmp_path / "rl-video-step-3.mp4") == [4, 5, 0, 1]
    assert not env.recording


def test_closing_finishes_the_film(tmp_path: Path) -> None:
    env = RecordEpisodes(Numbers(), str(tmp_path))
    env.reset()
    env.step(0)
    env.close()
    assert greys(tmp_path / "rl-video-episode-0.mp4") == [0, 1]


def test_a_folder_that_cannot_be_is_a_reason_and_the_play_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    env = RecordEpisodes(Numbers(), str(tmp_path / "file" / "videos"))
    play(env, 1)
    assert [record.reason.code for record in env.records if record.reason] == [Code.UNWRITABLE_PATH]


def test_a_file_that_may_not_grow_is_a_reason_and_leaves_nothing(tmp_path: Path) -> None:
    env = RecordEpisodes(Numbers(40, side=256), str(tmp_path), quality="exact")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        play(env, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert [record.reason.code for record in env.records if record.reason] == [Code.DISK_FULL]
    assert list(tmp_path.iterdir()) == []


def test_a_picture_of_another_size_ends_the_film_with_a_reason(tmp_path: Path) -> None:
    game = Numbers()
    env = RecordEpisodes(game, str(tmp_path))
    env.reset()
    game.side = 16
    env.step(0)
    env.close()
    assert [record.reason.code for record in env.records if record.reason] == [Code.FRAME_SHAPE_CHANGED]
    assert list(tmp_path.iterdir()) == []


def test_a_missing_encoder_is_a_reason_with_the_extra_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "ludus.episodes.video.colour", raising=False)
    monkeypatch.setitem(sys.modules, "av", None)
    env = RecordEpisodes(Numbers(), str(tmp_path))
    play(env, 1)
    (reason,) = [record.reason for record in env.records if record.reason]
    assert reason.code is Code.ENCODER_MISSING
    assert "ludus[video]" in reason.detail


def test_an_environment_that_renders_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="render_mode is None, expected 'rgb_array'"):
        RecordEpisodes(Numbers(render_mode=None), str(tmp_path))
    with pytest.raises(InputError, match="video_length is -1"):
        RecordEpisodes(Numbers(), str(tmp_path), video_length=-1)


def test_memory_does_not_grow_with_the_episode(tmp_path: Path) -> None:
    env = RecordEpisodes(Numbers(2_000, side=160), str(tmp_path))
    env.reset()
    for _ in range(200):
        env.step(0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while not env.step(0)[2]:
        pass
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 32 * 1024  # kept as they are, the pictures would take 138 MB


def test_it_wraps_a_registered_game(tmp_path: Path) -> None:
    pytest.importorskip("pygame")
    env = RecordEpisodes(gymnasium.make("CartPole-v1", render_mode="rgb_array"), str(tmp_path), quality="exact")
    play(env, 1)
    with av.open(str(tmp_path / "rl-video-episode-0.mp4")) as file:
        frames = [image.to_ndarray(format="rgb24") for image in file.decode(video=0)]
    env.reset(seed=0)
    assert np.array_equal(frames[0], np.asarray(env.render()))
