from __future__ import annotations

import statistics
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ludus.core import digest
from ludus.core.errors import InputError
from ludus.core.types import Clip, Frames
from ludus.episodes.video import PendingClip, Studio, VideoSettings, Window, cut_video, render
from ludus.gameboy import GameBoyWorld
from tests.episodes.video.filming import SIM, decode, pictures, shot, spec_of

SHAPE = (24, 32)
FPS = 10
ALL = np.ones(1, np.bool_)
KEEP = SIM.model_copy(update={"ring_s": 60.0})


def numbered(number: int) -> Frames:
    """Give a picture that says its own number in its corner, in base 4."""
    frame = np.zeros((1, *SHAPE), np.uint8)
    frame[0, 0, :8] = [number >> 2 * i & 3 for i in range(8)]
    return frame


def numbers(path: Path) -> list[int]:
    """Give the numbers of the pictures in a file, as PyAV shows them."""
    shades = {16: 3, 89: 2, 162: 1, 235: 0}
    return [sum(shades[int(v)] << 2 * i for i, v in enumerate(frame[0, :8])) for frame in decode(path)]


def play(studio: Studio, count: int, *, cuts: dict[int, Window], finish: bool = True) -> list[PendingClip]:
    """Film pictures 0 to count - 1; after picture k ask for `cuts[k]`."""
    pending = []
    studio.begin(0, "episode")
    for i in range(count):
        studio.add(shot(numbered(i), i), ALL)
        if i in cuts:
            pending.append(studio.cut(0, cuts[i]))
    if finish:
        studio.finish(0, count)
    return pending


def studio_in(folder: Path, asked: VideoSettings = KEEP) -> Studio:
    return Studio(folder, spec_of(SHAPE, fps=FPS), 1, asked)


def clip_of(pending: PendingClip) -> Clip:
    assert pending.clip is not None
    return pending.clip


@given(
    start=st.integers(0, 99), length=st.integers(1, 60), speed=st.sampled_from([0.5, 1.0, 3.0]), ringed=st.booleans()
)
def test_a_clip_shows_exactly_its_frames(
    tmp_path_factory: pytest.TempPathFactory, start: int, length: int, speed: float, ringed: bool
) -> None:
    folder = tmp_path_factory.mktemp("clip")
    end = min(start + length, 100)
    window = Window(tick=start + 1, pre_s=0, post_s=(end - start - 1) / FPS, speed=speed)
    (pending,) = play(studio_in(folder), 100, cuts={99: window})
    clip = clip_of(pending)
    assert (clip.start, clip.end) == (start, end)
    if not ringed:
        clip = cut_video(folder / "videos/episode.mp4", clip, folder=folder / "again", root=folder)
    assert clip.path is not None and clip.frames == end - start
    path = folder / clip.path
    assert numbers(path) == list(range(start, end))
    assert (clip.filesize_bytes, clip.sha256) == (path.stat().st_size, digest.of_file(path))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == Fraction(FPS) * Fraction(speed)


def test_a_clip_waits_for_the_frames_after_its_moment(tmp_path: Path) -> None:
    studio = studio_in(tmp_path)
    (pending,) = play(studio, 50, cuts={49: Window(tick=50, pre_s=1, post_s=2)}, finish=False)
    for i in range(50, 69):
        studio.add(shot(numbered(i), i), ALL)
        assert pending.clip is None
    studio.add(shot(numbered(69), 69), ALL)
    clip = clip_of(pending)
    assert clip.path == "clips/episode__f40-70__clip.mp4"
    assert numbers(tmp_path / clip.path) == list(range(40, 70))
    assert not clip.truncated_pre and not clip.truncated_post


def test_a_clip_that_an_episodes_end_cuts_short_says_so(tmp_path: Path) -> None:
    (pending,) = play(studio_in(tmp_path), 50, cuts={44: Window(tick=45, pre_s=1, post_s=2)})
    clip = clip_of(pending)
    assert clip.truncated_post and not clip.truncated_pre
    assert numbers(tmp_path / str(clip.path)) == list(range(35, 50))


def test_a_clip_that_begins_before_what_is_there_says_so(tmp_path: Path) -> None:
    short = KEEP.model_copy(update={"ring_s": 4.0})
    cuts = {10: Window(tick=11, pre_s=5, post_s=0, tag="a"), 599: Window(tick=600, pre_s=60, post_s=0, tag="b")}
    first, second = map(clip_of, play(studio_in(tmp_path, short), 600, cuts=cuts))
    assert first.truncated_pre and numbers(tmp_path / str(first.path)) == list(range(11))
    assert second.truncated_pre and second.end == 600
    assert 40 <= second.frames <= 40 + 2 * short.gop, "what is asked for, and less than two groups of pictures more"


def test_a_waiting_clip_keeps_its_frames_in_the_ring(tmp_path: Path) -> None:
    short = KEEP.model_copy(update={"ring_s": 1.0})
    cuts = {60: Window(tick=61, pre_s=3, post_s=13)}
    (pending,) = play(studio_in(tmp_path, short), 200, cuts=cuts)
    assert numbers(tmp_path / str(clip_of(pending).path)) == list(range(31, 191))


def test_overlapping_clips_come_from_the_same_packets(tmp_path: Path) -> None:
    cuts = {40 + i: Window(tick=41 + i, pre_s=3, post_s=3, tag=f"feat_{i}") for i in range(5)}
    clips = list(map(clip_of, play(studio_in(tmp_path), 100, cuts=cuts)))
    for i, clip in enumerate(clips):
        assert numbers(tmp_path / str(clip.path)) == list(range(11 + i, 71 + i))


