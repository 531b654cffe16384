"""The gate of a goal: a trace passes if it gets there, from elsewhere, alike each time; else a receipt says why not."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ludus.core import files
from ludus.core.errors import InputError
from ludus.core.types import Actions
from ludus.goals.artefact import META, TRACE, Goal
from ludus.run.goal import Replay, log_rows, picture, read_trace, replay


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """What the gate of a goal saw."""

    goal: Goal
    rows: Actions
    device: str
    replays: tuple[Replay, ...]
    failure: str | None
    """Why it did not let the trace pass; None if it did."""


def try_gate(goal: Goal, *, actions: Path | None = None, device: str = "cpu", repeat: int = 1) -> Gate:
    """Give what the gate says: a trace passes if it gets to the goal from elsewhere, alike each time it is played."""
    if repeat < 1:
        raise InputError(f"repeat is {repeat}, expected at least 1.")
    rows = read_trace(goal, actions)
    replays = tuple(replay(goal, rows, device=device) for _ in range(repeat))
    return Gate(goal, rows, device, replays, _failure(goal, replays))


def write_receipt(gate: Gate, folder: Path) -> Path:
    """Give the folder, below another, with all that a failed gate leaves: curve, last frames, meta, trace, command."""
    first, goal = gate.replays[0], gate.goal
    path = folder / f"{goal.name}-{first.frames_digest[:8]}"
    step, lane = first.nearest
    command = ["ludus", "goal", "replay", str(goal.folder.resolve()), "--actions", str(path.resolve() / TRACE)]
    command += ["--device", gate.device, "--repeat", str(len(gate.replays))]
    told = {
        "trace_id": first.frames_digest,
        "failure": gate.failure,
        "command": shlex.join(command),
        "goal": goal.name,
        "device": gate.device,
        "steps": len(gate.rows),
        "nearest": {"step": step, "lane": lane, "dist": float(first.dist[step, lane])},
        "start_dist": first.dist[0].tolist(),
        "frames_digests": [one.frames_digest for one in gate.replays],
        "dist_digests": [one.dist_digest for one in gate.replays],
    }
    with files.new_folder(path, force=True) as made:
        (made / "receipt.json").write_text(json.dumps(told, indent=2) + "\n")
        (made / "reproduce.sh").write_text(f"{told['command']}\n")
        (made / "dist_curve.json").write_text(json.dumps(first.dist[1:].tolist()) + "\n")
        (made / META).write_bytes(files.read_bytes(goal.folder / META))
        files.write_jsonl(made / TRACE, gate.rows.tolist())
        np.save(made / "last_frames.npy", first.last)
        (made / "last_frames.png").write_bytes(picture(list(first.last[:, lane]), 2))
    return path


def replay_rows(gate: Gate) -> Iterator[dict[str, Any]]:
    """Give the lines of a gate's log: those of each replay, after one another."""
    actions = [None, *gate.rows.tolist()]
    for number, one in enumerate(gate.replays):
        columns = {
            "dist": one.dist.tolist(),
            "consec": one.consec.tolist(),
            "done": one.done.tolist(),
            "done_any": one.done.any(axis=1).tolist(),
            "repeat": [number] * len(actions),
        }
        yield from log_rows(gate.goal.name, actions, one.tick.tolist(), columns)


def _failure(goal: Goal, replays: Sequence[Replay]) -> str | None:
    first, tau = replays[0], goal.meta.tau
    for name in ("frames_digest", "dist_digest"):
        if len({getattr(one, name) for one in replays}) > 1:
            return f"{len(replays)} replays are not alike: their {name}s differ."
    if (first.dist[0] < np.float32(tau)).any():
        return f"the first frame, at {first.dist[0].min():.4f}, is the goal already, for tau is {tau:.4f}."
    if first.reached is None:
        step, lane = first.nearest
        return (
            f"not done within {first.steps} steps: nearest at step {step} in lane {lane}, {first.dist[step, lane]:.4f} "
            f"away, and {first.consec.max()} in a row below tau, {tau:.4f}; {goal.meta.k_consecutive} are needed."
        )
    return None
