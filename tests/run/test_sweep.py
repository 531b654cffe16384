from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ludus.cli import main
from ludus.core import files
from ludus.core.errors import InputError, MissingExtraError
from ludus.run import sweep as sweeps
from ludus.run.recipe import read_recipe
from ludus.run.search import Choice, Range, read_space
from ludus.run.sweep import Plan, panels, sweep, trials
from ludus.run.train import Report

pytest.importorskip("optuna")
FLAGS = ("--run.lanes=4", "--run.horizon=16", "--run.steps=256", "--run.tensorboard=false", "--ppo.epochs=1")
SEARCH = ("ppo.optim.lr=1e-4..1e-2:log", "ppo.minibatches=1..4", "ppo.optim.schedule=constant|linear")


def _plan(**more: Any) -> Plan:
    return replace(Plan("CartPole-v1", read_space(SEARCH), flags=FLAGS, trials=4, start_trials=2), **more)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[sweeps.Trial]]:
    folder = tmp_path_factory.mktemp("sweep")
    return folder, sweep(_plan(prune=False), folder)


def test_every_trial_is_a_run_with_settings_that_lie_in_their_ranges(done: tuple[Path, list[sweeps.Trial]]) -> None:
    folder, found = done
    assert sorted(each.number for each in found) == [0, 1, 2, 3] and {each.state for each in found} == {"complete"}
    assert [each.score for each in found] == sorted((each.score or 0 for each in found), reverse=True)
    assert len({each.settings["ppo.optim.lr"] for each in found}) == 4
    for each in found:
        assert 1e-4 <= each.settings["ppo.optim.lr"] <= 1e-2 and each.settings["ppo.minibatches"] in (1, 2, 3, 4)
        run = folder / f"trial-{each.number:04}"
        kept = json.loads((run / "settings.json").read_text())
        assert kept["ppo"]["optim"]["lr"] == each.settings["ppo.optim.lr"]
        assert files.read_jsonl(run / "metrics.jsonl")[-1]["charts/episodic_return"] == each.score


def test_the_best_recipe_is_one_that_train_takes(done: tuple[Path, list[sweeps.Trial]]) -> None:
    folder, found = done
    told = sweeps.recipe_of(_plan(), found[0].settings)
    assert read_recipe("CartPole-v1", str(folder / "best.toml")) == told
    assert told.ppo.minibatches == found[0].settings["ppo.minibatches"] and told.run.steps == 256


def test_a_sweep_goes_on_with_more_trials_and_draws_what_it_would_have_drawn(
    done: tuple[Path, list[sweeps.Trial]], tmp_path: Path
) -> None:
    _, whole = done
    sweep(_plan(prune=False, trials=2), tmp_path)
    parts = sweep(_plan(prune=False), tmp_path)
    assert {each.number: (each.settings, each.score) for each in parts} == {
        each.number: (each.settings, each.score) for each in whole
    }
    assert sweep(_plan(prune=False, trials=3), tmp_path) == parts


KILLED = """
import sys
from dataclasses import replace
from pathlib import Path
from ludus.run.search import read_space
from ludus.run.sweep import Plan, sweep
plan = Plan("CartPole-v1", read_space(sys.argv[2].split()), flags=tuple(sys.argv[3:]), trials=2, prune=False)
sweep(plan, Path(sys.argv[1]), on_report=lambda *told: print(told[0], told[1] and told[1].updates, flush=True))
"""


