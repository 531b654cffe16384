"""Child processes that are kept running: started in order, begun again after growing pauses, and ended together.

A child is ready when a line of its output or an address says so, and each is started once those before it have been
ready. One that ends, or never gets ready, is begun again; exit code 0 says that its work is done. Output goes to a log
file, not to a pipe, so nothing that a child writes waits for its supervisor.

No child outlives its supervisor, not even one that is killed: the system kills each with the thread that started it
(Linux, PR_SET_PDEATHSIG; elsewhere only an orderly end ends them).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Literal, Self

import httpx

from ludus.core.clock import Clock, SystemClock
from ludus.core.errors import InputError

LOOK_S = 0.1
"""Between two looks at all children."""
ASK_S = 1.0
"""After which an address that does not answer counts as not ready yet."""
MOST_LOG_BYTES = 16 * 1024 * 1024
"""A longer log is put aside, as `.log.1`, when its child is started again."""
TAIL_BYTES = 4096
LEASH = """\
import ctypes, os, sys
if ctypes.CDLL(None).prctl(1, 9) or os.getppid() != int(sys.argv[1]):
    sys.exit("the supervisor has ended")
os.execvp(sys.argv[2], sys.argv[2:])
"""
"""Becomes the child, which from then on is killed when its parent ends (1: PR_SET_PDEATHSIG, 9: SIGKILL); a parent that
has ended already shows as another one. `preexec_fn` could do it in fewer lines, but not beside threads."""

State = Literal["waiting", "starting", "ready", "paused", "done", "refused", "ended"]


@dataclass(frozen=True, slots=True)
class Child:
    """A process that is to run. With no line and no address it is ready as soon as it is started."""

    name: str
    argv: tuple[str, ...]
    ready_line: str = ""
    """How a line of its output begins that says that it is ready."""
    ready_url: str = ""
    """What answers 200 as soon as it is ready."""
    refusals: frozenset[int] = frozenset({2})
    """Exit codes that, before it has ever been ready, say that no restart will help."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what may take, in seconds."""

    first_s: float = 0.5
    """Before the first restart; the pause doubles with each failure."""
    most_s: float = 15.0
    """The longest pause."""
    ready_s: float = 90.0
    """For getting ready; then it is killed, which is a failure."""
    calm_s: float = 10.0
    """Ready for so long, its failures are forgotten."""
    end_s: float = 20.0
    """Between SIGTERM and SIGKILL; a learner that is busy needs some of it to save what it has learned."""

    def pause_s(self, failures: int) -> float:
        """Give the pause after so many failures in a row, from 1."""
        return float(min(self.most_s, self.first_s * 2 ** min(failures - 1, 30)))


@dataclass(frozen=True, slots=True)
class Status:
    """How a child is."""

    name: str
    state: State
    pid: int | None
    starts: int
    told: str
    """A sentence for people."""

    @property
    def line(self) -> str:
        """Give it as one line."""
        return f"{self.name}: {self.told}"


class _Kept:
    """A child, and how it is."""

    def __init__(self, child: Child, log: Path) -> None:
        self.child, self.log = child, log
        self.state: State = "waiting"
        self.popen: subprocess.Popen[bytes] | None = None
        self.starts = self.failures = 0
        self.was_ready = False
        self.since_s = self.until_s = 0.0
        """When it was started or got ready; when its pause is over."""
        self.read = 0
        """Bytes of the log that were looked at for the line."""
        self.told = "waits for those before it"

    @property
    def status(self) -> Status:
        pid = self.popen.pid if self.popen and self.state in ("starting", "ready") else None
        return Status(self.child.name, self.state, pid, self.starts, self.told)

    def start(self, now_s: float) -> None:
        if self.log.is_file() and self.log.stat().st_size > MOST_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as out:
            self.read = out.tell()
            # A session of its own: Ctrl-C reaches the supervisor alone, and what it starts itself can be ended with it.
            self.popen = subprocess.Popen(
                _leashed(self.child.argv), stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        self.starts += 1
        self.state, self.since_s, self.told = "starting", now_s, f"starts, process {self.popen.pid}"

    def is_ready(self) -> bool:
        if self.child.ready_url:
            try:
                return httpx.get(self.child.ready_url, timeout=ASK_S, trust_env=False).status_code == 200
            except httpx.TransportError:
                return False
        if not self.child.ready_line:
            return True
        with self.log.open("rb") as log:
            log.seek(self.read)
            whole, newline, _ = log.read().rpartition(b"\n")
        self.read += len(whole) + len(newline)
        return any(line.startswith(self.child.ready_line.encode()) for line in whole.splitlines())

    def last_line(self) -> str:
        with self.log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - TAIL_BYTES))
            lines = log.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it wrote nothing")

    def end(self, number: int) -> None:
        """Send a signal to it and to all that it has started."""
        assert self.popen is not None
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, number)


