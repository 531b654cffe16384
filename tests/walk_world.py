"""The smallest World with everything a World has: a walk along one row of pixels, in the wind, to its right end."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xxhash
from gymnasium.spaces import Discrete

from ludus.core import rng
from ludus.core.errors import ClosedError, StateError
from ludus.core.lanes import check_actions, check_lane, check_mask, check_running, next_episodes
from ludus.core.protocols import WorldSpec
from ludus.core.types import Event, Step

WIDTH = 8
GOAL = WIDTH - 1
MAX_TICKS = 20
STATE = struct.Struct("<4sqqqq??16s")


class WalkWorld:
    """Actions: 0 stay, 1 left, 2 right. Reaching the right end earns 1 and ends the episode; time cuts it off."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.spec = WorldSpec(
            id="walk",
            frame_shape=(2, WIDTH),
            shades=(255, 170, 85, 0),
            action_space=Discrete(3),
            tick_hz=10.0,
            ticks_per_step=1,
        )
        self._seed = np.arange(lanes, dtype=np.int64)
        self._episode = np.full(lanes, -1, np.int64)
        self._place = np.zeros(lanes, np.int64)
        self._tick = np.zeros(lanes, np.int64)
        self._terminated = np.ones(lanes, np.bool_)
        self._truncated = np.zeros(lanes, np.bool_)
        self._events: list[Event] = []
        self._closed = False

    def reset(self, *, seeds: int | Sequence[int] | None = None, mask: npt.ArrayLike | None = None) -> Step:
        self._check_open()
        named = check_mask(mask, self.lanes)
        self._seed, self._episode = next_episodes(seeds, named, seed=self._seed, episode=self._episode)
        start = rng.integers(self._seed, "start", self._episode, high=GOAL)
        self._place = np.where(named, start, self._place)
        self._tick[named] = 0
        self._terminated[named] = self._truncated[named] = False
        return self._show(np.zeros(self.lanes, np.float32))

    def step(self, actions: npt.ArrayLike, *, mask: npt.ArrayLike | None = None) -> Step:
        self._check_open()
        named = check_mask(mask, self.lanes)
        moves = np.array([0, -1, 1])[check_actions(actions, named, count=3)]
        check_running(self._terminated | self._truncated, named)
        gust = rng.integers(self._seed, "wind", self._episode * MAX_TICKS + self._tick, high=4) == 0
        place = np.clip(self._place + moves - gust, 0, GOAL)
        self._place = np.where(named, place, self._place)
        self._tick[named] += 1
        arrived = named & (self._place == GOAL)
        self._terminated |= arrived
        self._truncated |= named & ~arrived & (self._tick == MAX_TICKS)
        self._events += [self._arrival(int(lane)) for lane in np.flatnonzero(arrived)]
        return self._show(arrived.astype(np.float32))

    def events(self) -> tuple[Event, ...]:
        self._check_open()
        drained, self._events = tuple(self._events), []
        return drained

    def save(self, lane: int) -> bytes:
        self._check_open()
        check_lane(lane, self.lanes)
        columns = (self._seed, self._episode, self._place, self._tick, self._terminated, self._truncated)
        state = STATE.pack(b"WALK", *(column[lane].item() for column in columns), b"")
        return state[:-16] + xxhash.xxh3_128_digest(state[:-16])

    def load(self, lane: int, state: bytes) -> None:
        self._check_open()
        check_lane(lane, self.lanes)
        if len(state) != STATE.size or state[-16:] != xxhash.xxh3_128_digest(state[:-16]):
            raise StateError(f"{len(state)} bytes that are not a walk's {STATE.size}, or damaged; save the lane again.")
        _, seed, episode, place, tick, terminated, truncated, _ = STATE.unpack(state)
        self._seed[lane], self._episode[lane], self._place[lane], self._tick[lane] = seed, episode, place, tick
        self._terminated[lane], self._truncated[lane] = terminated, truncated

    def close(self) -> None:
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("this World is closed; make a new one.")

    def _arrival(self, lane: int) -> Event:
        episode = f"walk__{self._seed[lane]}__{self._episode[lane]}"
        return Event("arrived", {"ticks": int(self._tick[lane])}, "test", episode, "row", lane, int(self._tick[lane]))

    def _show(self, reward: npt.NDArray[np.float32]) -> Step:
        frames = np.zeros((self.lanes, 2, WIDTH), np.uint8)
        frames[:, 0, GOAL] = 1
        frames[np.arange(self.lanes), 0, self._place] = 3
        frames[:, 1] = np.arange(WIDTH) < self._tick[:, None] % (WIDTH + 1)
        return Step(frames, reward, self._terminated.copy(), self._truncated.copy(), self._tick.copy())
