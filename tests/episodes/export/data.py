"""Three small episodes with frames that tell where they come from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from gymnasium.spaces import Box, Discrete

from ludus.core.protocols import WorldSpec
from ludus.episodes.export.played import Played

LENGTHS = (5, 1, 8)
SHADES = WorldSpec("dots", (9, 12), (255, 170, 85, 0), Discrete(4), 60.0, 24)
COLOURS = WorldSpec("colours", (16, 16, 3), None, Box(-1, 1, (2,), np.float32), 30.0, 1)
VECTORS = WorldSpec("vectors", (3,), None, Discrete(2), 50.0, 1)
SPECS = {spec.id: spec for spec in (SHADES, COLOURS, VECTORS)}


def episodes(spec: WorldSpec) -> Iterator[Played]:
    for number, steps in enumerate(LENGTHS):
        rng = np.random.default_rng(number)
        ended = np.arange(steps) == steps - 1
        discrete = isinstance(spec.action_space, Discrete)
        yield Played(
            id=f"{spec.id}__{number}__0",
            seed=number,
            frames=iter([frame(spec, number, step) for step in range(steps + 1)]),
            actions=np.arange(steps) % 2 if discrete else rng.uniform(-1, 1, (steps, 2)).astype(np.float32),
            reward=np.arange(steps, dtype=np.float32),
            terminated=ended & (number % 2 == 0),
            truncated=ended & (number % 2 == 1),
        )


def frame(spec: WorldSpec, episode: int, step: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8 | np.float32]]:
    rng = np.random.default_rng([episode, step])
    if not spec.pictures:
        return rng.standard_normal(spec.frame_shape, np.float32)
    if spec.shades is None:
        return np.broadcast_to(np.uint8(60 * episode + 5 * step), spec.frame_shape).copy()
    return rng.integers(0, 4, spec.frame_shape, np.uint8)
