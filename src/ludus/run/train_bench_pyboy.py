"""Pot Yard on PyBoy, a console for each lane, as Stable-Baselines3 takes it; imported only where both are installed."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from ludus.core import stack
from ludus.gameboy.bench import open_pyboy
from ludus.gameboy.codec import NOOP, find_codec
from ludus.gameboy.library import open_game
from ludus.gameboy.rules import Rules
from ludus.gameboy.watches import Watch
from ludus.run.train_bench_sb3 import PlainVecEnv

HELD, FRAMES = 8, 24
TITLE, PLAYING = 1, 3


class PyBoyLanes(PlainVecEnv):
    """N consoles, with the card's rewards and ends, and the half view; episodes begin from a saved state."""

    def __init__(self, lanes: int, *, stack: int) -> None:
        card, cartridge = open_game("potyard")
        self._rules, self._watches = Rules(card), list(card.watch.values())
        self._names = [name.lower() for name in find_codec(card.codec).names]
        self._max_steps, self._stack = card.end.max_steps, stack
        self._consoles = [open_pyboy(cartridge) for _ in range(lanes)]
        self._starts = [self._start(console, seed) for seed, console in enumerate(self._consoles)]
        self._before = np.zeros((lanes, len(self._watches)), np.int64)
        self._steps = np.zeros(lanes, np.int64)
        self._actions: Any = None
        super().__init__(lanes, spaces.Box(0, 255, (stack, 72, 80), np.uint8), spaces.Discrete(len(self._names)))

    def reset(self) -> Any:
        """Give the first observations."""
        self._seen = stack.begin(np.stack([self._begin(lane) for lane in range(self.num_envs)]), self._stack)
        return self._seen

    def step_async(self, actions: Any) -> None:
        """Take actions."""
        self._actions = actions

    def step_wait(self) -> Any:
        """Give what they led to."""
        for console, action in zip(self._consoles, self._actions, strict=True):
            if self._names[action] != NOOP.lower():
                console.button(self._names[action], HELD)
            console.tick(FRAMES, True)
        now = np.stack([self._read(console) for console in self._consoles])
        found = self._rules.judge(self._before, now, np.ones(self.num_envs, np.bool_))
        self._before, self._steps = now, self._steps + 1
        cut = np.zeros_like(found.truncated) if self._max_steps is None else self._steps >= self._max_steps
        done = found.terminated | cut
        shown = np.stack([self._show(console) for console in self._consoles])
        self._seen = stack.push(self._seen, shown, first=np.zeros_like(done))
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for lane in np.flatnonzero(done):
            over = bool(cut[lane] and not found.terminated[lane])
            infos[lane] = {"terminal_observation": self._seen[lane].copy(), "TimeLimit.truncated": over}
            self._seen[lane] = self._begin(int(lane))
        return self._seen, found.reward, done, infos

    def close(self) -> None:
        """Stop the consoles."""
        for console in self._consoles:
            console.stop(save=False)

    def _start(self, console: Any, seed: int) -> bytes:
        """Give the state in which the yard of a seed begins."""
        phase = self._rules.card.watch["phase"].address
        while console.memory[phase] != TITLE:
            console.tick(1, False)
        console.tick(32, False)
        console.memory[self._rules.card.watch["seed"].address] = seed
        console.button("start", HELD)
        while console.memory[phase] != PLAYING:
            console.tick(1, False)
        console.tick(1, True)
        kept = io.BytesIO()
        console.save_state(kept)
        return kept.getvalue()

    def _begin(self, lane: int) -> npt.NDArray[np.uint8]:
        console = self._consoles[lane]
        console.load_state(io.BytesIO(self._starts[lane]))
        console.tick(1, True)
        self._before[lane], self._steps[lane] = self._read(console), 0
        return self._show(console)

    def _read(self, console: Any) -> npt.NDArray[np.int64]:
        """Give the watches `int64[W]`, from memory that is read at once."""
        first = min(watch.address for watch in self._watches)
        last = max(watch.address + watch.size for watch in self._watches)
        memory = bytes(console.memory[first:last])
        return np.array([_number(watch, memory, first) for watch in self._watches])

    def _show(self, console: Any) -> npt.NDArray[np.uint8]:
        picture: npt.NDArray[np.uint8] = console.screen.ndarray[::2, ::2, 0]
        return picture


def _number(watch: Watch, memory: bytes, first: int) -> int:
    at = watch.address - first
    return int.from_bytes(memory[at : at + watch.size], "little")
