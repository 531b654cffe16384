"""How fast goals are measured: as a ratio to copying the frames, in alternating rounds of the same run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ludus.core.errors import InputError
from ludus.goals.match import distance, find_device
from ludus.goals.screen import HEIGHT, PER_BYTE, SHADES, WIDTH

STACK = 4


@dataclass(frozen=True, slots=True)
class Result:
    """The best rounds of a layout of frames."""

    frames: str
    """`shades`, `stacks` or `packed`."""
    lanes: int
    device: str
    threads: int
    copy_us: float
    """For a copy of what is read: of stacks, their newest frames."""
    distance_us: float

    @property
    def ratio(self) -> float:
        """Distance over copy."""
        return self.distance_us / self.copy_us

    def row(self) -> dict[str, Any]:
        """Give the result as a JSON object."""
        return asdict(self) | {"ratio": self.ratio}


def run(*, lanes: int = 16_384, rounds: int = 15, device: str = "cpu", threads: int = 1) -> Iterator[Result]:
    """Give a result for each layout of frames: CPU time on a CPU, which a busy machine does not stretch.

    Raises `InputError` on counts below 1 and a device that is not there.
    """
    for name, count in (("lanes", lanes), ("rounds", rounds), ("threads", threads)):
        if count < 1:
            raise InputError(f"{name} is {count}, expected at least 1.")
    place = find_device(device)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        goal = _shades(1, WIDTH, 0).to(place)[0]
        stacks = _shades(lanes * STACK, WIDTH, 1).to(place).view(lanes, STACK, HEIGHT, WIDTH)
        packed = (_shades(lanes, WIDTH // PER_BYTE, 2) * 85).to(place)
        for name, frames in (("shades", stacks[:, -1].contiguous()), ("stacks", stacks), ("packed", packed)):
            newest = frames[:, -1] if frames.ndim == 4 else frames
            into = torch.empty_like(newest, memory_format=torch.contiguous_format)
            copies, distances = [], []
            for _ in range(rounds):
                copies.append(_time_us(partial(into.copy_, newest), place))
                distances.append(_time_us(partial(distance, frames, goal), place))
            yield Result(name, lanes, device, threads, min(copies), min(distances))
    finally:
        torch.set_num_threads(before)


def _shades(lanes: int, columns: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, SHADES, (lanes, HEIGHT, columns), dtype=torch.uint8, generator=generator)


def _time_us(work: Callable[[], object], place: torch.device) -> float:
    if place.type == "cpu":
        start = time.process_time()
        work()
        return 1e6 * (time.process_time() - start)
    torch.cuda.synchronize(place)
    start = time.perf_counter()
    work()
    torch.cuda.synchronize(place)
    return 1e6 * (time.perf_counter() - start)
