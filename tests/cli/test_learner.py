"""`ludus learner` and `ludus worker`, as processes."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ludus.cli import main
from ludus.learn.checkpoint import find_checkpoint, read_checkpoint

RUN = "import sys; from ludus.cli import main; sys.exit(main())"
SMALL = ["--run.lanes=2", "--run.horizon=8", "--ppo.epochs=1", "--steps", "32"]


def test_processes_train_and_save(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["learner", "p", "CartPole-v1", *SMALL, "--runs", str(tmp_path), "--processes", "2"]) == 0
    assert "32 steps, 2 updates" in capfd.readouterr().out
    assert read_checkpoint(find_checkpoint(tmp_path / "p"))[0].updates == 2


def test_a_worker_plays_for_a_learner_until_it_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["learner", "p", "CartPole-v1", *SMALL, "--runs", str(tmp_path), "--port", "0"]
    learner = subprocess.Popen([sys.executable, "-c", RUN, *command], stdout=subprocess.PIPE, text=True)
    try:
        assert learner.stdout is not None
        url = learner.stdout.readline().split()[1]
        told = ["--learner", url, "--token", str(tmp_path / "token"), "--name", "w"]
        assert main(["worker", "p", *told]) == 0
        assert capsys.readouterr().out == "w: 2 rollouts taken\n"
        assert main(["worker", "q", *told]) == 2
        assert "policy_name is 'q'" in capsys.readouterr().err
    finally:
        learner.send_signal(signal.SIGTERM)
        rest, _ = learner.communicate(timeout=60)
    assert (learner.returncode, rest) == (0, "")
    assert read_checkpoint(find_checkpoint(tmp_path / "p"))[0].step == 32


def test_a_name_that_is_no_folder_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["learner", "../p", "CartPole-v1"]) == 2
    assert "names a folder" in capsys.readouterr().err
