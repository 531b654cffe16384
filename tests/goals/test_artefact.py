"""Slice B of the seed: goals on disk, whole or not at all, and read with suspicion."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ludus.core import files
from ludus.core.errors import InputError, LudusError
from ludus.goals.artefact import (
    META,
    STATE_ONLY,
    TEMPLATE,
    Goal,
    GoalError,
    Meta,
    Runtime,
    check_runtime,
    load_goal,
    path_from,
    read_meta,
    save_goal,
    write_limits,
)
from tests.goals.folders import STAMP, make, meta

SEED_FIELDS = {
    "schema_version": 1,
    "created_at": STAMP,
    "rom_path": "../game.gb",
    "rom_sha256": "",
    "start_state_path": "start.state",
    "start_state_sha256": "",
    "actions_path": "actions.jsonl",
    "actions_sha256": "",
    "action_codec_id": "pokemonred_puffer_v0",
    "frames_per_step": 24,
    "release_after_frames": 8,
    "downsample_h": 72,
    "downsample_w": 80,
    "stack_k": 4,
    "shade_levels": 4,
    "dist_metric": "l1_mean_norm",
    "tau": 0.05,
    "k_consecutive": 2,
    "pipeline_version": 1,
}


def rewrite(goal: Goal, **changed: Any) -> None:
    """Change the meta by hand, as anybody could; None leaves a field out."""
    path = goal.folder / META
    told = json.loads(path.read_text()) | changed
    path.write_text(json.dumps({name: value for name, value in told.items() if value is not None}))


def refused(goal: Goal, runtime: Runtime | None = None) -> GoalError:
    with pytest.raises(GoalError) as caught:
        load_goal(goal.folder, runtime)
    return caught.value


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    made = make(tmp_path)
    goal = load_goal(made.folder)
    assert goal.meta == made.meta
    assert goal.templates.shape == (1, 72, 80)
    np.testing.assert_array_equal(goal.templates, made.templates)
    assert goal.name == "goal"
    assert goal.rom.read_bytes() == b"rom"
    assert goal.actions is not None and goal.actions.read_bytes() == b"[0]\n"


def test_the_meta_holds_the_fields_of_the_seed_and_two_more(tmp_path: Path) -> None:
    text = (make(tmp_path).folder / META).read_text()
    told = json.loads(text)
    assert told.keys() == SEED_FIELDS.keys() | {"view", "templates"}
    digests = {name for name in SEED_FIELDS if name.endswith("sha256")}
    assert {name: told[name] for name in SEED_FIELDS if name not in digests} == {
        name: value for name, value in SEED_FIELDS.items() if name not in digests
    }
    assert text == json.dumps(told, indent=2, sort_keys=True) + "\n"


def test_one_template_is_a_single_frame_and_several_are_a_stack_of_them(tmp_path: Path) -> None:
    assert np.load(make(tmp_path).folder / TEMPLATE).shape == (72, 80)
    goal = make(tmp_path, templates=3, force=True)
    assert np.load(goal.folder / TEMPLATE).shape == (3, 72, 80)
    assert load_goal(goal.folder).templates.shape == (3, 72, 80)


def test_the_older_names_of_the_start_are_read_too(tmp_path: Path) -> None:
    goal = make(tmp_path)
    told = json.loads((goal.folder / META).read_text())
    rewrite(
        goal,
        state_path=told["start_state_path"],
        state_sha256=told["start_state_sha256"],
        start_state_path=None,
        start_state_sha256=None,
        view=None,
        templates=None,
    )
    assert load_goal(goal.folder).meta == goal.meta


def test_a_folder_is_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    goal = make(tmp_path)
    before = {path.name: path.read_bytes() for path in goal.folder.iterdir()}

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(files, "_sync", fail)
    with pytest.raises(OSError, match="disk is full"):
        make(tmp_path, templates=2, force=True)
    assert {path.name: path.read_bytes() for path in goal.folder.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["game.gb", "goal"]


def test_a_goal_is_replaced_by_force_alone(tmp_path: Path) -> None:
    goal = make(tmp_path)
    with pytest.raises(InputError, match=r"is there already.*replace it by force"):
        make(tmp_path, templates=2)
    assert load_goal(goal.folder).meta.templates == 1
    make(tmp_path, templates=2, force=True)
    assert load_goal(goal.folder).meta.templates == 2


def test_new_limits_change_nothing_else(tmp_path: Path) -> None:
    goal = make(tmp_path)
    changed = write_limits(goal, tau=0.125, k_consecutive=3)
    assert changed.meta == load_goal(goal.folder).meta
    assert changed.meta == goal.meta.model_copy(update={"tau": 0.125, "k_consecutive": 3})


WRONG: dict[str, Any] = {
    "schema_version": 2,
    "created_at": "yesterday",
    "rom_path": "",
    "rom_sha256": "abc",
    "start_state_path": 3,
    "start_state_sha256": "",
    "actions_path": "",
    "actions_sha256": "x" * 64,
    "action_codec_id": 0,
    "frames_per_step": 0,
    "release_after_frames": -1,
    "downsample_h": 144,
    "downsample_w": 160,
    "stack_k": 0,
    "shade_levels": 2,
    "dist_metric": "l2",
    "tau": 0.0,
    "k_consecutive": 0,
    "pipeline_version": "1",
    "view": "full",
    "templates": 0,
}


def test_every_field_is_mutated_below() -> None:
    assert WRONG.keys() == Meta.model_fields.keys()


@pytest.mark.parametrize("field", WRONG)
def test_a_field_that_makes_no_sense_is_named(field: str, tmp_path: Path) -> None:
    goal = make(tmp_path)
    rewrite(goal, **{field: WRONG[field]})
    error = refused(goal)
    assert error.field == field
    assert str(goal.folder / META) in str(error)
    assert field in str(error) and repr(WRONG[field]) in str(error)


@pytest.mark.parametrize("field", sorted(SEED_FIELDS.keys() - {"schema_version"}))
def test_a_field_that_is_missing_is_named(field: str, tmp_path: Path) -> None:
    required = Meta.model_fields[field].is_required()
    goal = make(tmp_path)
    rewrite(goal, **{field: None})
    if required:
        assert refused(goal).field == field
    else:
        assert load_goal(goal.folder).meta == goal.meta


def test_a_field_that_nobody_knows_is_named(tmp_path: Path) -> None:
    goal = make(tmp_path)
    rewrite(goal, taw=0.1)
    assert refused(goal).field == "taw"


def test_a_meta_that_is_no_json_is_an_error(tmp_path: Path) -> None:
    goal = make(tmp_path)
    (goal.folder / META).write_text("{")
    assert refused(goal).field == "json"


@pytest.mark.parametrize("file", ["rom", "start_state", "actions"])
def test_a_file_of_another_digest_is_named(file: str, tmp_path: Path) -> None:
    goal = make(tmp_path)
    path: Path = getattr(goal, file)
    path.write_bytes(path.read_bytes() + b"!")
    error = refused(goal)
    assert error.field == f"{file}_sha256"
    assert str(path) in str(error)


@pytest.mark.parametrize("file", ["rom", "start_state", "actions"])
def test_a_file_that_is_gone_is_named(file: str, tmp_path: Path) -> None:
    goal = make(tmp_path)
    getattr(goal, file).unlink()
    assert refused(goal).field == f"{file}_path"


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((72, 80), np.float32),
        np.zeros((80, 72), np.uint8),
        np.zeros((2, 2, 72, 80), np.uint8),
        np.full((72, 80), 4, np.uint8),
        np.zeros((), np.uint8),
    ],
    ids=["dtype", "shape", "dimensions", "values", "scalar"],
)
def test_a_template_that_is_none_is_an_error(array: np.ndarray[Any, Any], tmp_path: Path) -> None:
    goal = make(tmp_path)
    np.save(goal.folder / TEMPLATE, array)
    assert refused(goal).field == TEMPLATE


@pytest.mark.parametrize("data", [b"", b"no array", b"\x93NUMPY\x01\x00"])
def test_a_template_that_cannot_be_read_is_an_error(data: bytes, tmp_path: Path) -> None:
    goal = make(tmp_path)
    (goal.folder / TEMPLATE).write_bytes(data)
    assert refused(goal).field == TEMPLATE


def test_the_number_of_templates_is_the_metas(tmp_path: Path) -> None:
    goal = make(tmp_path, templates=2)
    rewrite(goal, templates=3)
    assert refused(goal).field == "templates"


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LudusError, match="cannot read"):
        load_goal(tmp_path / "nothing")


RUNTIMES = {
    "action_codec_id": "pokemonred_puffer_v1",
    "frames_per_step": 12,
    "release_after_frames": 4,
    "view": "mean",
    "stack_k": 1,
    "rom_sha256": "0" * 64,
    "pipeline_version": 2,
}


@pytest.mark.parametrize("field", RUNTIMES)
def test_a_goal_for_another_runtime_is_refused_by_the_fields_name(field: str, tmp_path: Path) -> None:
    assert RUNTIMES.keys() == {one.name for one in fields(Runtime)}
    error = refused(make(tmp_path), Runtime(**{field: RUNTIMES[field]}))  # type: ignore[arg-type]
    assert error.field == field
    assert repr(RUNTIMES[field]) in str(error)


def test_a_goal_for_this_runtime_is_taken_and_packed_is_half(tmp_path: Path) -> None:
    goal = make(tmp_path)
    same = meta()
    for view in ("half", "packed"):
        check_runtime(goal, Runtime(same.action_codec_id, 24, 8, view, 4, same.rom_sha256, 1))


def test_a_goal_that_was_taken_from_a_state_has_no_trace(tmp_path: Path) -> None:
    goal = make(tmp_path)
    rewrite(goal, actions_path=STATE_ONLY, actions_sha256="")
    assert load_goal(goal.folder).actions is None


def test_paths_lead_from_the_folder_where_they_can() -> None:
    assert path_from(Path("/home/me/goals/door"), Path("/home/me/roms/red.gb")) == "../../roms/red.gb"
    assert path_from(Path("/srv/goals/door"), Path("/home/me/red.gb")) == "/home/me/red.gb"


def test_a_folder_may_be_moved_with_what_is_beside_it(tmp_path: Path) -> None:
    goal = make(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for path in (goal.folder, goal.folder.parent / "game.gb"):
        path.rename(elsewhere / path.name)
    assert load_goal(elsewhere / "goal").meta == goal.meta


def test_a_save_gives_what_a_load_gives(tmp_path: Path) -> None:
    goal = make(tmp_path)
    assert read_meta(goal.folder / META) == goal.meta
    again = save_goal(tmp_path / "again", goal.meta, goal.templates, {"note.txt": b"kept"})
    assert (again.folder / "note.txt").read_bytes() == b"kept"
