"""Videos of episodes: what may be asked, who films, and what became of it."""

from ludus.episodes.video.cameras import Shot
from ludus.episodes.video.clips import PendingClip, Window, cut_video, render
from ludus.episodes.video.files import recover
from ludus.episodes.video.record import Code, Reason, VideoFile, VideoRecord
from ludus.episodes.video.settings import Quality, Renderer, VideoSettings, with_environment
from ludus.episodes.video.studio import Studio

__all__ = [
    "Code",
    "PendingClip",
    "Quality",
    "Reason",
    "Renderer",
    "Shot",
    "Studio",
    "VideoFile",
    "VideoRecord",
    "VideoSettings",
    "Window",
    "cut_video",
    "recover",
    "render",
    "with_environment",
]
