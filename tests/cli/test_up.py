"""`ludus up`, as a process whose children are killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from ludus.cli import main
from ludus.core.errors import DivergedError
from ludus.learn.checkpoint import find_checkpoint, read_checkpoint
from ludus.run.learner import Learner
from ludus.serve.door.listen import bind
from ludus.serve.lab import up
from tests.serve.lab import free_port
from tests.serve.test_supervise import is_there

SMALL = ["--run.lanes=4", "--run.horizon=16", "--ppo.epochs=1", "--ppo.minibatches=1", "--run.checkpoint_updates=2"]


class Lab:
    """A lab of one worker, and what it prints."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.port, self.learner_port = free_port(), free_port()
        ports = ["--port", str(self.port), "--learner-port", str(self.learner_port), "--metrics-port", "-1"]
        command = [sys.executable, "-m", "ludus.cli", "up", "--workers", "1", *more, *ports, *SMALL]
        self.popen = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            self.lines.append(line.rstrip())

    def pids(self, name: str) -> list[int]:
        """Of all that had this name, oldest first."""
        found = (re.fullmatch(rf"{name}: starts, process (\d+)", line) for line in [*self.lines])
        return [int(match[1]) for match in found if match]

    def learner(self) -> dict[str, Any]:
        """How the policy stands; nothing while the learner is away."""
        try:
            told = httpx.get(f"http://127.0.0.1:{self.learner_port}/metrics", trust_env=False, timeout=5).json()
        except httpx.TransportError:
            return {"version": -1}
        policy: dict[str, Any] = told["policies"]["potyard"]
        return policy

    def curve(self) -> list[int]:
        """The steps of the learner's metrics, as the orchestrator has them."""
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.port}/runs/potyard/metrics", trust_env=False, timeout=5)
        except httpx.TransportError:
            return []
        told: list[int] = answer.json().get("curves", {}).get("losses/entropy", {}).get("step", [])
        return told

    def events(self) -> int:
        """The number of the newest event; 0 while there is no orchestrator, or none."""
        try:
            told = httpx.get(f"http://127.0.0.1:{self.port}/events?limit=1", trust_env=False, timeout=5).json()
        except httpx.TransportError:
            return 0
        return told[-1]["seq"] if told else 0

    def end(self, number: int = signal.SIGTERM) -> int:
        self.popen.send_signal(number)
        code = self.popen.wait(60)
        self._reader.join(60)
        assert self.popen.stdout is not None
        self.popen.stdout.close()
        return code


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    opened = Lab(tmp_path)
    yield opened
    if opened.popen.poll() is None:
        opened.end(signal.SIGKILL)


def wait_until(lab: Lab, what: Callable[[], object]) -> None:
    for _ in range(900):
        if what():
            return
        threading.Event().wait(0.1)
    raise AssertionError("\n".join(["it did not come about within 90 s", *lab.lines]))


def kill(lab: Lab, name: str) -> None:
    """Kill a child, and see that it comes again and that the lab goes on."""
    first, events = lab.pids(name)[-1], lab.events()
    os.kill(first, signal.SIGKILL)
    wait_until(lab, lambda: lab.pids(name)[-1] != first)
    wait_until(lab, lambda: lab.learner()["version"] >= 0)
    version = lab.learner()["version"]  # of a killed learner that of its newest checkpoint
    wait_until(lab, lambda: lab.learner()["version"] > version + 2 and lab.events() > events)
    assert not is_there(first)


@pytest.mark.slow
def test_whoever_is_killed_comes_again_and_the_lab_goes_on(lab: Lab, tmp_path: Path) -> None:
    wait_until(lab, lambda: lab.learner()["version"] >= 3 and lab.events() > 0)
    ways_in = r"open http://127\.0\.0\.1:\d+/open\?code=.+|the page is not built.*"
    assert any(re.fullmatch(ways_in, line) for line in lab.lines)
    for name in ("potyard-1", "orchestrator", "learner"):
        kill(lab, name)
    pids = [pid for name in ("orchestrator", "learner", "potyard-1") for pid in lab.pids(name)]
    assert lab.end() == 0
    assert not any(map(is_there, pids))
    logs = {path.name for path in (tmp_path / "lab" / "logs").iterdir()}
    assert logs >= {"orchestrator.log", "learner.log", "potyard-1.log"}


def test_one_process_is_a_lab_too(tmp_path: Path) -> None:
    lab = Lab(tmp_path, "--inline")
    try:
        wait_until(lab, lambda: lab.events() > 0 and lab.curve())
        assert lab.end() == 0
    finally:
        if lab.popen.poll() is None:
            lab.end(signal.SIGKILL)
    saved, _ = read_checkpoint(find_checkpoint(tmp_path / "runs" / "potyard"))
    assert saved.step % 64 == 0 and saved.updates == saved.step // 64


def test_what_goes_wrong_in_one_process_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise DivergedError("the loss is NaN")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Learner, "push", fail)
    assert main(["up", "--inline", "--port", "0", "--learner-port", "0", "--metrics-port", "-1", *SMALL]) == 2
    out, err = capsys.readouterr()
    assert "the loss is NaN" in err
    assert out.startswith(("open http://127.0.0.1:", "the page is not built"))


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What bad input is answered with: one sentence or two on one line, and exit code 2."""
    assert main(["up", *words, "--port", "0", "--learner-port", "0", "--metrics-port", "-1"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    return err


def test_bad_input_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "there is no game 'potyrad'; did you mean 'potyard'?" in refusal(capsys, "potyrad")
    assert "there is no setting 'net.sise'; did you mean 'size'?" in refusal(capsys, "--net.sise=3")
    assert "the name is '../p'" in refusal(capsys, "--name", "../p")
    assert "workers is 0" in refusal(capsys, "--workers", "0")
    assert "workers is 2, expected 1" in refusal(capsys, "--workers", "2", "--inline")
    (tmp_path / "file").touch()
    assert "cannot make the folder" in refusal(capsys, "--state", "file/lab")
    with closing(bind("127.0.0.1", 0)) as bound:
        bound.listen()
        port = bound.getsockname()[1]
        assert main(["up", "--port", str(port)]) == 2
        assert f"127.0.0.1:{port} is in use; end what listens there, or give another --port." in capsys.readouterr().err
    monkeypatch.setattr(up, "LEAST_FREE_BYTES", 1 << 80)
    assert "MiB are free" in refusal(capsys)
