"""Files beneath a folder, opened part by part, so that no link leads out of it, not even one that comes just then."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

from ludus.core.errors import InputError

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""A pipe would wait for who writes to it."""


class NotPlainError(InputError):
    """What is to be opened is no plain file, or a link leads to it."""


def open_beneath(folder: Path, name: str) -> BinaryIO:
    """Open a file by its name beneath a folder, with slashes, to read it.

    The folder may be a link, nothing beneath it may. Raises `NotPlainError`, and `OSError` where there is none.
    """
    *folders, last = name.split("/")
    if not {"", ".", ".."}.isdisjoint([*folders, last]) or "\0" in name:
        raise NotPlainError(f"{name[:80]!r} is no name beneath a folder, expected parts with '/' between them.")
    at = [os.open(folder, FOLDER)]
    try:
        for part in folders:
            at.append(os.open(part, FOLDER | os.O_NOFOLLOW, dir_fd=at[-1]))
        opened = os.open(last, FILE, dir_fd=at[-1])
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO):
            raise NotPlainError(f"{name[:80]!r} is a link, or behind one; only plain files are opened.") from error
        raise
    finally:
        for descriptor in at:
            os.close(descriptor)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise NotPlainError(f"{name[:80]!r} is no plain file; only those are opened.")
    return os.fdopen(opened, "rb")


class OpenedResponse(FileResponse):
    """Answers with a file that is open already, in ranges too, and closes it."""

    def __init__(self, file: BinaryIO, **told: Any) -> None:
        # By this name the system gives the file that is open, whatever has become of its own name.
        super().__init__(f"/dev/fd/{file.fileno()}", stat_result=os.fstat(file.fileno()), **told)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()
