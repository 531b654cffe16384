"""A worker's errands: it tells of itself, and makes the clips that it is asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import httpx
import numpy as np

from ludus.core.errors import MissingExtraError
from ludus.core.extras import from_extra
from ludus.episodes.pictures import png


@dataclass(frozen=True, slots=True)
class Film:
    """A clip that was made: a file, and what is known of it."""

    path: Path
    clip: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unmade:
    """Why there is no clip."""

    status: str
    """skipped, failed or rerenderable."""
    reason: Mapping[str, str]
    """`code` and `detail`."""


Cut = Callable[[Mapping[str, Any]], Film | Unmade | None]
"""Makes the clip of a wish; None where its last seconds have not been played yet, so that it is asked again."""


class Errands:
    """What a worker does for the orchestrator between steps: it pulls, and is never called."""

    def __init__(self, client: httpx.Client, worker: str, cut: Cut) -> None:
        self._client = client
        self._worker = worker
        self._cut = cut
        self._waiting: dict[int, Mapping[str, Any]] = {}
        self._anew = True

    def run(self, status: Mapping[str, Any], *, want: int = 4) -> int:
        """Tell of the worker, fetch wishes, and make the clips that can be made; how many were told of.

        Raises `httpx.TransportError` where the orchestrator is away: wishes stay, and its lease brings them again.
        """
        told = {"status": dict(status), "want": want, "anew": self._anew}
        answer = self._client.post(f"/workers/{self._worker}/sync", json=told)
        answer.raise_for_status()
        self._anew = False
        self._waiting |= {clip["id"]: clip["wish"] for clip in answer.json()["clips"]}
        return sum(self._make(number) for number in [*self._waiting])

    def _make(self, number: int) -> bool:
        made = self._cut(self._waiting[number])
        if made is None:
            return False
        if isinstance(made, Film):
            told = {"status": "ready", "clip_url": upload(self._client, made.path), "clip": dict(made.clip)}
            if (poster := poster_of(made.path, self._waiting[number])) is not None:
                told["poster_url"] = hand_in(self._client, poster, "image/png")
        else:
            told = {"status": made.status, "reason": dict(made.reason)}
        answer = self._client.post(f"/clips/{number}", json={"worker": self._worker, **told})
        if answer.status_code != 409:  # another try of ours was faster, or it was given up
            answer.raise_for_status()
        del self._waiting[number]
        return True


def upload(client: httpx.Client, path: Path) -> str:
    """Hand a film in, and give its URL."""
    with path.open("rb") as file:
        return hand_in(client, file, "video/mp4")


def hand_in(client: httpx.Client, content: bytes | BinaryIO, kind: str) -> str:
    """Hand a film or a picture in, and give its URL."""
    answer = client.post("/highlights", content=content, headers={"content-type": kind})
    answer.raise_for_status()
    url: str = answer.json()["clip_url"]
    return url


def poster_of(film: Path, wish: Mapping[str, Any]) -> bytes | None:
    """Give the frame of a clip's moment as PNG, None where the film cannot be decoded here."""
    try:
        with from_extra():
            import av
    except MissingExtraError:  # a page shows the film's own first frame then
        return None
    try:
        with av.open(str(film), "r") as opened:
            share = wish["pre_s"] / max(wish["pre_s"] + wish["post_s"], 1e-9)
            until = islice(opened.decode(video=0), int(opened.streams.video[0].frames * share) + 1)
            shown = deque(until, maxlen=1)
            return png(shown[0].to_ndarray(format="rgb24").astype(np.uint8, copy=False)) if shown else None
    except av.FFmpegError:
        return None
