"""`ludus goal`: exit codes, what is printed and written, and the ten gaps that the predecessor left, each closed."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ludus.cli import main
from ludus.cli.goal import draw_curve
from ludus.core import digest, files
from ludus.gameboy.trace import load_actions, save_actions
from ludus.goals.artefact import META, PICTURE, TEMPLATE, TRACE, load_goal
from ludus.run.goal import CODEC
from tests.goals.record import GOALS, SEED
from tests.potyard.memory import FOLDER

STAGE = GOALS / "desert"
CAPTURE = ["goal", "capture", "potyard", "--start", "first_yard", "--seed", f"{SEED}", "--actions", f"{STAGE / TRACE}"]
UP, DOWN = 3, 4


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Receipts go below the working directory."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def goal(tmp_path: Path) -> Path:
    """The goal of the desert and its ROM, to be spoilt."""
    shutil.copytree(STAGE, tmp_path / "potyard" / "goals" / STAGE.name)
    shutil.copy(FOLDER / "potyard.gb", tmp_path / "potyard" / "potyard.gb")
    return tmp_path / "potyard" / "goals" / STAGE.name


def rewrite(folder: Path, **changed: Any) -> None:
    """Change the meta by hand, as anybody could."""
    told = json.loads((folder / META).read_text())
    (folder / META).write_text(json.dumps(told | changed))


def wrong_route(path: Path, steps: int = 20) -> Path:
    save_actions(path, [[UP], [DOWN]] * (steps // 2), codec=CODEC)
    return path


# Exit codes


def test_a_trace_that_gets_there_is_exit_0_in_one_line(goal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["goal", "replay", str(goal), "--repeat", "3"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("desert: done at step 42 of 43, 0.0211 away, tau 0.0500; 3 replays alike; frames ")
    assert out.count("\n") == 1
    assert not Path("runs").exists()


def test_a_trace_that_does_not_is_exit_1_with_a_receipt_that_repeats_it(
    goal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    route = wrong_route(tmp_path / "wrong.jsonl")
    assert main(["goal", "replay", str(goal), "--actions", str(route)]) == 1
    first = capsys.readouterr().out.splitlines()
    assert first[0].startswith("desert: not done within 20 steps")
    receipt = Path(first[1])
    route.unlink()  # the receipt has its own
    names = {"receipt.json", "reproduce.sh", "dist_curve.json", "last_frames.npy", "last_frames.png", TRACE, META}
    assert {path.name for path in receipt.iterdir()} == names
    command = shlex.split((receipt / "reproduce.sh").read_text())
    assert command[0] == "ludus"
    assert main(command[1:]) == 1
    assert capsys.readouterr().out.splitlines() == first


def test_the_command_of_a_receipt_runs_in_a_shell(goal: Path, tmp_path: Path) -> None:
    assert main(["goal", "replay", str(goal), "--actions", str(wrong_route(tmp_path / "wrong.jsonl", 4))]) == 1
    (script,) = Path("runs/goal").glob("*/reproduce.sh")
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(["sh", str(script)], env={"PATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "not done within 4 steps" in done.stdout


MUTATIONS: dict[str, dict[str, Any]] = {
    "schema_version": {"schema_version": 2},
    "created_at": {"created_at": "once"},
    "rom_path": {"rom_path": "gone.gb"},
    "rom_sha256": {"rom_sha256": "0" * 64},
    "start_state_path": {"start_state_path": "gone.state"},
    "start_state_sha256": {"start_state_sha256": "0" * 64},
    "actions_path": {"actions_path": "gone.jsonl"},
    "actions_sha256": {"actions_sha256": "0" * 64},
    "codec": {"action_codec_id": "pokemonred_puffer_v1"},
    "frames_per_step": {"frames_per_step": 12},
    "release_after_frames": {"release_after_frames": 4},
    "downsample_h": {"downsample_h": 144},
    "downsample_w": {"downsample_w": 160},
    "stack_k": {"stack_k": 1},
    "shade_levels": {"shade_levels": 2},
    "dist_metric": {"dist_metric": "l2"},
    "tau": {"tau": 2.0},
    "k_consecutive": {"k_consecutive": 0},
    "pipeline_version": {"pipeline_version": 2},
    "view": {"view": "mean"},
    "templates": {"templates": 2},
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutated_meta_is_exit_2_and_named(name: str, goal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(goal, **MUTATIONS[name])
    assert main(["goal", "replay", str(goal)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("ludus: ")
    assert name in error


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("../../potyard.gb", "rom_sha256"),
        ("start.state", "start_state_sha256"),
        (TRACE, "actions_sha256"),
        (TEMPLATE, TEMPLATE),
        (META, META),
    ],
)
def test_a_mutated_file_is_exit_2_and_named(
    file: str, name: str, goal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = goal / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x84
    path.write_bytes(data)
    assert main(["goal", "replay", str(goal)]) == 2
    assert name in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "empty"),
        ("[7]\n", "line 1: the action of lane 0 is 7, expected 0 to 6"),
        ("[1]\n[1, 1]\n", "line 2: 2 actions, expected 1"),
        ("1\n", "line 1: 1, expected a JSON list"),
        ("[1]\n[\n", "line 2"),
    ],
)
def test_a_trace_that_is_none_is_exit_2(
    lines: str, message: str, goal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("bad.jsonl").write_text(lines)
    assert main(["goal", "replay", str(goal), "--actions", "bad.jsonl"]) == 2
    assert message in capsys.readouterr().err


def test_a_state_of_another_rom_is_exit_2(goal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All digests fit, but the state itself knows its ROM."""
    rom = bytearray((goal / "../../potyard.gb").read_bytes())
    rom[0x7000] ^= 1
    (goal / "../../potyard.gb").write_bytes(rom)
    rewrite(goal, rom_sha256=digest.of_file(goal / "../../potyard.gb"))
    assert main(["goal", "replay", str(goal)]) == 2
    assert "saved with the ROM of sha256" in capsys.readouterr().err


