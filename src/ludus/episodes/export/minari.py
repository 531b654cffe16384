"""Export to a Minari data set, for libraries of offline reinforcement learning: Arrow files, pictures without loss."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from gymnasium.spaces import Box

from ludus.core import files
from ludus.core.extras import from_extra
from ludus.core.protocols import WorldSpec
from ludus.episodes.export.played import Played


def export_minari(folder: Path, episodes: Iterable[Played], spec: WorldSpec, *, dataset_id: str) -> int:
    """Write a new Minari data set, which `minari.MinariDataset(folder / "data")` opens, and give how many steps it has.

    Observations are frames, T + 1 an episode: `uint8[H, W]` in shades, `uint8[H, W, 3]` in colour, else `float32[D]`.
    `dataset_id` is Minari's name for it, as in `ludus/potyard-v0`. Raises `InputError` if the folder is in use; then
    nothing is written.
    """
    with from_extra():
        from minari.data_collector import EpisodeBuffer
        from minari.dataset.minari_storage import MinariStorage

    with files.new_folder(folder) as fresh:
        storage = MinariStorage.new(
            fresh / "data",
            observation_space=_observations(spec),
            action_space=spec.action_space,
            data_format="arrow",
            jpeg_encoding=False,  # it would be lossy
        )
        told = {"dataset_id": dataset_id, "minari_version": version("minari"), "step_hz": spec.step_hz}
        storage.update_metadata(told)
        storage.update_episodes(
            EpisodeBuffer(
                seed=episode.seed,
                options={"id": episode.id},
                observations=np.stack(list(episode.frames)),
                actions=episode.actions,
                rewards=episode.reward.tolist(),
                terminations=episode.terminated.tolist(),
                truncations=episode.truncated.tolist(),
            )
            for episode in episodes
        )
        return int(storage.total_steps)


def _observations(spec: WorldSpec) -> Box:
    if not spec.pictures:
        return Box(-np.inf, np.inf, spec.frame_shape, np.float32)
    return Box(0, 255 if spec.shades is None else len(spec.shades) - 1, spec.frame_shape, np.uint8)
