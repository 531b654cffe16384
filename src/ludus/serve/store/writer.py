"""How anything becomes durable: one thread, one transaction for all that waits, an answer only after the commit."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from ludus.serve.store.database import LostError, UnwritableError
from ludus.serve.store.rows import Store
from ludus.serve.wire import RefusedError

Result = TypeVar("Result")
LOG = logging.getLogger("ludus.serve")

MOST_WAITING = 2_000
"""Requests that wait; one more is refused."""
MOST_TOGETHER = 256
"""Requests in one transaction."""


def refusal(error: UnwritableError) -> RefusedError:
    """Give the answer to what cannot be written now."""
    return RefusedError(503, error.reason, error.told)


class Part(Protocol):
    """What has a say in every transaction of a writer."""

    def begin(self) -> None:
        """Take note that a transaction has begun."""

    def finish(self) -> None:
        """Write what it has gathered; the commit comes next."""

    def committed(self) -> None:
        """Take note that all of it is kept."""


@dataclass(slots=True)
class _Job(Generic[Result]):
    act: Callable[[], Result]
    done: Future[Result] = field(default_factory=Future)
    result: Result | None = None
    refused: Exception | None = None


class Writer:
    """The thread that writes. What is asked of it is done in order, as much as waits in one transaction."""

    def __init__(self, store: Store, part: Part) -> None:
        self._store = store
        self._part = part
        self.unwritable = False
        """The disk takes nothing just now."""
        self.lost: LostError | None = None
        """The database went away, and this process should end and begin again."""
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="ludus-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Requests that wait."""
        return self._jobs.qsize()

    def submit(self, act: Callable[[], Result]) -> Future[Result]:
        """Have something done within a transaction; its result comes after the commit.

        Raises `RefusedError` where too much waits. It may be done twice, if the transaction fails the first time: what
        it did to the store is undone by then.
        """
        if self._jobs.qsize() >= MOST_WAITING:
            raise RefusedError(503, "busy", f"{MOST_WAITING} requests wait to be written; try again in a second.")
        job = _Job(act)
        self._jobs.put(job)
        return job.done

    async def run(self, act: Callable[[], Result]) -> Result:
        """Await what `submit` does."""
        return await asyncio.wrap_future(self.submit(act))

    def close(self) -> None:
        """Do what waits, and end."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            group, last = self._group(job)
            try:
                self._commit(group)
            except Exception:  # noqa: BLE001 # each alone, so that only those fail that must
                for job in group:
                    self._alone(job)
            if last:
                return

    def _group(self, job: _Job[Any]) -> tuple[list[_Job[Any]], bool]:
        """Give all that waits, and whether the end does."""
        group = [job]
        while len(group) < MOST_TOGETHER:
            try:
                more = self._jobs.get_nowait()
            except Empty:
                break
            if more is None:
                return group, True
            group.append(more)
        return group, False

    def _alone(self, job: _Job[Any]) -> None:
        try:
            self._commit([job])
        except UnwritableError as error:
            if not self.unwritable:
                LOG.error("%s What comes is refused until then.", error)
            self.unwritable = True
            self.lost = self.lost or (error if isinstance(error, LostError) else None)
            job.done.set_exception(refusal(error))
        except Exception as error:  # noqa: BLE001 # whoever asked is told
            job.done.set_exception(error)

    def _commit(self, group: list[_Job[Any]]) -> None:
        with self._store.transaction():
            self._part.begin()
            for job in group:
                try:
                    job.result, job.refused = job.act(), None
                except RefusedError as error:  # it has written nothing
                    job.refused = error
            self._part.finish()
        self._part.committed()
        self.unwritable = False
        for job in group:
            if job.refused:
                job.done.set_exception(job.refused)
            else:
                job.done.set_result(job.result)
