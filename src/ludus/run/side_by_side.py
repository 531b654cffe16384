"""Pieces of work in processes of their own, so many at a time; what each tells comes back as it tells it."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from ludus.core.errors import InputError, LudusError
from ludus.run.workers import end_with_parent

Tell = Callable[[Any], None]
Work = Callable[[Tell], None]
"""A picklable piece of work, which tells whatever can be pickled."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a piece of work gave up, as it can be sent."""

    told: str
    refused: bool
    """It is a `LudusError`, so the sentence is enough."""


def side_by_side(works: Sequence[Work], on_told: Callable[[int, Any], None], *, processes: int) -> None:
    """Do all works, with one process in this very one; on_told gets what each tells, with its place in the sequence.

    The first that fails ends the others. Raises its `LudusError`, or `LudusError` where a process ended by itself.
    """
    if processes < 1:
        raise InputError(f"processes is {processes}, expected 1 or more.")
    if processes == 1:
        for number, work in enumerate(works):
            work(partial(on_told, number))
        return
    context = multiprocessing.get_context("spawn")
    waiting = deque(enumerate(works))
    crew: dict[Connection, tuple[int, SpawnProcess]] = {}
    try:
        while waiting or crew:
            while waiting and len(crew) < processes:
                number, work = waiting.popleft()
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(theirs, work))
                process.start()
                theirs.close()  # so that the end of the process is the end of the pipe
                crew[ours] = (number, process)
            for ready in wait(list(crew)):
                assert isinstance(ready, Connection)
                number, process = crew[ready]
                try:
                    told = ready.recv()
                except EOFError:
                    _check_end(process)
                    ready.close()
                    del crew[ready]
                    continue
                if isinstance(told, _Failure):
                    raise LudusError(told.told) if told.refused else RuntimeError(told.told)
                on_told(number, told)
    finally:
        for connection, (_, process) in crew.items():
            process.terminate()
            process.join()
            connection.close()


def _check_end(process: SpawnProcess) -> None:
    process.join()
    if process.exitcode:
        raise LudusError(
            f"a process ended with exit code {process.exitcode} before its work was done; what is written stays, and "
            "the same command goes on."
        )


def _work(connection: Connection, work: Work) -> None:
    """Do a piece of work, and tell how it failed if it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends the others
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        work(connection.send)
    except LudusError as error:
        connection.send(_Failure(str(error), refused=True))
    except Exception:  # noqa: BLE001 - the edge of a process: all that it can do is to tell
        connection.send(_Failure(traceback.format_exc(), refused=False))
