"""What a World keeps of a lane beside its core, and the start states that its episodes begin with."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ludus.core import files
from ludus.core.errors import InputError, StateError
from ludus.core.types import Frames
from ludus.gameboy import machine
from ludus.gameboy._native import Batch
from ludus.gameboy.cartridge import Cartridge
from ludus.gameboy.state import CONSOLE, ConsoleFace, State, load_core, unseal

HEAD = struct.Struct("<16s32sIIqqq??")


@dataclass(frozen=True, slots=True)
class LaneSettings:
    """The settings of a World that give frames and actions their meaning: a lane is loaded only where they agree."""

    view: str
    codec: str
    frames_per_step: int
    release_after_frames: int

    def __post_init__(self) -> None:
        if self.frames_per_step < 1:
            raise InputError(f"frames_per_step is {self.frames_per_step}, expected 1 or more.")
        if not 0 <= self.release_after_frames <= self.frames_per_step:
            raise InputError(
                f"release_after_frames is {self.release_after_frames}, expected 0 to {self.frames_per_step}, "
                "the frames_per_step."
            )


@dataclass(frozen=True, slots=True, eq=False)
class LaneFace:
    """A lane beside its core."""

    settings: LaneSettings
    seed: int
    episode: int
    steps: int
    terminated: bool
    truncated: bool
    frame: Frames
    """`uint8[H, W]`, the current frame."""

    def pack(self) -> bytes:
        """Give the face as bytes."""
        settings = self.settings
        head = HEAD.pack(
            settings.view.encode(),
            settings.codec.encode(),
            settings.frames_per_step,
            settings.release_after_frames,
            self.seed,
            self.episode,
            self.steps,
            self.terminated,
            self.truncated,
        )
        return head + self.frame.tobytes()

    @classmethod
    def unpack(cls, state: State, settings: LaneSettings, *, name: str = "the state") -> LaneFace:
        """Give the face of a lane saved under these settings. Raises `StateError`."""
        if state.kind == CONSOLE:
            raise StateError(f"{name}: saved by a GameBoy, expected a World's lane; give it as one of `starts`.")
        view, codec, frames, release, seed, episode, steps, terminated, truncated = HEAD.unpack_from(state.face)
        saved = LaneSettings(view.rstrip(b"\0").decode(), codec.rstrip(b"\0").decode(), frames, release)
        for field in fields(LaneSettings):
            was, now = getattr(saved, field.name), getattr(settings, field.name)
            if was != now:
                raise StateError(
                    f"{name}: saved with {field.name} {was!r}, expected {now!r}; load it into such a World."
                )
        shape = machine.VIEWS[settings.view]
        frame = np.frombuffer(state.face, np.uint8, offset=HEAD.size).reshape(shape)
        return cls(settings, seed, episode, steps, terminated, truncated, frame)


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """A state that episodes begin with, and the frame that they show first."""

    state: State
    frame: Frames


def read_starts(
    starts: Sequence[bytes | str | os.PathLike[str]],
    cartridge: Cartridge,
    model: str,
    core: Batch,
    settings: LaneSettings,
) -> list[Start]:
    """Give start states, saved by a `GameBoy` or by a World of the same settings. Raises `StateError`."""
    found = []
    for number, start in enumerate(starts):
        name = f"starts[{number}]" if isinstance(start, bytes) else str(start)
        data = start if isinstance(start, bytes) else files.read_bytes(Path(start))
        state = unseal(data, cartridge, model, core_bytes=core.state_bytes, name=name)
        if state.kind == CONSOLE:
            frame = machine.see(ConsoleFace.unpack(state).screen, settings.view)
        else:
            frame = LaneFace.unpack(state, settings, name=name).frame
        load_core(core, 0, state)  # a state that the core refuses is better refused now than at some reset
        found.append(Start(state, frame))
    core.power_on(0)
    return found
