"""`ludus eval`. Seed 002: FR-002, FR-010 and acceptance scenario 2 are shown with the video part."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ludus import cli


def run(out: Path, *more: str) -> int:
    return cli.main(["eval", "potyard", "--episodes", "3", "--max-steps", "12", "--out", str(out), *more])


def test_a_batch_ends_in_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path) == 0
    text = capsys.readouterr().out
    for word in ("potyard by random", "return, mean", "95 % interval", " to ", "3 truncated", "3 skipped: disabled"):
        assert word in text
    assert "report.html" in text.replace("\n", "")


def test_the_same_command_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path) == 0
    capsys.readouterr()
    assert run(tmp_path, "--resume", "--episodes", "4") == 0
    assert "4, of which 3 were there" in capsys.readouterr().out


def test_one_episode_has_no_interval(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "--episodes", "1") == 0
    assert "none of one episode" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "what"),
    [
        (("--seed", "9"), "seed is 0 there and 9 here"),
        (("--no-resume",), "say --resume to go on, or --overwrite"),
        (("--policy", "nobody"), "policy is 'nobody'"),
        (("--episodes", "0"), "episodes is 0"),
    ],
)
def test_what_cannot_be_done_is_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], what: str
) -> None:
    assert run(tmp_path) == 0
    assert run(tmp_path, *more) == 2
    assert what in capsys.readouterr().err


def test_overwriting_begins_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path) == 0
    assert run(tmp_path, "--seed", "9", "--overwrite") == 0
    assert "were there" not in capsys.readouterr().out


def test_without_a_folder_the_run_is_named_after_what_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["eval", "potyard", "--episodes", "1", "--max-steps", "3"]) == 0
    assert cli.main(["eval", "potyard", "--episodes", "1", "--max-steps", "4"]) == 0
    names = [path.name for path in (tmp_path / "runs").iterdir()]
    assert len(names) == 2
    assert all(name.startswith("eval-potyard-") for name in names)


def test_verify_plays_again_what_eval_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path) == 0
    assert cli.main(["verify", str(tmp_path)]) == 0
    assert "all 3 episodes are as recorded: 36 steps played again." in capsys.readouterr().out


def test_verify_names_what_is_wrong_and_exits_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path) == 0
    (tmp_path / "traces" / "potyard__1__1.json").unlink()
    capsys.readouterr()
    assert cli.main(["verify", str(tmp_path)]) == 1
    text = capsys.readouterr().out
    assert "potyard__1__1: traces/potyard__1__1.json is not there" in text
    assert "1 of 3 episodes are wrong." in text
    assert cli.main(["verify", str(tmp_path), "--json"]) == 1
    assert list(json.loads(capsys.readouterr().out)["faults"]) == ["potyard__1__1"]


def test_verify_of_a_folder_without_a_run_is_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify", str(tmp_path)]) == 2
    assert "no run with episodes is there" in capsys.readouterr().err
