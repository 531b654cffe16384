"""Saved states: a versioned container around the core's bytes that knows its ROM and notices damage.

All numbers are little endian:

    8 bytes  magic "LUDUS-GB"
    2        version of this container and of the core's layout
    1        kind: 1 a console, 2 a lane of a World
    1        model, its place in `machine.MODELS`
    32       sha256 of the ROM
    4        bytes of the core's part
    4        bytes of the part of the face that saved it: its picture, and what else it keeps
    ...      the two parts
    16       xxh3-128 of all before it

`VERSION` goes up whenever the core's `Lane` changes what its bytes mean.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import xxhash

from ludus.core.errors import StateError
from ludus.core.types import Frames
from ludus.gameboy._native import Batch
from ludus.gameboy.cartridge import Cartridge
from ludus.gameboy.machine import MODELS, VIEWS, pack, unpack

MAGIC = b"LUDUS-GB"
VERSION = 1
CONSOLE, LANE = 1, 2
HEADER = struct.Struct("<8sHBB32sII")
DIGEST_BYTES = 16
FACE = struct.Struct("<B8I")
PICTURE_BYTES = 144 * 160 // 4


@dataclass(frozen=True, slots=True)
class State:
    """An opened container."""

    kind: int
    """`CONSOLE` or `LANE`."""
    core: bytes
    face: bytes


@dataclass(frozen=True, slots=True, eq=False)
class ConsoleFace:
    """What a console keeps beside its core."""

    held: int
    """Bits of the buttons held."""
    releases: dict[int, int]
    """Frames after which a button's bit is let go."""
    screen: Frames
    """The last picture, `uint8[144, 160]`."""

    def pack(self) -> bytes:
        """Give the face as bytes: the buttons, eight counters of 4 bytes, the picture packed."""
        counters = (self.releases.get(1 << bit, 0) for bit in range(8))
        return FACE.pack(self.held, *counters) + pack(self.screen).tobytes()

    @classmethod
    def unpack(cls, state: State) -> ConsoleFace:
        """Give the face of a console's state. Raises `StateError` on the state of a World's lane."""
        if state.kind != CONSOLE or len(state.face) != FACE.size + PICTURE_BYTES:
            raise StateError("the state is that of a World's lane, expected a console's; load it into its World.")
        held, *counters = FACE.unpack_from(state.face)
        packed = np.frombuffer(state.face, np.uint8, offset=FACE.size).reshape(VIEWS["full"][0], -1)
        screen = unpack(packed)
        screen.flags.writeable = False
        return cls(held, {1 << bit: left for bit, left in enumerate(counters) if left}, screen)


def load_core(core: Batch, lane: int, state: State) -> None:
    """Put the core's part of a state into a lane. Raises `StateError`, and then the lane is untouched."""
    try:
        core.load(lane, state.core)
    except ValueError as error:
        raise StateError(f"the state {error}; save it again with this Ludus.") from error


def seal(state: State, cartridge: Cartridge, model: str) -> bytes:
    """Give the container of a state."""
    sha256 = bytes.fromhex(cartridge.sha256)
    sizes = len(state.core), len(state.face)
    header = HEADER.pack(MAGIC, VERSION, state.kind, MODELS.index(model), sha256, *sizes)
    body = header + state.core + state.face
    return body + xxhash.xxh3_128_digest(body)


def unseal(data: bytes, cartridge: Cartridge, model: str, *, core_bytes: int, name: str = "the state") -> State:
    """Give what a container holds, whole and made with this ROM and model. Raises `StateError` with the reason."""
    if data[: len(MAGIC)] != MAGIC:
        raise StateError(
            f"{name}: begins with {data[:8].hex(' ') or 'nothing'}, expected the magic {MAGIC.decode()!r}; "
            "give a state that Ludus saved from a Game Boy."
        )
    if len(data) < HEADER.size + DIGEST_BYTES:
        raise StateError(f"{name}: truncated: {len(data)} bytes do not hold a header; save the state again.")
    _, version, kind, model_number, sha256, core_size, face_size = HEADER.unpack_from(data)
    if version != VERSION:
        raise StateError(
            f"{name}: version {version} at byte 8, expected {VERSION}; save the state again with this Ludus."
        )
    size = HEADER.size + core_size + face_size + DIGEST_BYTES
    if len(data) != size:
        fault = "truncated" if len(data) < size else "too long"
        raise StateError(f"{name}: {fault}: {len(data)} bytes, expected {size}; save the state again.")
    if xxhash.xxh3_128_digest(data[:-DIGEST_BYTES]) != data[-DIGEST_BYTES:]:
        raise StateError(f"{name}: damaged: its digest does not fit its bytes; save the state again.")
    if sha256.hex() != cartridge.sha256:
        raise StateError(
            f"{name}: saved with the ROM of sha256 {sha256.hex()[:12]}..., expected {cartridge.sha256[:12]}... "
            f"({cartridge.title or cartridge.name}); load it with its own ROM."
        )
    if model_number >= len(MODELS) or MODELS[model_number] != model:
        made = MODELS[model_number] if model_number < len(MODELS) else model_number
        raise StateError(f"{name}: saved on the model {made!r}, expected {model!r}; load it on its own model.")
    if core_size != core_bytes or kind not in (CONSOLE, LANE):
        raise StateError(
            f"{name}: kind {kind} with {core_size} bytes of the core, expected {core_bytes}; "
            "save the state again with this Ludus."
        )
    return State(kind, data[HEADER.size : HEADER.size + core_size], data[HEADER.size + core_size : -DIGEST_BYTES])
