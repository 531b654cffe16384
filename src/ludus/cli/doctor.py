"""`ludus doctor`: what is installed here, and how to get what is missing."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from ludus import __version__
from ludus.core import config

ISA = ("sse4_2", "avx", "avx2", "avx512f", "neon", "asimd", "sve")
PATIENCE_S = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of the machine or of the installation."""

    name: str
    found: str | None
    """Version or description; None where it is missing."""
    purpose: str
    remedy: str = ""
    """How to get it."""
    required: bool = False


def main(*, env: bool = False, json: bool = False) -> int:
    """Show what is installed here, and how to get what is missing; exit 1 if a required part is.

    Args:
        env: show the environment variables that are read, and what they are set to, instead.
        json: print a JSON list instead of a table.
    """
    if env:
        return _show_variables(json)
    findings = list(examine())
    if json:
        _print_json(findings)
    else:
        _print_table(findings)
    return 1 if any(finding.required and finding.found is None for finding in findings) else 0


def examine() -> Iterator[Finding]:
    """Give every finding, required parts first; nothing is imported that need not be."""
    yield Finding("ludus", __version__, "this package", required=True)
    yield Finding("Python", platform.python_version(), "everything", required=True)
    yield _extension()
    for package in ("numpy", "gymnasium", "pyarrow", "jsonschema"):
        yield Finding(package, _version(package), "everything", f"pip install {package}", required=True)
    yield Finding("CPU", _cpu(), "everything", required=True)
    yield Finding("C++ compiler", _compiler(), "building the extension", "apt install g++")
    yield Finding("torch", _version("torch"), "learning", "pip install torch")
    yield Finding("PyAV", _version("av"), "videos in colour, smaller videos", "pip install 'ludus[video]'")
    yield Finding("Pillow", _version("pillow"), "pictures, in and out", "pip install 'ludus[pictures]'")
    for package in ("ale-py", "minigrid", "pygame-ce"):
        yield Finding(package, _version(package), "games of Gymnasium", "pip install 'ludus[games]'")
    yield Finding("ray", _version("ray"), "workers on many machines", "pip install 'ludus[ray]'")
    yield Finding("pyboy", _version("pyboy"), "side-by-side benchmarks", "pip install 'ludus[bench]'")
    yield Finding("sdcc", _release("sdcc", "--version"), "building the built-in game", "apt install sdcc")
    yield Finding("ffmpeg", _release("ffmpeg", "-version"), "looking at videos by hand", "apt install ffmpeg")
    yield Finding("CUDA device", _cuda_device(), "stepping and learning on a GPU", "an NVIDIA GPU and its driver")
    yield Finding("nvcc", _release("nvcc", "--version"), "debugging CUDA kernels", "NVIDIA's CUDA toolkit")


def _extension() -> Finding:
    try:
        path = import_module("ludus.gameboy._native").__file__
    except ImportError as error:
        return Finding("extension", None, "the Game Boy core", f"pip install . ({error})", required=True)
    return Finding("extension", Path(str(path)).name, "the Game Boy core", required=True)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _compiler() -> str | None:
    return next(filter(None, (_release(name, "--version") for name in ("c++", "g++", "clang++"))), None)


def _cuda_device() -> str | None:
    return _output("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")


def _cpu() -> str:
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    flags = _cpu_flags()
    isa = " ".join([platform.machine(), *(name for name in ISA if name in flags)])
    return f"{cores} cores, {isa}"


def _cpu_flags() -> set[str]:
    info = Path("/proc/cpuinfo")
    return set(info.read_text().split()) if info.exists() else set()


def _output(*command: str) -> str | None:
    """Give what a program prints, None where it is absent; of one that fails, how."""
    if shutil.which(command[0]) is None:
        return None
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        return f"installed, but {error}"


def _release(*command: str) -> str | None:
    """Give the version in what a program prints, or all of it where there is none."""
    text = _output(*command)
    number = re.search(r"\d+\.\d+[\d.]*", text or "")
    return number.group() if number else text


def _show_variables(as_json: bool) -> int:
    there = config.environment()
    if as_json:
        print(json.dumps([asdict(known) | {"value": there.get(known.name)} for known in config.VARIABLES], indent=2))
        return 0
    table = Table(Column("variable", no_wrap=True), Column("setting", overflow="fold"), "value here", "what")
    for known in config.VARIABLES:
        value = there.get(known.name)
        table.add_row(known.name, known.setting, "[dim]not set[/]" if value is None else escape(value), known.meaning)
    Console().print(table)
    return 0


def _print_json(findings: list[Finding]) -> None:
    print(json.dumps([asdict(finding) for finding in findings], indent=2))


def _print_table(findings: list[Finding]) -> None:
    table = Table("part", Column("found", overflow="fold"), "used for", "how to get it")
    for finding in findings:
        missing = "[bold red]missing[/]" if finding.required else "[yellow]none[/]"
        found = escape(finding.found) if finding.found else missing
        table.add_row(finding.name, found, finding.purpose, "" if finding.found else escape(finding.remedy))
    Console().print(table)
