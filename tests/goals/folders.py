"""A goal's folder that needs no game: its meta, and files that are what the meta says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ludus.core import digest
from ludus.goals.artefact import START, TRACE, Goal, Meta, save_goal

STAMP = "2026-01-31T23:59:59.000Z"


def meta(**changed: Any) -> Meta:
    facts: dict[str, Any] = {
        "created_at": STAMP,
        "rom_path": "../game.gb",
        "rom_sha256": digest.of_file_bytes(b"rom"),
        "start_state_path": START,
        "start_state_sha256": digest.of_file_bytes(b"start"),
        "actions_path": TRACE,
        "actions_sha256": digest.of_file_bytes(b"[0]\n"),
        "action_codec_id": "pokemonred_puffer_v0",
        "frames_per_step": 24,
        "release_after_frames": 8,
        "tau": 0.05,
        "k_consecutive": 2,
    }
    return Meta(**(facts | changed))


def make(folder: Path, templates: int = 1, *, force: bool = False) -> Goal:
    """Write a goal below a folder, and the ROM beside it."""
    screens = np.arange(templates * 72 * 80, dtype=np.int64).reshape(templates, 72, 80) % 7 % 4
    (folder / "game.gb").write_bytes(b"rom")
    beside = {START: b"start", TRACE: b"[0]\n"}
    return save_goal(folder / "goal", meta(templates=templates), screens.astype(np.uint8), beside, force=force)
