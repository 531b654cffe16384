"""How much an orchestrator takes, measured on its own process.

python -m tests.serve.load ingest         events a second in batches of 200, and what an answer takes
python -m tests.serve.load sockets        memory with 1,000 WebSockets, half of which read nothing
python -m tests.serve.load restart        from start to ready with 1 M events
python -m tests.serve.load live           from a step to its picture at a viewer, 16 tiles and one lane in focus
python -m tests.serve.load play           what a worker's play pays for its part in a lab
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import torch
from websockets.sync.client import connect

from ludus.core.clock import SystemClock
from ludus.run.games import open_world
from ludus.run.learner import open_learner
from ludus.run.recipe import read_recipe
from ludus.run.watching import Turns
from ludus.run.worker import Worker
from ludus.serve.live.wire import DELTA, HEADER, JPEG, KEY, Head
from ludus.serve.store.backends import open_database
from ludus.serve.store.ingest import Ingest
from ludus.serve.store.rows import Store
from ludus.serve.store.writer import Writer
from ludus.serve.wire import read_batch
from ludus.serve.worker.lab import LabWorker
from tests.serve.lab import batch, judging, pots, shake_hands
from tests.serve.nemesis import Process

HZ = os.sysconf("SC_CLK_TCK")
MIB = 1024 * 1024


def cpu_s(process: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / HZ


def rss(process: int) -> int:
    """Bytes of memory that a process holds."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Process]:
    """An orchestrator on one core, the first that this process may use."""
    cores = os.sched_getaffinity(0)
    process = Process(folder)
    for thread in Path(f"/proc/{process.popen.pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {min(cores)})
    try:
        yield process
    finally:
        process.popen.terminate()
        assert process.end() == 0


def ingest(folder: Path, *, batches: int, size: int = 200, connections: int = 8) -> dict[str, Any]:
    """Send batches from several workers at once; give events a second of CPU and of time, and how long answers took."""
    took: list[float] = []
    with running(folder) as process:
        port = int(process.url.rpartition(":")[2])
        headers = {"authorization": f"Bearer {process.token}", "content-type": "application/json"}

        def send(bodies: list[bytes]) -> None:
            link = http.client.HTTPConnection("127.0.0.1", port)
            for body in bodies:
                began = time.perf_counter()
                link.request("POST", "/events", body, headers)
                answer = link.getresponse()
                assert answer.status == 200, answer.read()
                answer.read()
                took.append(time.perf_counter() - began)
            link.close()

        work = [_bodies(f"w{number}", batches // connections, size) for number in range(connections)]
        threads = [threading.Thread(target=send, args=(bodies,)) for bodies in work]
        before, began = cpu_s(process.popen.pid), time.perf_counter()
        _all(threads)
        wall_s, used_s = time.perf_counter() - began, cpu_s(process.popen.pid) - before
    events = sum(map(len, work)) * size
    took.sort()
    return {
        "events": events,
        "events_per_s": round(events / wall_s),
        "events_per_cpu_s": round(events / used_s),
        "p50_ms": round(1e3 * took[len(took) // 2], 1),
        "p99_ms": round(1e3 * took[len(took) * 99 // 100], 1),
    }


def _bodies(producer: str, batches: int, size: int) -> list[bytes]:
    def rows(first: int) -> list[dict[str, Any]]:
        return pots(size, first_tick=first, run=producer, episode=str(first // 2000))

    return [batch(rows(first), producer=producer, first=first) for first in range(1, batches * size, size)]


def _all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


async def sockets(
    process: Process, *, clients: int, seconds: float, per_s: int, tell: Callable[[str], object] = lambda _text: None
) -> dict[str, Any]:
    """Open so many sockets, of which every second reads nothing, and send metrics; give memory over time and gaps."""
    port = int(process.url.rpartition(":")[2])
    told: dict[str, Any] = {"rows": 0, "gaps": 0, "holes": 0, "closed": 0}
    opened = [_open(port, process.token) for _ in range(clients)]
    readers = [asyncio.create_task(_read(link, told)) for link in opened[::2]]
    memory: list[float] = []
    loop = asyncio.get_running_loop()
    began, sent, looked = loop.time(), 0, 0.0
    body = json.dumps({"rows": [{"step": n, "values": {"loss": 0.5}} for n in range(500)]}).encode()
    while (elapsed := loop.time() - began) < seconds:
        if elapsed >= looked:
            looked += max(1.0, seconds / 20)
            memory.append(rss(process.popen.pid) / MIB)
            tell(f"{elapsed:.0f} s: {memory[-1]:.0f} MiB, {sent} sent, {told}\n")
        if sent <= elapsed * per_s:
            await asyncio.to_thread(_post, port, process.token, body)
            sent += 500
        else:
            await asyncio.sleep(0.005)
    for task in readers:
        task.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    dropped = _dropped(port)
    for link in opened:
        link.close()
    return {"memory_mib": [round(value) for value in memory], "sent": sent, "stalled_closed": dropped, **told}


def _open(port: int, token: str) -> socket.socket:
    """Open a WebSocket by hand: thousands of a library's cost more than the server that they are to measure."""
    link = socket.create_connection(("127.0.0.1", port))
    shake_hands(link, port, token, max_hz=4)
    return link


async def _read(link: socket.socket, told: dict[str, Any]) -> None:
    """Read frames, and of each only what its beginning tells."""
    reader, writer = await asyncio.open_connection(sock=link, limit=MIB)
    at = None
    try:
        while True:
            code, size = await reader.readexactly(2)
            size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8)) if size > 125 else size
            payload = await reader.readexactly(size)
            if code == 0x89:
                writer.write(bytes([0x8A, 0x80 | size, 0, 0, 0, 0]) + payload)
            elif found := FROM_TO.match(payload):
                first, last = int(found[2]), int(found[3])
                told["holes"] += at is not None and first != at + 1
                at = last
                told["gaps" if found[1] == b"gap" else "rows"] += 1 if found[1] == b"gap" else last - first + 1
    except asyncio.IncompleteReadError:
        told["closed"] += 1
    finally:
        writer.close()


FROM_TO = re.compile(rb'\{"type":"(d|gap)","topic":"metrics","from":(\d+),"to":(\d+)')


def _dropped(port: int) -> int:
    """Give how many sockets the server says to have dropped."""
    link = http.client.HTTPConnection("127.0.0.1", port)
    link.request("GET", "/metrics")
    found = re.search(rb"^ludus_ws_dropped (\S+)", link.getresponse().read(), re.MULTILINE)
    link.close()
    assert found is not None
    return int(float(found[1]))


def _post(port: int, token: str, body: bytes) -> None:
    link = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    link.request("POST", "/runs/load/metrics", body, headers)
    assert link.getresponse().status == 200
    link.close()


def fill(state: Path, events: int) -> None:
    """Put events into a store, as an orchestrator would that was killed after them."""
    state.mkdir()
    store = Store(open_database(state / "lab.db"))
    taking = Ingest(store, SystemClock(), judging())
    writer = Writer(store, taking)
    bodies = (body for producer in range(events // 100_000) for body in _bodies(f"w{producer}", 200, 500))
    for body in bodies:
        told = read_batch(body)
        writer.submit(lambda told=told: taking.take(told)).result()  # type: ignore[misc]
    writer.close()
    store.close()


def restart(folder: Path, *, events: int) -> dict[str, Any]:
    """Start an orchestrator with so many events and nothing saved since the last 20,000; give seconds until ready."""
    fill(folder / "state", events)
    began = time.perf_counter()
    process = Process(folder)
    ready_s = time.perf_counter() - began
    used_s = cpu_s(process.popen.pid)
    process.popen.terminate()
    assert process.end() == 0
    empty = folder / "empty"
    empty.mkdir()
    began = time.perf_counter()
    with running(empty):
        without_s = time.perf_counter() - began
    return {
        "events": events,
        "ready_s": round(ready_s, 2),
        "cpu_s": used_s,
        "ready_without_events_s": round(without_s, 2),
    }


def live(folder: Path, *, seconds: float) -> dict[str, Any]:
    """Watch 16 lanes of a worker at 10 Hz and one of them in focus; give how old pictures are when they arrive."""
    with running(folder) as process:
        token = folder / "state" / "token"
        command = [sys.executable, "-m", "tests.serve.feeder", process.url, str(token)]
        feeder = subprocess.Popen(command, cwd=Path(__file__).parents[2])
        try:
            ages, sizes = _watch(process, seconds)
            used = {"feeder": cpu_s(feeder.pid), "server": cpu_s(process.popen.pid)}
        finally:
            feeder.send_signal(signal.SIGINT)
            assert feeder.wait(30) == 0
    told: dict[str, Any] = {f"cpu_{name}": round(cpu / seconds, 3) for name, cpu in used.items()}
    for name, kinds in (("tile", (JPEG,)), ("focus", (KEY, DELTA))):
        found = sorted(age for kind in kinds for age in ages[kind])
        told |= {
            f"{name}_pictures": len(found),
            f"{name}_bytes": round(sum(sizes[kind] for kind in kinds) / len(found)),
        }
        told |= {f"{name}_p{part}_ms": round(found[len(found) * part // 100], 1) for part in (50, 95, 99)}
    return told


def _watch(process: Process, seconds: float) -> tuple[dict[int, list[float]], dict[int, int]]:
    """Give, by kind, the ages of pictures in ms as they arrive, and their bytes."""
    ages: dict[int, list[float]] = {kind: [] for kind in range(4)}
    sizes = dict.fromkeys(ages, 0)
    headers = {"authorization": f"Bearer {process.token}"}
    url = f"{process.url.replace('http', 'ws', 1)}/live"
    with connect(url, additional_headers=headers, proxy=None, legacy=True) as link:
        while not (workers := json.loads(link.recv(60))["workers"]):
            pass
        (one,) = (worker["number"] for worker in workers)
        link.send(json.dumps({"type": "watch", "tiles": [[one, lane] for lane in range(16)], "hz": 10}))
        link.send(json.dumps({"type": "focus", "worker": one, "lane": 0}))
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            body = link.recv(60)
            if isinstance(body, bytes):
                head = Head(*HEADER.unpack_from(body))
                ages[head.kind].append(1000 * time.time() - head.t_ms)
                sizes[head.kind] += len(body)
    return ages, sizes


def play(folder: Path, *, rollouts: int) -> dict[str, Any]:
    """Play Pot Yard in turn with a lab that hears of it and without; give the CPU of the play's own thread."""
    chosen = read_recipe("potyard", None, ["--run.steps=0", "--run.threads=1"])
    torch.set_num_threads(1)
    learner = open_learner("p", chosen)
    with running(folder) as process, closing(open_world(chosen.world, chosen.run.lanes, threads=1)) as world:
        part = LabWorker(process.url, process.token, "w", world, run="p", state=folder / "w")
        watch = Turns(world, part.read, scenario="w", seed=1, run="p", instance="p")
        crew = [Worker("a", chosen, seed=3, world=world, watch=watch), Worker("b", chosen, seed=3)]
        used = [0.0, 0.0]
        for worker in crew:
            worker.load(learner.register(worker.name).weights)
            worker.play()
        for _ in range(rollouts):
            for number, worker in enumerate(crew):
                began = time.thread_time()
                worker.play()
                used[number] += time.thread_time() - began
        part.close()
    steps = rollouts * chosen.run.horizon * chosen.run.lanes
    return {"ratio": round(used[0] / used[1], 3), "us_a_step": round(1e6 * (used[0] - used[1]) / steps, 1)}


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        match sys.argv[1]:
            case "ingest":
                told = ingest(folder, batches=2_000)
            case "live":
                told = live(folder, seconds=30)
            case "play":
                told = play(folder, rollouts=8)
            case "restart":
                told = restart(folder, events=1_000_000)
            case _:
                with running(folder) as process:
                    tell = sys.stderr.write
                    told = asyncio.run(sockets(process, clients=1_000, seconds=90, per_s=10_000, tell=tell))
        sys.stdout.write(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
