"""How episodes begin: at power on, with one of several saved states, or as a card's recipe plays it.

A recipe is a list of steps:

    press start 8                              hold a button for 8 frames
    wait 24                                    let 24 frames pass
    write seed to level_seed                   put the lane's game seed into a watch
    run until phase == playing within 300      let frames pass until an expression is true

What does not depend on the seed is played once and kept; the rest is played in all lanes together at every reset.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ludus.core import rng
from ludus.core.errors import InputError, nearest
from ludus.core.types import Frames, Mask
from ludus.gameboy import machine
from ludus.gameboy._native import Batch
from ludus.gameboy.card import Card
from ludus.gameboy.expression import Expression
from ludus.gameboy.lane import Start
from ludus.gameboy.rules import Rules
from ludus.gameboy.state import LANE, State, load_core
from ludus.gameboy.watches import Watch

HELP = "expected 'press BUTTON FRAMES', 'wait FRAMES', 'write seed to WATCH' or 'run until EXPRESSION within FRAMES'."
STEP = re.compile(
    r"press (?P<button>\w+) (?P<held>\d{1,6})|wait (?P<wait>\d{1,6})|write seed to (?P<seed>\w+)"
    r"|run until (?P<until>.+) within (?P<within>\d{1,6})"
)
ONE_FRAME = 1


@dataclass(frozen=True, slots=True)
class Run:
    """Let frames pass, with a button's bit held or 0."""

    frames: int
    button: int = 0


@dataclass(frozen=True, slots=True)
class Write:
    """Write the lane's game seed into a watch."""

    watch: Watch


@dataclass(frozen=True, slots=True)
class Until:
    """Let frames pass until an expression is true, at most so many."""

    expression: Expression
    frames: int
    key: str


Play = Run | Write | Until


@dataclass(frozen=True, slots=True)
class Recipe:
    """A start of a card with those before it: the state it goes on from, None for power on, and what is played."""

    name: str
    state: str | None
    steps: tuple[Play, ...]

    @property
    def common(self) -> tuple[Play, ...]:
        """What is played whatever the seed."""
        writes = [number for number, step in enumerate(self.steps) if isinstance(step, Write)]
        return self.steps[: writes[0]] if writes else self.steps


def find_recipe(rules: Rules, name: str | None) -> Recipe | None:
    """Give the recipe of a card's start, of its first start for None; None for a card without starts.

    Raises `InputError` on an unknown name, `SettingsError` on steps that make no sense.
    """
    card = rules.card
    if name is None:
        name = next(iter(card.start), None)
        return None if name is None else find_recipe(rules, name)
    if name not in card.start:
        raise InputError(f"the card {card.id!r} has no start {name!r}; {nearest(name, card.start)}")
    chain, steps = _chain(card, name), list[Play]()
    for link in chain:
        for number, text in enumerate(card.start[link].play):
            steps.append(_read_step(rules, f"start.{link}.play.{number}", text))
    state = card.start[chain[0]].state
    return Recipe(name, None if state is None else str(state), tuple(steps))


def _chain(card: Card, name: str) -> list[str]:
    """Give a start and all that it comes after, the first one first."""
    chain = [name]
    while (after := card.start[chain[0]].after) is not None:
        key = f"start.{chain[0]}.after"
        if card.start[chain[0]].state is not None:
            raise card.fault(key, after, "a start goes on from a state or from another start, not from both; cut one.")
        if after not in card.start:
            raise card.fault(key, after, f"there is no such start; {nearest(after, card.start)}")
        if after in chain:
            circle = " after ".join([*chain[: chain.index(after) + 1][::-1], after][::-1])
            raise card.fault(key, after, f"that leads in a circle, {circle}; cut it somewhere.")
        chain.insert(0, after)
    return chain


def _read_step(rules: Rules, key: str, text: str) -> Play:
    card, found = rules.card, STEP.fullmatch(" ".join(text.split()))
    if not found:
        raise card.fault(key, text, HELP)
    if found["button"]:
        button = found["button"].lower()
        if button not in machine.BUTTONS:
            raise card.fault(key, text, f"there is no button {button!r}; {nearest(button, machine.BUTTONS)}")
        return Run(int(found["held"]), machine.BUTTONS[button])
    if found["wait"]:
        return Run(int(found["wait"]))
    if found["seed"]:
        watch = card.watch.get(found["seed"])
        if watch is None:
            raise card.fault(key, text, f"there is no watch {found['seed']!r}; {nearest(found['seed'], card.watch)}")
        if not watch.type.startswith("u"):
            raise card.fault(key, text, f"a {watch.type} cannot hold a seed; expected u8, u16le, u16be or u32le.")
        return Write(watch)
    return Until(rules.condition(key, found["until"]), int(found["within"]), key)


