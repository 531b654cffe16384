"""Kills an orchestrator again and again while workers send, and then compares what was promised with what is there.

python -m tests.serve.nemesis 100
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import IO, Any

import httpx

from ludus.serve.store import upkeep
from ludus.serve.store.backends import open_database
from ludus.serve.store.rows import Store
from tests.serve.lab import FEATS, TICK_HZ, batch, judging

CALL = "from ludus.cli import main; raise SystemExit(main())"
WORKERS = 4
BATCH = 50


class Process:
    """An orchestrator of the command line."""

    def __init__(self, folder: Path, *, stderr: int | None = None) -> None:
        self._stderr = stderr
        feats = folder / "feats.json"
        feats.write_text(json.dumps(FEATS))
        command = [sys.executable, "-c", CALL, "serve", "--json", "--port", "0", "--metrics-port", "-1"]
        command += ["--tick-hz", str(TICK_HZ)]
        state = folder / "state"
        self._command = [*command, "--state", str(state), "--feats", str(feats), "--runs", str(folder / "runs")]
        self._folder = folder
        self.url = ""
        self.start()
        self.token = (state / "token").read_text().strip()

    def start(self) -> None:
        """Start it, and return when it answers."""
        self.popen = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=self._stderr, cwd=self._folder)
        out: IO[bytes] | None = self.popen.stdout
        assert out is not None
        self.url = json.loads(out.readline())["url"]

    def kill(self) -> None:
        """Kill it, as the system does, without a word."""
        self.popen.kill()
        self.end()

    def end(self) -> int:
        code = self.popen.wait(60)
        assert self.popen.stdout is not None
        self.popen.stdout.close()
        return code


class Worker(threading.Thread):
    """Sends numbered events, each batch until it is acknowledged."""

    def __init__(self, name: str, process: Process, acknowledged: threading.Semaphore) -> None:
        super().__init__(name=name)
        self._process = process
        self._acknowledged = acknowledged
        self._chance = random.Random(name)
        self.stopping = threading.Event()
        self.last = 0
        """The number of the last event that was acknowledged."""
        self.retries = 0
        self.reasons: Counter[str] = Counter()
        """Of refusals that passed."""
        self.refused: list[str] = []

    def run(self) -> None:
        with httpx.Client(headers={"authorization": f"Bearer {self._process.token}"}, trust_env=False) as client:
            while not self.stopping.is_set():
                body = self._events(self.last + 1)
                while not self._send(client, body) and not self.refused:
                    self.retries += 1
                if self.refused:
                    return
                self.last += BATCH
                self._acknowledged.release()

    def _send(self, client: httpx.Client, body: bytes) -> bool:
        url = self._process.url
        try:
            answer = client.post(f"{url}/events", content=body, headers={"content-type": "application/json"}, timeout=5)
        except httpx.TransportError:
            self.stopping.wait(0.01)  # it is down
            return False
        if answer.status_code == 503:
            self.reasons[answer.json()["error"]] += 1
            self.stopping.wait(0.01)
        elif answer.status_code != 200:
            self.refused.append(answer.text)
        return answer.status_code == 200

    def _events(self, first: int) -> bytes:
        rows: list[dict[str, Any]] = []
        for number in range(first, first + BATCH):
            kind, payload = self._what(number)
            place = {"run_id": self.name, "episode_id": str(number // 400), "tick": number}
            rows.append({"event_type": kind, "payload": payload | {"n": number}, **place})
        return batch(rows, producer=self.name, first=first)

    def _what(self, number: int) -> tuple[str, dict[str, Any]]:
        if number % 97 == 0:
            return "fell", {"depth": self._chance.randrange(1000)}
        if number % 31 == 0:
            return "boss_spawned", {"boss_id": "bark_vader"}
        if number % 71 == 0:
            return "boss_defeated", {}
        return "counter_delta", {"name": "pots_broken", "delta": 1}


def crew(process: Process) -> tuple[list[Worker], threading.Semaphore]:
    """Have workers send to an orchestrator; the semaphore counts batches that were acknowledged."""
    acknowledged = threading.Semaphore(0)
    workers = [Worker(f"worker-{number}", process, acknowledged) for number in range(WORKERS)]
    for worker in workers:
        worker.start()
    return workers, acknowledged


def dismiss(process: Process, workers: list[Worker]) -> int:
    """End workers and the orchestrator in good order, and give its exit code."""
    for worker in workers:
        worker.stopping.set()
    for worker in workers:
        worker.join(60)
    process.popen.terminate()
    return process.end()


def torment(folder: Path, kills: int, *, seed: int = 0) -> dict[str, Any]:
    """Kill an orchestrator so many times, and give what was found: `faults` must be empty."""
    chance, process = random.Random(seed), Process(folder)
    workers, acknowledged = crew(process)
    for _ in range(kills):
        for _ in range(chance.randrange(1, 60)):
            assert acknowledged.acquire(timeout=60)
        process.kill()
        process.start()
    for _ in range(2 * WORKERS):
        assert acknowledged.acquire(timeout=60)
    code = dismiss(process, workers)
    return {"kills": kills, "exit": code, **examine(folder / "state", workers)}


def examine(state: Path, workers: list[Worker]) -> dict[str, Any]:
    """Compare the store with what workers were promised."""
    store = Store(open_database(state / "lab.db", read_only=True), read_only=True)
    try:
        faults = upkeep.faults(store, judging())
        kept: dict[str, list[int]] = {worker.name: [] for worker in workers}
        for rows in upkeep.history(store):
            for row in rows:
                if row.producer in kept:
                    number = json.loads(row.body)["payload"]["n"]
                    faults += [] if number == row.pseq else [f"event {row.seq} is {number} under the number {row.pseq}"]
                    kept[row.producer].append(row.pseq)
        for worker in workers:
            numbers = kept[worker.name]
            faults += worker.refused
            if numbers != [*range(1, len(numbers) + 1)]:
                faults.append(f"{worker.name}: events are lost or doubled")
            if len(numbers) < worker.last:
                faults.append(f"{worker.name}: {worker.last} were acknowledged, {len(numbers)} are kept")
        return {
            "acknowledged": sum(worker.last for worker in workers),
            "kept": sum(map(len, kept.values())),
            "retries": sum(worker.retries for worker in workers),
            "unlocks": len(store.unlock_keys()),
            "faults": faults,
        }
    finally:
        store.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        sys.stdout.write(json.dumps(torment(Path(place), int(sys.argv[1])), indent=1) + "\n")
