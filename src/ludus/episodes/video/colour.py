"""Pictures in colour, by x264 through PyAV; importing this module imports PyAV.

Frames wait until 32 are there and are encoded together: beside a game that leaves nothing of the encoder in the cache,
that costs two thirds of encoding each as it comes. The preset, one thread and no lookahead make equal frames equal
bytes on one machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from ludus.core.protocols import WorldSpec
from ludus.core.types import Mask
from ludus.episodes._native import Film, Reel
from ludus.episodes.video.cameras import GOP, Shot, check_frames, ring_limits
from ludus.episodes.video.record import Code, Reason, VideoError
from ludus.episodes.video.settings import Quality, VideoSettings
from ludus.episodes.video.source import rate_of, timing

BURST = 32
X264 = f"scenecut=0:keyint={GOP}:min-keyint={GOP}"
START_CODE = re.compile(rb"\x00\x00\x00?\x01")
SPS, PPS = 7, 8
HIGH_444 = 244
BT709, RGB = 1, 0
LIMITED, FULL = 1, 2
CODECS: dict[Quality, tuple[str, str, tuple[int, int], dict[str, str]]] = {
    "fast": ("libx264", "yuv420p", (BT709, LIMITED), {"crf": "23"}),
    "exact": ("libx264rgb", "rgb24", (RGB, FULL), {"qp": "0"}),
}
"""Codec, pixel format, matrix and range of its colours, as H.264 numbers them, and options."""


class ColourCamera:
    """One x264 encoder for each lane that films."""

    def __init__(self, spec: WorldSpec, lanes: int, settings: VideoSettings) -> None:
        self._codec, self._pix_fmt, self._colours, self._options = CODECS[settings.quality]
        self._shape, self._dtype = (lanes, *spec.frame_shape), spec.frame_dtype
        self._height, self._width = spec.frame_shape[:2]
        self._rate = rate_of(spec)
        self._reformatter = VideoReformatter()
        self._rolls: list[_Roll | None] = [None] * lanes
        probe = self._open()
        track = (avcc_of(bytes(probe.extradata or b"")), probe.width, probe.height, *timing(self._rate))
        self.film = Film.of_packets(lanes=lanes, track=track, ring=ring_limits(spec, settings))

    def begin(self, lane: int, path: bytes = b"", note: bytes = b"") -> None:
        """Begin an episode. Raises `VideoError`."""
        self._rolls[lane] = _Roll(self._open(), self._height, self._width)
        self.film.begin(lane, path, note)

    def add(self, shot: Shot, mask: Mask) -> Mapping[int, Reason]:
        """Take one frame of each lane in the mask that has begun; give those that cannot go on. Raises `VideoError`."""
        check_frames(shot.frames, self._shape, self._dtype)
        failed: dict[int, Reason] = {}
        for lane in map(int, np.flatnonzero(mask)):
            roll = self._rolls[lane]
            if roll is None or not roll.add(shot.frames[lane], int(shot.tick[lane])):
                continue
            try:
                self._develop(lane, roll)
            except VideoError as error:
                failed[lane] = error.reason
        return failed

    def end(self, lane: int) -> Reel:
        """End an episode. Raises `VideoError`."""
        roll, self._rolls[lane] = self._rolls[lane], None
        if roll is not None:
            self._develop(lane, roll, last=True)
        return self.film.end(lane)

    def leave(self, lane: int) -> None:
        """Film this episode no further."""
        self._rolls[lane] = None
        self.film.leave(lane)

    def _open(self) -> VideoCodecContext:
        try:
            context = av.CodecContext.create(self._codec, "w")
        except av.codec.codec.UnknownCodecError as error:
            raise VideoError(
                Reason(Code.ENCODER_MISSING, f"this PyAV has no {error}; run: pip install 'ludus[video]'")
            ) from error
        assert isinstance(context, VideoCodecContext), context
        context.width, context.height = self._width + self._width % 2, self._height + self._height % 2
        context.pix_fmt = self._pix_fmt
        context.framerate, context.time_base = self._rate, 1 / self._rate
        context.gop_size, context.max_b_frames, context.thread_count = GOP, 0, 1
        context.colorspace, context.color_range = self._colours
        context.color_primaries = context.color_trc = BT709
        context.flags |= Flags.global_header | Flags.bitexact
        context.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": X264} | self._options
        try:
            context.open()
        except (av.FFmpegError, ValueError) as error:
            raise VideoError(Reason(Code.ENCODER_OPEN_FAILED, f"{self._codec}: {error}")) from error
        return context

    def _develop(self, lane: int, roll: _Roll, *, last: bool = False) -> None:
        """Encode the frames that wait."""
        try:
            for picture in roll.take():
                frame = av.VideoFrame.from_numpy_buffer(picture, format="rgb24")
                frame.pts, frame.time_base = roll.number, 1 / self._rate
                roll.number += 1
                if self._pix_fmt != "rgb24":
                    frame = self._reformatter.reformat(
                        frame,
                        format=self._pix_fmt,
                        dst_colorspace=Colorspace.ITU709,
                        dst_color_range=ColorRange.MPEG,
                        threads=1,
                    )
                self._file(lane, roll, roll.context.encode(frame))
            if last:
                self._file(lane, roll, roll.context.encode(None))
        except (av.FFmpegError, ValueError) as error:
            raise VideoError(Reason(Code.ENCODE_FAILED, f"{self._codec}: {error}")) from error

    def _file(self, lane: int, roll: _Roll, packets: list[Any]) -> None:
        for packet in packets:
            self.film.add_packet(lane, bytes(packet), packet.is_keyframe, roll.ticks[packet.pts])


class _Roll:
    """The frames of an episode that wait to be encoded, in even sizes: an odd edge is shown twice."""

    def __init__(self, context: VideoCodecContext, height: int, width: int) -> None:
        self.context = context
        self.number = 0
        self.ticks: list[int] = []
        self._height, self._width = height, width
        self._frames = np.empty((BURST, height + height % 2, width + width % 2, 3), np.uint8)
        self._waiting = 0

    def add(self, frame: npt.NDArray[np.uint8], tick: int) -> bool:
        """Take a frame; say whether it is time to encode."""
        into = self._frames[self._waiting]
        into[: self._height, : self._width] = frame
        into[self._height :, : self._width] = frame[-1]
        into[:, self._width :] = into[:, self._width - 1 : self._width]
        self.ticks.append(tick)
        self._waiting += 1
        return self._waiting == BURST

    def take(self) -> npt.NDArray[np.uint8]:
        """Give the frames that wait, which then wait no more."""
        waiting, self._waiting = self._waiting, 0
        return self._frames[:waiting]


def avcc_of(extradata: bytes) -> bytes:
    """Give the AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1) of parameter sets in Annex B."""
    units = [unit for unit in START_CODE.split(extradata) if unit]
    sps = next(unit for unit in units if unit[0] & 31 == SPS)
    pps = next(unit for unit in units if unit[0] & 31 == PPS)
    sets = bytes([0xE1]) + len(sps).to_bytes(2) + sps + bytes([1]) + len(pps).to_bytes(2) + pps
    high = bytes([0xFC | 3, 0xF8, 0xF8, 0]) if sps[1] == HIGH_444 else b""
    return bytes([1, *sps[1:4], 0xFF]) + sets + high
