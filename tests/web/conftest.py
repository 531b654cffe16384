from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from ludus.serve.page import INDEX, STATIC

ROOT = Path(__file__).parent.parent.parent
WEB = ROOT / "web"
SHOTS = ROOT / ".build" / "screenshots"
LEAST_NODE = (20, 19)
WORKER = "yard"
MOST_SCRIPT_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class Lab:
    """An orchestrator in a process of its own."""

    url: str
    token: str
    folder: Path

    def client(self) -> httpx.Client:
        headers = {"authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)

    def check(self, script: str, **told: Any) -> Any:
        """What a script of `web/e2e` finds in a browser that this lab has let in."""
        with self.client() as client:
            open_url = self.url + client.post("/open").json()["url"]
        chromium = shutil.which("chromium")
        if chromium is None:
            pytest.skip("chromium is not installed; .ci/run installs it")
        SHOTS.mkdir(parents=True, exist_ok=True)
        lab = {"url": self.url, "open_url": open_url, "chromium": chromium, "shots": str(SHOTS), **told}
        command = ["node", f"e2e/{script}.mjs", json.dumps(lab)]
        done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stderr
        (SHOTS / f"{script}.json").write_text(done.stdout)
        return json.loads(done.stdout)

    def walk(self, rooms: dict[str, str], *, shows: dict[str, str] | None = None) -> None:
        """Go through rooms by day and by night, on a desk and on a phone: all can use them, and they are light.

        shows: selectors of what comes into a room after it has fetched all.
        """
        told = self.check("rooms", rooms=rooms, shows=shows or {})
        assert len(told) == 4 * len(rooms)
        for room in told:
            assert room["violations"] == [], room
            assert room["complained"] == [], room
            assert room["wide"] == 0, room
            assert 0 < room["script"] <= MOST_SCRIPT_BYTES, room


@pytest.fixture(scope="session")
def node() -> None:
    """Node, new enough, with what the page is built by."""
    found = shutil.which("node") and subprocess.run(["node", "--version"], capture_output=True, text=True).stdout
    version = tuple(map(int, re.findall(r"\d+", found or "0.0")))
    if version < LEAST_NODE or not shutil.which("npm"):
        pytest.skip(
            f"the page needs Node {'.'.join(map(str, LEAST_NODE))} or newer and npm, there is {found or 'none'}"
        )
    if not (WEB / "node_modules").is_dir():
        subprocess.run(["npm", "ci", "--silent"], cwd=WEB, check=True, timeout=300)


@pytest.fixture(scope="session")
def page(node: None) -> Path:
    """The folder of the page, built from its newest source."""
    index = STATIC / INDEX
    sources = [path for path in WEB.rglob("*") if path.is_file() and "node_modules" not in path.parts]
    if not index.is_file() or index.stat().st_mtime < max(path.stat().st_mtime for path in sources):
        subprocess.run(["npm", "run", "--silent", "build"], cwd=WEB, check=True, capture_output=True, timeout=300)
    return STATIC


@pytest.fixture(scope="session")
def empty_lab(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab that nobody has told anything."""
    with served(tmp_path_factory.mktemp("empty")) as lab:
        yield lab


@pytest.fixture(scope="session")
def lab(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab with two seeds of a trained agent, recorded episodes that unlocked feats, and a worker at play."""
    folder = tmp_path_factory.mktemp("lab")
    train = ["train", "CartPole-v1", "--steps", "2048", "--run.threads=1", "--run.tensorboard=false"]
    evaluate = ["eval", "potyard", "--policy", "random", "--episodes", "3", "--video", "--out", "runs/eval-random"]
    for command in (*([*train, "--seed", seed, "--out", f"runs/cartpole-{seed}"] for seed in "01"), evaluate):
        ludus(folder, *command)
    with served(folder) as made:
        command = [sys.executable, "-m", "tests.serve.feeder", made.url, str(folder / "lab" / "token")]
        feeder = subprocess.Popen([*command, "--name", WORKER, "--lanes", "8", "--hz", "15"], cwd=ROOT)
        try:
            _tell(made)
            yield made
        finally:
            feeder.terminate()
            feeder.wait(30)


def _tell(lab: Lab) -> None:
    payload = {"name": "pots_broken", "delta": 1}
    place = {"run_id": "eval-random", "episode_id": "1.0", "instance_id": WORKER}
    pots = [{"event_type": "counter_delta", "payload": payload, "tick": tick, **place} for tick in range(60)]
    with lab.client() as client:
        client.post("/events", json={"producer": WORKER, "epoch": 1, "first": 1, "events": pots}).raise_for_status()
        client.post(f"/workers/{WORKER}/sync", json={"status": {"policy_version": 7}}).raise_for_status()


def ludus(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "ludus.cli", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


@contextmanager
def served(folder: Path, *, feats: Path | None = ROOT / "configs" / "feats.potyard.json") -> Iterator[Lab]:
    """A lab in a folder, with its runs and goals, for as long as this is open."""
    command = [sys.executable, "-m", "ludus.cli", "serve", "--port", "0", "--metrics-port", "-1", "--json"]
    command += ["--goals", "goals", *(["--feats", str(feats)] if feats else [])]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout is not None
        try:
            told = json.loads(process.stdout.readline())
            yield Lab(told["url"], (folder / "lab" / "token").read_text().strip(), folder)
        finally:
            process.terminate()
            process.wait(30)
            process.stdout.close()
