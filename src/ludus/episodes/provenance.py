"""Where a run comes from: versions, the state of the code, the machine. It is recorded and never compared."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
import sys
from typing import Any

from ludus import __version__
from ludus.core.clock import SystemClock

PACKAGES = ("numpy", "gymnasium", "pyarrow", "ale-py", "minigrid", "av", "torch")
PATIENCE_S = 10


def provenance() -> dict[str, Any]:
    """Give when, by which command, with which versions and on which machine this process runs."""
    return {
        "started": SystemClock().stamp(),
        "argv": list(sys.argv),
        "versions": versions(),
        "git": git_state(),
        "platform": {"system": platform.platform(), "machine": platform.machine(), "python": platform.python_version()},
    }


def versions() -> dict[str, str]:
    """Give the versions of Ludus and of the packages that have a part in what is played and recorded."""
    found = {"ludus": __version__}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def git_state() -> dict[str, Any] | None:
    """Give the commit of the working directory and whether it has changes; None outside a checkout or without git."""
    head, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--untracked-files=no")
    return None if head is None or changes is None else {"commit": head, "dirty": bool(changes)}


def _git(*command: str) -> str | None:
    try:
        done = subprocess.run(["git", *command], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
