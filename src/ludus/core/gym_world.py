"""Any Gymnasium game as a World: N environments of it, stepped in turn, seeded and reset by the World alone."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from ludus.core import digest, rng
from ludus.core.errors import ClosedError, InputError, StateError
from ludus.core.gym_game import Env, Frame, Make, Show, check_frame, read_game
from ludus.core.lanes import check_bounds, check_lane, check_mask, check_running, next_episodes
from ludus.core.protocols import WorldSpec
from ludus.core.types import Event, Step

MAGIC = b"LUDUS-GYM1"
HEAD = struct.Struct("<10sI")
DIGEST_DIGITS = 32


def episode_seed(seed: int, episode: int) -> int:
    """Give what an environment is reset with, 0 to 2^31 - 1, in the episode (from 0) of a lane's seed."""
    return int(rng.integers(seed, "gymnasium", episode, high=2**31))


class GymWorld:
    """N lanes of one Gymnasium game, a World (`ludus.core.protocols`).

    make: an id, for `gymnasium.make` with `settings` as its keyword arguments, or a callable that gives a new
    environment. show: "auto" shows image observations (uint8, one or three channels, first or last), and any other game
    by `render()`; "render" always renders; "vector" shows the observation as `float32[N, D]`, and draws nothing.
    max_steps: an episode is truncated after so many steps, None for only when the game says so. step_hz: steps in a
    second, by default the game's `render_fps`; a tick is a step.

    A lane's episode is reset with `episode_seed`, so the game must take all its randomness from there. Gymnasium has
    no way to save a game: `save` keeps the episode's actions, and `load` plays them again, as long as they took.

    Raises `InputError` where the game has no frames or actions that a World can show and take, and
    `MissingExtraError` on a package that is missing.
    """

    def __init__(
        self,
        make: Make,
        lanes: int,
        *,
        show: Show = "auto",
        max_steps: int | None = None,
        step_hz: float | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        for name, value in (("lanes", lanes), ("max_steps", max_steps)):
            if value is not None and value < 1:
                raise InputError(f"{name} is {value}, expected 1 or more.")
        self._game = read_game(make, show=show, step_hz=step_hz, settings=settings or {})
        self.max_steps = max_steps
        self._envs = [self._game.make() for _ in range(lanes)]
        self._spare: Env | None = None
        self._frames: Frame = np.zeros((lanes, *self.spec.frame_shape), self.spec.frame_dtype)
        self._seed = np.arange(lanes, dtype=np.int64)
        self._episode = np.full(lanes, -1, np.int64)
        self._actions = [bytearray() for _ in range(lanes)]
        self._tick = np.zeros(lanes, np.int64)
        self._terminated = np.ones(lanes, np.bool_)  # of an episode that has not begun
        self._truncated = np.zeros(lanes, np.bool_)
        self._closed = False

    @property
    def spec(self) -> WorldSpec:
        """What the World is."""
        return self._game.spec

    @property
    def lanes(self) -> int:
        """N."""
        return len(self._envs)

    @property
    def action_names(self) -> tuple[str, ...] | None:
        """What each number of an action means, None where actions are no plain numbers from 0."""
        return self._game.action_names

    def reset(self, *, seeds: int | Sequence[int] | None = None, mask: npt.ArrayLike | None = None) -> Step:
        """Begin a new episode in the lanes that `mask` names. Raises `InputError`, also on a frame of another shape."""
        self._check_open()
        named = check_mask(mask, self.lanes)
        self._seed, self._episode = next_episodes(seeds, named, seed=self._seed, episode=self._episode)
        self._frames = self._frames.copy()
        for lane in map(int, np.flatnonzero(named)):
            self._frames[lane] = self._begin(self._envs[lane], int(self._seed[lane]), int(self._episode[lane]))
            self._actions[lane] = bytearray()
        self._tick[named] = 0
        self._terminated[named] = self._truncated[named] = False
        return self._show(np.zeros(self.lanes, np.float32))

    def step(self, actions: npt.ArrayLike, *, mask: npt.ArrayLike | None = None) -> Step:
        """Act in the lanes that `mask` names, one after the other. Raises `InputError` on a frame of another shape."""
        self._check_open()
        named = check_mask(mask, self.lanes)
        rows = check_bounds(actions, named, low=self._game.low, high=self._game.high)
        check_running(self._terminated | self._truncated, named)
        self._frames = self._frames.copy()
        reward = np.zeros(self.lanes, np.float32)
        for lane in map(int, np.flatnonzero(named)):
            env = self._envs[lane]
            seen, reward[lane], self._terminated[lane], self._truncated[lane], _ = env.step(_own(rows[lane]))
            self._actions[lane] += rows[lane].tobytes()
            self._tick[lane] += 1
            self._frames[lane] = self._see(env, seen)
        if self.max_steps is not None:
            self._truncated |= named & (self._tick >= self.max_steps)
        return self._show(reward)

    def events(self) -> tuple[Event, ...]:
        """Give no events: Gymnasium games say what happened in words of their own, which are not read."""
        self._check_open()
        return ()

    def save(self, lane: int) -> bytes:
        """Give the lane's seed, its episode and the actions since. Raises `InputError`."""
        self._check_open()
        check_lane(lane, self.lanes)
        past = _Past(
            game=self.spec.id,
            seed=int(self._seed[lane]),
            episode=int(self._episode[lane]),
            terminated=bool(self._terminated[lane]),
            truncated=bool(self._truncated[lane]),
            frame=digest.of_array(self._frames[lane]),
        )
        return past.pack(bytes(self._actions[lane]))

    def load(self, lane: int, state: bytes) -> None:
        """Put a saved lane back by playing its episode again, into any lane of any World of the same game and `show`.

        Raises `StateError` on bytes that do not fit, and where the game did not come back as it was; then the lane is
        untouched.
        """
        self._check_open()
        check_lane(lane, self.lanes)
        past, played = _Past.unpack(state)
        if past.game != self.spec.id:
            raise StateError(
                f"the state is one of {past.game!r}, expected {self.spec.id!r}; load it into its own game."
            )
        rows = self._rows(played)
        frame = np.zeros_like(self._frames[lane])
        if past.episode >= 0:
            env = self._spare = self._spare or self._game.make()
            frame = self._replay(env, past, rows)
            self._envs[lane], self._spare = env, self._envs[lane]
        self._frames = self._frames.copy()
        self._frames[lane] = frame
        self._seed[lane], self._episode[lane] = past.seed, past.episode
        self._actions[lane], self._tick[lane] = bytearray(played), len(rows)
        self._terminated[lane], self._truncated[lane] = past.terminated, past.truncated

    def close(self) -> None:
        """Close the environments; a second call does nothing."""
        if not self._closed:
            for env in filter(None, [*self._envs, self._spare]):
                env.close()
        self._closed = True

    def _begin(self, env: Env, seed: int, episode: int) -> Frame:
        seen, _ = env.reset(seed=episode_seed(seed, episode))
        return self._see(env, seen)

    def _see(self, env: Env, seen: Any) -> Frame:
        return check_frame(self._game.see(env, seen), self.spec.frame_shape, self.spec.id)

    def _rows(self, played: bytes) -> npt.NDArray[np.number[Any]]:
        """Give packed actions as `[T, *action_space.shape]`. Raises `StateError`."""
        low = self._game.low
        if len(played) % low.nbytes:
            raise StateError(f"the state holds {len(played)} bytes of actions, expected {low.nbytes} for each step.")
        return np.frombuffer(played, low.dtype).reshape(-1, *low.shape)

    def _replay(self, env: Env, past: _Past, rows: npt.NDArray[np.number[Any]]) -> Frame:
        """Play an episode again, and give its last frame. Raises `StateError` unless it is the frame that was saved."""
        seen, _ = env.reset(seed=episode_seed(past.seed, past.episode))
        terminated = truncated = False
        for step, row in enumerate(rows):
            if terminated or truncated:
                raise StateError(f"{past.game} ended at step {step} of {len(rows)} when played again; {_ADVICE}")
            seen, _, terminated, truncated, _ = env.step(_own(row))
        frame = self._see(env, seen)
        if digest.of_array(frame) != past.frame or bool(terminated) != past.terminated:
            raise StateError(f"{past.game} looks different after the same {len(rows)} steps; {_ADVICE}")
        return frame

    def _show(self, reward: npt.NDArray[np.float32]) -> Step:
        return Step(self._frames, reward, self._terminated.copy(), self._truncated.copy(), self._tick.copy())

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("this World is closed; make a new one.")


_ADVICE = "make it with the settings it was saved with, and take all its randomness from reset(seed=...)."


@dataclass(frozen=True, slots=True)
class _Past:
    """How a lane came to be where it is, but for its actions.

    As bytes: magic, size of the head, this as JSON, the actions, xxh3-128 of all before it as hexadecimal digits.
    """

    game: str
    seed: int
    episode: int
    terminated: bool
    truncated: bool
    frame: str
    """Digest of the frame it shows."""

    def pack(self, actions: bytes) -> bytes:
        head = json.dumps(asdict(self)).encode()
        body = HEAD.pack(MAGIC, len(head)) + head + actions
        return body + digest.of_bytes(body).encode()

    @classmethod
    def unpack(cls, state: bytes) -> tuple[_Past, bytes]:
        """Give the past and the actions. Raises `StateError`."""
        body, end = state[:-DIGEST_DIGITS], state[-DIGEST_DIGITS:]
        if body[: len(MAGIC)] != MAGIC or digest.of_bytes(body).encode() != end:
            raise StateError(
                f"{len(state)} bytes that are no state of a GymWorld, or damaged, expected {MAGIC.decode()!r} and what "
                "its digest says; save the lane again."
            )
        head = json.loads(body[HEAD.size :][: HEAD.unpack_from(body)[1]])
        size = HEAD.size + HEAD.unpack_from(body)[1]
        return cls(**{field.name: head[field.name] for field in fields(cls)}), body[size:]


def _own(row: npt.NDArray[np.number[Any]]) -> Any:
    """Give an action that the game may keep or change: a number, or an array of its own."""
    return row.copy() if np.ndim(row) else row
