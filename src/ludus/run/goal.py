"""The loops of goals: a trace is played to take a screen from it as the goal, or again to see whether it gets there."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ludus.core import digest, files
from ludus.core.clock import Clock, SystemClock
from ludus.core.errors import InputError
from ludus.core.protocols import World
from ludus.core.types import Actions, Step
from ludus.episodes.pictures import png
from ludus.gameboy import GameBoyWorld
from ludus.gameboy.cartridge import Cartridge, read_cartridge
from ludus.gameboy.lane import LaneSettings
from ludus.gameboy.library import open_game
from ludus.gameboy.machine import SHADES
from ludus.gameboy.trace import load_actions
from ludus.goals import match
from ludus.goals.artefact import PICTURE, START, STATE_ONLY, TRACE, Goal, Meta, Runtime, load_goal, path_from, save_goal
from ludus.goals.task import MAX_STEPS, GoalWorld, Stage

CODEC = "pokemonred_puffer_v0"
"""The seed's, without a NOOP: a trace waits by a direction into a wall, or by a button that does nothing there."""
LAST_FRAMES = 16
SCALE = 4
"""Pixels to a side of each shade in a picture for people."""

Shades = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a goal is to be taken from."""

    game: str
    """Id of a shipped card, or the path of a card or a ROM."""
    start: str | None = None
    """A start of the card, by default its first, or the path of a state."""
    seed: int = 0
    """That the start is begun with."""
    actions: Path | None = None
    """A trace from there; the last frame of its first lane is the goal."""
    from_state: tuple[Path, ...] = ()
    """States whose frames are the goal instead."""
    templates: int = 1
    """How many of the trace's last frames to take, counting those that differ."""
    codec: str = CODEC
    view: Literal["half", "mean"] | None = None
    """How pictures are made smaller, by default as the card has it, else half."""
    tau: float = 0.05
    k_consecutive: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """How far each step of a trace was from a goal. T steps, and step 0, which is before any action; N lanes."""

    dist: npt.NDArray[np.float32]
    """`float32[1 + T, N]`."""
    consec: npt.NDArray[np.int32]
    """`int32[1 + T, N]`."""
    done: npt.NDArray[np.bool_]
    """`bool[1 + T, N]`."""
    tick: npt.NDArray[np.int64]
    """`int64[1 + T]`."""
    last: Shades
    """`uint8[L, N, 72, 80]`, the last frames, at most `LAST_FRAMES`."""
    frames_digest: str
    """Of all frames, chained (`digest.roll`)."""

    @property
    def dist_digest(self) -> str:
        """Of all distances, as they are in memory."""
        return digest.of_array(self.dist)

    @property
    def steps(self) -> int:
        """T."""
        return len(self.dist) - 1

    @property
    def reached(self) -> tuple[int, int] | None:
        """The step with which a first lane is done, and that lane; None if none is."""
        found = np.argwhere(self.done)
        return None if not len(found) else (int(found[0, 0]), int(found[0, 1]))

    @property
    def nearest(self) -> tuple[int, int]:
        """The step and the lane that come nearest to the goal."""
        step, lane = np.unravel_index(int(self.dist[1:].argmin()), self.dist[1:].shape)
        return int(step) + 1, int(lane)


def capture(plan: Plan, out: Path, *, force: bool = False, log: Path | None = None, clock: Clock | None = None) -> Goal:
    """Give a new goal, its folder written whole, with copies of the start and the trace that it was taken from.

    log: a file for the distance of each step from the goal, as JSON Lines. Raises `InputError` on a folder that is
    there already, unless `force` says to replace it, and on a start that shows the goal already.
    """
    match.check_limits(plan.tau, plan.k_consecutive)
    card, cartridge = open_game(plan.game)
    view = plan.view or ("mean" if card.view == "mean" else "half")
    settings = LaneSettings(view, plan.codec, card.frames_per_step, card.release_after_frames)
    start = _start_state(plan, cartridge, settings)
    rows = None if plan.actions is None else load_actions(plan.actions, codec=plan.codec)
    steps = [] if rows is None else list(_play(cartridge, start, rows, settings))
    templates = _templates(plan, cartridge, settings, steps)
    made = {START: start, PICTURE: picture(list(templates), SCALE)}
    if plan.actions is not None:
        made[TRACE] = files.read_bytes(plan.actions)
    meta = Meta(
        created_at=(clock or SystemClock()).stamp(),
        rom_path=path_from(out, card.rom),
        rom_sha256=cartridge.sha256,
        start_state_path=START,
        start_state_sha256=digest.of_file_bytes(start),
        actions_path=STATE_ONLY if rows is None else TRACE,
        actions_sha256="" if rows is None else digest.of_file_bytes(made[TRACE]),
        action_codec_id=settings.codec,
        frames_per_step=settings.frames_per_step,
        release_after_frames=settings.release_after_frames,
        tau=plan.tau,
        k_consecutive=plan.k_consecutive,
        view=view,
        templates=len(templates),
    )
    if rows is not None:
        frames = (step.frames for step in steps)
        dist, _, _ = match.follow(frames, templates, tau=plan.tau, k_consecutive=plan.k_consecutive)
        if not dist[0].all():
            raise InputError(f"the start of {plan.actions} shows the goal already; start elsewhere.")
        if log:
            ticks = [int(step.tick[0]) for step in steps]
            columns = {"dist": dist.tolist()}
            files.write_jsonl(log, log_rows(out.name, [None, *rows.tolist()], ticks, columns))
    return save_goal(out, meta, templates, made, force=force)


