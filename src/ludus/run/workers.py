"""Worker processes: each plays every W-th episode of a batch and hands over what it has written."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from ludus.core.errors import InputError, LudusError
from ludus.core.types import Episode
from ludus.run.recording import Plan, record

Group = list[Episode]


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a worker gave up, as it can be sent."""

    told: str
    refused: bool
    """It is a `LudusError`, so the sentence is enough."""


def record_all(plan: Plan, indices: Sequence[int], *, workers: int) -> Iterator[Group]:
    """Play the episodes of these places in this process, or in several, and give them as `record` does.

    Raises what a worker raised, and `LudusError` where one ended without a word.
    """
    workers = min(workers, len(indices))
    if workers <= 1:
        yield from record(plan, indices)
        return
    plan = replace(plan, threads=max(1, (plan.threads or 1) // workers))
    _check_picklable(plan)
    context = multiprocessing.get_context("spawn")
    crew: dict[Connection, SpawnProcess] = {}
    try:
        for number in range(workers):
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(theirs, plan, indices[number::workers]), daemon=True)
            process.start()
            theirs.close()  # so that the end of the process is the end of the pipe
            crew[ours] = process
        yield from _gather(crew)
    finally:
        for connection, process in crew.items():
            process.terminate()
            process.join()
            connection.close()


def _gather(crew: dict[Connection, SpawnProcess]) -> Iterator[Group]:
    open_pipes = list(crew)
    while open_pipes:
        for ready in wait(open_pipes):
            assert isinstance(ready, Connection)
            try:
                message = ready.recv()
            except EOFError:
                message = _silence(crew[ready])
            if isinstance(message, _Failure):
                raise LudusError(message.told) if message.refused else RuntimeError(message.told)
            if message is None:
                open_pipes.remove(ready)
            else:
                yield message


def _silence(process: SpawnProcess) -> _Failure:
    process.join()
    told = f"a worker process ended with exit code {process.exitcode} before its episodes were played; what is written"
    return _Failure(f"{told} stays, and the same command goes on.", refused=True)


def _work(connection: Connection, plan: Plan, indices: Sequence[int]) -> None:
    """Play and send, until done."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends its workers
    threading.Thread(target=end_with_parent, daemon=True).start()
    message: _Failure | None = None
    try:
        for group in record(plan, indices):
            connection.send(group)
    except BrokenPipeError:
        return
    except LudusError as error:
        message = _Failure(str(error), refused=True)
    except Exception:  # noqa: BLE001 - the edge of a process: all that it can do is to tell
        message = _Failure(traceback.format_exc(), refused=False)
    connection.send(message)


def end_with_parent() -> None:
    """End this process at once when its parent has ended: whoever goes on with the run is to find it alone."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _check_picklable(plan: Plan) -> None:
    try:
        pickle.dumps(plan)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(
            f"workers need a policy and judges that can be pickled: {error}; give them by name, or say workers=1."
        ) from error
