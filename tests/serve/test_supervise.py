"""Children that end, hang, refuse and linger, and a supervisor that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from ludus.core.errors import InputError
from ludus.serve.lab import supervise
from ludus.serve.lab.supervise import Child, Patience, Status, Supervisor
from tests.serve.lab import free_port

QUICK = Patience(first_s=0.02, most_s=0.05, ready_s=30, calm_s=30, end_s=0.3)
STAYS = "print('here I am', flush=True)\nimport signal\nsignal.pause()"
DEAF = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + STAYS
WRITES_ITS_START = "import sys\nopen('starts', 'a').write('.')\n"


def child(source: str, *, name: str = "one", ready_line: str = "here I am", ready_url: str = "") -> Child:
    return Child(name, (sys.executable, "-c", source), ready_line=ready_line, ready_url=ready_url)


def wait_until(what: Callable[[], object]) -> None:
    for _ in range(1500):
        if what():
            return
        threading.Event().wait(0.02)
    raise AssertionError("it did not come about within 30 s")


def is_there(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not asked for its exit code does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(supervise, "LOOK_S", 0.01)


def pid_of(supervisor: Supervisor, place: int = 0) -> int:
    pid = supervisor.statuses[place].pid
    assert pid is not None
    return pid


def wait_until_ready_again(supervisor: Supervisor, starts: int) -> None:
    wait_until(lambda: (supervisor.statuses[0].starts, supervisor.statuses[0].state) == (starts, "ready"))


def test_children_start_in_order_and_end_with_the_block(tmp_path: Path) -> None:
    heard: list[Status] = []
    with Supervisor(
        [child(STAYS), child(STAYS, name="two")], tmp_path, tell=heard.append, patience=QUICK
    ) as supervisor:
        supervisor.wait_until_ready(30)
        pids = [pid_of(supervisor, place) for place in (0, 1)]
        assert all(map(is_there, pids))
    assert not any(map(is_there, pids))
    assert [(status.name, status.state) for status in heard] == [
        *(("one", state) for state in ("starting", "ready")),
        *(("two", state) for state in ("starting", "ready", "ended")),
        ("one", "ended"),
    ]
    assert heard[1].line.startswith("one: ready after ")
    assert (tmp_path / "two.log").read_text() == "here I am\n"


def test_a_killed_child_is_started_again_and_said_so(tmp_path: Path) -> None:
    heard: list[Status] = []
    with Supervisor([child(STAYS)], tmp_path, tell=heard.append, patience=QUICK) as supervisor:
        supervisor.wait_until_ready(30)
        for count in (2, 3):
            first = pid_of(supervisor)
            os.kill(first, signal.SIGKILL)
            wait_until_ready_again(supervisor, count)
            assert pid_of(supervisor) != first
    assert "one: was ended by SIGKILL; it is started again in 0.02 s" in [status.line for status in heard]


def test_pauses_double_up_to_the_longest() -> None:
    patience = Patience(first_s=0.5, most_s=15)
    assert [patience.pause_s(failures) for failures in (1, 2, 3, 5, 6, 1000)] == [0.5, 1, 2, 8, 15, 15]


def test_failures_in_a_row_lengthen_the_pause_and_calm_shortens_it(tmp_path: Path) -> None:
    pauses: list[str] = []
    ends = WRITES_ITS_START + "sys.exit('it broke')"
    tell = lambda status: pauses.append(status.told) if status.state == "paused" else None  # noqa: E731
    with Supervisor([child(ends)], tmp_path, tell=tell, patience=QUICK):
        wait_until(lambda: len(pauses) >= 4)
    assert [told.rpartition("in ")[2] for told in pauses[:4]] == ["0.02 s", "0.04 s", "0.05 s", "0.05 s"]
    assert pauses[0].startswith("ended with exit code 1 (it broke)")
    assert Path("starts").read_text() >= "...."
    pauses.clear()
    calm = Patience(first_s=0.02, most_s=5, calm_s=0.0)
    with Supervisor([child(STAYS, name="calm")], tmp_path, tell=tell, patience=calm) as supervisor:
        for count in (1, 2, 3):
            wait_until_ready_again(supervisor, count)
            threading.Event().wait(0.1)  # more than calm_s, and some looks
            os.kill(pid_of(supervisor), signal.SIGKILL)
        wait_until(lambda: len(pauses) == 3)
    assert {told.rpartition("in ")[2] for told in pauses} == {"0.02 s"}


def test_a_child_that_never_gets_ready_is_killed_and_started_again(tmp_path: Path) -> None:
    patience = Patience(first_s=0.02, most_s=0.05, ready_s=0.3)
    mute = child(WRITES_ITS_START + "import signal\nsignal.pause()")
    heard: list[Status] = []
    with Supervisor([mute, child(STAYS, name="two")], tmp_path, tell=heard.append, patience=patience) as supervisor:
        with pytest.raises(InputError, match=r"one is not ready after 0\.1 s"):
            supervisor.wait_until_ready(0.1)
        wait_until(lambda: supervisor.statuses[0].starts >= 2)
        assert supervisor.statuses[1].state == "waiting"
    assert "one: was not ready within 0.3 s; it is started again in 0.02 s" in [status.line for status in heard]


def test_an_address_tells_that_a_child_is_ready(tmp_path: Path) -> None:
    port = free_port()
    serves = f"from http.server import *\nHTTPServer(('127.0.0.1', {port}), SimpleHTTPRequestHandler).serve_forever()"
    url = f"http://127.0.0.1:{port}/"
    with Supervisor([child(serves, ready_line="", ready_url=url)], tmp_path, patience=QUICK) as supervisor:
        supervisor.wait_until_ready(30)
        assert httpx.get(url, trust_env=False).status_code == 200


def test_exit_code_0_is_the_end_of_its_work(tmp_path: Path) -> None:
    with Supervisor([child("print('all played')")], tmp_path, patience=QUICK) as supervisor:
        supervisor.wait_until_ready(30)
        status = supervisor.statuses[0]
    assert (status.state, status.starts, status.line) == ("done", 1, "one: is done: all played")


def test_bad_input_at_the_first_start_is_told_and_not_tried_again(tmp_path: Path) -> None:
    refuses = child("import sys\nprint('ludus: there is no such game.')\nsys.exit(2)")
    with Supervisor([refuses], tmp_path, patience=QUICK) as supervisor:
        with pytest.raises(InputError, match=r"one does not start: ludus: there is no such game\."):
            supervisor.wait_until_ready(30)
        assert supervisor.statuses[0].starts == 1


def test_a_child_that_ignores_sigterm_is_killed_with_what_it_started(tmp_path: Path) -> None:
    starts_another = (
        f"import subprocess, sys\nprint(subprocess.Popen([sys.executable, '-c', {DEAF!r}]).pid, flush=True)\n{DEAF}"
    )
    with Supervisor([child(starts_another)], tmp_path, patience=QUICK) as supervisor:
        supervisor.wait_until_ready(30)
        pids = [pid_of(supervisor), int((tmp_path / "one.log").read_text().split()[0])]
        assert all(map(is_there, pids))
    assert "was killed" in supervisor.statuses[0].told
    wait_until(lambda: not any(map(is_there, pids)))


def test_a_child_that_cannot_be_looked_after_begins_again(tmp_path: Path) -> None:
    with Supervisor([child("import signal\nsignal.pause()")], tmp_path, patience=QUICK) as supervisor:
        wait_until(lambda: supervisor.statuses[0].state == "starting")
        first = pid_of(supervisor)
        (tmp_path / "one.log").unlink()  # from now on nobody can tell whether it is ready
        wait_until(lambda: supervisor.statuses[0].starts >= 2)
    assert not is_there(first)


def test_a_long_log_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "MOST_LOG_BYTES", 100)
    (tmp_path / "one.log").write_text("old\n" * 50)
    with Supervisor([child(STAYS)], tmp_path, patience=QUICK) as supervisor:
        supervisor.wait_until_ready(30)
    assert (tmp_path / "one.log").read_text() == "here I am\n"
    assert (tmp_path / "one.log.1").read_text() == "old\n" * 50


SUPERVISES = f"""
import signal, sys, threading
from pathlib import Path
from ludus.serve.lab.supervise import Child, Supervisor, ended_by_sigterm
children = [Child(name, (sys.executable, "-c", {STAYS!r}), ready_line="here I am") for name in ("one", "two")]
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background ignores it
with ended_by_sigterm(), Supervisor(children, Path(".")) as supervisor:
    supervisor.wait_until_ready(60)
    print(*(status.pid for status in supervisor.statuses), flush=True)
    threading.Event().wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with a parent that is killed")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_child_outlives_its_supervisor(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISES], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    pids = [int(word) for word in process.stdout.readline().split()]
    assert len(pids) == 2 and all(map(is_there, pids))
    process.send_signal(number)
    process.communicate(timeout=60)
    wait_until(lambda: not any(map(is_there, pids)))