def replay(goal: Goal, rows: Actions, *, device: str = "cpu") -> Replay:
    """Give how a trace, `int[T, N]`, of the goal or another one, comes near the goal from its start."""
    meta = goal.meta
    settings = LaneSettings(meta.view, meta.action_codec_id, meta.frames_per_step, meta.release_after_frames)
    cartridge, state = read_cartridge(goal.rom), files.read_bytes(goal.start_state)
    chain, ticks, last = digest.Chain(), list[int](), deque[Shades](maxlen=LAST_FRAMES)

    def watch() -> Iterator[Shades]:
        for step in _play(cartridge, state, rows, settings):
            chain.add(step.frames)
            ticks.append(int(step.tick[0]))
            last.append(step.frames)
            yield step.frames

    tau, k = meta.tau, meta.k_consecutive
    dist, consec, done = match.follow(watch(), goal.templates, tau=tau, k_consecutive=k, device=device)
    return Replay(dist, consec, done, np.array(ticks), np.stack(last), chain.digest)


def read_trace(goal: Goal, actions: Path | None = None) -> Actions:
    """Give the actions `int64[T, N]` of a goal's own trace or of another. Raises `InputError` where there is none."""
    path = actions or goal.actions
    if path is None:
        raise InputError(f"{goal.folder}: the goal was taken from a state and has no trace; name one by --actions.")
    return load_actions(path, codec=goal.meta.action_codec_id)


def goal_world(world: GameBoyWorld, folders: Sequence[Path], *, max_steps: int | None = None) -> GoalWorld:
    """Give a World whose rewards and ends are those of goals, one after another. Raises `GoalError`."""
    runtime = runtime_of(world)
    most = MAX_STEPS if max_steps is None else max_steps
    return GoalWorld(world, [Stage.of(load_goal(folder, runtime), max_steps=most) for folder in folders])


def log_rows(
    goal: str, actions: Sequence[list[int] | None], ticks: Sequence[int], columns: dict[str, list[Any]]
) -> Iterator[dict[str, Any]]:
    """Give the lines of a log, one for each step, and one, step 0, for the frame before any action."""
    for step, (row, tick) in enumerate(zip(actions, ticks, strict=True)):
        yield {"goal": goal, "step": step, "tick": tick, "actions": row} | {
            name: values[step] for name, values in columns.items()
        }


def runtime_of(world: World) -> Runtime:
    """Give what a goal has to fit in a World. Raises `InputError` where goals make no sense."""
    if not isinstance(world, GameBoyWorld):
        raise InputError(f"{world.spec.id} is no Game Boy game, and goals are screens of those; leave the goals out.")
    settings = world.settings
    return Runtime(
        action_codec_id=settings.codec,
        frames_per_step=settings.frames_per_step,
        release_after_frames=settings.release_after_frames,
        view=settings.view,
        rom_sha256=world.cartridge.sha256,
    )


def _play(cartridge: Cartridge, state: bytes, rows: Actions, settings: LaneSettings) -> Iterator[Step]:
    """Play a trace from a state, and give the first frames and those of every step. Only pixels are looked at."""
    world = _open(cartridge, rows.shape[1], settings, [state])
    yield world.reset(seeds=0)
    for row in rows:
        yield world.step(row)


def _open(cartridge: Cartridge, lanes: int, settings: LaneSettings, states: Sequence[bytes | Path]) -> GameBoyWorld:
    return GameBoyWorld(
        cartridge,
        lanes,
        starts=states,
        codec=settings.codec,
        frames_per_step=settings.frames_per_step,
        release_after_frames=settings.release_after_frames,
        view=settings.view,
        events=False,
    )


def _start_state(plan: Plan, cartridge: Cartridge, settings: LaneSettings) -> bytes:
    """Give the start as the state of a World's lane, at its tick 0."""
    start = plan.start
    if start is None and plan.from_state:
        start = str(plan.from_state[0])
    if start is not None and Path(start).is_file():
        world = _open(cartridge, 1, settings, [Path(start)])
    else:
        world = GameBoyWorld(plan.game, 1, start=start, codec=settings.codec, view=settings.view, events=False)
    world.reset(seeds=plan.seed)
    return world.save(0)


def _templates(plan: Plan, cartridge: Cartridge, settings: LaneSettings, steps: Sequence[Step]) -> Shades:
    """Give the templates `uint8[G, 72, 80]`: those of the states, or the last frames of a trace that differ."""
    if plan.from_state:
        shown = [_open(cartridge, 1, settings, [state]).reset(seeds=0).frames[0] for state in plan.from_state]
        return np.stack(shown)
    if not steps:
        raise InputError("there is neither a trace nor a state to take the goal from; give --actions or --from-state.")
    found: list[Shades] = []
    for step in reversed(steps):
        if len(found) < plan.templates and not any((step.frames[0] == other).all() for other in found):
            found.insert(0, step.frames[0])
    if len(found) < plan.templates:
        raise InputError(f"templates is {plan.templates}, but the trace shows {len(found)} different frames.")
    return np.stack(found)


def picture(frames: Sequence[Shades], scale: int) -> bytes:
    """Give frames side by side as PNG."""
    greys = np.array(SHADES, np.uint8)
    gap = np.full((frames[0].shape[0], 1), 128, np.uint8)
    strip = np.concatenate([part for frame in frames for part in (gap, greys[frame])][1:], axis=1)
    return png(np.kron(strip, np.ones((scale, scale), np.uint8)))
