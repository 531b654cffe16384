from __future__ import annotations

from pathlib import Path

import pytest

from ludus.cli import main
from ludus.cli.train import line
from ludus.core import files
from ludus.run.train import Report

SHORT = ["train", "CartPole-v1", "--steps", "512", "--run.tensorboard=false", "--ppo.epochs=1", "--run.threads=1"]


def test_it_trains_and_the_same_command_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SHORT, "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"512 steps, 2 updates: {tmp_path}/checkpoints/step_000000000512\n"
    assert main([*SHORT, "--out", str(tmp_path), "--steps", "1024"]) == 0
    assert [row["updates"] for row in files.read_jsonl(tmp_path / "metrics.jsonl")] == [1, 2, 3, 4]


def test_a_setting_that_is_not_there_is_named_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "CartPole-v1", "--net.sice=2"]) == 2
    assert "no setting 'net.sice'; did you mean 'size'?" in capsys.readouterr().err


def test_a_report_is_one_line() -> None:
    losses = {"losses/policy_loss": -0.01, "losses/value_loss": 0.5, "losses/entropy": 1.25, "losses/approx_kl": 0.002}
    metrics = losses | {"charts/SPS": 1234.5, "charts/episodic_return": 9.876}
    assert line(Report(4096, 2, metrics, 0.25, 90.0)) == (
        " 25%  4,096 steps  1,234/s  return 9.88  policy -0.010  value 0.500  entropy 1.25  kl 0.0020  left 1.5 min "
    )
