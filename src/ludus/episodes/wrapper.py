"""Videos of any Gymnasium environment: `gymnasium.wrappers.RecordVideo`'s arguments and names, without its losses.

Frames go to the encoder as they come, so memory does not grow with an episode; a file takes its name when it is whole
and holds every frame; an episode's file is there when the episode ends, not at the next reset. No MoviePy.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs

from ludus.core.errors import InputError, MissingExtraError
from ludus.core.extras import from_extra
from ludus.core.gym_game import STEP_HZ
from ludus.core.protocols import WorldSpec
from ludus.episodes.video import files
from ludus.episodes.video.cameras import Camera, Shot
from ludus.episodes.video.record import Code, Reason, VideoError, VideoRecord, without_file
from ludus.episodes.video.settings import Quality, VideoSettings

log = logging.getLogger(__name__)

Trigger = Callable[[int], bool]
ALL = np.ones(1, np.bool_)


def cubes(episode: int) -> bool:
    """Say whether an episode is to be filmed, as Gymnasium does by default: 0, 1, 8, 27 to 729, then every 1000th."""
    return episode % 1000 == 0 or (episode < 1000 and round(episode ** (1 / 3)) ** 3 == episode)


class RecordEpisodes(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Films episodes of an environment that renders `rgb_array` into `video_folder`.

    Files are `NAME_PREFIX-episode-I.mp4` where `episode_trigger(I)` says so, and `NAME_PREFIX-step-I.mp4` from the step
    where `step_trigger(I)` does; without either, episodes 0, 1, 8, 27 and so on. A film holds the first picture and one
    for every step, or `video_length` pictures, across episodes. `fps` is by default the environment's `render_fps`.
    quality: "exact" is lossless. `disable_logger` is taken and does nothing; `gc_trigger(I)` collects garbage after the
    episode.

    What became of each film is in `records`. A film that cannot be made is a warning in the log and never stops the
    play. Raises `InputError` on an environment that renders no pictures.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        video_folder: str,
        episode_trigger: Trigger | None = None,
        step_trigger: Trigger | None = None,
        video_length: int = 0,
        name_prefix: str = "rl-video",
        fps: float | None = None,
        disable_logger: bool = True,
        gc_trigger: Trigger | None = None,
        *,
        quality: Quality = "fast",
    ) -> None:
        RecordConstructorArgs.__init__(
            self,
            video_folder=video_folder,
            episode_trigger=episode_trigger,
            step_trigger=step_trigger,
            video_length=video_length,
            name_prefix=name_prefix,
            fps=fps,
            disable_logger=disable_logger,
            gc_trigger=gc_trigger,
            quality=quality,
        )
        gymnasium.Wrapper.__init__(self, env)
        if env.render_mode != "rgb_array":
            raise InputError(
                f"render_mode is {env.render_mode!r}, expected 'rgb_array'; make the environment with that."
            )
        if video_length < 0:
            raise InputError(f"video_length is {video_length}, expected 0 for whole episodes, or a number of pictures.")
        self.records: list[VideoRecord] = []
        self._folder, self._prefix, self._length = Path(video_folder), name_prefix, video_length
        nobody_asks = episode_trigger is None and step_trigger is None
        self._episode_trigger = cubes if nobody_asks else episode_trigger
        self._step_trigger, self._gc_trigger = step_trigger, gc_trigger
        self._fps = float(fps or self.metadata.get("render_fps") or STEP_HZ)
        self._settings = VideoSettings(enabled=True, renderer="sim-view", quality=quality)
        self._film: _Film | None = None
        self._episode = self._step = -1

    @property
    def recording(self) -> bool:
        """A film is being made."""
        return self._film is not None

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset, and begin the film of the episode where the trigger says so."""
        begun = super().reset(seed=seed, options=None if options is None else dict(options))
        self._episode += 1
        if not self._length:
            self.stop_recording()
        if self._episode_trigger and self._episode_trigger(self._episode):
            self.start_recording(f"{self._prefix}-episode-{self._episode}")
        self._capture()
        return begun

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step, and film what it led to."""
        seen, reward, terminated, truncated, info = self.env.step(action)
        self._step += 1
        if self._step_trigger and self._step_trigger(self._step):
            self.start_recording(f"{self._prefix}-step-{self._step}")
        self._capture()
        if (terminated or truncated) and not self._length:
            self.stop_recording()
        return seen, reward, terminated, truncated, info

    def close(self) -> None:
        """Finish the film, if one is being made, and close the environment."""
        self.stop_recording()
        super().close()

    def start_recording(self, video_name: str) -> None:
        """Begin a film at the next picture; one that is being made is finished."""
        self.stop_recording()
        self._film = _Film(self._folder, video_name, self._settings)

    def stop_recording(self) -> None:
        """Finish the film, if one is being made."""
        if self._film is None:
            return
        film, self._film = self._film, None
        self.records.append(film.finish())
        if self._gc_trigger and self._gc_trigger(self._episode):
            gc.collect()

    def _capture(self) -> None:
        if self._film is None:
            return
        self._film.add(self.env.render(), self._fps, self.action_space)
        if self._film.frames == self._length:
            self.stop_recording()


class _Film:
    """One file, whose size the first picture decides."""

    def __init__(self, folder: Path, name: str, settings: VideoSettings) -> None:
        self.frames = 0
        self._folder, self._name, self._settings = folder, name, settings
        self._camera: Camera | None = None
        self._reason: Reason | None = None

    def add(self, picture: Any, fps: float, actions: gymnasium.Space[Any]) -> None:
        """Take a picture `uint8[H, W, 3]`."""
        if self._reason is not None:
            return
        try:
            frames = np.asarray(picture)[None]
            if self._camera is None:
                self._camera = self._open(frames, fps, actions)
            self._camera.add(_shot(frames, self.frames), ALL)
            self.frames += 1
        except VideoError as error:
            self._fail(error.reason)

    def finish(self) -> VideoRecord:
        """Make the file whole, and give what became of it."""
        if self._camera is None or self._reason is not None:
            return self._without(self._reason or Reason(Code.NO_FRAMES, "no picture was taken"))
        try:
            film = files.develop(self._camera.end(0), self._folder, self._name)
            file = files.seal(film, steps=self.frames)
        except VideoError as error:
            self._camera.leave(0)
            return self._without(error.reason)
        return VideoRecord(status="ok", requested="sim-view", renderer="sim-view", file=file)

    def _open(self, frames: Any, fps: float, actions: gymnasium.Space[Any]) -> Camera:
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3:
            found = f"{frames.dtype}{list(frames.shape[1:])}"
            raise VideoError(Reason(Code.RENDERER_UNAVAILABLE, f"render() gave {found}, expected uint8[H, W, 3]"))
        try:
            with from_extra():
                from ludus.episodes.video.colour import ColourCamera
        except MissingExtraError as error:
            raise VideoError(Reason(Code.ENCODER_MISSING, str(error))) from error
        camera = ColourCamera(WorldSpec(self._name, frames.shape[1:], None, actions, fps, 1), 1, self._settings)
        told = files.note(renderer="sim-view", requested="sim-view", track=camera.film.track)
        camera.begin(0, files.part_path(self._folder, self._name), told)
        return camera

    def _fail(self, reason: Reason) -> None:
        self._reason = reason
        if self._camera is not None:
            self._camera.leave(0)

    def _without(self, reason: Reason) -> VideoRecord:
        log.warning("no video %s: %s", self._name, reason.detail, extra={"episode": self._name} | reason.to_json())
        return without_file(reason, requested="sim-view", renderer="sim-view")


def _shot(frames: Any, number: int) -> Shot:
    nothing = np.zeros(1)
    return Shot(frames, nothing, nothing.astype(np.float32), np.array([number]))
