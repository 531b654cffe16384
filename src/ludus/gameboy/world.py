"""Many Game Boys as one World: N lanes of one game, stepped by threads, seen as pixels.

A step holds the action's button for the first frames, lets go for the rest, and shows the last frame. Time is
counted in frames. The console itself has no randomness: a lane's seed and episode decide how it starts, and nothing
else. Reward, ends and events are what the game's card makes of its memory; none of it can be seen in a frame.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from gymnasium.spaces import Discrete

from ludus.core.errors import ClosedError, InputError
from ludus.core.lanes import check_actions, check_lane, check_mask, check_running, next_episodes
from ludus.core.protocols import WorldSpec
from ludus.core.types import Event, Frames, Mask, Step
from ludus.gameboy import machine
from ludus.gameboy.codec import find_codec
from ludus.gameboy.expression import Values
from ludus.gameboy.lane import LaneFace, LaneSettings, read_starts
from ludus.gameboy.library import Game, open_game
from ludus.gameboy.producer import Producer, run_id
from ludus.gameboy.rules import Rules
from ludus.gameboy.start import Opening, find_recipe
from ludus.gameboy.state import LANE, State, load_core, seal, unseal


class GameBoyWorld:
    """N lanes of one game, a World (`ludus.core.protocols`).

    game: the id of a shipped card, a card or the path of one, or a ROM: a path, bytes or a `Cartridge`. role: whose
    weights make the reward, default the card's own. start: name of a start of the card, default its first; or starts:
    states, as bytes or paths, that seed and episode choose from. codec, frames_per_step, release_after_frames (how
    long the button is held), view (one of `machine.VIEWS`), max_steps (an episode is truncated after so many): default
    the card's. events: whether `events` tells what happened. run: id of the run that events bear, default one that
    follows from card, role and start. threads: default the CPUs that this process may use, at most one per lane. boot,
    model, skip: as for a `GameBoy`. device: "cpu" is the only one in this version.

    Frames are `uint8[N, H, W]`, new at every step: nothing overwrites them, and `numpy.from_dlpack` or
    `torch.from_dlpack` takes them without a copy.
    """

    def __init__(
        self,
        game: Game,
        lanes: int,
        *,
        role: str | None = None,
        start: str | None = None,
        starts: Sequence[bytes | str | os.PathLike[str]] = (),
        codec: str | None = None,
        frames_per_step: int | None = None,
        release_after_frames: int | None = None,
        view: str | None = None,
        max_steps: int | None = None,
        events: bool = True,
        run: str | None = None,
        device: str = "cpu",
        threads: int | None = None,
        boot: str | os.PathLike[str] | bytes | None = None,
        model: str = "dmg",
        skip: bool = True,
    ) -> None:
        _check_device(device)
        self.card, self.cartridge = open_game(game)
        self.codec = find_codec(self.card.codec if codec is None else codec)
        self.model = model
        self.max_steps = _check_max_steps(self.card.end.max_steps if max_steps is None else max_steps)
        self._settings = settings = LaneSettings(
            self.card.view if view is None else view,
            self.codec.id,
            self.card.frames_per_step if frames_per_step is None else frames_per_step,
            self.card.release_after_frames if release_after_frames is None else release_after_frames,
        )
        self._view = machine.view_number(settings.view)
        self._buttons = self.codec.buttons
        threads = min(lanes, machine.usable_cpus()) if threads is None else threads
        self._core = machine.make_batch(self.cartridge, lanes=lanes, threads=threads, boot=boot, model=model, skip=skip)
        self._rules = Rules(self.card, role)
        self._opening = self._open(start, starts)
        self._spec = WorldSpec(
            id=f"gameboy:{self.card.id}",
            frame_shape=machine.VIEWS[settings.view],
            shades=machine.greys(settings.view),
            action_space=Discrete(len(self.codec)),
            tick_hz=machine.FRAME_HZ,
            ticks_per_step=settings.frames_per_step,
        )
        self._producer = Producer(self._rules, run or run_id(self.card, role, start)) if events else None
        self._frames: Frames = np.zeros((lanes, *self._spec.frame_shape), np.uint8)
        self._seed = np.arange(lanes, dtype=np.int64)
        self._episode = np.full(lanes, -1, np.int64)
        self._steps = np.zeros(lanes, np.int64)
        self._terminated = np.ones(lanes, np.bool_)  # of an episode that has not begun
        self._truncated = np.zeros(lanes, np.bool_)
        self._watched = self._rules.reader.read(self._core)
        self._closed = False

    @property
    def spec(self) -> WorldSpec:
        """What the World is."""
        return self._spec

    @property
    def lanes(self) -> int:
        """N."""
        return len(self._seed)

    def reset(self, *, seeds: int | Sequence[int] | None = None, mask: npt.ArrayLike | None = None) -> Step:
        """Begin a new episode in the lanes that `mask` names, as the start and the lanes' seeds have it.

        The first frame is the one that the start ends with; at power on the screen is white.
        """
        self._check_open()
        named = check_mask(mask, self.lanes)
        self._seed, self._episode = next_episodes(seeds, named, seed=self._seed, episode=self._episode)
        self._frames = self._frames.copy()
        self._opening.begin(named, self._seed, self._episode, self._frames)
        self._watched = self._rules.reader.read(self._core)
        self._steps[named] = 0
        self._terminated[named] = self._truncated[named] = False
        return self._show()

    def step(self, actions: npt.ArrayLike, *, mask: npt.ArrayLike | None = None) -> Step:
        """Act in the lanes that `mask` names, and show all lanes."""
        self._check_open()
        named = check_mask(mask, self.lanes)
        buttons = self._buttons[check_actions(actions, named, count=len(self.codec))]
        check_running(self._terminated | self._truncated, named)
        frames = np.empty_like(self._frames) if named.all() else self._frames.copy()
        settings = self._settings
        self._core.step(buttons, named, settings.frames_per_step, settings.release_after_frames, self._view, frames)
        self._frames = frames
        self._steps[named] += 1
        return self._show(self._judge(named))

    def events(self) -> tuple[Event, ...]:
        """Give what happened since the last call, as the card tells it; a ROM alone tells nothing."""
        self._check_open()
        return () if self._producer is None else self._producer.drain()

    @property
    def settings(self) -> LaneSettings:
        """What gives frames and actions their meaning."""
        return self._settings

    @property
    def values(self) -> Values:
        """What the card watches in all lanes now, `int64[N, W]`, in the card's order."""
        self._check_open()
        return self._watched.copy()

    def watches(self, lane: int) -> dict[str, int | str]:
        """Give what the card watches in a lane now, by name, values that have a word as that. Raises `InputError`."""
        self._check_open()
        check_lane(lane, self.lanes)
        return self._rules.words(self._watched[lane])

    def peek(self, lane: int, start: int, stop: int) -> bytes:
        """Give a lane's memory from `start` to before `stop`, as its CPU sees it. Raises `InputError`."""
        self._check_open()
        check_lane(lane, self.lanes)
        if not 0 <= start <= stop <= 0x10000:
            raise InputError(f"the addresses are {start:#x}:{stop:#x}, expected 0x0000 to 0x10000, upwards.")
        return self._core.peek(lane, start, stop)

    def save(self, lane: int) -> bytes:
        """Give everything that decides a lane's future, and its current frame. Raises `InputError`."""
        self._check_open()
        check_lane(lane, self.lanes)
        face = LaneFace(
            settings=self._settings,
            seed=int(self._seed[lane]),
            episode=int(self._episode[lane]),
            steps=int(self._steps[lane]),
            terminated=bool(self._terminated[lane]),
            truncated=bool(self._truncated[lane]),
            frame=self._frames[lane],
        )
        return seal(State(LANE, self._core.save(lane), face.pack()), self.cartridge, self.model)

    def load(self, lane: int, state: bytes) -> None:
        """Put a saved lane back, into any lane of any World with this ROM, model, view, codec and frames per step.

        Raises `StateError` with the reason; then the lane is untouched.
        """
        self._check_open()
        check_lane(lane, self.lanes)
        opened = unseal(state, self.cartridge, self.model, core_bytes=self._core.state_bytes)
        face = LaneFace.unpack(opened, self._settings)
        load_core(self._core, lane, opened)
        self._frames = self._frames.copy()
        self._frames[lane] = face.frame
        self._seed[lane], self._episode[lane], self._steps[lane] = face.seed, face.episode, face.steps
        self._terminated[lane], self._truncated[lane] = face.terminated, face.truncated
        self._watched = self._rules.reader.read(self._core)

    def close(self) -> None:
        """Refuse everything from now on; a second call does nothing."""
        self._closed = True

    def _open(self, start: str | None, starts: Sequence[bytes | str | os.PathLike[str]]) -> Opening:
        if starts and start is not None:
            raise InputError(f"start is {start!r} and there are {len(starts)} starts, expected one of the two.")
        recipe = None if starts else find_recipe(self._rules, start)
        states = [recipe.state] if recipe and recipe.state else starts
        opened = read_starts(states, self.cartridge, self.model, self._core, self._settings)
        return Opening(self._core, self._settings.view, self._rules, recipe=recipe, states=opened)

    def _judge(self, named: Mask) -> npt.NDArray[np.float32]:
        """Give the reward of the lanes that moved, end their episodes, and keep what happened."""
        if self.max_steps is not None:
            self._truncated |= named & (self._steps >= self.max_steps)
        if not self._rules.speaks:
            return np.zeros(self.lanes, np.float32)
        before, self._watched = self._watched, self._rules.reader.read(self._core)
        outcome = self._rules.judge(before, self._watched, named)
        self._terminated |= outcome.terminated
        self._truncated |= outcome.truncated
        if self._producer:
            self._producer.tell(outcome, self._seed, self._episode, self._tick)
        return outcome.reward

    @property
    def _tick(self) -> npt.NDArray[np.int64]:
        return self._steps * self._settings.frames_per_step

    def _show(self, reward: npt.NDArray[np.float32] | None = None) -> Step:
        return Step(
            frames=self._frames,
            reward=np.zeros(self.lanes, np.float32) if reward is None else reward,
            terminated=self._terminated.copy(),
            truncated=self._truncated.copy(),
            tick=self._tick,
        )

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("this World is closed; make a new one.")


def _check_device(device: str) -> None:
    if device != "cpu":
        raise InputError(
            f"device is {device!r}: this version of Ludus steps Game Boys on the CPU alone; leave it out, or say 'cpu'."
        )


def _check_max_steps(max_steps: int | None) -> int | None:
    if max_steps is not None and max_steps < 1:
        raise InputError(f"max_steps is {max_steps}, expected 1 or more, or None for no end.")
    return max_steps
