from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete

from ludus.core.types import Event
from ludus.episodes._native import BAND
from ludus.episodes.video import Reason, Shot, Studio, VideoRecord, VideoSettings
from ludus.episodes.video.source import ActionScale, Source, lay_out, luma_of, select
from tests.episodes.video.filming import SYNTHETIC, decode, film, pictures, shot, spec_of

PAPER, LIGHT, MID, INK = (luma_of(grey) for grey in (255, 170, 85, 0))
EVENTS, ACTIONS, REWARD, CURVE = slice(0, 1), slice(1, 7), 7, slice(8, 16)


def panels(folder: Path, shots: list[Shot], shape: tuple[int, ...] = (4,)) -> list[npt.NDArray[np.uint8]]:
    """Give the pictures of a synthetic film of a World without pictures: panels alone."""
    record = film(folder, shape, shots, settings=SYNTHETIC)
    assert record.status == "ok", record
    return decode(folder / "videos/episode.mp4")


def moment(number: int, *, action: int = 0, reward: float = 0, value: float | None = None, events: int = 0) -> Shot:
    happened = [Event("kind", {}, "run", "episode", "", 0, number)] * events
    return Shot(
        np.zeros((1, 4), np.float32),
        np.array([action]),
        np.array([reward], np.float32),
        np.array([number + 1]),
        None if value is None else np.array([value], np.float32),
        happened,
    )


def test_a_step_is_a_column_of_what_was_recorded(tmp_path: Path) -> None:
    seen = panels(tmp_path, [moment(0, action=3, reward=1, events=1), moment(1, action=0, reward=-1), moment(2)])
    last = seen[-1]
    assert last.shape == (4 * BAND, 160)
    columns = [last[:BAND, x] for x in range(4)]
    assert [column[EVENTS][0] for column in columns] == [INK, PAPER, PAPER, PAPER]
    assert [column[REWARD] for column in columns] == [INK, MID, LIGHT, LIGHT]
    assert [np.flatnonzero(column[ACTIONS] == INK).tolist() for column in columns] == [[5], [0], [0], []]
    tops = [np.flatnonzero(column[CURVE] == INK).tolist() for column in columns]
    assert tops == [[0], [7], [7], []], "returns 1, 0, 0 of at most 1"


def test_returns_and_values_share_a_scale_that_only_grows(tmp_path: Path) -> None:
    shots = [moment(i, reward=1, value=8 - i) for i in range(8)]
    seen = panels(tmp_path, shots)
    for i in range(8):
        column = seen[-1][CURVE, i]
        total, value = 7 - round((i + 1) / 8 * 7), 7 - round((8 - i) / 8 * 7)
        assert column[total] == INK
        assert column[value] == (INK if value == total else MID)


def test_a_loss_moves_zero_to_the_middle(tmp_path: Path) -> None:
    (*_, last) = panels(tmp_path, [moment(0, reward=1), moment(1, reward=-3)])
    assert last[CURVE, 5].tolist() == [PAPER] * 4 + [LIGHT] + [PAPER] * 3
    assert (last[CURVE, 0] == INK).argmax() < 4 < (last[CURVE, 1] == INK).argmax()


def test_time_goes_on_in_the_next_band_and_then_from_the_beginning(tmp_path: Path) -> None:
    seen = panels(tmp_path, [moment(i, events=i in (165, 650)) for i in range(651)])
    assert seen[-2][BAND, 5] == INK and seen[165][BAND, 5] == INK and seen[164][BAND, 5] == PAPER
    assert seen[-1][0, 650 - 640] == INK


def test_numbers_that_are_none_are_not_drawn(tmp_path: Path) -> None:
    nan = float("nan")
    (first, second) = panels(tmp_path, [moment(0, reward=nan, value=nan), moment(1, reward=float("inf"))])
    assert first[REWARD, 0] == LIGHT and (first[CURVE, 0] == INK).sum() == 1 and MID not in second


