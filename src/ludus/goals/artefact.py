"""Goals on disk: a folder with the templates, what they mean, and where they come from.

    goal_template.npy         uint8[72, 80], or uint8[G, 72, 80]
    goal_template.meta.json   `Meta`
    goal_template.png         the same for people; nothing reads it
    start.state, actions.jsonl  a start and a trace that leads from there to the goal, where there is one

A folder is written whole or not at all, and read with suspicion: whatever does not fit is a `GoalError` that names the
field. Paths lead from the folder, so that it can travel with what is beside it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from io import BytesIO
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import AliasChoices, ConfigDict, Field, FiniteFloat, ValidationError

from ludus.core import digest, files
from ludus.core.config import Settings
from ludus.core.errors import FileFormatError, InputError
from ludus.goals.screen import HEIGHT, SHADES, WIDTH

TEMPLATE, META, PICTURE, TRACE, START = (
    "goal_template.npy",
    "goal_template.meta.json",
    "goal_template.png",
    "actions.jsonl",
    "start.state",
)
STACK = 4
METRIC: Final = "l1_mean_norm"
PIPELINE_VERSION = 1
"""Goes up whenever the same game shows other frames: a change of how they are drawn, made smaller or stacked."""
STATE_ONLY = "state_only"
"""In place of a trace's path where a goal was taken from a state."""
SAME_PIXELS = {"packed": "half"}
"""Views that show what another shows, in other bytes."""

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Path_ = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=1)]
Shades = npt.NDArray[np.uint8]


