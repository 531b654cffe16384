"""What Ludus raises at its doors.

    LudusError
    ├── InputError             what was given cannot be used
    │   ├── ActionError        an action of a wrong shape, dtype or value
    │   ├── AncestryError      checkpoints that come from no common one
    │   ├── SettingsError      a setting that is unknown, missing or of the wrong type
    │   └── FileFormatError    a file that does not hold what its format asks for
    │       ├── RomError       not a cartridge that can be played
    │       ├── StateError     not a saved state, damaged, or of another World
    │       └── TraceError     not a trace
    ├── LaneEndedError         a lane was stepped after its episode ended
    ├── ClosedError            a World was used after `close`
    ├── DivergedError          training met NaN or infinities
    └── MissingExtraError      an optional part is not installed

A message is one sentence or two: the place (file, line, key or argument), the value, what was expected, and what
to do next. `except LudusError` catches them all; the command line prints the message and exits with 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class LudusError(Exception):
    """Anything that Ludus itself refuses or cannot do; it can be pickled, whatever its `__init__` takes."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _remake, (type(self), self.args, self.__dict__)


def _remake(kind: type[LudusError], args: tuple[Any, ...], told: dict[str, Any]) -> LudusError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(told)
    return error


class InputError(LudusError):
    """What was given cannot be used."""


class ActionError(InputError):
    """An action has a wrong shape, dtype or value."""


class AncestryError(InputError):
    """Checkpoints come from no common one, so there is nothing that they could be merged into."""


class SettingsError(InputError):
    """A setting is unknown, missing or of the wrong type."""


class FileFormatError(InputError):
    """A file does not hold what its format asks for."""


class RomError(FileFormatError):
    """A file is not a cartridge that can be played."""


class StateError(FileFormatError):
    """Bytes are not a saved state, are damaged, or belong to another World."""


class TraceError(FileFormatError):
    """A file is not a trace."""


class LaneEndedError(LudusError):
    """A lane was stepped after its episode ended."""


class ClosedError(LudusError):
    """A World was used after it was closed."""


class DivergedError(LudusError):
    """Training met NaN or infinities."""


class MissingExtraError(LudusError):
    """An optional part is not installed."""

    def __init__(self, package: str, *, extra: str) -> None:
        super().__init__(f"{package} is not installed; run: pip install 'ludus[{extra}]'")


def nearest(name: str, known: Iterable[str]) -> str:
    """Give the end of a sentence about an unknown name: the nearest known name, else all of them."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known are: {', '.join(names)}." if names else "nothing is known there."
