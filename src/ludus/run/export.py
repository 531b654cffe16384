"""Makes data sets of recorded episodes, whose frames are played again from their traces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ludus.core.errors import InputError, TraceError
from ludus.core.protocols import World
from ludus.core.types import Episode
from ludus.episodes.export.lerobot import export_lerobot
from ludus.episodes.export.minari import export_minari
from ludus.episodes.export.played import Played
from ludus.episodes.store import Store
from ludus.run.games import open_world, recorded_game
from ludus.run.replay import Script, read_script, replay

Format = Literal["lerobot", "minari"]


def export(
    out: str | Path,
    folder: str | Path,
    *,
    to: Format = "lerobot",
    on_start: Callable[[int], None] | None = None,
    on_episode: Callable[[Episode], None] | None = None,
) -> int:
    """Write the episodes of the run in `out`, in their order, as a data set in a new folder; give its steps.

    Raises `InputError` on a folder without a run or one that is in use, `TraceError` where an episode shows other
    frames than when it was recorded, `MissingExtraError` without PyAV or Minari; then nothing is written.
    """
    store, folder = Store(Path(out)), Path(folder)
    told, episodes = store.run(), store.episodes()
    if told is None or not episodes:
        raise InputError(f"{out}: no run with episodes is there, expected run.json and episodes.jsonl.")
    if on_start:
        on_start(len(episodes))
    with closing(open_world(recorded_game(told, store.root), 1)) as world:
        played = _play(world, store, episodes, on_episode)
        name = episodes[0].scenario
        if to == "minari":
            return export_minari(folder, played, world.spec, dataset_id=f"ludus/{name.lower()}-v0")
        return export_lerobot(folder, played, world.spec, task=f"play {name}")


def _play(
    world: World, store: Store, episodes: tuple[Episode, ...] | list[Episode], told: Callable[[Episode], None] | None
) -> Iterator[Played]:
    for episode in episodes:
        script, steps = read_script(store, episode)
        last = np.arange(len(steps)) == len(steps) - 1
        frames = _frames(world, script, episode)
        yield Played(
            id=episode.id,
            seed=episode.seed,
            frames=frames,
            actions=steps.actions,
            reward=steps.reward,
            terminated=last & steps.terminated,
            truncated=last & steps.truncated,
        )
        for _ in frames:  # those that nobody wanted count in the digest too
            pass
        if told:
            told(episode)


def _frames(world: World, script: Script, episode: Episode) -> Iterator[npt.NDArray[Any]]:
    """Give the frames of an episode, and see at the end that they are those that were recorded."""
    for turn, recordings in replay(world, [script]):
        yield turn.step.frames[0]
        for recording in recordings:
            if recording.trace.trace.digest != episode.digest:
                raise TraceError(
                    f"{episode.id} shows other frames than when it was recorded; see: ludus verify, which tells why."
                )
