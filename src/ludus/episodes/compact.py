"""Makes the films of a run smaller afterwards: x264 with time to spare, in place of encoders that had none.

The pictures of a compact film are near those of the first one, no longer equal. What is exact stays with the trace: an
episode is filmed anew from there whenever its film is gone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from ludus.core.errors import InputError
from ludus.core.extras import from_extra
from ludus.core.types import Episode
from ludus.episodes.report import write_report
from ludus.episodes.store import VIDEOS, Store

CRF_MOST = 51
GOP = 120
BT709, LIMITED = 1, 1
"""Matrix and range of the colours, as FFmpeg numbers them."""
MARK = "compact"
"""How the notes of a compact film begin."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """What compacting came to."""

    films: int
    """Made smaller."""
    left: int
    """Films that were compact, or would not have become smaller."""
    before: int
    """Bytes of the films that were made smaller."""
    after: int


def compact(
    out: Path,
    *,
    crf: int = 20,
    on_start: Callable[[int], None] | None = None,
    on_episode: Callable[[Episode], None] | None = None,
) -> Compacted:
    """Make the films of a run smaller and give what that came to; crf is x264's, 0 best to 51 smallest.

    Raises `InputError` on a folder without a run, `MissingExtraError` without PyAV.
    """
    if not 0 <= crf <= CRF_MOST:
        raise InputError(f"crf is {crf}, expected 0 to {CRF_MOST}; 18 to 23 looks the same.")
    store = Store(out)
    told = store.run()
    if told is None:
        raise InputError(f"{out}: no run is there, expected run.json.")
    films = left = before = after = 0
    with store.locked():
        filmed = [episode for episode in store.episodes() if episode.video["status"] == "ok"]
        if on_start:
            on_start(len(filmed))
        for episode in filmed:
            video = _smaller(out, episode, crf)
            if video is None:
                left += 1
            else:
                store.append([replace(episode, video=video)])
                films, before = films + 1, before + episode.video["filesize_bytes"]
                after += video["filesize_bytes"]
            if on_episode:
                on_episode(episode)
        if filmed:
            write_report(out, told, store.settle())
    return Compacted(films, left, before, after)


def _smaller(out: Path, episode: Episode, crf: int) -> dict[str, Any] | None:
    """Give the video of an episode with its smaller film, None where it stays as it is."""
    video = episode.video
    if video.get("notes", "").startswith(MARK) or Store(out).damage(episode).get("video"):
        return None
    with from_extra():
        from ludus.episodes.video.colour import avcc_of
    from ludus.episodes._native import Film
    from ludus.episodes.video.files import develop, note, part_path, seal
    from ludus.episodes.video.source import timing

    rate = Fraction(video["fps_exact"])
    context, packets = _encoded(out / video["path"], rate, crf)
    track = (avcc_of(bytes(context.extradata or b"")), context.width, context.height, *timing(rate))
    film = Film.of_packets(lanes=1, track=track, ring=(0, 0))
    told = note(renderer=video["renderer"], requested=video["requested"], track=track)
    film.begin(0, part_path(out / VIDEOS, episode.id), told)
    for number, (data, key) in enumerate(packets):
        film.add_packet(0, data, key, number)
    part = develop(film.end(0), out / VIDEOS, episode.id)
    if os.fstat(part.descriptor).st_size >= video["filesize_bytes"]:
        part.discard()
        return None
    file = seal(part, steps=episode.steps, sync=True)
    notes = f"{MARK}: x264 crf {crf}, of {video['filesize_bytes']} bytes"
    return dict(video) | file.to_json() | {"encode_ms_per_frame": video["encode_ms_per_frame"], "notes": notes}


def _encoded(path: Path, rate: Fraction, crf: int) -> tuple[Any, list[tuple[bytes, bool]]]:
    """Give the encoder, and the packets of a film with whether each is a key frame; none is shown out of its turn."""
    import av
    from av.video.reformatter import ColorRange, Colorspace

    packets: list[tuple[bytes, bool]] = []
    with av.open(str(path)) as film:
        shown = film.streams.video[0]
        context: Any = av.CodecContext.create("libx264", "w")
        context.width, context.height, context.pix_fmt = shown.width, shown.height, "yuv420p"
        context.framerate, context.time_base = rate, 1 / rate
        context.gop_size, context.max_b_frames = GOP, 0
        context.colorspace, context.color_range = BT709, LIMITED
        context.flags |= av.codec.context.Flags.global_header
        context.options = {"preset": "slower", "tune": "animation", "profile": "main", "crf": str(crf)}
        context.open()
        for number, frame in enumerate(film.decode(shown)):
            picture = frame
            if frame.format.name != "yuv420p":
                colours = {"dst_colorspace": Colorspace.ITU709, "dst_color_range": ColorRange.MPEG}
                picture = frame.reformat(format="yuv420p", **colours)
            picture.pts, picture.time_base, picture.pict_type = number, 1 / rate, 0
            packets += _taken(context.encode(picture))
        packets += _taken(context.encode(None))
    return context, packets


def _taken(packets: list[Any]) -> Iterator[tuple[bytes, bool]]:
    return ((bytes(packet), packet.is_keyframe) for packet in packets)
