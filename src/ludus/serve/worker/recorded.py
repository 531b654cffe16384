"""Tells an orchestrator of a run that was recorded: its events, and then the clips that they unlock, from its films."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from ludus.core.errors import InputError
from ludus.core.events import to_json
from ludus.core.types import Clip, Episode, Event
from ludus.episodes.steps import read_steps
from ludus.episodes.store import Store
from ludus.run.filming import cut_clips
from ludus.run.judge import read_events
from ludus.serve.worker.errands import Errands, Film, Unmade

BATCH = 100
"""Events that are told at a time; even of the largest ones so many are taken."""
LEASED = 16
"""Clips that are asked for at a time."""


class RecordedRun:
    """The folder of a run of `ludus eval`, whose id at the orchestrator is the folder's name."""

    def __init__(self, folder: Path) -> None:
        """Open it. Raises `InputError` where there is no run."""
        self.folder = folder
        self._store = Store(folder)
        told = self._store.run()
        if told is None:
            raise InputError(f"{folder}: no run is there; give a folder that ludus eval wrote.")
        self.world: Mapping[str, Any] = told["facts"]["world"]
        self._episodes = {episode.id: episode for episode in self._store.episodes()}

    def events(self) -> Iterator[Event]:
        """Give the events of all episodes, in order."""
        for episode in sorted(self._episodes.values(), key=lambda episode: episode.index):
            for event in read_events(self.folder, episode):
                yield replace(event, run=self.folder.name)

    def cut(self, wish: Mapping[str, Any]) -> Film | Unmade:
        """Give the film that an unlock wishes for, or why there is none."""
        episode = self._episodes.get(wish["episode_id"])
        if episode is None or wish["run_id"] != self.folder.name:
            return Unmade("failed", {"code": "no_episode", "detail": "the run holds no such episode"})
        (clip,) = cut_clips(self.folder, [self._clip(episode, wish)], episode.video)
        if clip.path is None:
            return Unmade("skipped", {"code": clip.skipped or "no_film", "detail": "the episode's film gives none"})
        told = {"frames": clip.frames, "truncated_pre": clip.truncated_pre, "truncated_post": clip.truncated_post}
        return Film(self.folder / clip.path, told)

    def _clip(self, episode: Episode, wish: Mapping[str, Any]) -> Clip:
        """Give the clip of a wish, not yet cut; a film has one frame for every step."""
        ticks = read_steps((self.folder / episode.files["steps"].path).read_bytes()).tick
        step_hz = self.world["tick_hz"] / self.world["ticks_per_step"]
        step = min(int(np.searchsorted(ticks, wish["tick"])), episode.steps - 1)
        start, end = step - round(wish["pre_s"] * step_hz), step + 1 + round(wish["post_s"] * step_hz)
        return Clip(
            episode=episode.id,
            tag=wish["tag"].removeprefix("feat_"),
            tick=wish["tick"],
            start=max(start, 0),
            end=min(end, episode.steps),
            pre_s=wish["pre_s"],
            post_s=wish["post_s"],
            speed=wish["speed"],
            truncated_pre=start < 0,
            truncated_post=end > episode.steps,
        )


def report_run(run: RecordedRun, client: httpx.Client) -> int:
    """Tell an orchestrator of a run's events, make the clips that it asks for, and give how many clips there were.

    Told again, the events count once. Raises `InputError` where it does not take them.
    """
    name, first = run.folder.name, 1
    errands, made = Errands(client, name, run.cut), 0
    try:
        events = map(to_json, run.events())
        while told := [*islice(events, BATCH)]:
            client.post(
                "/events", json={"producer": name, "epoch": 1, "first": first, "events": told}
            ).raise_for_status()
            first += len(told)
        while more := errands.run({"run": name}, want=LEASED):
            made += more
    except httpx.HTTPError as error:
        raise InputError(f"the orchestrator at {client.base_url} does not take what {name} tells: {error}") from error
    return made
