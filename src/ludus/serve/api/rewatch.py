"""Recorded episodes as they looked: played again from their traces, for whoever asks for a frame or a distance.

Nothing here needs PyTorch, which would cost an orchestrator more memory than all its listeners. T steps.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ludus.core import digest
from ludus.core.errors import FileFormatError, InputError
from ludus.core.types import Episode
from ludus.episodes import manifest
from ludus.episodes.store import Store
from ludus.episodes.trace import unpack as unpack_trace
from ludus.gameboy.machine import unpack
from ludus.gameboy.world import GameBoyWorld
from ludus.goals.artefact import Goal, Runtime, check_runtime
from ludus.goals.screen import HEIGHT, SHADES, WIDTH
from ludus.run.games import codec_id, open_world, recorded_game
from ludus.run.replay import replay, script

Shades = npt.NDArray[np.uint8]

KEPT = 2
"""Episodes that are kept after they were played again; a page asks for one many times."""
MOST_STEPS = 5_000


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """What an episode showed."""

    frames: Shades
    """`uint8[1 + T, H, W]`, first the one before any action."""
    runtime: Runtime
    """What a goal has to fit to be looked for in it."""


@dataclass(frozen=True, slots=True, eq=False)
class Nearness:
    """How far an episode was from a goal. T steps."""

    before: float
    """Distance of the frame before any action, which is none of the steps that count."""
    distance: npt.NDArray[np.float32]
    """`float32[T]`, 0 where equal, 1 for black on white; the nearest template counts."""
    consec: npt.NDArray[np.int64]
    """`int64[T]`, steps in a row below tau."""
    reached: int | None
    """The step with which the goal is done."""


class Rewatch:
    """Plays recorded episodes of Game Boy games again, one at a time, and keeps the newest."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Path, str, str], Watched] = OrderedDict()
        self._lock = threading.Lock()

    def watch(self, root: Path, line: Mapping[str, Any], trace: bytes) -> Watched:
        """Give what the episode of a manifest's line showed, by its trace; `root` is its run's folder.

        Raises `LudusError`s where it cannot be played again, or comes out differently.
        """
        episode = manifest.from_json(line)
        key = (root, episode.id, episode.digest)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = _play(Store(root), episode, trace)
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return self._kept[key]


def nearness(watched: Watched, goal: Goal) -> Nearness:
    """Give how far every frame was from a goal, equal to `ludus.goals.match` to the bit. Raises `GoalError`."""
    check_runtime(goal, watched.runtime)
    if watched.frames.shape[1:] != (HEIGHT, WIDTH):
        shape = list(watched.frames.shape[1:])
        raise InputError(f"the episode's pictures are {shape}, and goals are screens of [{HEIGHT}, {WIDTH}] shades.")
    wide = goal.templates.astype(np.int16)
    totals = [int(np.abs(frame - wide).sum((1, 2)).min()) for frame in watched.frames]
    distance = np.array(totals, np.float32) / np.float32((SHADES - 1) * HEIGHT * WIDTH)
    consec, run = np.zeros(len(distance) - 1, np.int64), 0
    for step, dist in enumerate(distance[1:].tolist()):
        consec[step] = run = run + 1 if dist < goal.meta.tau else 0
    done = np.flatnonzero(consec >= goal.meta.k_consecutive)
    return Nearness(float(distance[0]), distance[1:], consec, int(done[0]) if len(done) else None)


def _play(store: Store, episode: Episode, trace: bytes) -> Watched:
    told = store.run()
    if told is None:
        raise InputError(f"{store.root.name}: there is no run.json, so its episodes cannot be played again.")
    game = recorded_game(told, store.root)
    if game.of_gymnasium:
        raise InputError(f"{game.game!r} is a game of Gymnasium; only Game Boy games are played again here.")
    if episode.steps > MOST_STEPS:
        raise InputError(f"the episode has {episode.steps} steps; at most {MOST_STEPS} are played again here.")
    if digest.of_file_bytes(trace) != episode.files["trace"].sha256:
        raise FileFormatError(f"the trace of {episode.id} is not the one that was recorded; see ludus verify.")
    read = unpack_trace(trace, episode.id)
    with closing(open_world(game, 1, threads=1)) as world:
        if codec_id(world) != read.trace.codec:
            raise InputError(f"its actions are of {read.trace.codec}, and here the game has {codec_id(world)}.")
        frames, played = [], None
        for turn, ended in replay(world, [script(read)]):
            frames.append(turn.step.frames[0].copy())
            played = ended[0].trace.trace.digest if ended else None
        if played != episode.digest:
            raise InputError(f"{episode.id} comes out differently when it is played again; see ludus verify.")
        inner: Any = getattr(world, "inner", world)
        assert isinstance(inner, GameBoyWorld), inner
        return _watched(np.stack(frames), inner)


def _watched(frames: Shades, world: GameBoyWorld) -> Watched:
    settings = world.settings
    runtime = Runtime(
        frames_per_step=settings.frames_per_step, view=settings.view, rom_sha256=world.cartridge.sha256, stack_k=None
    )
    return Watched(unpack(frames) if settings.view == "packed" else frames, runtime)
