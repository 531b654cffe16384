"""`ludus play`: plays a game at random, as a script or by a person's keys, and shows what was done."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track
from rich.table import Table
from tyro.conf import OmitArgPrefixes

from ludus.cli._keys import play_by_keys
from ludus.cli._noticed import NOTHING, Noticed
from ludus.cli._picture import draw
from ludus.core import rng
from ludus.core.errors import InputError, MissingExtraError
from ludus.core.types import Actions, Frames, Mask, Step
from ludus.gameboy.library import open_game
from ludus.gameboy.machine import FRAME_HZ
from ludus.gameboy.pictures import contact_sheet, grey, write_gif, write_png
from ludus.gameboy.trace import load_actions
from ludus.gameboy.world import GameBoyWorld
from ludus.run.actors import PolicyActor
from ludus.run.games import GameSettings
from ludus.run.judging import Bench
from ludus.run.loop import Opening, Turn
from ludus.run.policies import make_policy

SHEET_LANES = 16
COLUMNS = 80
STEPS = 150


@dataclass
class Played:
    """What N lanes did."""

    frames: Frames
    """`uint8[N, H, W]`, the last of each lane."""
    returns: npt.NDArray[np.float64]
    steps: int = 0
    """All lanes' together."""
    seconds: float = 0.0
    film: list[Frames] = field(default_factory=list)
    """Lane 0's frames."""
    events: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)


def main(
    game: str = "potyard",
    /,
    *,
    player: Literal["random", "scripted", "keys"] = "random",
    policy: str | None = None,
    steps: int | None = None,
    lanes: int = 16,
    seed: int = 0,
    start: str | None = None,
    role: str | None = None,
    codec: str | None = None,
    noticed: Annotated[Noticed, OmitArgPrefixes] = NOTHING,
    out: Path = Path("runs/play"),
) -> int:
    """Play a game in many lanes and show how fast it went, what happened and what the lanes show; or play it yourself.

    Args:
        game: id of a game of this package (see ludus games), or the path of a card (.toml) or a ROM (.gb).
        player: random actions; scripted, the demo that the game's card names; or keys, you, in this terminal.
        policy: a trained agent instead: the name of one that ships with the game, such as generalist, the folder of a
            checkpoint or of a training run. The pictures are what it sees.
        steps: steps of 24 frames in each lane; by default 150, a demo to its end, keys until you leave.
        lanes: consoles played together.
        seed: of the first lane, the next has the next; it decides its start and its random actions.
        start: where episodes begin, a start of the card.
        role: whose rewards to count, a role of the card.
        codec: the buttons to choose from, the id of an action codec; by default the card's.
        noticed: what to look out for.
        out: folder for lanes.png, what the lanes show at the end, and lane0.gif, what lane 0 showed on the way.
    """
    if steps is not None and steps < 1:
        raise InputError(f"--steps is {steps}, expected at least 1.")
    if player == "keys":
        card, cartridge = open_game(game)
        play_by_keys(cartridge, frames=None if steps is None else steps * card.frames_per_step)
        return 0
    demo = _demo(game, seed, lanes, start, codec)[:steps] if player == "scripted" and policy is None else None
    lanes = lanes if demo is None else demo.shape[1]
    view = "full" if policy is None and not noticed.goal else None
    world = GameBoyWorld(game, lanes, codec=codec, start=start, role=role, view=view)
    settings = GameSettings(game=game, codec=codec)
    agent = None if policy is None else _Agent(policy, settings, world, seed)
    played = _play(world, seed, steps or STEPS, demo, agent, Bench(noticed.judges(settings), lanes, "play"))
    console = Console()
    _print(console, world, played)
    if console.is_terminal:
        console.print(draw(grey(played.frames[0]), min(COLUMNS, console.width)))
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_png(out / "lanes.png", contact_sheet(grey(played.frames[:SHEET_LANES])))
        write_gif(out / "lane0.gif", [grey(frame) for frame in played.film], seconds_each=1 / world.spec.step_hz)
        console.print(f"{out / 'lanes.png'}, {out / 'lane0.gif'}", highlight=False, soft_wrap=True)
    except MissingExtraError as error:
        console.print(f"no pictures were written: {error}", markup=False, highlight=False, soft_wrap=True)
    return 0


