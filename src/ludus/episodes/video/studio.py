"""Films of the episodes that N lanes play: what an evaluation loop drives."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from ludus.core.errors import MissingExtraError
from ludus.core.extras import from_extra
from ludus.core.lanes import check_lane
from ludus.core.protocols import Choice, WorldSpec
from ludus.core.types import Event, Mask, Step
from ludus.episodes._native import Reel
from ludus.episodes.video import files
from ludus.episodes.video.budget import Governor
from ludus.episodes.video.cameras import Camera, ShadeCamera, Shot
from ludus.episodes.video.clips import FOLDER, PendingClip, Ring, Window, without_ring
from ludus.episodes.video.record import Code, Overhead, Reason, VideoError, VideoRecord, without_file
from ludus.episodes.video.settings import VideoSettings
from ludus.episodes.video.source import Source, select

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Scene:
    """An episode that a lane is filming."""

    identity: str
    reason: Reason | None = None
    """Why there will be no video, once that is known."""
    started: tuple[float, float] = field(default=(0.0, 0.0))


class Studio:
    """Films N lanes of a World into `FOLDER/videos/IDENTITY.mp4`, one frame for every recorded step.

    Trouble with video never stops the play: `begin`, `add` and `finish` do not raise because of it, and the record
    says what went wrong. With video off nothing is encoded, no folder is made, and no encoder library is imported.
    """

    def __init__(self, folder: Path, spec: WorldSpec, lanes: int, settings: VideoSettings) -> None:
        self._folder, self._settings, self._lanes = folder, settings, lanes
        self._videos = folder / files.FOLDER
        self._scenes: list[_Scene | None] = [None] * lanes
        self._governor = Governor(settings.budget, settings.stop_over)
        self._source, self._camera, self._off = _open_camera(spec, lanes, settings)
        self._rings = self._open_rings(spec)
        self._note = b""
        if self._camera is not None and self._source is not None:
            self._note = files.note(
                renderer=self._source.renderer, requested=settings.renderer, track=self._camera.film.track
            )
        if self._off and settings.films:
            log.warning("no video: %s", self._off.detail, extra=self._off.to_json())

    def begin(self, lane: int, identity: str) -> None:
        """Begin an episode; one that the lane has not finished is given up. Raises `InputError` on no such lane."""
        check_lane(lane, self._lanes)
        self.cancel(lane)
        scene = self._scenes[lane] = _Scene(identity, reason=self._off)
        if self._camera is None or self._source is None:
            return
        scene.started = self._governor.moment()
        try:
            path = files.part_path(self._videos, identity) if self._settings.enabled else b""
            if path:
                self._governor.check()
            if self._rings:
                self._rings[lane].begin(identity)
            self._camera.begin(lane, path, self._note)
        except VideoError as error:
            self._give_up(lane, error.reason)

    def add(self, shot: Shot, mask: Mask) -> None:
        """Take one frame of every lane in `mask`, `bool[N]`, that is in an episode."""
        if self._camera is None:
            return
        start = time.perf_counter()
        try:
            failed = self._camera.add(shot, mask)
        except VideoError as error:
            failed = dict.fromkeys(map(int, np.flatnonzero(mask)), error.reason)
        for lane in failed:
            self._give_up(lane, failed[lane])
        for ring in self._rings:
            if ring.waiting:
                ring.settle()
        self._governor.spent(time.perf_counter() - start)

    def follow(self, step: Step, choice: Choice, moved: Mask, events: Sequence[Event] = ()) -> None:
        """Take one frame of every lane that moved in a step, `bool[N]`."""
        self.add(Shot(step.frames, choice.actions, step.reward, step.tick, choice.value, events), moved)

    def cut(self, lane: int, window: Window) -> PendingClip:
        """Ask for a clip of the lane's episode: it is there when its frames are, or when the episode ends.

        A lane that keeps no ring gives a clip that is skipped at once, to be drawn from the trace. Raises `InputError`.
        """
        check_lane(lane, self._lanes)
        scene = self._scenes[lane]
        if scene is None or scene.reason is not None or not self._rings:
            return without_ring("" if scene is None else scene.identity, window)
        return self._rings[lane].cut(window)

    def finish(self, lane: int, steps: int) -> VideoRecord:
        """End an episode of so many recorded steps, and give what became of its video.

        The file is whole, counted and in its place when this returns. Raises `InputError` on no such lane.
        """
        sealed = self.end(lane, steps)
        start = time.perf_counter()
        try:
            return sealed()
        finally:
            self._governor.spent(time.perf_counter() - start)

    def end(self, lane: int, steps: int) -> Callable[[], VideoRecord]:
        """End an episode as `finish` does, but leave it to the caller when its file is made whole and gets its name.

        What it gives is to be called once, by any thread, and gives the record. Raises `InputError` on no such lane.
        """
        check_lane(lane, self._lanes)
        scene, self._scenes[lane] = self._scenes[lane], None
        if scene is None:
            return partial(self._without, Reason(Code.NO_FRAMES, "the episode was never begun"))
        start = time.perf_counter()
        try:
            return self._end(lane, scene, steps)
        except VideoError as error:
            return partial(self._tell, scene.identity, error.reason)
        finally:
            self._governor.spent(time.perf_counter() - start)

    def cancel(self, lane: int) -> None:
        """Give up the lane's episode, if it is in one, and remove what was filmed of it."""
        if self._scenes[lane] is not None:
            self._give_up(lane, Reason(Code.CANCELLED, "the episode was given up"))
            self._scenes[lane] = None

    def close(self) -> None:
        """Give up every episode that has not been finished; a second call does nothing."""
        for lane in range(self._lanes):
            self.cancel(lane)

    def _end(self, lane: int, scene: _Scene, steps: int) -> Callable[[], VideoRecord]:
        if self._camera is None or scene.reason is not None:
            assert scene.reason is not None, scene
            return partial(self._tell, scene.identity, scene.reason)
        try:
            reel = self._camera.end(lane)
            if self._rings:
                self._rings[lane].settle(ended=True)
            if not self._settings.enabled:
                return partial(self._without, Reason(Code.DISABLED, "video was not asked for"))
            if not reel.frames:
                raise VideoError(Reason(Code.NO_FRAMES, f"the episode has {steps} steps, and no frame was taken"))
        except VideoError:
            self._camera.leave(lane)
            raise
        ratio = self._governor.measure(scene.started)
        self._governor.judge(ratio, frames=reel.frames)
        return partial(self._seal, scene.identity, reel, steps, ratio)

    def _seal(self, identity: str, reel: Reel, steps: int, ratio: float) -> VideoRecord:
        """Make a film whole, count what its file holds, and give it its name. Any thread may call it, once."""
        try:
            film = files.develop(reel, self._videos, identity)
            file = files.seal(film, steps=steps, sync=self._settings.sync)
        except VideoError as error:
            return self._tell(identity, error.reason)
        assert self._source is not None
        return VideoRecord(
            status="ok",
            requested=self._settings.renderer,
            renderer=self._source.renderer,
            file=file,
            fallback=self._source.fallback,
            overhead=Overhead(ratio, self._settings.budget, film.blocked_ms),
        )

    def _open_rings(self, spec: WorldSpec) -> tuple[Ring, ...]:
        if self._camera is None or not self._settings.ring_s:
            return ()
        clips = self._settings.clips or self._folder / FOLDER
        return tuple(Ring(self._camera, lane, spec, folder=clips, root=self._folder) for lane in range(self._lanes))

    def _give_up(self, lane: int, reason: Reason) -> None:
        scene = self._scenes[lane]
        if scene is None or scene.reason is not None:
            return
        scene.reason = reason
        if self._rings:
            self._rings[lane].settle(ended=True)
        if self._camera is not None:
            self._camera.leave(lane)

    def _tell(self, identity: str, reason: Reason) -> VideoRecord:
        """Give the record of an episode without video, and say so in the log if that was not to be expected."""
        if reason != self._off and reason.code not in (Code.BUDGET_EXCEEDED, Code.NO_FRAMES):
            log.warning("no video of %s: %s", identity, reason.detail, extra={"episode": identity} | reason.to_json())
        return self._without(reason)

    def _without(self, reason: Reason) -> VideoRecord:
        renderer = self._source.renderer if self._source else "none"
        fallback = self._source.fallback if self._source else None
        return without_file(reason, requested=self._settings.renderer, renderer=renderer, fallback=fallback)


def _open_camera(
    spec: WorldSpec, lanes: int, settings: VideoSettings
) -> tuple[Source | None, Camera | None, Reason | None]:
    """Give what is filmed and the camera for it, or the reason why nothing is."""
    source = select(settings.renderer, spec)
    if isinstance(source, Reason):
        return None, None, source
    if not settings.films:
        return source, None, Reason(Code.DISABLED, "video was not asked for")
    if source.coder == "shades":
        return source, ShadeCamera(source, spec, lanes, settings), None
    try:
        with from_extra():
            from ludus.episodes.video.colour import ColourCamera

        return source, ColourCamera(spec, lanes, settings), None
    except MissingExtraError as error:
        return source, None, Reason(Code.ENCODER_MISSING, str(error))
    except VideoError as error:
        return source, None, error.reason