# Capture, calibrate, show


def test_a_goal_is_captured_calibrated_and_let_pass(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*CAPTURE, "--out", "goal", "--tau", "0.2", "--log-jsonl", "log.jsonl"]) == 0
    assert capsys.readouterr().out == "goal\n"
    assert {path.name for path in Path("goal").iterdir()} == {TEMPLATE, META, PICTURE, TRACE, "start.state"}
    assert len(files.read_jsonl(Path("log.jsonl"))) == 44
    assert load_goal(Path("goal")).meta.tau == 0.2
    assert main(["goal", "calibrate", "goal", "--margin", "0.05"]) == 0
    assert load_goal(Path("goal")).meta.tau == pytest.approx(0.05)
    np.testing.assert_array_equal(load_goal(Path("goal")).templates, load_goal(STAGE).templates)
    assert main(["goal", "replay", "goal", "--log-jsonl", "gate.jsonl"]) == 0
    assert files.read_jsonl(Path("gate.jsonl"))[-1]["done_any"]


def test_a_goal_that_is_there_is_replaced_by_force_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*CAPTURE, "--out", "goal"]) == 0
    assert main([*CAPTURE, "--out", "goal", "--templates", "2"]) == 2
    assert "is there already" in capsys.readouterr().err
    assert load_goal(Path("goal")).meta.templates == 1
    assert main([*CAPTURE, "--out", "goal", "--templates", "2", "--force"]) == 0
    assert load_goal(Path("goal")).meta.templates == 2


