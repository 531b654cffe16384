"""`ludus demo`, short, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from ludus.cli import main
from ludus.serve.door.listen import bind
from ludus.serve.lab import up
from tests.serve.lab import free_port
from tests.serve.test_supervise import is_there

ANY_PORTS = ["--port", "0", "--learner-port", "0", "--metrics-port", "-1"]
SMALL = ["--run.lanes=8", "--run.horizon=16", "--ppo.epochs=1", "--ppo.minibatches=1"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
def test_a_short_demo_trains_judges_shows_and_says_what_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--minutes", "0.1", "--episodes", "4", *ANY_PORTS, *SMALL]) == 1  # for it has learned little
    out, err = capsys.readouterr()
    assert "learner: ready" in err and "potyard-1: is done" in err and "orchestrator: ended" in err
    for told in ("return, trained", "return, random", "steps/s", "gate desert", "passed", "clips playable"):
        assert told in out
    failed = [line for line in out.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 1 and "does not clearly beat random play" in failed[0]
    (folder,) = (tmp_path / "runs").iterdir()
    assert {"potyard", "trained", "random", "lab"} <= {path.name for path in folder.iterdir()}
    assert len((folder / "trained" / "episodes.jsonl").read_text().splitlines()) == 4
    seeds = [
        [json.loads(line)["seed"] for line in (folder / name / "episodes.jsonl").read_text().splitlines()]
        for name in ("trained", "random")
    ]
    assert seeds[0] == seeds[1]


@pytest.mark.slow
def test_what_is_left_open_answers_until_it_is_ended() -> None:
    port = free_port()
    words = ["demo", "--steps", "256", "--episodes", "2", "--port", str(port), *ANY_PORTS[2:], *SMALL, "--keep-open"]
    popen = subprocess.Popen([sys.executable, "-m", "ludus.cli", *words], stdout=subprocess.PIPE, text=True)
    assert popen.stdout is not None
    for line in popen.stdout:
        if line.startswith("Ctrl-C"):
            break
    told = {run["run_id"] for run in httpx.get(f"http://127.0.0.1:{port}/runs", trust_env=False).json()}
    assert told == {"potyard", "trained", "random"}
    curves = httpx.get(f"http://127.0.0.1:{port}/runs/potyard/metrics", trust_env=False).json()["curves"]
    assert curves["losses/value_loss"]["step"][-1] == 256
    episodes = httpx.get(f"http://127.0.0.1:{port}/episodes", trust_env=False).json()["episodes"]
    film = httpx.get(f"http://127.0.0.1:{port}/episodes/{episodes[0]['id']}/video", trust_env=False)
    assert len(episodes) == 4 and film.headers["content-type"] == "video/mp4"
    popen.terminate()
    assert popen.wait(60) == 1  # it failed: 256 steps teach nothing
    popen.stdout.close()
    assert not is_there(popen.pid)


def refusal(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What bad input is answered with: one line, and exit code 2."""
    assert main(["demo", *words]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    return err


def test_bad_input_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "there is no game 'potyrad'; did you mean 'potyard'?" in refusal(capsys, "potyrad", *ANY_PORTS)
    assert "has no feats or no goals" in refusal(capsys, "CartPole-v1", *ANY_PORTS)
    assert "minutes is 0.0" in refusal(capsys, "--minutes", "0", *ANY_PORTS)
    assert "minutes is -1.0" in refusal(capsys, "--minutes", "-1", *ANY_PORTS)
    assert "episodes is 1, expected at least 2" in refusal(capsys, "--episodes", "1", *ANY_PORTS)
    assert "there is no setting 'net.sise'" in refusal(capsys, "--net.sise=3", *ANY_PORTS)
    with closing(bind("127.0.0.1", 0)) as bound:
        bound.listen()
        port = str(bound.getsockname()[1])
        for option in ("--port", "--learner-port", "--metrics-port"):
            told = refusal(capsys, *ANY_PORTS, option, port)
            assert f"127.0.0.1:{port} is in use; end what listens there, or give another {option}." in told
    monkeypatch.setattr(up, "LEAST_FREE_BYTES", 1 << 80)
    assert "MiB are free" in refusal(capsys, *ANY_PORTS)
    (tmp_path / "file").touch()
    assert "cannot make the folder" in refusal(capsys, "--runs", "file/runs", *ANY_PORTS)