class Opening:
    """Begins episodes in the lanes of a core.

    Without a recipe an episode begins with one of `states`, which seed and episode choose, or at power on.
    """

    def __init__(
        self, core: Batch, view: str, rules: Rules, *, recipe: Recipe | None = None, states: list[Start] | None = None
    ) -> None:
        self._core, self._view, self._rules, self._states = core, machine.view_number(view), rules, states or []
        self._steps: tuple[Play, ...] = ()
        if not self._states:
            core.power_on(0)
            white = np.zeros((core.lanes, *machine.VIEWS[view]), np.uint8)
            self._states = [Start(State(LANE, core.save(0), b""), white[0])]
        if recipe:
            self._steps = recipe.steps[len(recipe.common) :]
            self._states = [self._play_common(recipe)]

    def begin(self, mask: Mask, seeds: npt.NDArray[np.int64], episodes: npt.NDArray[np.int64], frames: Frames) -> None:
        """Begin episodes in the lanes that `mask` names, and put their first pictures into `frames`."""
        for lane in np.flatnonzero(mask).tolist():
            state = self._choose(int(seeds[lane]), int(episodes[lane]))
            load_core(self._core, lane, state.state)
            frames[lane] = state.frame
        if self._steps and mask.any():
            self._play(self._steps, mask, game_seeds(seeds, episodes), frames)

    def _choose(self, seed: int, episode: int) -> Start:
        if len(self._states) == 1:
            return self._states[0]
        return self._states[int(rng.integers(seed, "start", episode, high=len(self._states)))]

    def _play_common(self, recipe: Recipe) -> Start:
        start, core = self._states[0], self._core
        first = np.arange(core.lanes) == 0
        frames = np.repeat(start.frame[None], core.lanes, axis=0)
        load_core(core, 0, start.state)
        if recipe.common:
            self._play(recipe.common, first, np.zeros(core.lanes, np.int64), None if self._steps else frames)
        return Start(State(LANE, core.save(0), b""), frames[0])

    def _play(self, steps: tuple[Play, ...], mask: Mask, seeds: npt.NDArray[np.int64], frames: Frames | None) -> None:
        """Play steps, then one more frame that is drawn into `frames`, if anybody will see it."""
        for step in steps:
            if isinstance(step, Run):
                self._run(mask, step.frames, step.button)
            elif isinstance(step, Write):
                for lane in np.flatnonzero(mask).tolist():
                    _write(self._core, lane, step.watch, int(seeds[lane]))
            else:
                self._run_until(step, mask, seeds)
        if frames is not None:
            self._run(mask, ONE_FRAME, 0, frames)

    def _run(self, mask: Mask, frames: int, button: int = 0, out: Frames | None = None) -> None:
        self._core.step(np.full(len(mask), button, np.uint8), mask, frames, frames, self._view, out)

    def _run_until(self, step: Until, mask: Mask, seeds: npt.NDArray[np.int64]) -> None:
        reader = self._rules.reader
        before = reader.read(self._core)
        left = mask & ~step.expression.test(before, before)
        for _ in range(step.frames):
            if not left.any():
                return
            self._run(left, ONE_FRAME)
            now = reader.read(self._core)
            left, before = left & ~step.expression.test(before, now), now
        if left.any():
            lane = int(np.flatnonzero(left)[0])
            reason = (
                f"not true within {step.frames} frames in lane {lane}, game seed {seeds[lane]}; the watches are then "
                f"{self._rules.words(before[lane])}. Give it more frames, or mend the recipe."
            )
            raise self._rules.card.fault(step.key, step.expression.text, reason)


def game_seeds(seeds: npt.NDArray[np.int64], episodes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Give the seeds that recipes write: the lane's own in its first episode, then numbers drawn from it, 32 bits."""
    drawn = rng.integers(seeds, "game seed", episodes, high=2**32)
    return np.where(episodes == 0, seeds & 0xFFFF_FFFF, drawn)


def _write(core: Batch, lane: int, watch: Watch, seed: int) -> None:
    """Write the lowest bytes of a seed."""
    low = seed & (1 << 8 * watch.size) - 1
    for offset, byte in enumerate(low.to_bytes(watch.size, "big" if watch.type.endswith("be") else "little")):
        core.poke(lane, watch.address + offset, byte)