def _demo(game: str, seed: int, lanes: int, start: str | None, codec: str | None) -> Actions:
    """Give the actions `int64[T, lanes]` of a card's demo, for as many lanes as it has from a seed on."""
    card, _ = open_game(game)
    if card.demo is None:
        raise InputError(f"the card of {game!r} names no demo; play it at random or by keys.")
    if codec not in (None, card.codec) or start not in (None, next(iter(card.start), None)):
        raise InputError("a demo is played from the card's first start with its own codec; leave --start and --codec.")
    actions = load_actions(card.demo, codec=card.codec)
    if not 0 <= seed < actions.shape[1]:
        raise InputError(f"--seed is {seed}, expected 0 to {actions.shape[1] - 1}: the demo has no others.")
    return actions[:, seed : seed + lanes]


class _Agent:
    """A trained agent in all lanes."""

    def __init__(self, policy: str, game: GameSettings, world: GameBoyWorld, seed: int) -> None:
        self._actor = PolicyActor(make_policy(policy, game, world.spec), world.spec, world.lanes)
        self._seed, self._episodes = seed, 0

    def act(self, step: Step, began: Mask) -> Actions:
        """Give actions for what a step shows; in some lanes it is the beginning of an episode."""
        opened = [
            (int(lane), Opening("", self._seed + self._episodes + int(lane), 0)) for lane in np.flatnonzero(began)
        ]
        self._actor.begin(opened)
        self._episodes += len(began) if opened else 0
        return self._actor.act(step).actions


def _play(
    world: GameBoyWorld, seed: int, steps: int, demo: Actions | None, agent: _Agent | None, bench: Bench
) -> Played:
    """Play a demo until each lane has ended once; else go on with a new episode after every end."""
    step = world.reset(seeds=seed)
    played = Played(step.frames, np.zeros(world.lanes))
    numbers, seeds = range(steps if demo is None else len(demo)), seed + np.arange(world.lanes)
    began = np.ones(world.lanes, np.bool_)
    for number in track(numbers, "playing", console=Console(stderr=True), transient=True) if _watched() else numbers:
        if demo is None:
            began |= step.done
            step = world.reset(mask=step.done)
        bench.hear(Turn(step, began=tuple((int(lane), Opening("", 0, 0)) for lane in np.flatnonzero(began))))
        if demo is None:
            chance = rng.integers(seeds, "play", number, high=len(world.codec))
            actions = chance if agent is None else agent.act(step, began)
            running = np.ones(world.lanes, np.bool_)
        else:
            actions, running = demo[number], ~step.done
        began = np.zeros(world.lanes, np.bool_)
        start = time.perf_counter()
        step = world.step(actions, mask=running)
        played.seconds += time.perf_counter() - start
        played.steps += int(running.sum())
        played.returns += step.reward
        events = world.events()
        played.events.update(event.kind for event in events)
        bench.hear(Turn(step, moved=running, events=events))
        over = step.done if number < numbers[-1] else np.ones(world.lanes, np.bool_)
        for lane in np.flatnonzero(over & running):
            played.verdicts.update(ruling.verdict.name for ruling in bench.end(int(lane)))
        if running[0]:
            played.film.append(step.frames[0].copy())
    played.frames = step.frames
    return played


def _watched() -> bool:
    return sys.stderr.isatty()


def _print(console: Console, world: GameBoyWorld, played: Played) -> None:
    frames = played.steps * world.spec.ticks_per_step
    table = Table("game", "lanes", "steps", "frames", "seconds", "frames/s", "x real time")
    table.add_row(
        world.card.title,
        f"{world.lanes}",
        f"{played.steps:,}",
        f"{frames:,}",
        f"{played.seconds:.2f}",
        f"{frames / played.seconds:,.0f}",
        f"{frames / played.seconds / FRAME_HZ:,.0f}",
    )
    console.print(table)
    if world.card.watch:
        told = ", ".join(f"{kind} {count}" for kind, count in played.events.most_common())
        console.print(f"reward {played.returns.mean():.2f} a lane; events: {told or 'none'}", highlight=False)
    if played.verdicts:
        told = ", ".join(f"{name} {count}" for name, count in played.verdicts.most_common())
        console.print(f"noticed: {told}", highlight=False)
