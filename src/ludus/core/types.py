"""The values that flow through the house, and the words for them.

N lanes, T steps, H W pixels. Every array is the receiver's to keep: its maker never writes to it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]
Actions = npt.NDArray[np.integer[Any] | np.floating[Any]]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """What a step or a reset led to, for all lanes. It holds no events, so none can reach a policy."""

    frames: npt.NDArray[Any]
    """`uint8[N, H, W]`, the picture that the action led to; at an episode's end, its last picture. In colour it is
    `uint8[N, H, W, 3]`; a World whose spec says that it shows vectors gives `float32[N, D]`."""
    reward: npt.NDArray[np.float32]
    """`float32[N]`, earned in this step; 0 after a reset and in a lane that did not move."""
    terminated: Mask
    """`bool[N]`, the game itself has ended."""
    truncated: Mask
    """`bool[N]`, the episode was cut off while the game went on."""
    tick: npt.NDArray[np.int64]
    """`int64[N]`, game time since the lane's reset, in the ticks of `WorldSpec.tick_hz`."""

    @property
    def done(self) -> Mask:
        """`bool[N]`: the lane's episode has ended, either way."""
        return self.terminated | self.truncated


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a game, stamped once by the World that saw it; the rest by who receives it."""

    kind: str
    payload: Mapping[str, Any]
    run: str
    episode: str
    stage: str
    lane: int
    tick: int
    seq: int = 0
    """Place in its receiver's stream, from 0."""
    instance: str = ""
    """The player, for what is counted over a lifetime."""
    id: str = ""
    """Unique among all events; by default `RUN/EPISODE/SEQ`."""
    ts: float | None = None
    """Seconds since 1970, to be shown; game time is what counts."""


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """All that is needed to play episodes again: where they start, and what was done."""

    start: tuple[int | str, ...]
    """Per lane, its seed or the digest of its start state."""
    codec: str
    """Id of the action codec that gives the numbers in `actions` their meaning."""
    actions: Actions
    """`int[T, N]`, or `[T, N, *action_space.shape]` in a World whose actions have several parts."""
    digest: str | None = None
    """Rolling digest of the raw frames (`digest.roll`), where it was taken."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A Judge's finding: this happened, here, and this is why we say so."""

    name: str
    """Id of the feat or goal."""
    run: str
    episode: str
    stage: str
    lane: int
    tick: int
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights at one moment of a run, in a folder of their own."""

    path: Path
    """The folder."""
    game: str
    """`WorldSpec.id` of what they learned on."""
    step: int
    """Steps of all lanes together until then."""
    updates: int
    digest: str
    """sha256 of the file of weights."""
    parent: str | None
    """Digest of the checkpoint before, or of the ancestor that the run began from; None at the very beginning."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file of a run."""

    path: str
    """Below the run's folder, with slashes."""
    filesize_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Episode:
    """The record of one episode: a line of its run's manifest (`ludus.episodes.manifest`)."""

    id: str
    """`SCENARIO__SEED__INDEX`, the stem of its files."""
    run: str
    scenario: str
    seed: int
    index: int
    """Place in the run, from 0."""
    policy: str
    steps: int
    total: float
    """Its return: the sum of its rewards, rounded once."""
    ticks: int
    """Game time that it took."""
    terminated: bool
    truncated: bool
    digest: str
    """Rolling digest of its frames, the first one, which no action led to, included."""
    happened: Mapping[str, int]
    """Kind of event -> how many there were."""
    files: Mapping[str, Artefact]
    """`trace`, `steps` and, where anything happened, `events`."""
    verdicts: tuple[Mapping[str, Any], ...]
    clips: tuple[Clip, ...]
    video: Mapping[str, Any]
    timing: Mapping[str, Any]
    """What differs each time that it is played; all the rest does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A piece of an episode's video around a moment, or why there is none yet."""

    episode: str
    tag: str
    tick: int
    """The moment, in game time."""
    start: int
    end: int
    """Frames `[start, end)` of the episode."""
    pre_s: float
    post_s: float
    """Seconds of game time that were asked for before and after the moment."""
    speed: float = 1.0
    """Seconds of the game in one second of the clip."""
    truncated_pre: bool = False
    """It begins later than was asked for: the episode did, or no more was kept."""
    truncated_post: bool = False
    """It ends earlier than was asked for: the episode did."""
    path: str | None = None
    """Below the run's folder, with slashes; absolute where clips lie elsewhere."""
    frames: int = 0
    filesize_bytes: int = 0
    sha256: str = ""
    skipped: str | None = None
    """Why there is no file, for a program."""
    rerenderable: bool = True
    """It can be drawn again from the episode's trace."""