def test_a_picture_stands_above_its_panel_as_it_is(tmp_path: Path) -> None:
    shape = (72, 80)
    frames = list(pictures(35, shape))
    assert film(tmp_path, shape, [shot(f, i) for i, f in enumerate(frames)], settings=SYNTHETIC).status == "ok"
    for frame, seen in zip(frames, decode(tmp_path / "videos/episode.mp4"), strict=True):
        assert seen.shape == (80 + 2 * BAND, 80)
        np.testing.assert_array_equal(seen[:72], np.array([PAPER, LIGHT, MID, INK])[frame[0]])


@pytest.mark.parametrize("shape", [(64, 48, 3), (210, 160, 3), (480, 640, 3), (300, 321, 3)])
def test_a_colour_picture_is_small_and_grey(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    frame = np.full((1, *shape), (200, 100, 50), np.uint8)
    record = film(tmp_path, shape, [shot(frame, i) for i in range(3)], settings=SYNTHETIC)
    assert record.file is not None and record.file.width <= 160
    (*_, seen) = decode(tmp_path / "videos/episode.mp4")
    grey = (77 * 200 + 150 * 100 + 29 * 50) >> 12
    assert np.unique(seen[: min(shape[0], 48), : min(shape[1], 48)]).tolist() == [luma_of(17 * grey)]


@pytest.mark.parametrize(
    ("space", "actions", "places"),
    [
        (Discrete(5, start=-1), [[-1], [1], [3]], [[0], [0.5], [1]]),
        (Discrete(1), [[0]], [[0]]),
        (MultiDiscrete([2, 3]), [[1, 1]], [[1, 0.5]]),
        (MultiBinary(3), [[1, 0, 1]], [[1, 0, 1]]),
        (Box(-2, 2, (2,), np.float32), [[-2, 1]], [[0, 0.75]]),
        (Box(0, 1, (3, 4), np.float32), [np.ones((3, 4))], [[1] * 6]),
    ],
)
def test_actions_become_places_between_none_and_one(space: Any, actions: Any, places: Any) -> None:
    found = ActionScale(space).positions(np.array(actions, space.dtype))
    assert found is not None and found.dtype == np.float32
    np.testing.assert_allclose(found, places)


def test_actions_that_are_no_numbers_are_not_drawn(tmp_path: Path) -> None:
    assert ActionScale(Dict({"a": Discrete(2)})).positions(np.zeros((1, 1), np.int64)) is None


def test_what_is_filmed_follows_from_a_table() -> None:
    specs = {"shades": spec_of((8, 8)), "colours": spec_of((8, 8, 3)), "vectors": spec_of((4,))}
    table = {
        (asked, kind): select(asked, spec)
        for asked in ("sim-view", "synthetic", "none")
        for kind, spec in specs.items()
    }
    told = {
        key: found.code.value if isinstance(found, Reason) else (found.renderer, found.coder, found.fallback is None)
        for key, found in table.items()
    }
    assert told == {
        ("sim-view", "shades"): ("sim-view", "shades", True),
        ("sim-view", "colours"): ("sim-view", "colour", True),
        ("sim-view", "vectors"): ("synthetic", "shades", False),
        ("synthetic", "shades"): ("synthetic", "shades", True),
        ("synthetic", "colours"): ("synthetic", "shades", True),
        ("synthetic", "vectors"): ("synthetic", "shades", True),
        ("none", "shades"): "renderer-none",
        ("none", "colours"): "renderer-none",
        ("none", "vectors"): "renderer-none",
    }
    assert lay_out(Source("sim-view", "shades"), specs["shades"]).bands == 0


def test_twenty_thousand_steps_take_little_memory(tmp_path: Path) -> None:
    def resident() -> int:
        fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return int(fields["RssAnon"].split()[0]) * 1024

    shape = (72, 80)
    studio = Studio(tmp_path, spec_of(shape), 1, VideoSettings(enabled=True, renderer="sim-view"))
    studio.begin(0, "long")
    mask = np.ones(1, np.bool_)
    frames = np.random.default_rng(0).integers(0, 4, (64, 1, *shape), np.uint8)
    before = resident()
    for i in range(20_000):
        studio.add(shot(frames[i % 64], i), mask)
    record: VideoRecord = studio.finish(0, 20_000)
    assert record.file is not None and record.file.frames == 20_000
    assert record.file.filesize_bytes > 64_000_000, "more than is allowed to stay in memory"
    assert resident() - before < 64_000_000
