"""What can be asked of videos."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from ludus.core import config
from ludus.core.config import Settings

Renderer = Literal["synthetic", "sim-view", "none"]
Quality = Literal["fast", "exact"]

HIGHLIGHTS_S = 30.0
"""Seconds that lanes keep where only the environment asks for highlights."""


class VideoSettings(Settings):
    """Whether and how episodes are filmed, and how much of it stays at hand for clips."""

    enabled: bool = False
    """An MP4 of every episode."""
    renderer: Renderer = "synthetic"
    """sim-view is the game's own picture; synthetic is drawn from the recorded step data, beside a small frame."""
    quality: Quality = "fast"
    """Of colour pictures: exact is lossless. Pictures in shades are lossless always."""
    budget: float = Field(default=0.05, gt=0)
    """Part of the time of play that video may take; over it a warning, and `ludus bench video` may fail."""
    stop_over: float = Field(default=10.0, gt=0)
    """Part of the time of play over which later episodes get no video: by default where video is ten times as dear as
    play. At the value of `budget` the budget is kept, at the price of videos."""
    sync: bool = False
    """Wait until each finished file is on the disk. A process that is killed loses no finished video either way; in a
    power cut one may be lost, and resuming films it again from the trace."""
    gop: int = Field(default=120, ge=1, le=256)
    """Frames in shades from one key frame to the next: a key frame is twenty times as large as the others."""
    burst: int = Field(default=120, ge=1)
    """Frames in shades that wait to be encoded and written together, fewer where they are large. A process that is
    killed loses so many of an episode at most."""
    ring_s: float = Field(default=0.0, ge=0)
    """Seconds of game time that each lane keeps for clips; 0 keeps none."""
    ring_mb: float = Field(default=32.0, gt=0)
    """Megabytes that each lane keeps at most."""

    clips: Path | None = None
    """Folder of clips, by default `clips` of the run."""

    @property
    def films(self) -> bool:
        """Anything is to be encoded at all, for files or for clips."""
        return self.renderer != "none" and (self.enabled or self.ring_s > 0)


def with_environment(settings: VideoSettings) -> VideoSettings:
    """Give the settings with what the environment asks for where they say nothing. Raises `SettingsError`."""
    changes: dict[str, object] = {}
    if settings.ring_s == 0 and config.switch("highlights.enabled"):
        changes["ring_s"] = HIGHLIGHTS_S
    folder = config.variable("highlights.folder")
    if settings.clips is None and folder:
        changes["clips"] = Path(folder)
    return settings.model_copy(update=changes)
