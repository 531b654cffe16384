"""What Chromium shows of films and clips, frame by frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ludus.core.types import Frames
from ludus.episodes.video import Studio, Window
from tests.episodes.video import browser
from tests.episodes.video.filming import GREYS, SIM, pictures, shot, spec_of

pytestmark = pytest.mark.skipif(browser.find_browser() is None, reason="no Chromium here; apt install chromium")

FPS, COUNT = 30, 75
SHADES, COLOUR = (41, 57), (64, 80, 3)
SHOWN = (0, 1, 29, 30, 31, 44, 59, 60, 73, 74)
"""Frames that are sought: key frames, their neighbours, the ends."""
START, END = 17, 68
"""Frames of the clip, none of them a key frame."""


def frames_of(shape: tuple[int, ...]) -> list[Frames]:
    return [frame[0] for frame in pictures(COUNT, shape, seed=3)]


def make(folder: Path, name: str, shape: tuple[int, ...], **settings: Any) -> None:
    """Film an episode and a clip of it."""
    asked = SIM.model_copy(update={"ring_s": 60.0} | settings)
    studio = Studio(folder, spec_of(shape, fps=FPS), 1, asked)
    studio.begin(0, name)
    for i, frame in enumerate(frames_of(shape)):
        studio.add(shot(frame[None], i), np.ones(1, np.bool_))
    before, after = (20 - START - 1) / FPS, (END - 20) / FPS
    pending = studio.cut(0, Window(tick=20, pre_s=before + 1 / FPS, post_s=after, tag="clip"))
    assert studio.finish(0, COUNT).status == "ok"
    assert pending.clip is not None and (pending.clip.start, pending.clip.end) == (START, END)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder, profile = tmp_path_factory.mktemp("films"), tmp_path_factory.mktemp("profile")
    make(folder, "shades", SHADES)
    make(folder, "colour", COLOUR)
    make(folder, "exact", COLOUR, quality="exact")
    at = [(k + 0.5) / FPS for k in SHOWN]
    within = [(k - START + 0.5) / FPS for k in SHOWN if START <= k < END]
    asked: dict[str, list[float]] = {}
    for name in ("shades", "colour", "exact"):
        asked |= {f"videos/{name}.mp4": at, f"clips/{name}__f{START}-{END}__clip.mp4": within}
    return browser.watch(folder, asked, profile)


def pixels(told: dict[str, Any], values: list[int], shape: tuple[int, ...]) -> np.ndarray:
    return np.array(values, np.uint8).reshape(told["height"], told["width"])[: shape[0], : shape[1]]


@pytest.mark.parametrize("kind", ["videos", "clips"])
@pytest.mark.parametrize(("name", "shape"), [("shades", SHADES), ("exact", COLOUR), ("colour", COLOUR)])
def test_chromium_shows_every_frame_that_is_sought(
    seen: dict[str, Any], kind: str, name: str, shape: tuple[int, ...]
) -> None:
    told = seen["videos/" + name + ".mp4" if kind == "videos" else f"clips/{name}__f{START}-{END}__clip.mp4"]
    assert "error" not in told, told
    start, end = (0, COUNT) if kind == "videos" else (START, END)
    assert told["duration"] == pytest.approx((end - start) / FPS, abs=1e-3)
    assert told["ended"]
    frames = frames_of(shape)
    sought = [k for k in SHOWN if start <= k < end]
    for k, values in [(start, told["first"]), *zip(sought, told["seen"], strict=True)]:
        picture = pixels(told, values, shape)
        if name == "shades":
            np.testing.assert_array_equal(picture, np.array(GREYS, np.uint8)[frames[k]], err_msg=f"frame {k}")
        elif name == "exact":
            np.testing.assert_array_equal(picture, frames[k][:, :, 0], err_msg=f"frame {k}")
        else:
            off = [np.abs(picture.astype(int) - other[:, :, 0]).mean() for other in frames]
            assert off[k] == min(off), f"frame {k} looks more like another"
