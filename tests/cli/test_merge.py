from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from ludus.cli import main
from tests.run.family import family_of_skills
from tests.run.family import one_thread as one_thread


def _words(folder: Path, *runs: Path) -> list[str]:
    options = ["--target", str(folder / "god"), "--ancestor", str(folder / "generalist")]
    return ["merge", *map(str, runs), *options, "--method", "linear"]


def test_a_dry_run_shows_how_alike_sources_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = family_of_skills(tmp_path, 8.0, -4.0)
    assert main([*_words(tmp_path, *runs), "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "run0, run1" in shown and "-1.00" in shown
    assert "head.layer.weight" in shown
    assert "a dry run, nothing was written" in shown


def test_what_the_gate_turns_down_exits_with_1_and_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = family_of_skills(tmp_path, 8.0, 8.0)
    assert main([*_words(tmp_path, *runs), "--episodes", "3"]) == 1
    shown = capsys.readouterr().out
    assert "Not promoted: 3 episodes of role default, 100 are needed for a claim." in " ".join(shown.split())
    assert "ancestor" in shown and "merged" in shown


def test_the_report_as_json_is_what_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = family_of_skills(tmp_path, 8.0, 8.0)
    assert main([*_words(tmp_path, *runs), "--no-play", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "god" / "merge.json").read_text())


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--scale", "nan"], "scale"),
        (["--density", "2"], "--density is 2.0: Input should be less than or equal to 1."),
        (["--t", "0.3"], "t is given, which linear does not use"),
    ],
)
def test_settings_that_do_not_fit_exit_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], told: str
) -> None:
    runs = family_of_skills(tmp_path, 8.0, 8.0)
    assert main([*_words(tmp_path, *runs), *more]) == 2
    assert told in capsys.readouterr().err


def test_without_a_source_it_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["merge", "--target", "god"]) == 2
    assert "ludus merge RUN RUN --target FOLDER" in capsys.readouterr().err