def test_a_calibration_that_would_mislead_is_exit_1_and_writes_nothing(
    goal: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (goal / META).read_bytes()
    for margin, reason in [("0.9", "is the goal already"), ("0.01", "never 2 steps in a row")]:
        assert main(["goal", "calibrate", str(goal), "--margin", margin]) == 1
        assert reason in capsys.readouterr().out
        assert (goal / META).read_bytes() == before
    assert main(["goal", "calibrate", str(goal), "--margin", "0"]) == 2
    assert main(["goal", "calibrate", str(goal), "--margin", "0.01", "--k", "1"]) == 0
    assert load_goal(goal).meta.k_consecutive == 1


def test_show_draws_template_curve_and_margins(goal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["goal", "show", str(goal)]) == 0
    out = capsys.readouterr().out
    assert out.count("▀") == 36 * 80
    assert "█" in out
    for name, value in [("tau", "0.0500"), ("done at step", "42"), ("margin above tau", "0.1923")]:
        assert any(line.split() == [*name.split(), value] for line in out.splitlines())


def test_a_curve_shows_the_least_of_the_steps_that_share_a_column() -> None:
    lines = draw_curve(np.array([1, 1, 0.5, 1, 0, 1], np.float32), 3)
    assert lines == ["█", "█", "█", "██", "██", "██"]


def test_a_goal_from_a_state_is_shown_without_a_curve(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["goal", "capture", "potyard", "--from-state", f"{STAGE}/start.state", "--out", "goal"]) == 0
    assert main(["goal", "show", "goal"]) == 0
    assert "there is no trace to show" in capsys.readouterr().out
    for verb in ("replay", "calibrate"):
        assert main(["goal", verb, "goal"]) == 2


# The ten gaps of the predecessor (reference/gameboy.md, 3.4)


def test_gap_1_replay_checks_the_digests_of_rom_state_and_actions(goal: Path) -> None:
    for field in ("rom_sha256", "start_state_sha256", "actions_sha256"):
        kept = (goal / META).read_bytes()
        rewrite(goal, **{field: "0" * 64})
        assert main(["goal", "replay", str(goal)]) == 2
        (goal / META).write_bytes(kept)


def test_gap_2_metric_and_pipeline_version_are_checked(goal: Path) -> None:
    for changed in ({"dist_metric": "l2"}, {"pipeline_version": 2}):
        kept = (goal / META).read_bytes()
        rewrite(goal, **changed)
        assert main(["goal", "replay", str(goal)]) == 2
        (goal / META).write_bytes(kept)


def test_gap_3_of_several_templates_the_nearest_counts(goal: Path) -> None:
    other = np.zeros((72, 80), np.uint8)
    np.save(goal / TEMPLATE, np.stack([other, np.load(goal / TEMPLATE)]))
    rewrite(goal, templates=2)
    assert main(["goal", "replay", str(goal)]) == 0


def test_gap_4_capture_tells_the_distance_of_every_step() -> None:
    assert main([*CAPTURE, "--out", "goal", "--log-jsonl", "log.jsonl"]) == 0
    rows = files.read_jsonl(Path("log.jsonl"))
    assert all(isinstance(row["dist"][0], float) for row in rows)
    assert rows[-1]["dist"] == [0.0]


def test_gap_5_a_receipt_has_the_last_frames_and_the_command(goal: Path) -> None:
    assert main(["goal", "replay", str(goal), "--actions", str(wrong_route(Path("wrong.jsonl")))]) == 1
    (receipt,) = Path("runs/goal").iterdir()
    assert np.load(receipt / "last_frames.npy").shape == (16, 1, 72, 80)
    assert "ludus goal replay" in json.loads((receipt / "receipt.json").read_text())["command"]


def test_gap_6_a_trace_can_be_repeated_and_its_digests_compared(goal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["goal", "replay", str(goal), "--repeat", "20"]) == 0
    assert "20 replays alike" in capsys.readouterr().out


def test_gap_7_nothing_is_copied_from_a_device_at_each_step() -> None:
    """`tests.goals.test_match` plays the hot path on a device that nothing can be copied from."""
    from tests.goals.test_match import test_nothing_in_the_hot_path_waits_for_a_device as hot_path

    hot_path()


def test_gap_8_not_done_and_bad_input_are_told_apart(goal: Path) -> None:
    assert main(["goal", "replay", str(goal), "--actions", str(wrong_route(Path("wrong.jsonl")))]) == 1
    assert main(["goal", "replay", str(goal), "--actions", "nothing.jsonl"]) == 2


def test_gap_9_calibration_is_stored(goal: Path) -> None:
    assert main(["goal", "calibrate", str(goal), "--margin", "0.125"]) == 0
    assert json.loads((goal / META).read_text())["tau"] == 0.125


def test_gap_10_a_start_that_is_the_goal_is_found_before_anything_is_trained(goal: Path) -> None:
    assert main(["goal", "calibrate", str(goal), "--margin", "0.5"]) == 1
    rewrite(goal, tau=0.5)
    assert main(["goal", "replay", str(goal)]) == 1
    save_actions(Path("wait.jsonl"), load_actions(goal / TRACE, codec=CODEC)[-1:], codec=CODEC)
    there = ["--from-state", f"{goal}/start.state", "--actions", "wait.jsonl", "--out", "start"]
    assert main(["goal", "capture", "potyard", *there]) == 2


# In an evaluation


def test_an_evaluation_looks_out_for_goals(capsys: pytest.CaptureFixture[str]) -> None:
    names = [str(GOALS / name) for name in ("desert", "crypt")]
    assert main(["eval", "potyard", "--policy", "scripted", "--episodes", "1", "--out", "run", "--goal", *names]) == 0
    assert "crypt 1, desert 1" in capsys.readouterr().out
    (line,) = files.read_jsonl(Path("run/episodes.jsonl"))
    assert [verdict["judge"] for verdict in line["verdicts"]] == ["goal:desert", "goal:crypt"]
    assert main(["eval", "potyard", "--view", "mean", "--goal", *names]) == 2
    assert "view is 'half', but here it is 'mean'" in capsys.readouterr().err