def test_a_trial_whose_process_was_killed_is_gone_on_with(tmp_path: Path) -> None:
    flags = (*FLAGS, "--run.checkpoint_updates=1", "--run.steps=100000")
    command = [sys.executable, "-c", KILLED, str(tmp_path), " ".join(SEARCH), *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.split()[1] == "3":
                process.send_signal(signal.SIGKILL)
                break
        assert process.wait() == -signal.SIGKILL
    (left,) = trials(_plan(), tmp_path)
    assert (left.number, left.state) == (0, "running")
    seen: list[tuple[int, int]] = []

    def stop(number: int, report: Report | None) -> None:
        seen.append((number, report.updates if report else -1))
        raise KeyboardInterrupt

    plan = _plan(flags=flags, trials=2, prune=False, start_trials=5)
    with pytest.raises(KeyboardInterrupt):
        sweep(plan, tmp_path, on_report=stop)
    assert seen[0][0] == 0 and seen[0][1] > 3
    assert trials(plan, tmp_path)[0].settings == left.settings


def test_trials_that_lag_behind_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    course = {0: 1.0, 1: 2.0, 2: -5.0}

    def play(recipe: Any, folder: Path, *, on_report: Any) -> None:
        number = int(folder.name[-1])
        for tenth in range(1, 11):
            on_report(Report(tenth, tenth, {"charts/episodic_return": course[number] * tenth}, tenth / 10, 0.0))

    monkeypatch.setattr(sweeps, "train", play)
    found = sweep(_plan(trials=3), tmp_path)
    assert [(each.number, each.state, each.score) for each in found] == [
        (1, "complete", 20.0),
        (0, "complete", 10.0),
        (2, "pruned", -5.0),
    ]
    drawn = panels(_plan(), found)
    assert [panel.x_name for panel in drawn] == [word.partition("=")[0] for word in SEARCH]
    assert [series.name for series in drawn[0].series] == ["complete", "given up"] and drawn[0].log
    assert drawn[2].x_labels == {0.0: "constant", 1.0: "linear"}


def test_a_trial_that_cannot_be_scored_fails_and_says_why(tmp_path: Path) -> None:
    found = sweep(_plan(trials=1, flags=(*FLAGS, "--run.steps=8", "--run.horizon=2")), tmp_path)
    assert [(each.state, each.score) for each in found] == [("fail", None)] and "no episode ended" in found[0].reason
    assert not (tmp_path / "best.toml").exists()


def test_a_trial_whose_settings_do_not_fit_together_fails_and_the_others_go_on(tmp_path: Path) -> None:
    plan = replace(_plan(trials=2), space=read_space(["ppo.minibatches=100..200"]))
    found = sweep(plan, tmp_path)
    assert [each.state for each in found] == ["fail", "fail"] and "expected at most 64 here" in found[0].reason


def test_another_sweep_in_the_folder_is_refused(done: tuple[Path, list[sweeps.Trial]]) -> None:
    folder, _ = done
    with pytest.raises(InputError, match=r"recipe\.run\.lanes is 4 there and 8 here"):
        sweep(_plan(flags=(*FLAGS, "--run.lanes=8")), folder)


def test_settings_that_recipes_do_not_take_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    for word, match in (("ppo.optim.lrr=1..2", "did you mean 'lr'"), ("ppo.optim.name=adam|sgd", "sgd")):
        with pytest.raises(InputError, match=match):
            sweep(Plan("CartPole-v1", read_space([word])), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_without_optuna_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"ludus\[sweep\]"):
        sweep(_plan(), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_spaces_are_read_from_words_and_from_toml(tmp_path: Path) -> None:
    path = tmp_path / "space.toml"
    path.write_text('[search]\n"ppo.clip" = "0.1..0.3"\n"net.kind" = "small|nature"\n')
    assert read_space([str(path), "--ppo.epochs=1..8", "run.lanes=16..256:log"]) == {
        "ppo.clip": Range(0.1, 0.3),
        "net.kind": Choice(("small", "nature")),
        "ppo.epochs": Range(1, 8, whole=True),
        "run.lanes": Range(16, 256, log=True, whole=True),
    }
    assert math.isclose(read_space(["a.b=-1e-3..+2.5e-3"])["a.b"].low, -1e-3)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("word", "match"),
    [
        ("lr=1..2", r"expected A\.B=LOW\.\.HIGH"),
        ("a.b=3", "no range"),
        ("a.b=x|x", "no range"),
        ("a.b=2..1", "from 2 to 1, expected it to rise"),
        ("a.b=0..1:log", "to be above 0"),
        ("a.b=1e..2", "could not convert"),
    ],
)
def test_a_space_that_makes_no_sense_is_refused(word: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        read_space([word])


def test_the_verb_shows_a_table_and_writes_a_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["sweep", "CartPole-v1", "--search", *SEARCH[:2], "--trials", "2", "--out", str(tmp_path), *FLAGS]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "complete" in told and "█" in told and "best.toml" in told
    assert "<svg" in (tmp_path / "sweep.svg").read_text()


@pytest.mark.slow
def test_processes_share_a_study(tmp_path: Path) -> None:
    found = sweep(_plan(trials=6, prune=False), tmp_path, processes=2)
    assert sorted(each.number for each in found)[:6] == list(range(6))
    assert {each.state for each in found} == {"complete"}
