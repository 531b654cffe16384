"""Ludus: a school for agents that play games from pixels."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_DOORS = {"evaluate": "ludus.run.evaluate", "verify": "ludus.run.verify"}


def __getattr__(name: str) -> Any:
    """Give a function of the loops, imported when it is first asked for: `import ludus` alone stays quick."""
    if name not in _DOORS:
        raise AttributeError(f"module 'ludus' has no attribute {name!r}")
    return getattr(import_module(_DOORS[name]), name)
