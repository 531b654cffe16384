"""Kills a worker again and again around the moments that clips are made of, and then looks at every clip.

python -m tests.serve.worker_nemesis 20
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import IO, Any

import av
import httpx

from ludus.core import rng

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "ludus.cli"]
FEATS = ROOT / "configs" / "feats.potyard.json"
SMALL = ("run.lanes=4", "run.horizon=32", "run.threads=1", "net.size=0.25", "ppo.epochs=1", "ppo.minibatches=1")
PATIENCE_S = 120.0
LATEST_S = 0.6
"""Between a trigger and the kill at most."""


class Lab:
    """An orchestrator, a learner, and a worker that can be killed, as processes of the command line."""

    def __init__(self, folder: Path, *, uds: str = "") -> None:
        """uds: path of a Unix socket by which the worker reaches the orchestrator."""
        self._folder, self._uds = folder, uds
        self._env = os.environ | {"OMP_NUM_THREADS": "1"}
        serve = ["serve", "--json", "--port", "0", "--metrics-port", "-1", "--feats", str(FEATS)]
        self._serving = [*serve, *(["--uds", uds] if uds else [])]
        self.serve()
        flags = [f"--{flag}" for flag in SMALL]
        self._learner = self._start("learner", "learner", "yard", "potyard", "--port", "0", *flags)
        self._learner_url = self._line(self._learner).split()[1]
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=30)

    def serve(self) -> None:
        """Start the orchestrator, at a port that it takes."""
        self._serve = self._start("serve", *self._serving)
        self.url = json.loads(self._line(self._serve))["url"]

    def kill_orchestrator(self) -> None:
        """Kill it."""
        self._serve.kill()
        end(self._serve)

    def begin(self) -> subprocess.Popen[str]:
        """Start the worker; it is always the same one."""
        url = f"unix:{self._uds}" if self._uds else self.url
        learner, lab = ["--learner", self._learner_url], ["--lab", url, "--state", "w"]
        return self._start("worker", "worker", "yard", *learner, *lab, "--name", "w")

    def clips(self) -> list[dict[str, Any]]:
        """All clips that were to be made, oldest first."""
        listed = self.client.get("/clips", params={"limit": 500}).json()
        return [clip for clip in listed[::-1] if clip["clip"].get("reason", {}).get("code") != "enough"]

    def close(self) -> None:
        self.client.close()
        for process in (self._learner, self._serve):
            process.terminate()
            process.wait(60)
            if process.stdout:
                process.stdout.close()

    def _start(self, log: str, *arguments: str) -> subprocess.Popen[str]:
        with (self._folder / f"{log}.log").open("a") as file:
            command = [*COMMAND, *arguments]
            out, env = subprocess.PIPE, self._env
            return subprocess.Popen(command, stdout=out, stderr=file, text=True, cwd=self._folder, env=env)

    def _line(self, process: subprocess.Popen[str]) -> str:
        out: IO[str] | None = process.stdout
        assert out is not None
        line = out.readline()
        logs = {path.name: path.read_text()[-500:] for path in self._folder.glob("*.log")}
        assert line, f"it ended without a word: {logs}"
        return line


def end(process: subprocess.Popen[str]) -> None:
    process.wait(60)
    assert process.stdout is not None
    process.stdout.close()


def newest(lab: Lab) -> int:
    return max((clip["id"] for clip in lab.clips()), default=0)


def kill_around_triggers(folder: Path, kills: int) -> dict[str, Any]:
    """Kill a worker so often, each time shortly after something asked for a clip; give what became of all clips."""
    lab = Lab(folder)
    try:
        for number in range(kills):
            before, worker = newest(lab), lab.begin()
            wait(lambda known=before: newest(lab) > known)
            time.sleep(LATEST_S * float(rng.uniform(0, "kill", number)))
            worker.kill()
            end(worker)
        last, worker = newest(lab), lab.begin()
        wait(lambda: all(clip["status"] != "pending" for clip in lab.clips() if clip["id"] <= last))
        worker.terminate()
        end(worker)
        wait(lambda: all(clip["status"] != "pending" for clip in lab.clips()))
        told = Counter(outcome(lab.client, clip) for clip in lab.clips())
    finally:
        lab.close()
    return {"kills": kills, "clips": told.total(), **told}


def outcome(client: httpx.Client, clip: dict[str, Any]) -> str:
    """Give what became of a clip, once it is shown that it plays or says why not."""
    if clip["status"] != "ready":
        reason = clip["clip"]["reason"]
        assert reason["code"] and reason["detail"], clip
        return f"{clip['status']}: {reason['code']}"
    film = client.get(clip["clip"]["clip_url"])
    assert film.status_code == 200, clip
    with av.open(io.BytesIO(film.content), "r") as opened:
        shown = len([*opened.decode(video=0)])
    assert 0 < clip["clip"]["frames"] <= shown, clip
    return "plays"


def wait(fits: Any) -> None:
    until = time.monotonic() + PATIENCE_S
    while not fits():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        told = kill_around_triggers(Path(folder), int(sys.argv[1]))
    sys.stdout.write(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
