"""The four seams of the house: World, Policy, Judge, Saved, and what a Policy may do beyond its signatures.

N lanes, H W pixels. A class need not inherit from these; it only has to fit. What a World promises beyond its
signatures is held by the conformance suite, `tests/world_conformance.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt

from ludus.core.types import Actions, Event, Step, Verdict

if TYPE_CHECKING:
    from gymnasium.spaces import Space

Carry = TypeVar("Carry")
Seen = TypeVar("Seen", contravariant=True)


@dataclass(frozen=True, slots=True)
class WorldSpec:
    """What can be known of a World before it moves."""

    id: str
    frame_shape: tuple[int, ...]
    """(H, W) of a picture in shades, (H, W, 3) of one in red, green and blue, (D,) of a vector, which is no picture."""
    shades: tuple[int, ...] | None
    """The grey, 0 black to 255 white, that each frame value stands for: `(255, 170, 85, 0)` on a Game Boy. None where
    frames are in colour or vectors."""
    action_space: Space[Any]
    """The actions of one lane."""
    tick_hz: float
    """Ticks of game time in a second."""
    ticks_per_step: int
    """Ticks that an ordinary step takes."""

    @property
    def step_hz(self) -> float:
        """Steps in a second of game time."""
        return self.tick_hz / self.ticks_per_step

    @property
    def pictures(self) -> bool:
        """Frames are pictures, in shades or colours; where not, nothing can be drawn or filmed from them."""
        return len(self.frame_shape) > 1

    @property
    def frame_dtype(self) -> np.dtype[Any]:
        """Of frames: uint8 for pictures, float32 for vectors."""
        return np.dtype(np.uint8 if self.pictures else np.float32)


@runtime_checkable
class World(Protocol):
    """Anything one can step: N independent lanes of one game.

    Deterministic: a lane's frames follow from its seed and its actions alone, whatever the number of lanes or
    threads. Nothing resets by itself, so the last frame of an episode is never lost. After `close`, every other
    call raises `ClosedError`.
    """

    @property
    def spec(self) -> WorldSpec:
        """What the World is."""
        ...

    @property
    def lanes(self) -> int:
        """N."""
        ...

    def reset(self, *, seeds: int | Sequence[int] | None = None, mask: npt.ArrayLike | None = None) -> Step:
        """Begin a new episode in the lanes that `mask` (`bool[N]`, default all) names, and show all lanes.

        An int seeds lane i with `seeds + i`, a sequence holds one seed per lane. Without seeds a lane goes on to
        the next episode of the seed it has (lane i begins with seed i), so a run of episodes is deterministic too.
        An unnamed lane is untouched and shows its current frame, flags and tick with reward 0. So an empty mask
        just looks. Raises `InputError` on seeds or a mask that do not fit N.
        """
        ...

    def step(self, actions: npt.ArrayLike, *, mask: npt.ArrayLike | None = None) -> Step:
        """Act in the lanes that `mask` (`bool[N]`, default all) names, and show all lanes as `reset` does.

        `actions` is `[N, *action_space.shape]`; those of unnamed lanes are not read. Raises `ActionError` on a wrong
        shape, dtype or value and `LaneEndedError` on a named lane whose episode has ended, or has not begun, which
        shows as terminated; then no lane has moved.
        """
        ...

    def events(self) -> tuple[Event, ...]:
        """Give the events since the last call, oldest first within a lane."""
        ...

    def save(self, lane: int) -> bytes:
        """Give everything that decides the lane's future, at any step: game, current frame, seed, episode.

        Raises `InputError` on a lane that is not there, as `load` does.
        """
        ...

    def load(self, lane: int, state: bytes) -> None:
        """Put a saved lane back, into this or any other lane of such a World.

        Raises `StateError` on bytes that another World made or that are damaged; then the lane is untouched.
        """
        ...

    def close(self) -> None:
        """Let go of what is held; a second call does nothing."""
        ...


@runtime_checkable
class Policy(Protocol[Carry]):
    """Chooses actions from frames and what it carries, and from nothing else.

    A carry is an array `[N, ...]`, or a tuple, list, dict or dataclass of such; what else it holds belongs to no lane.
    A policy that wants more than the newest frame has an attribute `stack`, the K of its frames.
    """

    def init(self, lanes: int) -> Carry:
        """Give the carry with which episodes begin in `lanes` lanes."""
        ...

    def act(self, frames: npt.NDArray[Any], carry: Carry) -> tuple[Actions, Carry]:
        """Give actions for frames `uint8[N, K, H, W]`, newest of K last, and the carry for the next call.

        In general frames are `frame_dtype[N, K, *frame_shape]` of the World's spec.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """Actions, and what their policy thinks of them."""

    actions: Actions
    """`[N, *action_space.shape]`."""
    value: npt.NDArray[np.float32] | None = None
    """`float32[N]`, the return that it expects from here."""
    log_prob: npt.NDArray[np.float32] | None = None
    """`float32[N]`, of the actions."""


@runtime_checkable
class Seeded(Policy[Carry], Protocol[Carry]):
    """A Policy that draws numbers: keyed by the seeds of the episodes, its play does not depend on their lanes."""

    def seeded(self, seeds: npt.NDArray[np.int64]) -> Carry:
        """Give the carry with which episodes of these seeds, `int64[N]`, begin."""
        ...


@runtime_checkable
class Choosing(Policy[Carry], Protocol[Carry]):
    """A Policy that also tells what it thinks of its actions, to be recorded."""

    def choose(self, frames: npt.NDArray[Any], carry: Carry) -> tuple[Choice, Carry]:
        """Do what `act` does, and tell more."""
        ...


@runtime_checkable
class Judge(Protocol[Carry, Seen]):
    """A pure reducer from a stream, of events or of frames, to verdicts."""

    def init(self, lanes: int) -> Carry:
        """Give the memory of a Judge that has seen nothing."""
        ...

    def update(self, memory: Carry, seen: Seen) -> tuple[Carry, tuple[Verdict, ...]]:
        """Give the memory after one more item of the stream, and the verdicts that it settles."""
        ...


@runtime_checkable
class Saved(Protocol):
    """Anything a checkpoint can hold."""

    def save(self) -> bytes:
        """Give the whole state."""
        ...

    def load(self, state: bytes) -> None:
        """Go back to a saved state. Raises `StateError` on bytes that do not fit, and is then unchanged."""
        ...
