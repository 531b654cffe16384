"""Films of the newest episodes that a worker plays, on disk, and the clips that are cut out of them.

Every episode is filmed as it is played, encoded once. So a clip needs no frames in memory, may be asked for long after
its moment, and can still be cut when the process that played it was killed: what had reached the file is there.
"""

from __future__ import annotations

import contextlib
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ludus.core.errors import InputError
from ludus.core.protocols import WorldSpec
from ludus.core.types import Clip
from ludus.episodes._native import demux
from ludus.episodes.video import Studio, VideoSettings, cut_video, recover
from ludus.episodes.video.files import CRASHED, FOLDER, PART
from ludus.run.filming import film
from ludus.run.loop import Turn
from ludus.serve.worker.errands import Film, Unmade

MOST_BYTES = 512 * 1024 * 1024
MOST_UNFILMED = 4096
CLIPS, PEEK = "clips", "peek"
SETTINGS = VideoSettings(enabled=True, renderer="sim-view", burst=30, budget=math.inf, stop_over=math.inf)
"""Whatever it costs, for without films there are no clips; in short bursts, so that a killed worker has clips too."""
HIGHLIGHT_S = 30.0
"""Of game time, in a clip of the newest moments."""


class Reel:
    """Films what N lanes of a World play, and cuts clips. One thread may `follow` while another one cuts."""

    def __init__(self, folder: Path, spec: WorldSpec, lanes: int, *, most_bytes: int = MOST_BYTES) -> None:
        """Save what a killed process has filmed. Raises `OSError` where the folder cannot be written."""
        folder.mkdir(parents=True, exist_ok=True)
        recover(folder)
        self._folder, self._spec, self._most_bytes = folder, spec, most_bytes
        self._studio = Studio(folder, spec, lanes, SETTINGS)
        self._steps = np.zeros(lanes, np.int64)
        self._playing: dict[str, int] = {}
        """Episodes under way, and their lanes."""
        self._unfilmed: dict[str, Mapping[str, str]] = {}
        """The newest episodes that have no film, and why."""

    def follow(self, turn: Turn) -> None:
        """Film one more turn."""
        for lane, opening in turn.began:
            self._steps[lane] = 0
            self._playing[opening.id] = lane
        film(self._studio, turn)
        if turn.moved is not None:
            self._steps += turn.moved
        for lane in turn.ended:
            self._finish(lane)

    def close(self) -> None:
        """Finish the films of all episodes that are under way."""
        for lane in [*self._playing.values()]:
            self._finish(lane)
        self._studio.close()

    def cut(self, wish: Mapping[str, Any]) -> Film | Unmade | None:
        """Give the clip of a wish, or why there is none; None as long as its last frames have not been filmed."""
        episode = str(wish["episode_id"])
        try:
            if Path(episode).name != episode:
                return Unmade("skipped", {"code": "not-ours", "detail": f"{episode!r} is no episode of this worker"})
            lane = self._playing.get(episode)
            if lane is not None:
                return self._cut_playing(episode, lane, wish)
            for ending in (".mp4", CRASHED):
                path = self._folder / FOLDER / f"{episode}{ending}"
                if path.exists():
                    return self._cut(path, wish, crashed=ending == CRASHED)
        except (InputError, OSError, ValueError, KeyError, TypeError) as error:
            return Unmade("failed", {"code": "unreadable", "detail": f"{episode}: {error}"[:500]})
        if episode in self._unfilmed:
            return Unmade("skipped", self._unfilmed[episode])
        detail = f"no film of {episode} is kept: its process was killed too early, or newer films took the room"
        return Unmade("skipped", {"code": "not-kept", "detail": detail})

    def newest(self, *, tag: str, speed: float) -> Film | Unmade:
        """Give a clip of the end of the episode that ended last."""
        for path in sorted(self._films(FOLDER), key=_age):
            with contextlib.suppress(InputError, OSError, ValueError):
                frames = _frames(path)
                first = max(0, frames - round(HIGHLIGHT_S * self._spec.step_hz))
                tick = frames * self._spec.ticks_per_step
                seconds = (frames - first) / self._spec.step_hz
                wish = {
                    "episode_id": path.stem,
                    "tag": tag,
                    "tick": tick,
                    "pre_s": seconds,
                    "post_s": 0,
                    "speed": speed,
                }
                return self._made(path, self._window(wish, frames))
        return Unmade("skipped", {"code": "no-frames", "detail": "no episode has ended yet, or none was filmed"})

    def trim(self) -> int:
        """Delete the oldest films and clips beyond what may be kept; give the bytes that are left."""
        found = sorted([*self._films(FOLDER), *self._films(CLIPS)], key=_age)
        kept = 0
        for path in found:
            with contextlib.suppress(FileNotFoundError):
                size = path.stat().st_size
                if kept + size > self._most_bytes:
                    path.unlink()
                else:
                    kept += size
        return kept

    def _films(self, folder: str) -> list[Path]:
        return [path for path in (self._folder / folder).glob("*.mp4") if not path.name.startswith(".")]

    def _finish(self, lane: int) -> None:
        record = self._studio.finish(lane, int(self._steps[lane]))
        episode = next(episode for episode, other in self._playing.items() if other == lane)
        if record.reason is not None:
            self._unfilmed[episode] = record.reason.to_json()
            if len(self._unfilmed) > MOST_UNFILMED:
                del self._unfilmed[next(iter(self._unfilmed))]
        # Only now, so that whoever does not find it among those under way finds its file.
        self._playing = {name: other for name, other in self._playing.items() if other != lane}

    def _cut_playing(self, episode: str, lane: int, wish: Mapping[str, Any]) -> Film | Unmade | None:
        """Cut out of a copy of what has reached the file so far, once that is enough."""
        end = self._window(wish, math.inf).end
        if self._steps[lane] < end:
            return None
        peek = self._folder / PEEK
        videos = peek / FOLDER
        videos.mkdir(parents=True, exist_ok=True)
        try:
            part = f".{episode}{PART}"
            shutil.copyfile(self._folder / FOLDER / part, videos / part)
            recover(peek)
            path = videos / f"{episode}{CRASHED}"
            return self._cut(path, wish, crashed=False) if path.exists() and _frames(path) >= end else None
        except FileNotFoundError:
            return None  # it has just ended, or has just begun
        finally:
            shutil.rmtree(peek, ignore_errors=True)

    def _cut(self, path: Path, wish: Mapping[str, Any], *, crashed: bool) -> Film | Unmade:
        frames = _frames(path)
        clip = self._window(wish, frames)
        if clip.start >= clip.end or self._frame_of(clip.tick) >= frames:
            lacking = self._frame_of(clip.tick) + 1 - frames
            told = ("worker-crashed", ": its process was killed") if crashed else ("no-frames", "")
            detail = f"the film ends {lacking} frames before the moment{told[1]}"
            return Unmade("failed", {"code": told[0], "detail": detail})
        return self._made(path, clip)

    def _made(self, path: Path, clip: Clip) -> Film | Unmade:
        made = cut_video(path, clip, folder=self._folder / CLIPS, root=self._folder)
        if made.path is None:
            return Unmade("failed", {"code": str(made.skipped), "detail": "the clip was not written"})
        told = ("episode", "start", "end", "frames", "speed", "truncated_pre", "truncated_post", "sha256")
        return Film(self._folder / made.path, {name: getattr(made, name) for name in told})

    def _frame_of(self, tick: int) -> int:
        """Give the frame of the step that a moment of game time lies in."""
        return max(0, math.ceil(tick / self._spec.ticks_per_step) - 1)

    def _window(self, wish: Mapping[str, Any], frames: float) -> Clip:
        """Give what a wish wants of a film of so many frames."""
        tick, pre_s, post_s = int(wish["tick"]), float(wish["pre_s"]), float(wish["post_s"])
        at, hz = self._frame_of(tick), self._spec.step_hz
        start, end = at - round(pre_s * hz), at + 1 + round(post_s * hz)
        return Clip(
            episode=str(wish["episode_id"]),
            tag=str(wish["tag"]),
            tick=tick,
            start=max(start, 0),
            end=int(min(end, frames)),
            pre_s=pre_s,
            post_s=post_s,
            speed=float(wish.get("speed") or 1.0),
            truncated_pre=start < 0,
            truncated_post=end > frames,
        )


def _frames(path: Path) -> int:
    """Give how many frames a film has. Raises `ValueError` where it is none."""
    return int(demux(path.read_bytes())[1])


def _age(path: Path) -> float:
    """Give a key that sorts the newest first."""
    try:
        return -path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
