"""What the faces of the Game Boy share: models, buttons, views, and the making of the core."""

from __future__ import annotations

import os
import sys

import numpy as np
import numpy.typing as npt

from ludus.core.errors import ActionError, InputError, nearest
from ludus.core.types import Frames
from ludus.gameboy._native import Batch
from ludus.gameboy.cartridge import Cartridge, read_boot

CLOCK_HZ = 4_194_304
FRAME_CLOCKS = 70_224
FRAME_HZ = CLOCK_HZ / FRAME_CLOCKS
"""Frames in a second of a Game Boy's time: 59.7275."""

SHADES = (255, 170, 85, 0)
"""The grey of each of a Game Boy's four shades, 0 the lightest."""

MODELS = ("dmg0", "dmg", "mgb", "sgb", "sgb2")
"""The consoles whose state after the boot ROM can be chosen."""

BUTTONS = {"right": 1, "left": 2, "up": 4, "down": 8, "a": 16, "b": 32, "select": 64, "start": 128}

VIEWS = {"full": (144, 160), "half": (72, 80), "mean": (72, 80), "packed": (72, 20)}
"""(H, W) of a frame. `half` has every other pixel of every other line, `mean` the rounded mean of each 2x2 pixels,
`packed` is `half` with four pixels in a byte, the leftmost in its lowest two bits."""


SHIFTS = np.array([0, 2, 4, 6], np.uint8)


def check_model(model: str) -> None:
    """Refuse an unknown model. Raises `InputError` that names the nearest."""
    if model not in MODELS:
        raise InputError(f"model is {model!r}; {nearest(model, MODELS)}")


def view_number(view: str) -> int:
    """Give a view's number in the core. Raises `InputError` that names the nearest view."""
    if view not in VIEWS:
        raise InputError(f"view is {view!r}; {nearest(view, VIEWS)}")
    return list(VIEWS).index(view)


def see(picture: Frames, view: str) -> Frames:
    """Give a full picture `uint8[144, 160]` in another view: the readable twin of the core's own drawing."""
    if view == "full":
        return picture.copy()
    half = picture[::2, ::2]
    if view == "mean":
        total: npt.NDArray[np.uint16] = picture.reshape(72, 2, 80, 2).sum(axis=(1, 3), dtype=np.uint16)
        return ((total + 2) // 4).astype(np.uint8)
    return pack(half) if view == "packed" else half.copy()


def pack(shades: Frames) -> Frames:
    """Give shades `uint8[..., W]`, W a multiple of 4, four to a byte, lowest bits first."""
    quads = shades.reshape(*shades.shape[:-1], -1, 4)
    packed: Frames = np.bitwise_or.reduce(quads << SHIFTS, axis=-1)
    return packed


def unpack(packed: Frames) -> Frames:
    """Give the shades `uint8[..., W]` of bytes `uint8[..., W / 4]`: the inverse of `pack`."""
    quads = packed[..., None] >> SHIFTS & np.uint8(3)
    return quads.reshape(*packed.shape[:-1], -1)


def greys(view: str) -> tuple[int, ...]:
    """Give the grey that each frame value of a view stands for; for `packed` the mean grey of a byte's four pixels."""
    if view != "packed":
        return SHADES
    pixels = unpack(np.arange(256, dtype=np.uint8)[:, None])
    return tuple(np.array(SHADES)[pixels].mean(axis=1).round().astype(int).tolist())


def button_bit(name: str) -> int:
    """Give a button's bit. Raises `ActionError` that names the nearest button."""
    if name not in BUTTONS:
        raise ActionError(f"there is no button {name!r}; {nearest(name, BUTTONS)}")
    return BUTTONS[name]


def usable_cpus() -> int:
    """Give the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def make_batch(
    cartridge: Cartridge,
    *,
    lanes: int = 1,
    threads: int = 1,
    boot: str | os.PathLike[str] | bytes | None = None,
    model: str = "dmg",
    skip: bool = True,
) -> Batch:
    """Give consoles with a cartridge, powered on. Raises `InputError` on an unknown model, lanes or threads below 1."""
    check_model(model)
    for what, count in (("lanes", lanes), ("threads", threads)):
        if count < 1:
            raise InputError(f"{what} is {count}, expected at least 1.")
    return Batch(
        rom=cartridge.padded,
        boot=read_boot(boot),
        rom_banks=cartridge.banks,
        ram_bytes=cartridge.ram_bytes,
        mapper=cartridge.mapper.number,
        rtc=cartridge.rtc,
        model=MODELS.index(model),
        lanes=lanes,
        threads=threads,
        skip=skip,
    )
