from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ludus.core.types import Frames
from ludus.episodes.video import Studio
from ludus.episodes.video.source import rate_of
from ludus.gameboy.machine import FRAME_HZ
from tests.episodes.video.filming import SIM, decode, film, luma, pictures, shot, spec_of

RATES = (10, 24, 30, 43, 50, 60)
TRAPS = {10: (8, 10, 11, 57, 100), 30: (7, 29, 100, 113), 43: (100,), 60: (7, 100)}
"""Numbers of frames of which MoviePy loses the last."""
THIN = sorted({(fps, count) for fps in RATES for count in (1, 2, 29, 30, 31, 120, *TRAPS.get(fps, ()))})
GOLDEN = "646a4b67ba3373714381cb2ebab02a4b"
PER_PROCESS = """
import sys, numpy as np
from pathlib import Path
from tests.episodes.video.filming import film, pictures, shot
shape = (72, 80)
print(film(Path(sys.argv[1]), shape, [shot(f, i) for i, f in enumerate(pictures(70, shape))]).file.sha256)
"""


def filmed(folder: Path, count: int, shape: tuple[int, int], fps: float = 30) -> list[Frames]:
    """Film noise; hold what the record says against what PyAV reads, and give what it decodes."""
    record = film(folder, shape, [shot(frame, i) for i, frame in enumerate(pictures(count, shape))], fps=fps)
    assert record.file is not None, record
    assert record.file.frames == count
    decoded = decode(folder / record.file.path)
    assert len(decoded) == count
    return decoded


@pytest.mark.parametrize(("fps", "count"), THIN)
def test_a_file_holds_one_frame_for_every_step(tmp_path: Path, fps: int, count: int) -> None:
    filmed(tmp_path, count, (16, 16), fps)


@pytest.mark.slow
@pytest.mark.parametrize("fps", RATES)
def test_a_file_holds_one_frame_for_every_step_whatever_their_number(tmp_path: Path, fps: int) -> None:
    for count in range(1, 121):
        filmed(tmp_path, count, (16, 16), fps)


@given(height=st.integers(1, 40), width=st.integers(1, 40), count=st.integers(1, 34), seed=st.integers(0, 9))
def test_what_is_decoded_is_what_was_filmed(
    tmp_path_factory: pytest.TempPathFactory, height: int, width: int, count: int, seed: int
) -> None:
    folder, shape = tmp_path_factory.mktemp("film"), (height, width)
    frames = list(pictures(count, shape, seed=seed))
    record = film(folder, shape, [shot(frame, i) for i, frame in enumerate(frames)])
    assert record.file is not None
    for frame, seen in zip(frames, decode(folder / record.file.path), strict=True):
        np.testing.assert_array_equal(seen[:height, :width], luma(frame[0]))


@pytest.mark.parametrize("shape", [(1, 1), (145, 161), (144, 160), (15, 17), (3, 16)])
def test_odd_sizes_are_made_even_by_showing_the_edge_twice(tmp_path: Path, shape: tuple[int, int]) -> None:
    (frame,) = pictures(1, shape)
    record = film(tmp_path, shape, [shot(frame, 0)])
    assert record.file is not None
    (seen,) = decode(tmp_path / record.file.path)
    even = [(0, size % 2) for size in shape]
    np.testing.assert_array_equal(seen, np.pad(luma(frame[0]), even, mode="edge"))
    assert (record.file.height, record.file.width) == seen.shape


def test_any_greys_keep_their_order(tmp_path: Path) -> None:
    greys = tuple(range(0, 256, 2))
    frame = np.arange(128, dtype=np.uint8).reshape(1, 8, 16)
    studio = Studio(tmp_path, spec_of((8, 16), shades=greys), 1, SIM)
    studio.begin(0, "greys")
    studio.add(shot(frame, 0), np.ones(1, np.bool_))
    assert studio.finish(0, 1).status == "ok"
    (seen,) = decode(tmp_path / "videos/greys.mp4")
    np.testing.assert_array_equal(seen, luma(frame[0], greys))


