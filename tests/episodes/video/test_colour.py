from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from ludus.episodes.video import VideoSettings
from tests.episodes.video.filming import SIM, decode, film, pictures, shot

EXACT = SIM.model_copy(update={"quality": "exact"})
PER_PROCESS = """
import sys
from pathlib import Path
from tests.episodes.video.filming import SIM, film, pictures, shot
shape = (160, 176, 3)
print(film(Path(sys.argv[1]), shape, [shot(f, i) for i, f in enumerate(pictures(40, shape))], settings=SIM).file.sha256)
"""


@pytest.mark.parametrize("count", [1, 2, 29, 30, 31, 32, 33, 64, 65, 100])
@pytest.mark.parametrize("settings", [SIM, EXACT], ids=["fast", "exact"])
def test_a_file_holds_one_frame_for_every_step(tmp_path: Path, count: int, settings: VideoSettings) -> None:
    shape = (16, 16, 3)
    record = film(tmp_path, shape, [shot(f, i) for i, f in enumerate(pictures(count, shape))], settings=settings)
    assert record.file is not None, record
    assert record.file.frames == len(decode(tmp_path / record.file.path, "rgb24")) == count


@pytest.mark.parametrize("shape", [(1, 1, 3), (17, 33, 3), (64, 48, 3)])
def test_exact_quality_is_lossless(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    frames = list(pictures(40, shape))
    record = film(tmp_path, shape, [shot(frame, i) for i, frame in enumerate(frames)], settings=EXACT)
    assert record.file is not None, record
    even = [(0, size % 2) for size in shape[:2]]
    for frame, seen in zip(frames, decode(tmp_path / record.file.path, "rgb24"), strict=True):
        np.testing.assert_array_equal(seen, np.pad(frame[0], [*even, (0, 0)], mode="edge"))


def test_fast_quality_is_like_the_picture_and_plays_anywhere(tmp_path: Path) -> None:
    shape = (64, 64, 3)
    frame = np.zeros((1, *shape), np.uint8)
    frame[:, :32, :, 0] = frame[:, 32:, :, 2] = 200
    record = film(tmp_path, shape, [shot(frame, i) for i in range(40)])
    assert record.file is not None, record
    path = tmp_path / record.file.path
    assert np.abs(decode(path, "rgb24")[-1].astype(int) - frame[0]).mean() < 8
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.profile, context.pix_fmt, context.has_b_frames) == ("Constrained Baseline", "yuv420p", False)
        keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
    assert [i for i, key in enumerate(keys) if key] == [0, 30]


def test_fresh_processes_write_the_same_bytes(tmp_path: Path) -> None:
    runs = [
        subprocess.run([sys.executable, "-c", PER_PROCESS, str(tmp_path / str(i))], capture_output=True, check=True)
        for i in range(5)
    ]
    assert len({run.stdout for run in runs}) == 1
