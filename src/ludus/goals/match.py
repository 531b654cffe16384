"""How far frames are from a goal's templates, and whether the goal is reached: pure, on torch, wherever the frames lie.

    total = sum |frame - template| over 72 x 80 shades 0 to 3, an integer; the nearest of several templates counts
    dist = total / (3 * 72 * 80), float32, 0 where equal and 1 for black on white
    consec = consec + 1 if dist < tau else 0
    done = consec >= k_consecutive

Integers are summed before anything is divided, so a CPU and a GPU agree to the bit. Nothing here waits for a GPU or
copies from it, so a loop may call `distance` and `advance` at every step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ludus.core.errors import InputError
from ludus.core.extras import from_extra
from ludus.goals.screen import HEIGHT, PER_BYTE, SHADES, WIDTH

with from_extra():
    import torch
    from torch import Tensor
    from torch.utils.dlpack import from_dlpack

Shades = npt.NDArray[np.uint8]

PIXELS = HEIGHT * WIDTH
LARGEST = (SHADES - 1) * PIXELS
"""The total of black on white, which is a distance of 1."""

ROWS, WORDS = 36, 20
"""A frame as rows of 64-bit words: eight bytes are added at once, and 36 differences of at most 3 fit into a byte."""
CPU_CHUNK_BYTES, GPU_CHUNK_BYTES = 2 << 20, 24 << 20
"""What is worked on at a time, by each thread of a CPU and by a GPU: so much stays in the cache between the passes."""
FEW_LANES, FEW_AT_A_TIME = 64, 5
"""Few lanes are worked on in parts for which torch wakes no other thread: where processes share the cores, waiting for
one costs far more than it spares."""


def distance(frames: Tensor, goal: Tensor) -> Tensor:
    """Give `float32[N]`, how far each lane's frame is from the nearest template, on the device of both.

    frames: `uint8[N, 72, 80]`, or stacks `uint8[N, K, 72, 80]` of which the newest frame, the last, counts; packed
    frames have 20 columns of four shades each. goal: `uint8[72, 80]` or several templates `uint8[G, 72, 80]`. Raises
    `InputError` on other shapes and dtypes. Values are not looked at (`check_values`).
    """
    newest, templates = check_frames(frames), check_goal(goal)
    if newest.device != templates.device:
        raise InputError(f"frames are on {newest.device} and the goal on {templates.device}, expected one device.")
    total = _totals(newest, templates)
    # not by a Python number: a GPU would multiply by its inverse, which rounds another way
    return total / torch.full((), LARGEST, dtype=torch.float32, device=total.device)


def advance(consec: Tensor, dist: Tensor, *, tau: float, k_consecutive: int) -> tuple[Tensor, Tensor]:
    """Give `consec`, `int32[N]`, after one more step, and `done`, `bool[N]`: the reducer of a goal."""
    consec = (consec + 1) * (dist < tau)
    return consec, consec >= k_consecutive


def begin(lanes: int, device: torch.device) -> Tensor:
    """Give the `consec`, `int32[N]`, of lanes that have seen nothing."""
    return torch.zeros(lanes, dtype=torch.int32, device=device)


def follow(
    seen: Iterable[Shades], templates: Shades, *, tau: float, k_consecutive: int, device: str = "cpu"
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Give the distances `float32[T, N]` of frames that come one after another, and `consec` and `done` with each.

    A first frame that no action led to is none of the steps that count. Nothing is copied from a GPU before the end.
    """
    place = find_device(device)
    goal = to_tensor(templates, place)
    kept: list[tuple[Tensor, Tensor, Tensor]] = []
    for number, frames in enumerate(seen):
        dist = distance(to_tensor(frames, place), goal)
        consec, done = begin(len(dist), place), torch.zeros_like(dist, dtype=torch.bool)
        if number:
            consec, done = advance(kept[-1][1], dist, tau=tau, k_consecutive=k_consecutive)
        kept.append((dist, consec, done))
    dists, consecs, dones = (torch.stack(column).cpu().numpy() for column in zip(*kept, strict=True))
    return dists, consecs, dones


def check_limits(tau: float, k_consecutive: int) -> None:
    """Refuse what no reducer can use. Raises `InputError`."""
    if not 0 < tau <= 1:
        raise InputError(f"tau is {tau}, expected more than 0 and at most 1: a distance is below it or is not.")
    if k_consecutive < 1:
        raise InputError(f"k_consecutive is {k_consecutive}, expected at least 1.")


