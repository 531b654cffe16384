"""`ludus learner` and `ludus worker`, as processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from ludus.cli import main
from ludus.learn.checkpoint import find_checkpoint, read_checkpoint

RUN = "import sys; from ludus.cli import main; sys.exit(main())"
SMALL = ["--run.lanes=2", "--run.horizon=8", "--ppo.epochs=1", "--steps", "32"]


def test_processes_train_and_save(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["learner", "p", "CartPole-v1", *SMALL, "--runs", str(tmp_path), "--processes", "2"]) == 0
    assert "32 steps, 2 updates" in capfd.readouterr().out
    assert read_checkpoint(find_checkpoint(tmp_path / "p"))[0].updates == 2


@pytest.mark.slow
def test_actors_train_and_save(tmp_path: Path) -> None:
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'ludus[ray]'")
    learner = start("learner", "p", "CartPole-v1", *SMALL, "--runs", str(tmp_path), "--actors", "2")
    told, _ = learner.communicate(timeout=300)
    assert (learner.returncode, told.split(":")[0]) == (0, "32 steps, 2 updates")
    assert read_checkpoint(find_checkpoint(tmp_path / "p"))[0].updates == 2


def test_processes_and_actors_at_once_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["--runs", str(tmp_path), "--processes", "1", "--actors", "1"]
    assert main(["learner", "p", "CartPole-v1", *SMALL, *told]) == 2
    assert "1 processes and 1 actors, expected one of them" in capsys.readouterr().err


def test_a_worker_that_was_killed_comes_again_and_the_learner_saves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = [*SMALL[:-1], "100000"]
    learner = start("learner", "p", "CartPole-v1", *many, "--runs", str(tmp_path), "--port", "0")
    try:
        assert learner.stdout is not None
        url = learner.stdout.readline().split()[1]
        told = ["--learner", url, "--token", str(tmp_path / "token"), "--name", "w"]
        worker = start("worker", "p", *told)
        wait_until_it_plays(url)
        worker.kill()
        worker.communicate(timeout=60)
        assert main(["worker", "p", *told, "--rollouts", "2"]) == 0
        assert capsys.readouterr().out == "w: 2 rollouts taken\n"
        assert main(["worker", "q", *told]) == 2
        assert "policy_name is 'q'" in capsys.readouterr().err
        step = httpx.get(f"{url}/metrics", trust_env=False).json()["policies"]["p"]["step"]
    finally:
        learner.send_signal(signal.SIGTERM)
        rest, _ = learner.communicate(timeout=60)
    assert (learner.returncode, rest) == (0, "")
    assert step >= 48  # of three rollouts, one of them the killed one's
    assert read_checkpoint(tmp_path / "p" / "checkpoints" / f"step_{step:012}")[0].step == step


def start(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", RUN, *command], stdout=subprocess.PIPE, text=True)


def wait_until_it_plays(url: str) -> None:
    for _ in range(600):
        if httpx.get(f"{url}/metrics", trust_env=False).json()["policies"]["p"]["version"]:
            return
        threading.Event().wait(0.1)
    raise AssertionError("no rollout came within a minute")


def test_a_name_that_is_no_folder_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["learner", "../p", "CartPole-v1"]) == 2
    assert "names a folder" in capsys.readouterr().err
