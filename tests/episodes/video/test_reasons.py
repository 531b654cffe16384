from __future__ import annotations

import logging
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from ludus.core.errors import InputError
from ludus.episodes.video import Code, Reason, Studio, VideoRecord, VideoSettings, recover
from ludus.episodes.video.budget import FRAMES_MIN, Governor
from ludus.episodes.video.record import VideoError
from tests.episodes.video.filming import SIM, SYNTHETIC, film, pictures, shot, spec_of

SHAPE = (72, 80)
COLOUR = (32, 32, 3)
ALL = np.ones(1, np.bool_)
REACHED: set[Code] = set()


def reason_of(record: VideoRecord, status: str) -> Reason:
    """Give the reason of a record without a file, and remember that it was reached."""
    assert record.status == status and record.file is None, record
    assert record.reason is not None
    told = record.to_json()
    assert "path" not in told and told["reason"] == {"code": record.reason.code.value, "detail": record.reason.detail}
    REACHED.add(record.reason.code)
    return record.reason


def shots(count: int, shape: tuple[int, ...] = SHAPE) -> list[Any]:
    return [shot(frame, i) for i, frame in enumerate(pictures(count, shape))]


def nothing_lies_in(folder: Path) -> bool:
    return not [path for path in folder.rglob("*") if path.is_file()]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file grow over a size, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_video_is_off_by_default(tmp_path: Path) -> None:
    reason = reason_of(film(tmp_path, SHAPE, shots(3), settings=VideoSettings()), "skipped")
    assert reason.code is Code.DISABLED
    assert nothing_lies_in(tmp_path)


def test_no_renderer_films_nothing(tmp_path: Path) -> None:
    record = film(tmp_path, SHAPE, shots(3), settings=VideoSettings(enabled=True, renderer="none"))
    assert reason_of(record, "skipped").code is Code.RENDERER_NONE


