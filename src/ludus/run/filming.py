"""Films of episodes: while they are played, or later from their traces. Video is imported when it is used."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ludus.core.config import check
from ludus.core.protocols import World
from ludus.core.types import Clip, Episode
from ludus.episodes.store import CLIPS, Store
from ludus.run.games import GameSettings, open_world
from ludus.run.loop import Turn
from ludus.run.replay import read_script, replay

if TYPE_CHECKING:
    from ludus.episodes.video import Studio, VideoSettings

FINAL = {"no-frames", "renderer-none"}
"""Reasons that another try cannot mend."""


def video_settings(enabled: bool, renderer: str, quality: str) -> VideoSettings | None:
    """Give what is asked of videos, None where they are off. Raises `SettingsError`."""
    if not enabled:
        return None
    from ludus.episodes.video import VideoSettings

    return check(VideoSettings, {"enabled": True, "renderer": renderer, "quality": quality})


def sweep(out: Path) -> None:
    """Save what killed processes have filmed, and delete what was saved of episodes that have been filmed since."""
    from ludus.episodes.video import recover

    recover(out)


def open_studio(out: Path, world: World, settings: VideoSettings) -> Studio:
    """Give who films the lanes of a World into a run's folder."""
    from ludus.episodes.video import Studio

    return Studio(out, world.spec, world.lanes, settings)


def film(studio: Studio, turn: Turn) -> None:
    """Film one more turn: one frame for every step, none for a reset."""
    for lane, opening in turn.began:
        studio.begin(lane, opening.id)
    if turn.choice is not None and turn.moved is not None:
        studio.follow(turn.step, turn.choice, turn.moved, turn.events)


def cut_clips(out: Path, clips: Sequence[Clip], video: Mapping[str, Any]) -> tuple[Clip, ...]:
    """Give the clips of an episode, cut out of its video; where there is none, each says why it was skipped."""
    if not clips:
        return ()
    if video["status"] != "ok":
        return tuple(replace(clip, skipped=video["reason"]["code"]) for clip in clips)
    from ludus.episodes.video.clips import cut_video

    return tuple(cut_video(out / video["path"], clip, folder=out / CLIPS, root=out) for clip in map(_uncut, clips))


def _uncut(clip: Clip) -> Clip:
    return replace(clip, path=None, frames=0, filesize_bytes=0, sha256="", skipped=None)


def to_film(
    episodes: Sequence[Episode], damaged: Mapping[str, Mapping[str, str]], settings: VideoSettings
) -> list[str]:
    """Give the ids of the episodes whose video is missing, damaged, or by another renderer than is asked for."""
    found = []
    for episode in episodes:
        video = episode.video
        other = video["requested"] != settings.renderer
        missing = video["status"] != "ok" and video["reason"]["code"] not in FINAL
        if other or missing or damaged.get(episode.id):
            found.append(episode.id)
    return found


def film_again(
    out: Path, game: GameSettings, episodes: Sequence[Episode], settings: VideoSettings, *, lanes: int
) -> Iterator[Episode]:
    """Give episodes with videos that are rendered from their traces; all else of them stays as it is.

    An episode that shows other frames now than when it was recorded gets no video, and the reason `verify-mismatch`.
    """
    if not episodes:
        return
    store, by_id = Store(out), {episode.id: episode for episode in episodes}
    scripts = [read_script(store, episode)[0] for episode in episodes]
    patient = settings.model_copy(update={"stop_over": math.inf})  # whoever asks for films now wants all of them
    with (
        closing(open_world(game, min(lanes, len(episodes)))) as world,
        closing(open_studio(out, world, patient)) as studio,
    ):
        for turn, recordings in replay(world, scripts):
            film(studio, turn)
            for lane, recording in zip(turn.ended, recordings, strict=True):
                episode = by_id[recording.trace.id]
                if recording.trace.trace.digest != episode.digest:
                    studio.cancel(lane)
                    yield replace(episode, video=_mismatch(settings))
                else:
                    video = studio.finish(lane, len(recording.steps)).to_json()
                    yield replace(episode, video=video, clips=cut_clips(out, episode.clips, video))


def _mismatch(settings: VideoSettings) -> dict[str, Any]:
    detail = "played again, the episode shows other frames than were recorded; see ludus verify"
    reason = {"code": "verify-mismatch", "detail": detail}
    return {"status": "failed", "requested": settings.renderer, "renderer": settings.renderer, "reason": reason}
