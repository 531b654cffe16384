"""The smallest Gymnasium game: one dot wanders on a tiny picture by chance and by action, until it meets the edge."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

SIZE = 12
IMAGES = {"grey": (SIZE, SIZE), "grey last": (SIZE, SIZE, 1), "grey first": (1, SIZE, SIZE)}
IMAGES |= {"colour": (SIZE, SIZE, 3), "colour first": (3, SIZE, SIZE), "stacked": (4, SIZE, SIZE)}


class DotsEnv(gymnasium.Env[Any, Any]):
    """`observe` is one of `IMAGES`, or "place" for the place of the dot, `int64[2]`."""

    def __init__(
        self,
        observe: str = "colour",
        action_space: spaces.Space[Any] | None = None,
        *,
        render_mode: str | None = None,
    ) -> None:
        self.metadata = {"render_modes": ["rgb_array", "ansi"], "render_fps": 12}
        self.render_mode = render_mode
        self.action_space = spaces.Discrete(5) if action_space is None else action_space
        self.observation_space: spaces.Space[Any] = spaces.MultiDiscrete([SIZE, SIZE])
        if observe in IMAGES:
            self.observation_space = spaces.Box(0, 255, IMAGES[observe], np.uint8)
        self.place = np.zeros(2, np.int64)
        self.received: list[Any] = []
        self.closed = False
        self._buffer = np.zeros(IMAGES.get(observe, (SIZE, SIZE, 3)), np.uint8)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.place = self.np_random.integers(4, SIZE - 4, 2)  # so that it cannot end at once
        return self._observe(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.received.append(action)
        pull = int(np.sum(np.asarray(action) > 0)) % 2
        self.place[self.np_random.integers(2)] += (pull or -1) * (self.np_random.random() < 0.5)
        ended = bool(self.place.min() == 0 or self.place.max() == SIZE - 1)
        return self._observe(), float(self.place[0]) / 3, ended, False, {"place": self.place}

    def render(self) -> Any:
        return np.repeat(self._draw()[:, :, None], 3, axis=2)

    def close(self) -> None:
        self.closed = True

    def _draw(self) -> npt.NDArray[np.uint8]:
        picture = np.zeros((SIZE, SIZE), np.uint8)
        picture[tuple(self.place)] = 200
        return picture

    def _observe(self) -> Any:
        if isinstance(self.observation_space, spaces.MultiDiscrete):
            return self.place.copy()
        drawn, shape = self._draw(), self._buffer.shape
        self._buffer[:] = drawn[:, :, None] if len(shape) == 3 and shape[0] == SIZE else drawn
        return self._buffer  # the same array every time, as many games do
