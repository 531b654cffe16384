"""Processes that film and are killed without a warning."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from ludus.episodes.video import Studio, recover
from ludus.episodes.video.cameras import GOP
from ludus.episodes.video.colour import BURST
from ludus.episodes.video.files import _recover
from tests.episodes.video.filming import SIM, decode, film, luma, pictures, shot, spec_of

SHADES, COLOUR = (72, 80), (48, 64, 3)
ROOT = Path(__file__).parents[3]
FILM = """
import os, sys, signal
from pathlib import Path
import numpy as np
from ludus.episodes.video import Studio
from tests.episodes.video.filming import SIM, pictures, shot, spec_of

shape, last = tuple(map(int, sys.argv[2].split(","))), int(sys.argv[3])
studio = Studio(Path(sys.argv[1]), spec_of(shape), 1, SIM)
mask = np.ones(1, np.bool_)
for episode in range(3):
    studio.begin(0, f"episode{episode}")
    for i, frame in enumerate(pictures(150, shape, seed=episode)):
        studio.add(shot(frame, i), mask)
        if episode == 2 and i == last:
            os.kill(os.getpid(), signal.SIGKILL)
    studio.finish(0, 150)
"""


def kill_at(folder: Path, frame: int, shape: tuple[int, ...]) -> None:
    """Film two whole episodes and a third in which the process is killed right after a frame, counted from 0."""
    program = [sys.executable, "-c", FILM, str(folder), ",".join(map(str, shape)), str(frame)]
    assert subprocess.run(program, cwd=ROOT).returncode == -9


def check_after(folder: Path, frame: int, shape: tuple[int, ...], *, lost: int) -> None:
    """Recover, and hold what is there against what was filmed."""
    finished = {path.name: path.read_bytes() for path in (folder / "videos").glob("episode*.mp4")}
    assert sorted(finished) == ["episode0.mp4", "episode1.mp4"]
    records = recover(folder)
    kept = records[0].file.frames if records and records[0].file else 0
    assert frame + 1 - lost <= kept <= frame + 1
    assert not list((folder / "videos").glob(".*"))
    assert all((folder / "videos" / name).read_bytes() == data for name, data in finished.items())
    assert recover(folder) == ()
    if not records:
        return
    (record,) = records
    assert record.file is not None and record.reason is not None
    assert (record.status, record.reason.code) == ("recovered", "worker-crashed")
    assert record.file.path == "videos/episode2.crashed.mp4"
    seen = decode(folder / record.file.path, "rgb24" if len(shape) == 3 else "gray8")
    assert len(seen) == kept
    if len(shape) == 2:
        for picture, image in zip(pictures(kept, shape, seed=2), seen, strict=True):
            np.testing.assert_array_equal(image, luma(picture[0]))


@pytest.mark.parametrize("frame", [3, 30, 77, 149])
def test_a_killed_process_loses_at_most_a_burst(tmp_path: Path, frame: int) -> None:
    kill_at(tmp_path, frame, SHADES)
    check_after(tmp_path, frame, SHADES, lost=SIM.burst)


def test_a_killed_process_loses_at_most_a_group_and_a_burst_in_colour(tmp_path: Path) -> None:
    kill_at(tmp_path, 133, COLOUR)
    check_after(tmp_path, 133, COLOUR, lost=GOP + BURST)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [SHADES, COLOUR])
def test_twenty_kills_at_any_frame(tmp_path: Path, shape: tuple[int, ...]) -> None:
    for number, frame in enumerate(np.random.default_rng(7).integers(0, 150, 20)):
        folder = tmp_path / str(number)
        kill_at(folder, int(frame), shape)
        check_after(folder, int(frame), shape, lost=GOP + BURST if len(shape) == 3 else SIM.burst)


def test_an_episode_that_is_filmed_again_takes_the_place_of_what_was_recovered(tmp_path: Path) -> None:
    kill_at(tmp_path, 100, SHADES)
    recover(tmp_path)
    studio = Studio(tmp_path, spec_of(SHADES), 1, SIM)
    studio.begin(0, "episode2")
    for i, frame in enumerate(pictures(150, SHADES, seed=2)):
        studio.add(shot(frame, i), np.ones(1, np.bool_))
    assert studio.finish(0, 150).status == "ok"
    recover(tmp_path)
    assert sorted(path.name for path in (tmp_path / "videos").iterdir()) == [f"episode{i}.mp4" for i in range(3)]


def test_a_film_cut_anywhere_is_mended_or_removed(tmp_path: Path) -> None:
    """Every length that a part could have been left with: never an error, never a frame that was not filmed."""
    shots = [shot(frame, i) for i, frame in enumerate(islice(pictures(40, SHADES), 40))]
    studio = Studio(tmp_path / "a", spec_of(SHADES), 1, SIM)
    studio.begin(0, "episode")
    for each in shots:
        studio.add(each, np.ones(1, np.bool_))
    studio._camera.end(0).finish()  # type: ignore[union-attr]
    whole = next((tmp_path / "a/videos").iterdir()).read_bytes()
    open_head = whole.index(b"mdat") + 4
    part = whole[:open_head] + bytes(8) + whole[open_head + 8 :]
    for number, length in enumerate([0, 1, 20, 60, open_head, open_head + 9, *range(open_head + 12, len(part), 9973)]):
        videos = tmp_path / f"b{number}" / "videos"
        videos.mkdir(parents=True)
        (videos / ".episode.part.mp4").write_bytes(part[:length])
        records = recover(videos.parent)
        for record in records:
            assert record.file is not None
            assert record.file.frames == len(decode(videos.parent / record.file.path)) <= 40
        assert not list(videos.glob(".*"))
        shutil.rmtree(videos.parent)


def test_a_finished_film_that_was_not_yet_renamed_is_kept_whole(tmp_path: Path) -> None:
    record = film(tmp_path, SHADES, [shot(frame, i) for i, frame in enumerate(pictures(40, SHADES))])
    assert record.file is not None
    path = tmp_path / record.file.path
    path.rename(path.with_name(".episode.part.mp4"))
    (saved,) = recover(tmp_path)
    assert saved.file is not None and saved.file.frames == 40
    assert saved.file.sha256 == record.file.sha256


def test_a_film_in_the_hands_of_another_process_is_left_alone(tmp_path: Path) -> None:
    part = tmp_path / "videos/.episode.part.mp4"
    part.parent.mkdir()
    with part.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert recover(tmp_path) == ()
        assert part.exists()
    assert recover(tmp_path) == ()
    assert not part.exists()


def test_a_film_that_its_process_finishes_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    part, whole = tmp_path / "videos/.episode.part.mp4", tmp_path / "videos/episode.mp4"
    part.parent.mkdir()
    part.write_bytes(b"whole")
    with part.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with ThreadPoolExecutor(1) as pool:
            swept = pool.submit(recover, tmp_path)
            time.sleep(0.2)  # by now it has opened the part, and waits for the lock
            part.rename(whole)
            fcntl.flock(held, fcntl.LOCK_UN)
            assert swept.result() == ()
    assert whole.read_bytes() == b"whole"
    assert [path.name for path in part.parent.iterdir()] == ["episode.mp4"]


def test_a_film_that_is_gone_before_it_is_opened_is_not_missed(tmp_path: Path) -> None:
    assert _recover(tmp_path / ".episode.part.mp4") is None


def test_a_part_that_is_none_of_ours_is_removed(tmp_path: Path) -> None:
    part = tmp_path / "videos/.episode.part.mp4"
    part.parent.mkdir()
    for content in (b"\0" * 9000, b"\0\0\0\x0cfree1234\0\0\0\1mdat" + bytes(8), os.urandom(3000)):
        part.write_bytes(content)
        assert recover(tmp_path) == ()
        assert not part.exists()


def test_the_head_of_a_film_tells_what_it_is(tmp_path: Path) -> None:
    record = film(tmp_path, SHADES, [shot(frame, i) for i, frame in enumerate(pictures(2, SHADES))])
    assert record.file is not None
    data = (tmp_path / record.file.path).read_bytes()
    size = int.from_bytes(data[data.index(b"free") - 4 : data.index(b"free")])
    told = json.loads(data[data.index(b"free") + 4 :][: size - 8])
    assert (told["renderer"], told["track"][1:]) == ("sim-view", [80, 72, 15360, 512])
    assert [path.name for path in (tmp_path / "videos").iterdir()] == ["episode.mp4"]