def test_without_a_ring_a_clip_is_left_to_be_drawn_from_the_trace(tmp_path: Path) -> None:
    studio = studio_in(tmp_path, KEEP.model_copy(update={"ring_s": 0.0}))
    (pending,) = play(studio, 20, cuts={9: Window(tick=10, pre_s=0.5, post_s=0.5)})
    clip = clip_of(pending)
    assert (clip.skipped, clip.rerenderable, clip.path) == ("no-ring", True, None)
    drawn = replace(clip, start=5, end=15)
    frames = [numbered(i)[0] for i in range(5, 15)]
    drawn = render(frames, spec_of(SHAPE, fps=FPS), drawn, folder=tmp_path / "clips", root=tmp_path)
    assert drawn.skipped is None and numbers(tmp_path / str(drawn.path)) == list(range(5, 15))


def test_a_ring_works_without_an_episode_file(tmp_path: Path) -> None:
    studio = studio_in(tmp_path, KEEP.model_copy(update={"enabled": False}))
    (pending,) = play(studio, 50, cuts={20: Window(tick=21, pre_s=1, post_s=1)})
    assert numbers(tmp_path / str(clip_of(pending).path)) == list(range(11, 31))
    assert not (tmp_path / "videos").exists()


@pytest.mark.parametrize("tag", ["../../evil", "a/b", "..", "", "x" * 500, "nul\0", "ok", "feat_minor.pots"])
def test_no_tag_leaves_the_folder(tmp_path: Path, tag: str) -> None:
    (pending,) = play(studio_in(tmp_path / "run"), 20, cuts={9: Window(tick=10, pre_s=1, post_s=0, tag=tag)})
    clip = clip_of(pending)
    assert clip.path is not None
    path = (tmp_path / "run" / clip.path).resolve()
    assert path.is_file() and path.parent == (tmp_path / "run/clips").resolve()
    assert clip.tag == tag
    if tag in ("ok", "feat_minor.pots"):
        assert path.name == f"episode__f0-10__{tag}.mp4"


def test_a_clip_that_cannot_be_written_says_why_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "clips").write_text("in the way")
    (pending,) = play(studio_in(tmp_path), 20, cuts={9: Window(tick=10, pre_s=1, post_s=0)})
    clip = clip_of(pending)
    assert (clip.skipped, clip.path, clip.rerenderable) == ("unwritable-path", None, True)


def test_colour_is_cut_exactly_too(tmp_path: Path) -> None:
    shape = (48, 64, 3)
    exact = KEEP.model_copy(update={"quality": "exact"})
    studio = Studio(tmp_path, spec_of(shape, fps=FPS), 1, exact)
    frames = list(pictures(100, shape))
    studio.begin(0, "episode")
    for i, frame in enumerate(frames):
        studio.add(shot(frame, i), ALL)
    pending = studio.cut(0, Window(tick=98, pre_s=3, post_s=0.2))
    assert studio.finish(0, 100).status == "ok"
    clip = clip_of(pending)
    seen = decode(tmp_path / str(clip.path), "rgb24")
    assert (clip.start, clip.end, len(seen)) == (68, 100, 32)
    for frame, image in zip(frames[68:100], seen, strict=True):
        np.testing.assert_array_equal(image, frame[0])


@pytest.mark.parametrize("window", [(0, -1, 0, 1), (0, 0, -1, 1), (0, 0, 0, 0), (0, float("nan"), 0, 1)])
def test_a_window_that_makes_no_sense_is_refused(window: tuple[int, float, float, float]) -> None:
    with pytest.raises(InputError, match="expected 0 or more seconds"):
        Window(*window)


def test_a_file_that_does_not_hold_the_frames_is_refused(tmp_path: Path) -> None:
    play(studio_in(tmp_path), 20, cuts={})
    clip = Clip(episode="episode", tag="x", tick=0, start=10, end=21, pre_s=0, post_s=0)
    film = tmp_path / "videos/episode.mp4"
    with pytest.raises(InputError, match="frames 10 to 21 cannot be cut out"):
        cut_video(film, clip, folder=tmp_path, root=tmp_path)
    film.write_bytes(film.read_bytes()[:-30])
    with pytest.raises(InputError, match="cannot be cut out"):
        cut_video(film, replace(clip, end=15), folder=tmp_path, root=tmp_path)


def test_eighteen_seconds_are_cut_within_a_tenth_of_a_second(tmp_path: Path) -> None:
    """A minute of a Game Boy's screen at step rate, and a clip at the rate of its frames."""
    shape = (144, 160)
    studio = Studio(tmp_path, spec_of(shape, fps=60), 1, KEEP)
    studio.begin(0, "episode")
    for i, frame in enumerate(pictures(1300, shape)):
        studio.add(shot(frame, i), ALL)
    spent = []
    for i in range(5):
        start = time.process_time()
        pending = studio.cut(0, Window(tick=1300, pre_s=18, post_s=0, speed=3.0, tag=str(i)))
        spent.append(time.process_time() - start)
        assert clip_of(pending).frames == 1080
    assert statistics.median(spent) < 0.1
    studio.close()


def test_a_minute_of_pot_yard_takes_less_than_ten_megabytes(tmp_path: Path) -> None:
    world = GameBoyWorld("potyard", 1, view="full", threads=1, max_steps=1500)
    step = world.reset(seeds=1)
    studio = Studio(tmp_path, world.spec, 1, KEEP.model_copy(update={"enabled": False}))
    studio.begin(0, "episode")
    for i in range(180):
        if step.done.any():
            step = world.reset()
        actions = np.array([i * 5 % 8])
        step = world.step(actions)
        studio.add(shot(step.frames, i), ALL)
    assert studio._rings[0].bytes / 180 * 60 * world.spec.step_hz < 10_000_000
    studio.close()