class GoalError(FileFormatError):
    """A goal's folder holds what it should not, or does not fit where it is to be used. `field` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Meta(Settings):
    """What a template means: the seed's fields, and the view and number of the templates."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    schema_version: Literal[1] = 1
    created_at: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)$")]
    """UTC, ISO 8601."""
    rom_path: Path_
    rom_sha256: Sha256
    start_state_path: Path_ = Field(validation_alias=AliasChoices("start_state_path", "state_path"))
    start_state_sha256: Sha256 = Field(validation_alias=AliasChoices("start_state_sha256", "state_sha256"))
    actions_path: Path_
    """A trace, or `STATE_ONLY`."""
    actions_sha256: Annotated[str, Field(pattern="^([0-9a-f]{64})?$")]
    action_codec_id: Path_
    frames_per_step: Count
    release_after_frames: Annotated[int, Field(ge=0)]
    downsample_h: Literal[72] = HEIGHT
    downsample_w: Literal[80] = WIDTH
    stack_k: Count = STACK
    """Depth of the stacks that a policy sees; their newest frame, the last, is the one that is matched."""
    shade_levels: Literal[4] = SHADES
    dist_metric: Literal["l1_mean_norm"] = METRIC
    tau: Annotated[FiniteFloat, Field(gt=0, le=1)]
    k_consecutive: Count
    pipeline_version: int = PIPELINE_VERSION
    view: Literal["half", "mean"] = "half"
    """How pictures are made smaller: every other pixel, or the rounded mean of four."""
    templates: Count = 1
    """How many there are; the nearest one counts."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """What a goal has to fit where it is used. None where that does not matter there."""

    action_codec_id: str | None = None
    frames_per_step: int | None = None
    release_after_frames: int | None = None
    view: str | None = None
    stack_k: int | None = STACK
    rom_sha256: str | None = None
    pipeline_version: int | None = PIPELINE_VERSION


@dataclass(frozen=True, slots=True, eq=False)
class Goal:
    """A goal that was loaded."""

    folder: Path
    meta: Meta
    templates: Shades
    """`uint8[G, 72, 80]`."""

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def rom(self) -> Path:
        """Where the ROM lies."""
        return self.folder / self.meta.rom_path

    @property
    def start_state(self) -> Path:
        """Where the start state lies."""
        return self.folder / self.meta.start_state_path

    @property
    def actions(self) -> Path | None:
        """Where the trace lies, None for a goal without one."""
        return None if self.meta.actions_path == STATE_ONLY else self.folder / self.meta.actions_path


def load_goal(folder: Path, runtime: Runtime | None = None) -> Goal:
    """Give the goal of a folder, checked: template, meta, the digests of its files, and how it fits a runtime.

    Raises `GoalError` that names the field, `InputError` on a file that cannot be read.
    """
    meta = read_meta(folder / META)
    goal = Goal(folder, meta, _read_templates(folder / TEMPLATE, meta))
    check_runtime(goal, runtime or Runtime())
    _check_digests(goal)
    return goal


def read_templates(folder: Path) -> Shades:
    """Give the templates `uint8[G, 72, 80]` of a goal, whatever became of the files that it comes from.

    Raises `GoalError`.
    """
    return _read_templates(folder / TEMPLATE, read_meta(folder / META))


def save_goal(folder: Path, meta: Meta, templates: Shades, beside: Mapping[str, bytes], *, force: bool = False) -> Goal:
    """Write a goal's folder, whole or not at all, with other files beside the pair, and give it loaded.

    Raises `InputError` if the folder is there already, unless `force` says to replace it.
    """
    buffer = BytesIO()
    np.save(buffer, templates if len(templates) > 1 else templates[0])
    with files.new_folder(folder, force=force) as made:
        for name, data in {TEMPLATE: buffer.getvalue(), META: _dump(meta), **beside}.items():
            (made / name).write_bytes(data)
    return Goal(folder, meta, templates)


def write_limits(goal: Goal, *, tau: float, k_consecutive: int) -> Goal:
    """Give the goal with other limits, written to its meta, atomically."""
    meta = goal.meta.model_copy(update={"tau": tau, "k_consecutive": k_consecutive})
    files.write_atomic(goal.folder / META, _dump(meta))
    return Goal(goal.folder, meta, goal.templates)


def read_meta(path: Path) -> Meta:
    """Give the meta of a file. Raises `GoalError` that names the first field at fault."""
    text = files.read_text(path)
    try:
        return Meta.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(map(str, problem["loc"])) or "json"
        given = "" if problem["type"] in ("missing", "json_invalid") else f" is {problem['input']!r}"
        raise GoalError(field, f"{path}: {field}{given}: {problem['msg']}; capture the goal again.") from error


def check_runtime(goal: Goal, runtime: Runtime) -> None:
    """Refuse a goal that was made for another runtime. Raises `GoalError` that names the field."""
    for field in fields(runtime):
        was, now = getattr(goal.meta, field.name), getattr(runtime, field.name)
        if now is not None and SAME_PIXELS.get(now, now) != was:
            raise GoalError(
                field.name,
                f"{goal.folder / META}: {field.name} is {was!r}, but here it is {now!r}; capture the goal for this, or "
                "use it where it was captured for.",
            )


def path_from(folder: Path, target: Path) -> str:
    """Give the path that leads from a folder to a file, with slashes; the whole path where they share only the root."""
    here, there = folder.resolve(), target.resolve()
    shared = Path(os.path.commonpath([here, there]))
    return there.as_posix() if shared == Path(shared.anchor) else Path(os.path.relpath(there, here)).as_posix()


def _dump(meta: Meta) -> bytes:
    return (json.dumps(meta.model_dump(), indent=2, sort_keys=True) + "\n").encode()


def _read_templates(path: Path, meta: Meta) -> Shades:
    """Give the templates `uint8[G, 72, 80]` of a file."""
    data = files.read_bytes(path)
    try:
        found = np.load(BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise GoalError(TEMPLATE, f"{path}: no array that NumPy can read ({error}); capture the goal again.") from error
    templates: Shades = found[None] if found.ndim == 2 else found
    if found.dtype != np.uint8 or templates.shape[1:] != (HEIGHT, WIDTH):
        made = f"{found.dtype}{list(found.shape)}"
        raise GoalError(
            TEMPLATE, f"{path}: {made}, expected uint8[72, 80] or uint8[G, 72, 80]; capture the goal again."
        )
    if len(templates) != meta.templates:
        raise GoalError("templates", f"{path}: {len(templates)} templates, but the meta says {meta.templates}.")
    if templates.max() >= SHADES:
        raise GoalError(TEMPLATE, f"{path}: holds {templates.max()}, expected shades 0 to 3; capture the goal again.")
    templates.flags.writeable = False
    return templates


def _check_digests(goal: Goal) -> None:
    meta = goal.meta
    named = {
        "rom_sha256": (goal.rom, meta.rom_sha256),
        "start_state_sha256": (goal.start_state, meta.start_state_sha256),
        "actions_sha256": (goal.actions, meta.actions_sha256),
    }
    for field, (path, expected) in named.items():
        if path is None:
            continue
        try:
            found = digest.of_file(path)
        except InputError as error:
            name = field.replace("sha256", "path")
            raise GoalError(name, f"{goal.folder / META}: {name}: {error}") from error
        if found != expected:
            raise GoalError(
                field,
                f"{goal.folder / META}: {field} is {expected[:12]}..., but {path} has {found[:12]}...; bring back the "
                "file that the goal was captured with, or capture it again.",
            )
