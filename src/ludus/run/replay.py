"""Plays recorded actions again: for whoever verifies, films or exports what was played. T steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ludus.core import files
from ludus.core.protocols import Choice, World, WorldSpec
from ludus.core.types import Actions, Episode, Step
from ludus.episodes.recorder import Recorder, Recording
from ludus.episodes.steps import Steps, read_steps
from ludus.episodes.store import Store
from ludus.episodes.trace import EpisodeTrace, unpack
from ludus.run.games import codec_id
from ludus.run.loop import Opening, Turn, play

Column = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Script:
    """What was done in an episode, and what the policy thought of it, where that is known."""

    id: str
    seed: int
    actions: Actions
    """`[T, *action_space.shape]`."""
    value: Column | None = None
    log_prob: Column | None = None


def script(told: EpisodeTrace, steps: Steps | None = None) -> Script:
    """Give the script of a trace; with the episode's steps it tells the policy's values too."""
    trace = told.trace
    thoughts = (None, None) if steps is None else (steps.value, steps.log_prob)
    return Script(told.id, int(trace.start[0]), trace.actions[:, 0], *thoughts)


def read_script(store: Store, episode: Episode) -> tuple[Script, Steps]:
    """Give the script of a recorded episode, and its steps. Raises `FileFormatError`."""
    parts = {name: files.read_bytes(store.root / episode.files[name].path) for name in ("trace", "steps")}
    steps = read_steps(parts["steps"])
    return script(unpack(parts["trace"], episode.files["trace"].path), steps), steps


def replay(
    world: World, scripts: Sequence[Script], *, run: str = "", instance: str = ""
) -> Iterator[tuple[Turn, tuple[Recording, ...]]]:
    """Play scripts that fit the World; give every turn, and what came of the episodes that ended with it.

    An episode ends after its script, or earlier where the World says so.
    """
    openings = [Opening(told.id, told.seed, index, steps=len(told.actions)) for index, told in enumerate(scripts)]
    recorder = Recorder(world.spec, world.lanes, codec_id(world))
    actor = ScriptActor({told.id: told for told in scripts}, world.spec, world.lanes)
    playing: dict[int, Opening] = {}
    for turn in play(world, actor, openings, run=run, instance=instance):
        if turn.choice is not None and turn.moved is not None:
            recorder.add(turn.choice, turn.step, turn.moved)
        else:
            recorder.begin([lane for lane, _ in turn.began], turn.step)
            playing |= dict(turn.began)
        for event in turn.events:
            recorder.tell(event.lane, event)
        ended = [(lane, playing.pop(lane)) for lane in turn.ended]
        yield turn, tuple(recorder.end(lane, opening.id, opening.seed) for lane, opening in ended)


class ScriptActor:
    """Acts in N lanes as the scripts of their episodes say; values are told where every script knows them."""

    def __init__(self, scripts: Mapping[str, Script], spec: WorldSpec, lanes: int) -> None:
        self._scripts = scripts
        self._playing: list[Script | None] = [None] * lanes
        self._at = [0] * lanes
        self._actions = np.zeros((lanes, *(spec.action_space.shape or ())), spec.action_space.dtype)
        self._told = [
            name for name in ("value", "log_prob") if all(getattr(told, name) is not None for told in scripts.values())
        ]

    def begin(self, began: Sequence[tuple[int, Opening]]) -> None:
        """Take up the scripts of new episodes."""
        for lane, opening in began:
            self._playing[lane], self._at[lane] = self._scripts[opening.id], 0

    def act(self, _step: Step, /) -> Choice:
        """Give the next actions of all lanes."""
        actions = self._actions.copy()
        thoughts = {name: np.zeros(len(actions), np.float32) for name in self._told}
        for lane, told in enumerate(self._playing):
            at = self._at[lane]
            if told is None or at >= len(told.actions):
                continue
            actions[lane] = told.actions[at]
            for name, column in thoughts.items():
                column[lane] = getattr(told, name)[at]
            self._at[lane] = at + 1
        return Choice(actions, **thoughts)
