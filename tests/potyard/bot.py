"""Scripted players of Pot Yard: they read the game's memory, which no policy may, and prove what can happen in it."""

from __future__ import annotations

from collections import deque
from functools import partial

import numpy as np
import numpy.typing as npt

from ludus.gameboy import GameBoyWorld
from tests.potyard.memory import ALTAR, CHEST, HEART, PLAYING, PORTAL, POT, RISING, SILVER, Memory, Peek
from tests.potyard.paths import (
    DIRECTIONS,
    FRAMES_PER_STEP,
    MOVES,
    Boss,
    Thing,
    Walk,
    corner,
    foe_path,
    near,
    read_foes,
    shots,
    walk,
)

ACTIONS = ("NOOP", "A", "B", *MOVES)
PLACES = [row << 4 | column for row in range(1, 8) for column in range(1, 10)]


class Scripted:
    """Looks two steps ahead for what hurts, walks the shortest way to what pays, and bonks it."""

    patience = 60  # steps without a blow at the boss, then it stops being careful

    def __init__(self, peek: Peek, *, curses: tuple[int, int, int] = (2, 0, 0)) -> None:
        self.peek = peek
        self.curses = curses  # how many to take in each stage
        self.boss_hp, self.waited = 0, 0

    def act(self) -> str:
        memory = Memory(self.peek)
        if memory.phase != PLAYING:
            return "NOOP"
        self.yard, self.hearts = memory.block("yard", 144), memory.hearts
        self.boss = Boss.read(memory)
        self.wants_curse = self.boss.curses < self.curses[memory.stage - 1]
        self.waited = self.waited + 1 if memory.boss_hp == self.boss_hp > 0 else 0
        self.boss_hp = memory.boss_hp
        self.foes = read_foes(memory)
        hero = memory.hero_x, memory.hero_y
        self.things = [*map(foe_path, self.foes), *shots(memory), self.boss.path(hero)]
        self.front = self.boss_front()
        self.distance = self.ways()
        here = Walk([hero], 0, memory.hero_at, memory.hero_dir)
        return max(ACTIONS, key=lambda action: self.value(here, action))

    # What is worth going to.

    def targets(self) -> dict[int, int]:
        """{place: worth} of what to bonk or, for hearts and the open portal, to step on."""
        targets = {}
        for at, cell in enumerate(self.yard):
            if cell == HEART and self.hearts < 5:
                targets[at] = 8 if self.hearts < 3 else 4
            elif cell == PORTAL and self.hearts >= 4:
                targets[at] = 4
            elif cell == PORTAL:
                targets[at] = -6  # look for hearts first
            elif cell == CHEST or (cell == ALTAR and self.wants_curse):
                targets[at] = 3
            elif cell in (POT, SILVER):
                targets[at] = 1
        return targets

    def blocked(self, at: int) -> bool:
        if self.yard[at] > PORTAL or any(foe[4] == at for foe in self.foes):
            return True
        return self.boss.present and near(corner(at), (self.boss.x, self.boss.y), 18)

    def hits_boss(self, at: int) -> bool:
        return self.boss.present and near(corner(at), (self.boss.x, self.boss.y), 22)

    def boss_front(self) -> set[int]:
        """Places from which a blow meets the boss; a step that way would only turn the hero."""
        if not self.boss.present:
            return set()
        free = (at for at in PLACES if not self.blocked(at))
        return {at for at in free if any(self.blocked(at + by) and self.hits_boss(at + by) for by in MOVES.values())}

    def ways(self) -> dict[int, int]:
        """Steps from each cell to the best target, walking; a target's worth counts as steps saved."""
        distance: dict[int, int] = {}

        def offer(at: int, cost: int) -> None:
            if not self.blocked(at):
                distance[at] = min(distance.get(at, 99), cost)

        for at, worth in self.targets().items():
            if self.yard[at] in (HEART, PORTAL):
                offer(at, -worth)
                continue
            for by in MOVES.values():
                offer(at + by, (4 if self.front else 1) - worth)
        for at in sorted(self.front):
            offer(at, -4)
        for foe in self.foes:
            for by in MOVES.values():
                offer(foe[4] + by, 2)
        queue = deque(sorted(distance, key=lambda at: distance[at]))
        while queue:
            at = queue.popleft()
            for by in MOVES.values():
                if not self.blocked(at + by) and distance.get(at + by, 999) > distance[at] + 1:
                    distance[at + by] = distance[at] + 1
                    queue.append(at + by)
        return distance

    # What an action leads to.

    def danger(self, first: Walk, second: Walk) -> int:
        """A cost for the first thing that touches the hero on two walks and a wait; later counts less."""
        path = first.path + second.path + second.path[-1:] * FRAMES_PER_STEP
        things = self.things + self.boss.throws(path)
        for frame, place in enumerate(path):
            if frame < first.safe or 0 <= frame - FRAMES_PER_STEP < second.safe:
                continue
            if any(_touches(thing, frame, place) for thing in things):
                return (60, 30, 25)[frame // FRAMES_PER_STEP]
        return 0

    def value(self, here: Walk, action: str) -> float:
        first = walk(here, action, self.blocked)
        if action == "B" and not first.safe:
            return -1000
        worth = self.worth(first, action) - self.distance.get(first.at, 50) - 0.2 * (action == "B")
        if self.waited >= self.patience:
            return worth
        return worth - min(self.danger(first, walk(first, then, self.blocked)) for then in ACTIONS)

    def worth(self, end: Walk, action: str) -> float:
        worth = self.bonk_worth(end.at + MOVES[DIRECTIONS[end.dir]])
        if action == "A":
            return worth
        return 0.5 if worth > 0 else 0  # looking at something worth a blow

    def bonk_worth(self, ahead: int) -> int:
        if self.hits_boss(ahead):
            return 20
        if any(foe[0] > RISING and near((foe[2], foe[3]), corner(ahead), 13) for foe in self.foes):
            return 30
        cell = self.yard[ahead]
        return 8 if cell in (POT, SILVER, CHEST) or (cell == ALTAR and self.wants_curse) else -2


class Greedy(Scripted):
    """Walks to what pays and bonks it, heedless of danger: what an agent half way there might do."""

    def danger(self, first: Walk, second: Walk) -> int:
        return 0


def players(world: GameBoyWorld, kind: type[Scripted] = Scripted) -> list[Scripted]:
    """A player for every lane."""
    return [kind(partial(world.peek, lane)) for lane in range(world.lanes)]


def choose(world: GameBoyWorld, team: list[Scripted], running: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The actions of all lanes, NOOP in those that have ended."""
    numbers = [world.codec.number(one.act()) if on else 0 for one, on in zip(team, running, strict=True)]
    return np.array(numbers, np.int64)


def _touches(thing: Thing, frame: int, place: tuple[int, int]) -> bool:
    at = thing.path[frame]
    return at is not None and near(at, place, thing.reach)