@pytest.mark.parametrize("settings", ["VideoSettings()", "VideoSettings(enabled=True, renderer='none')"])
def test_with_video_off_no_encoder_is_imported_and_no_folder_made(tmp_path: Path, settings: str) -> None:
    program = f"""
import sys
from pathlib import Path
from typing import Any
from ludus.episodes.video import VideoSettings
from ludus.episodes.video.studio import Studio
from ludus.core.protocols import WorldSpec
from gymnasium.spaces import Discrete
spec = WorldSpec("w", {COLOUR}, None, Discrete(2), 30, 1)
studio = Studio(Path({str(tmp_path / "run")!r}), spec, 4, {settings})
studio.begin(0, "e")
assert studio.finish(0, 3).status == "skipped"
assert not [name for name in sys.modules if name == "av" or name.startswith("av.")]
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert not (tmp_path / "run").exists()


def test_a_library_that_is_missing_is_told_once_with_the_command_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delitem(sys.modules, "ludus.episodes.video.colour", raising=False)
    monkeypatch.setitem(sys.modules, "av", None)
    studio = Studio(tmp_path, spec_of(COLOUR), 1, SIM)
    for each in ("a", "b"):
        studio.begin(0, each)
        studio.add(shots(1, COLOUR)[0], ALL)
        reason = reason_of(studio.finish(0, 1), "skipped")
        assert reason.code is Code.ENCODER_MISSING and "pip install 'ludus[video]'" in reason.detail
    assert len(caplog.records) == 1
    assert nothing_lies_in(tmp_path)


def test_shades_need_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    assert film(tmp_path, SHAPE, shots(3)).status == "ok"


def test_a_library_without_the_encoder_is_as_good_as_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ludus.episodes.video.colour.CODECS", {"fast": ("no_such_codec", "yuv420p", (1, 1), {})})
    record = film(tmp_path, COLOUR, shots(3, COLOUR))
    assert reason_of(record, "skipped").code is Code.ENCODER_MISSING


def test_an_encoder_that_refuses_to_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ludus.episodes.video.colour.CODECS", {"fast": ("libx264", "yuv420p", (1, 1), {"preset": "never"})}
    )
    record = film(tmp_path, COLOUR, shots(3, COLOUR))
    assert reason_of(record, "failed").code is Code.ENCODER_OPEN_FAILED


def test_an_encoder_that_raises_ends_only_its_own_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studio = Studio(tmp_path, spec_of(COLOUR), 2, SIM)
    studio.begin(0, "bad")
    studio.begin(1, "good")
    cameras: list[Any] = studio._camera._rolls  # type: ignore[union-attr]

    class Broken:
        def encode(self, frame: object) -> list[Any]:
            raise av.error.ExternalError(1, "it broke")

    cameras[0].context = Broken()
    for i, frame in enumerate(pictures(40, COLOUR, lanes=2)):
        studio.add(shot(frame, i), np.ones(2, np.bool_))
    reason = reason_of(studio.finish(0, 40), "failed")
    assert reason.code is Code.ENCODE_FAILED and "it broke" in reason.detail
    good = studio.finish(1, 40)
    assert good.file is not None and good.file.frames == 40
    assert [path.name for path in (tmp_path / "videos").iterdir()] == ["good.mp4"]


@pytest.mark.parametrize("shape", [SHAPE, COLOUR])
def test_an_episode_without_a_step_has_no_video(tmp_path: Path, shape: tuple[int, ...]) -> None:
    reason = reason_of(film(tmp_path, shape, []), "skipped")
    assert reason.code is Code.NO_FRAMES
    assert nothing_lies_in(tmp_path)


@pytest.mark.parametrize("wrong", [np.zeros((1, 72, 81), np.uint8), np.zeros((1, *SHAPE), np.float32)])
def test_frames_that_change_their_shape_end_the_film(tmp_path: Path, wrong: np.ndarray) -> None:
    record = film(tmp_path, SHAPE, [*shots(40), shot(wrong, 40)])
    reason = reason_of(record, "failed")
    assert reason.code is Code.FRAME_SHAPE_CHANGED and "the World's are uint8[1, 72, 80]" in reason.detail
    assert nothing_lies_in(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "videos").write_text("in the way")
    reason = reason_of(film(tmp_path, SHAPE, shots(3)), "failed")
    assert reason.code is Code.UNWRITABLE_PATH and "videos" in reason.detail


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir(mode=0o500)
    if os.access(tmp_path / "videos", os.W_OK):
        pytest.skip("this user may write everywhere")
    assert reason_of(film(tmp_path, SHAPE, shots(3)), "failed").code is Code.UNWRITABLE_PATH


@pytest.mark.parametrize("count", [5, 200], ids=["at the end", "on the way"])
@pytest.mark.parametrize("shape", [SHAPE, COLOUR])
def test_a_disk_that_fills_up(tmp_path: Path, count: int, shape: tuple[int, ...]) -> None:
    taken = shots(count, shape)
    with largest_file(2000):
        reason = reason_of(film(tmp_path, shape, taken), "failed")
    assert reason.code is Code.DISK_FULL
    assert nothing_lies_in(tmp_path)
    assert film(tmp_path, shape, taken).status == "ok", "the next episode has a video again"


def test_a_count_that_is_not_that_of_the_steps_is_kept_apart(tmp_path: Path) -> None:
    studio = Studio(tmp_path, spec_of(SHAPE), 1, SIM)
    studio.begin(0, "episode")
    for each in shots(10):
        studio.add(each, ALL)
    reason = reason_of(studio.finish(0, 11), "failed")
    assert reason.code is Code.VERIFY_MISMATCH and "holds 10 frames, the episode has 11 steps" in reason.detail
    assert [path.name for path in (tmp_path / "videos").iterdir()] == ["episode.bad.mp4"]


def test_an_episode_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    studio = Studio(tmp_path, spec_of(SHAPE), 1, SIM)
    studio.begin(0, "episode")
    studio.add(shots(1)[0], ALL)
    scene = studio._scenes[0]
    studio.close()
    studio.close()
    assert scene is not None and scene.reason is not None
    REACHED.add(scene.reason.code)
    assert scene.reason.code is Code.CANCELLED and nothing_lies_in(tmp_path)


def test_a_name_that_another_writer_holds_is_left_to_it(tmp_path: Path) -> None:
    early = SIM.model_copy(update={"burst": 30})
    first, second = (Studio(tmp_path, spec_of(SHAPE), 1, settings) for settings in (early, SIM))
    first.begin(0, "episode")
    second.begin(0, "episode")
    for each in shots(40):
        first.add(each, ALL)
        second.add(each, ALL)
    reason = reason_of(second.finish(0, 40), "failed")
    assert reason.code is Code.NAME_TAKEN and ".episode.part.mp4 is being written by another process" in reason.detail
    assert recover(tmp_path) == (), "a film that is being made is not swept"
    assert first.finish(0, 40).status == "ok"


def test_nothing_is_made_before_there_is_something_to_write(tmp_path: Path) -> None:
    studio = Studio(tmp_path, spec_of(SHAPE), 1, SIM.model_copy(update={"burst": 10}))
    studio.begin(0, "episode")
    for each in shots(9):
        studio.add(each, ALL)
    assert nothing_lies_in(tmp_path)
    studio.add(shots(1)[0], ALL)
    assert [path.name for path in (tmp_path / "videos").iterdir()] == [".episode.part.mp4"]
    studio.close()
    assert nothing_lies_in(tmp_path)


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".", "a\0b"])
def test_no_name_leaves_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="expected a name that stays in its folder"):
        Studio(tmp_path, spec_of(SHAPE), 1, SIM).begin(0, name)


def test_films_that_cost_too_much_are_left_out_of_later_episodes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    settings = SIM.model_copy(update={"budget": 1e-9, "stop_over": 1e-9})
    studio = Studio(tmp_path, spec_of(SHAPE), 1, settings)
    for identity in ("first", "second", "third"):
        studio.begin(0, identity)
        for each in shots(FRAMES_MIN):
            studio.add(each, ALL)
        record = studio.finish(0, FRAMES_MIN)
        if identity == "first":
            assert record.status == "ok" and record.overhead is not None
            assert record.to_json()["overhead"]["verdict"] == "over"
        else:
            assert reason_of(record, "skipped").code is Code.BUDGET_EXCEEDED
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_the_governor_weighs_time_in_films_against_all_other_time() -> None:
    governor = Governor(budget=0.05, stop_over=0.5)
    governor.judge(9.0, frames=FRAMES_MIN - 1)
    governor.check()
    governor.judge(0.6, frames=1)
    with pytest.raises(VideoError, match="60 % of the time of play, the limit is 50 %"):
        governor.check()
    for _ in range(20):
        governor.judge(0.01, frames=1)
    governor.check()


def test_a_world_without_pictures_is_shown_by_its_numbers(tmp_path: Path) -> None:
    record = film(tmp_path, (4,), [shot(np.zeros((1, 4), np.float32), i) for i in range(9)])
    assert record.status == "ok"
    assert (record.requested, record.renderer) == ("sim-view", "synthetic")
    assert record.fallback is not None
    REACHED.add(record.fallback.code)
    assert record.to_json()["fallback_reason"]["code"] == Code.RENDERER_UNAVAILABLE == record.fallback.code


def test_films_do_not_write_into_the_frames(tmp_path: Path) -> None:
    taken = shots(40)
    before = [each.frames.copy() for each in taken]
    for settings in (SIM, SYNTHETIC):
        film(tmp_path, SHAPE, taken, settings=settings)
    assert all((each.frames == copy).all() for each, copy in zip(taken, before, strict=True))


def test_every_reason_is_reached_here_or_after_a_crash(request: pytest.FixtureRequest) -> None:
    if request.session.testscollected < len(Code):
        pytest.skip("the tests that reach them have not all run")
    assert set(Code) - REACHED == {Code.WORKER_CRASHED}