def check_frames(frames: Tensor) -> Tensor:
    """Give the newest frames `uint8[N, 72, 80 or 20]` of frames or stacks. Raises `InputError`."""
    right = frames.ndim in (3, 4) and tuple(frames.shape[-2:]) in ((HEIGHT, WIDTH), (HEIGHT, WIDTH // PER_BYTE))
    if frames.dtype != torch.uint8 or not right or 0 in frames.shape[1:]:
        raise InputError(
            f"frames are {told(frames)}, expected uint8[N, 72, 80], stacks uint8[N, K, 72, 80], or either packed with "
            "72, 20 at the end: open the World with the view half, mean or packed."
        )
    return frames if frames.ndim == 3 else frames[:, -1]


def check_goal(goal: Tensor) -> Tensor:
    """Give templates `uint8[G, 72, 80]`. Raises `InputError`."""
    templates = goal[None] if goal.ndim == 2 else goal
    if (
        goal.dtype != torch.uint8
        or templates.ndim != 3
        or tuple(templates.shape[1:]) != (HEIGHT, WIDTH)
        or not len(goal)
    ):
        raise InputError(f"the goal is {told(goal)}, expected uint8[72, 80], or uint8[G, 72, 80] for G templates.")
    return templates


def check_values(frames: Tensor) -> None:
    """Refuse frames that are no shades 0 to 3. Raises `InputError`.

    This waits for a GPU, so it is for the door, not for the loop; any byte holds four packed shades.
    """
    if frames.shape[-1] == WIDTH and frames.numel() and (most := int(frames.cpu().numpy().max())) >= SHADES:
        raise InputError(f"frames hold {most}, expected shades 0 to {SHADES - 1}: take them from a Game Boy's World.")


def to_tensor(frames: Tensor | npt.NDArray[Any], device: str | torch.device = "cpu") -> Tensor:
    """Give frames as a tensor on a device, without a copy where they lie there already, even where they are sealed."""
    tensor = frames if isinstance(frames, Tensor) else from_dlpack(np.asarray(frames))
    return tensor.to(device)


def find_device(name: str) -> torch.device:
    """Give a device that is there. Raises `InputError`."""
    if name not in ("cpu", "cuda"):
        raise InputError(f"device is {name!r}, expected cpu or cuda.")
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("device is 'cuda', but PyTorch sees no GPU here; take --device cpu, which gives the same.")
    return torch.device(name)


def told(tensor: Tensor) -> str:
    """Give a tensor's dtype and shape, for people."""
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"


def _totals(frames: Tensor, templates: Tensor) -> Tensor:
    """Give `int32[N]`, the least sum of differences to any template.

    A chunk of frames at a time, `work` holds a byte for each pixel, in the order of `_planes` where frames are packed.
    """
    lanes, device = len(frames), frames.device
    packed = frames.shape[-1] != WIDTH
    frames = frames.flatten(1)
    if packed:
        templates = _planes(templates)
        frames = _words(frames)
        shifts = 2 * torch.arange(PER_BYTE, device=device)[:, None]
    templates = templates.reshape(len(templates), PIXELS)
    size = max(1, min(lanes, _chunk(lanes, device)))
    work = torch.empty((size, PIXELS), dtype=torch.uint8, device=device)
    sums = torch.empty((len(templates), lanes, WORDS), dtype=torch.int64, device=device)
    for start in range(0, lanes, size):
        chunk = frames[start : start + size]
        count = len(chunk)
        room = work[:count]
        words = room.view(torch.int64)
        for number, template in enumerate(templates):
            if packed:
                torch.bitwise_right_shift(chunk[:, None], shifts, out=words.view(count, PER_BYTE, -1))
                words &= 0x0303_0303_0303_0303  # and off goes the sign, which the shift drew in
                room -= template
            elif chunk.is_contiguous():
                torch.sub(chunk, template, out=room)
            else:  # frames of stacks lie far apart: fetching them is quicker for a copy than for a difference
                room.copy_(chunk).sub_(template)
            room.view(torch.int8).abs_()
            torch.sum(words.view(count, ROWS, WORDS), 1, out=sums[number, start : start + count])
    return sums.view(torch.uint8).sum(-1, dtype=torch.int32).amin(0)


def _chunk(lanes: int, device: torch.device) -> int:
    """Give how many frames to work on at a time."""
    if device.type != "cpu":
        return GPU_CHUNK_BYTES // PIXELS
    return FEW_AT_A_TIME if lanes <= FEW_LANES else CPU_CHUNK_BYTES * torch.get_num_threads() // PIXELS


def _planes(templates: Tensor) -> Tensor:
    """Give templates `uint8[G, 4, 72 * 20]`: the first shades of all packed bytes, then all second ones, and so on."""
    return templates.reshape(len(templates), -1, PER_BYTE).transpose(1, 2)


def _words(packed: Tensor) -> Tensor:
    """Give packed frames `uint8[N, 1440]` as `int64[N, 180]`; a copy where they do not lie on whole words."""
    if packed.storage_offset() % 8 or packed.stride(0) % 8 or packed.stride(1) != 1:
        packed = packed.contiguous().clone()
    return packed.view(torch.int64)