class Supervisor:
    """Keeps children running while it is open, as a context manager; a thread of its own looks after them.

    folder: of the logs, `NAME.log`. tell: is told, from that thread, whenever a child's state changes.
    """

    def __init__(
        self,
        children: Sequence[Child],
        folder: Path,
        *,
        tell: Callable[[Status], None] = lambda _: None,
        patience: Patience | None = None,
        clock: Clock | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._kept = [_Kept(child, folder / f"{child.name}.log") for child in children]
        self._tell, self._patience, self._clock = tell, patience or Patience(), clock or SystemClock()
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all children together, the first one after the others: SIGTERM, and SIGKILL to those that do not go."""
        self._stop.set()
        self._thread.join()

    @property
    def statuses(self) -> list[Status]:
        """How all children are."""
        return [kept.status for kept in self._kept]

    def check(self) -> None:
        """Raise `InputError` where a child has said that no restart will help."""
        for kept in self._kept:
            if kept.state == "refused":
                raise InputError(f"{kept.child.name} does not start: {kept.last_line()} Its log is {kept.log}.")

    def wait_until_ready(self, timeout_s: float) -> None:
        """Return as soon as every child has been ready. Raises `InputError` where one is not in time, or refuses."""
        with self._changed:
            self._changed.wait_for(
                lambda: all(kept.was_ready or kept.state == "refused" for kept in self._kept), timeout_s
            )
        self.check()
        for kept in self._kept:
            if not kept.was_ready:
                raise InputError(f"{kept.child.name} is not ready after {timeout_s:g} s ({kept.told}); see {kept.log}.")

    def _is_settled(self) -> bool:
        return all(kept.was_ready for kept in self._kept) or any(kept.state == "refused" for kept in self._kept)

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                for place, kept in enumerate(self._kept):
                    before = kept.state
                    try:
                        self._look(kept, may_start=all(other.was_ready for other in self._kept[:place]))
                    except OSError as error:  # of its log, most likely; without one nobody knows how it is
                        self._kill(kept)
                        self._fail(kept, f"cannot be looked after ({error})")
                    if kept.state != before:
                        self._say(kept)
                self._stop.wait(LOOK_S)
        finally:
            self._end(self._kept[1:])
            self._end(self._kept[:1])  # whom the others may still have something to tell

    def _look(self, kept: _Kept, *, may_start: bool) -> None:
        now_s = self._clock.seconds()
        if (kept.state == "waiting" and may_start) or (kept.state == "paused" and now_s >= kept.until_s):
            kept.start(now_s)
        elif kept.state in ("starting", "ready"):
            assert kept.popen is not None
            code = kept.popen.poll()
            if code is not None:
                self._kill(kept)  # what it has started itself, if anything
                self._ended(kept, code)
            elif kept.state == "starting" and kept.is_ready():
                kept.told = f"ready after {now_s - kept.since_s:.1f} s, process {kept.popen.pid}"
                kept.state, kept.since_s, kept.was_ready = "ready", now_s, True
            elif kept.state == "starting" and now_s - kept.since_s > self._patience.ready_s:
                self._kill(kept)
                self._fail(kept, f"was not ready within {self._patience.ready_s:g} s")
            elif kept.state == "ready" and now_s - kept.since_s > self._patience.calm_s:
                kept.failures = 0

    def _ended(self, kept: _Kept, code: int) -> None:
        if code == 0:
            kept.state, kept.told, kept.was_ready = "done", f"is done: {kept.last_line()}", True
        elif not kept.was_ready and code in kept.child.refusals:
            kept.state, kept.told = "refused", f"refuses: {kept.last_line()}"
        elif code < 0:
            self._fail(kept, f"was ended by {signal.Signals(-code).name}")
        else:
            self._fail(kept, f"ended with exit code {code} ({kept.last_line()[:200]})")

    def _fail(self, kept: _Kept, why: str) -> None:
        kept.failures += 1
        pause_s = self._patience.pause_s(kept.failures)
        kept.state, kept.until_s = "paused", self._clock.seconds() + pause_s
        kept.told = f"{why}; it is started again in {pause_s:g} s"

    def _end(self, kept: Sequence[_Kept]) -> None:
        """End children together, those that do not go in time by force, and tell of each."""
        there = [one for one in kept if one.popen is not None]
        for one in there:
            one.end(signal.SIGTERM)
        until_s = self._clock.seconds() + self._patience.end_s
        for one in reversed(there):
            assert one.popen is not None
            try:
                one.popen.wait(max(0.0, until_s - self._clock.seconds()))
                told = "ended"
            except subprocess.TimeoutExpired:
                told = f"did not end within {self._patience.end_s:g} s and was killed"
            self._kill(one)
            if one.state != "done":
                one.state, one.told = "ended", told
                self._say(one)

    def _kill(self, kept: _Kept) -> None:
        if kept.popen is not None:
            kept.end(signal.SIGKILL)
            kept.popen.wait()

    def _say(self, kept: _Kept) -> None:
        self._tell(kept.status)
        with self._changed:
            self._changed.notify_all()


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Have SIGTERM end what goes on as Ctrl-C does, by KeyboardInterrupt; for the main thread."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leashed(argv: Sequence[str]) -> list[str]:
    if sys.platform != "linux":
        return [*argv]
    return [sys.executable, "-I", "-S", "-c", LEASH, str(os.getpid()), *argv]