def sparse(count: int, shape: tuple[int, int], *, seed: int, top: int = 4) -> list[Frames]:
    """Give pictures `uint8[1, H, W]` of which each differs from the one before in a few small boxes."""
    noise = np.random.default_rng(seed)
    frames = [noise.integers(0, top, (1, *shape), np.uint8)]
    for _ in range(count - 1):
        frame = frames[-1].copy()
        for _ in range(5):
            y, x, size = int(noise.integers(shape[0])), int(noise.integers(shape[1])), int(noise.integers(1, 5))
            box = frame[0, y : y + size, x : x + size]
            box[:] = noise.integers(0, top, box.shape, np.uint8)
        frames.append(frame)
    return frames


@given(greys=st.lists(st.integers(0, 255), min_size=2, max_size=4, unique=True), seed=st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_small_changes_come_back_exactly_in_any_greys(
    tmp_path_factory: pytest.TempPathFactory, greys: list[int], seed: int
) -> None:
    folder, shades = tmp_path_factory.mktemp("film"), tuple(greys)
    frames = sparse(40, (23, 37), seed=seed, top=len(shades))
    studio = Studio(folder, spec_of((23, 37), shades=shades), 1, SIM)
    studio.begin(0, "small")
    for i, frame in enumerate(frames):
        studio.add(shot(frame, i), np.ones(1, np.bool_))
    assert studio.finish(0, len(frames)).status == "ok"
    for frame, seen in zip(frames, decode(folder / "videos/small.mp4"), strict=True):
        np.testing.assert_array_equal(seen[:23, :37], luma(frame[0], shades))


def test_what_is_no_shade_is_shown_as_the_first(tmp_path: Path) -> None:
    frames = sparse(60, (72, 80), seed=3, top=256)
    record = film(tmp_path, (72, 80), [shot(frame, i) for i, frame in enumerate(frames)])
    assert record.file is not None
    for frame, seen in zip(frames, decode(tmp_path / record.file.path), strict=True):
        np.testing.assert_array_equal(seen, luma(np.where(frame[0] > 3, 0, frame[0])))


def test_small_changes_take_few_bytes(tmp_path: Path) -> None:
    frames = sparse(30, (72, 80), seed=1)
    record = film(tmp_path, (72, 80), [shot(frame, i) for i, frame in enumerate(frames)])
    assert record.file is not None
    key = 72 // 16 * 80 // 16 * 384  # written as they are
    assert record.file.filesize_bytes - key < 30 * 5 * 4 * 40


def test_fresh_processes_write_the_same_bytes(tmp_path: Path) -> None:
    runs = [
        subprocess.run([sys.executable, "-c", PER_PROCESS, str(tmp_path / str(i))], capture_output=True, check=True)
        for i in range(5)
    ]
    assert len({run.stdout for run in runs}) == 1


def test_bytes_do_not_depend_on_the_machine(tmp_path: Path) -> None:
    shape = (72, 80)
    frame = (np.indices(shape).sum(axis=0) // 3 % 4).astype(np.uint8)[None]
    record = film(tmp_path, shape, [shot(np.roll(frame, i, axis=2), i) for i in range(40)])
    assert record.file is not None
    assert record.file.frame_digest == GOLDEN


def test_the_rate_is_exact(tmp_path: Path) -> None:
    spec = spec_of((8, 8), fps=FRAME_HZ)
    assert rate_of(spec) == Fraction(4194304, 70224)
    record = film(tmp_path, (8, 8), [shot(frame, i) for i, frame in enumerate(pictures(3, (8, 8)))], fps=FRAME_HZ)
    assert record.file is not None and record.file.fps == "262144/4389"
    with av.open(str(tmp_path / record.file.path)) as container:
        stream = container.streams.video[0]
        assert stream.average_rate == Fraction(262144, 4389)
        assert [frame.pts for frame in container.decode(video=0)] == [4389 * i for i in range(3)]
        assert (stream.codec_context.profile, stream.codec_context.pix_fmt) == ("Constrained Baseline", "yuv420p")
