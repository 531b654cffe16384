"""Encoders of live pictures: JPEG for tiles, H.264 for the lane in focus, each picture as it comes."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from ludus.core.extras import from_extra
from ludus.core.protocols import WorldSpec
from ludus.episodes.video.cameras import GOP, Camera, Shot
from ludus.episodes.video.clips import camera_for
from ludus.episodes.video.settings import VideoSettings
from ludus.episodes.video.source import rate_of
from ludus.serve.live.wire import DELTA, DESCRIPTION, KEY

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext

QUALITY = 80
"""Of JPEG."""
KEPT_FRAMES = 2 * GOP
"""That a film in shades needs to have at hand: those from the last key frame on."""
TABLE = struct.Struct(">II")

Picture = npt.NDArray[np.uint8]
Piece = tuple[int, bytes]
"""Kind and payload."""


class Jpeg:
    """Tiles: a World's pictures as JPEG, shades as greys. Raises `MissingExtraError`."""

    def __init__(self, spec: WorldSpec) -> None:
        with from_extra():
            from PIL import Image
        self._image = Image
        self._greys = None if spec.shades is None else np.array(spec.shades, np.uint8)

    def __call__(self, picture: Picture) -> bytes:
        """Give the JPEG of a picture."""
        file = io.BytesIO()
        shown = picture if self._greys is None else self._greys[picture]
        self._image.fromarray(shown).save(file, "JPEG", quality=QUALITY)
        return file.getvalue()


class Film(Protocol):
    """A film that begins with its description and a key frame."""

    def add(self, picture: Picture) -> Iterator[Piece]:
        """Give what there is to show after one more picture."""
        ...


def open_film(spec: WorldSpec) -> Film:
    """Give a new film of a World's picture. Raises `VideoError`, `MissingExtraError`."""
    settings = VideoSettings(renderer="sim-view", gop=GOP, ring_s=KEPT_FRAMES / spec.step_hz)
    return ColourFilm(spec) if spec.shades is None else ShadeFilm(camera_for(spec, settings), spec)


class ShadeFilm:
    """Pictures in shades by the native core: lossless."""

    def __init__(self, camera: Camera, spec: WorldSpec) -> None:
        self._camera, self._count, self._ticks = camera, 0, spec.ticks_per_step
        self._still: dict[str, Any] = {
            "actions": np.zeros((1, *(spec.action_space.shape or ())), np.int64),
            "reward": np.zeros(1, np.float32),
        }
        camera.begin(0)

    def add(self, picture: Picture) -> Iterator[Piece]:
        """Give what there is to show after one more picture."""
        film, number = self._camera.film, self._count
        tick = np.array([(number + 1) * self._ticks])
        self._camera.add(Shot(picture[None], tick=tick, **self._still), np.ones(1, np.bool_))
        self._count += 1
        if not number:
            yield DESCRIPTION, film.track[0]
        # A cut of one frame is an MP4 of that frame after those that it needs.
        sizes, samples = _samples(film.cut(0, number, number + 1, 1, 1))
        yield (KEY if len(sizes) == 1 else DELTA), samples[sum(sizes[:-1]) :][: sizes[-1]]


def _samples(mp4: bytes) -> tuple[list[int], bytes]:
    """Give the sizes of the samples of an MP4 with one chunk, and the file from the first sample on."""
    at = mp4.rindex(b"stsz") + 8  # its index comes last
    size, count = TABLE.unpack_from(mp4, at)
    sizes = [size] * count if size else [*struct.unpack_from(f">{count}I", mp4, at + TABLE.size)]
    chunks, first = TABLE.unpack_from(mp4, mp4.rindex(b"stco") + 8)
    assert chunks == 1, chunks
    return sizes, mp4[first:]


class ColourFilm:
    """Pictures in colour, by x264 through PyAV. Raises `MissingExtraError`."""

    def __init__(self, spec: WorldSpec) -> None:
        with from_extra():
            import av

            from ludus.episodes.video.colour import START_CODE, X264, avcc_of
        self._av, self._start_code = av, START_CODE
        context: VideoCodecContext = av.CodecContext.create("libx264", "w")
        height, width = spec.frame_shape[:2]
        self._height, self._width = height - height % 2, width - width % 2
        context.width, context.height, context.pix_fmt = self._width, self._height, "yuv420p"
        context.framerate, context.time_base = rate_of(spec), 1 / rate_of(spec)
        context.gop_size, context.max_b_frames, context.thread_count = GOP, 0, 1
        context.flags |= av.codec.context.Flags.global_header
        context.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": X264, "crf": "23"}
        context.open()
        self._context, self._count = context, 0
        self._description = avcc_of(bytes(context.extradata or b""))

    def add(self, picture: Picture) -> Iterator[Piece]:
        """Give what there is to show after one more picture."""
        if not self._count:
            yield DESCRIPTION, self._description
        even = np.ascontiguousarray(picture[: self._height, : self._width])
        frame = self._av.VideoFrame.from_ndarray(even, format="rgb24")
        frame.pts, self._count = self._count, self._count + 1
        for packet in self._context.encode(frame.reformat(format="yuv420p")):
            units = [unit for unit in self._start_code.split(bytes(packet)) if unit]
            body = b"".join(len(unit).to_bytes(4) + unit for unit in units)
            yield (KEY if packet.is_keyframe else DELTA), body
