from __future__ import annotations

from pathlib import Path

import pytest

from ludus import cli
from ludus.run.video_bench import Arm, Pair, Plan, measure, receipt


def pairs(*added: float) -> list[Pair]:
    return [Pair(Arm(1000, 0.1, 0.2), Arm(1000, 0.1 * (1 + part), 0.2)) for part in added]


def test_the_median_decides(tmp_path: Path) -> None:
    told = receipt(Plan(), pairs(0.03, 0.04, 0.04, 0.9, 0.03, 0.04, 0.04, -0.5))
    assert told["cpu_overhead"]["median"] == pytest.approx(0.04)
    assert (told["target_met"], told["off_cpu_us_per_step"], told["added_cpu_us_per_step"]) == (True, 100, 4)
    assert receipt(Plan(), pairs(*[0.08] * 8))["target_met"] is False


def test_the_interval_of_the_median_leaves_out_what_is_far_off() -> None:
    added = [0.9, -0.5, *(number / 1000 for number in range(31, 60))]
    cost = receipt(Plan(), pairs(*added))["cpu_overhead"]
    assert (cost["median"], cost["low"], cost["high"]) == (0.045, 0.039, 0.051)
    few = receipt(Plan(), pairs(0.1, 0.3))["cpu_overhead"]
    assert (few["low"], few["high"]) == (0.1, 0.3)


def test_halves_that_disagree_tell_nothing() -> None:
    assert receipt(Plan(), pairs(*[0.02] * 4, *[0.2] * 4))["target_met"] is None


def test_one_pair_has_no_halves_and_is_refused_before_anything_is_played(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "video", "--pairs", "1", "--policies", "random"]) == 2
    told = capsys.readouterr().err
    assert told == "ludus: pairs is 1, expected 2 or more: early ones are held against late ones.\n"


def test_an_arm_is_a_whole_evaluation_and_deletes_nothing(tmp_path: Path) -> None:
    plan = Plan(episodes=2, lanes=2, pairs=2, warm_ups=1)
    measured = list(measure(plan, tmp_path / "arms"))
    assert len(measured) == 2
    assert len(list((tmp_path / "arms").glob("*/run.json"))) == 6, "arms, warm-ups too"
    for pair in measured:
        assert pair.off.steps == pair.on.steps > 0
        assert pair.off.bytes == 0 < pair.on.bytes and pair.off.encode_ms == 0 < pair.on.encode_ms
        assert pair.off.cpu_s > 0 and pair.cpu < 3, "a cap for machines that are busy; the receipt tells the figure"


@pytest.mark.parametrize(("enforced", "code"), [("1", 1), ("0", 0)])
@pytest.mark.parametrize("variable", ["LUDUS_PERF_ENFORCE", "ROBOT_SF_PERF_ENFORCE"])
def test_over_the_budget_it_fails_only_where_that_is_asked_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    enforced: str,
    code: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, enforced)
    monkeypatch.setattr("ludus.run.video_bench.measure", lambda plan, folder: iter(pairs(*[0.5] * 4)))
    words = ["bench", "video", "--policies", "random", "--renderers", "synthetic", "--out", "receipt.json"]
    assert cli.main(words) == code
    assert "warning: random, synthetic: over the budget of 5%" in capsys.readouterr().out
    assert (tmp_path / "receipt.json").exists()
