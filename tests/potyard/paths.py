"""Where things will be in the coming frames of a yard. Places are `row << 4 | column`, points are pixels (x, y)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.potyard.memory import (
    AWAY,
    BARK_VADER,
    BONE_KING,
    DUNE_WORM,
    ENTERING,
    HIDDEN,
    RESTING,
    RISING,
    STRIKING,
    TELLING,
    WALKING,
    Memory,
)

FRAMES_PER_STEP = 24
HORIZON = 3 * FRAMES_PER_STEP
MOVES = {"DOWN": 16, "UP": -16, "LEFT": -1, "RIGHT": 1}  # what a walk adds to a place; in the order of hero_dir
DIRECTIONS = tuple(MOVES)
OFFSETS = ((0, 1), (0, -1), (-1, 0), (1, 0))
OCTANTS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))

Point = tuple[int, int]


@dataclass(frozen=True)
class Thing:
    """A box that hurts: its corner in each coming frame (None: nowhere), and how near is too near."""

    path: list[Point | None]
    reach: int


@dataclass(frozen=True)
class Walk:
    """Where one action takes the hero: a corner for each frame, the frames nothing can hurt, and where it ends."""

    path: list[Point]
    safe: int
    at: int
    dir: int


@dataclass(frozen=True)
class Boss:
    """The boss of the yard; x and y are its middle."""

    id: int
    state: int
    x: int
    y: int
    dir: int
    timer: int
    curses: int

    @classmethod
    def read(cls, memory: Memory) -> Boss:
        return cls(
            memory.boss_id,
            memory.boss_state,
            memory.boss_x + 8,
            memory.boss_y + 8,
            memory.boss_dir,
            memory.boss_timer,
            memory.boss_curse_activations_stage,
        )

    @property
    def present(self) -> bool:
        return RESTING <= self.state <= STRIKING

    def path(self, hero: Point) -> Thing:
        x, y = self.x, self.y
        dx, dy = OFFSETS[self.dir]
        start = {STRIKING: 0, TELLING: self.timer}.get(self.state, 999)
        path: list[Point | None] = []
        for frame in range(HORIZON):
            charging = self.id == BARK_VADER and start <= frame < start + 40
            if charging and 16 <= x + 2 * dx <= 128 and 16 <= y + 2 * dy <= 96:
                x, y = x + 2 * dx, y + 2 * dy
            if self.id == BONE_KING and self.state == RESTING and self.timer - frame > 40 and frame % 2:
                x, y = _follow(x, y, hero)
            here = self.present or (self.state in (ENTERING, HIDDEN) and frame >= self.timer)
            path.append((x, y) if here else None)
        return Thing(path, 20 if self.id == BONE_KING else 19)

    def throws(self, hero: list[Point]) -> list[Thing]:
        """The shots that it will throw at a hero who takes this path."""
        if self.state != TELLING or self.timer >= HORIZON:
            return []
        aim = octant_to((self.x, self.y), hero[self.timer])
        fan = {
            BARK_VADER: [aim + 2 * i for i in range(self.curses)],
            DUNE_WORM: [self.curses % 2 + 2 * i for i in range(4)],
            BONE_KING: [aim - 1 + i for i in range(self.curses + 3)],
        }[self.id]
        return [shot(self.x, self.y, octant % 8, self.timer) for octant in fan]


def corner(at: int) -> Point:
    """Pixels of a cell's top left corner."""
    return ((at & 15) << 4) - 8, (at & 0xF0) - 8


def near(a: Point, b: Point, reach: int) -> bool:
    return abs(a[0] - b[0]) <= reach and abs(a[1] - b[1]) <= reach


def octant_to(start: Point, end: Point) -> int:
    """The octant a boss throws in, as shots.c has it."""
    dx, dy = abs(end[0] - start[0]), abs(end[1] - start[1])
    right, down = end[0] > start[0], end[1] > start[1]
    if dy >> 1 >= dx:
        return 0 if down else 4
    if dx >> 1 >= dy:
        return 2 if right else 6
    return (1 if right else 7) if down else (3 if right else 5)


def shot(x: int, y: int, octant: int, start: int = 0) -> Thing:
    dx, dy = OCTANTS[octant]
    flown = [int(1.5 * (frame - start)) for frame in range(HORIZON)]
    return Thing([(x + f * dx, y + f * dy) if f >= 0 else None for f in flown], 10)


def shots(memory: Memory) -> Iterator[Thing]:
    block = memory.block("shots", 24)
    for x, y, octant, _ in (block[i : i + 4] for i in range(0, 24, 4)):
        if x:
            yield shot(x, y, octant)


def read_foes(memory: Memory) -> list[bytes]:
    """The foes in the yard: state, kind, x, y, place, direction, timer, ..."""
    block = memory.block("foes", 32)
    return [block[i : i + 8] for i in range(0, 32, 8) if block[i] > AWAY]


def foe_path(foe: bytes) -> Thing:
    state, _, x, y, at, _, timer, _ = foe
    end_x, end_y = corner(at)
    path: list[Point | None] = []
    for frame in range(HORIZON):
        if state == WALKING and frame % 2:
            x += (end_x > x) - (end_x < x)
            y += (end_y > y) - (end_y < y)
        path.append((x, y) if state != RISING or frame >= timer else None)
    return Thing(path, 12)


def walk(start: Walk, action: str, blocked: Callable[[int], bool]) -> Walk:
    """Where one step's action takes the hero."""
    (x, y), at, direction, pixels, safe = start.path[-1], start.at, start.dir, list[int](), 0
    if action in MOVES:
        direction = DIRECTIONS.index(action)
        if not blocked(at + MOVES[action]):
            at += MOVES[action]
            pixels = [1] * 16
    elif action == "B":
        for _ in range(2):
            if not blocked(at + MOVES[DIRECTIONS[direction]]):
                at += MOVES[DIRECTIONS[direction]]
                pixels += [4] * 4
        safe = len(pixels)
    dx, dy = OFFSETS[direction]
    path = []
    for frame in range(FRAMES_PER_STEP):
        if frame < len(pixels):
            x, y = x + dx * pixels[frame], y + dy * pixels[frame]
        path.append((x, y))
    return Walk(path, safe, at, direction)


def _follow(x: int, y: int, hero: Point) -> Point:
    hx, hy = hero
    if abs(hx - x) > abs(hy - y):
        return x + (hx > x) - (hx < x), y
    return x, y + (hy > y) - (hy < y)
