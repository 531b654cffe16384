"""`ludus conform`: how well the Game Boy core agrees with hardware, by vectors and by test ROMs."""

from __future__ import annotations

import json as json_format
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Column, Table

from ludus.core.errors import InputError
from ludus.gameboy import conform, vectors
from ludus.gameboy.machine import check_model, usable_cpus
from ludus.gameboy.pictures import pillow

Item = TypeVar("Item")
COLOURS = {"passed": "green", "contradicted": "red", "time up": "yellow", "refused": "magenta"}


def run_vectors(files: tuple[Path, ...], /, *, json: bool = False) -> int:
    """Run single-step vectors of the SM83 and print how many pass, with the first differences; exit 1 if any fails.

    Args:
        files: .jsonl, .json or .gz, in the format of SingleStepTests/sm83.
        json: print JSON instead of text.
    """
    if not files:
        raise InputError("no file was given, expected at least one: ludus conform vectors FILE.jsonl.gz")
    reports = [vectors.run_file(path) for path in _progress(files, len(files), "vectors")]
    passed, total = sum(report.passed for report in reports), sum(report.total for report in reports)
    if json:
        print(json_format.dumps({"passed": passed, "total": total, "files": [asdict(report) for report in reports]}))
    else:
        for report in reports:
            for difference in report.differences:
                print(f"{report.file}, line {difference.line}: {difference.name}: {'; '.join(difference.what)}")
        print(f"passed {passed} of {total}")
    return 0 if passed == total else 1


def run_roms(
    folder: Path,
    /,
    *,
    expect: str = "serial:Passed",
    frames: int = conform.FRAMES,
    jobs: int = 0,
    model: str = "dmg",
    json: bool = False,
) -> int:
    """Run every .gb below a folder until what is expected is met, contradicted or time is up; exit 1 unless all pass.

    Args:
        folder: where the ROMs are, or one ROM.
        expect: serial:TEXT, text:TEXT (in the tile map), registers:B,C,D,E,H,L (at LD B,B), memory:ADDRESS=BYTES
            (memory:FF82=01!FF: FF is a failure), image (a PNG beside the ROM) or image:FOLDER.
        frames: frames until time is up.
        jobs: ROMs at a time; 0 means one for each CPU.
        model: dmg0, dmg, mgb, sgb or sgb2.
        json: print JSON instead of a table.
    """
    if frames < 1 or jobs < 0:
        raise InputError(f"--frames is {frames} and --jobs {jobs}, expected at least 1 frame and 0 jobs.")
    expectation = conform.parse_expectation(expect)
    if isinstance(expectation, conform.Image):
        pillow()  # a missing extra is better told once, before anything runs
    check_model(model)
    roms = conform.find_roms(folder, expectation)
    running = conform.run_roms(roms, expectation, frames=frames, model=model, jobs=jobs or usable_cpus())
    results = list(_progress(running, len(roms), "ROMs"))
    passed = sum(result.verdict == conform.Verdict.PASSED for result in results)
    if json:
        told = {"expect": expect, "frames": frames, "model": model, "passed": passed, "total": len(results)}
        print(json_format.dumps(told | {"results": [asdict(result) for result in results]}))
    else:
        _print_results(results, folder)
    return 0 if passed == len(results) else 1


main = {"vectors": run_vectors, "roms": run_roms}


def _print_results(results: list[conform.Result], folder: Path) -> None:
    table = Table(Column("ROM", overflow="fold"), "verdict", Column("why", overflow="fold"), "frames", "seconds")
    for result in results:
        path = Path(result.rom)
        name = str(path.relative_to(folder)) if path != folder else path.name
        verdict = f"[{COLOURS[result.verdict]}]{result.verdict}[/]"
        table.add_row(escape(name), verdict, escape(result.reason), str(result.frames), f"{result.seconds:.2f}")
    Console().print(table)
    counts = Counter(str(result.verdict) for result in results)
    rest = "".join(f", {count} {verdict}" for verdict, count in counts.items() if verdict != "passed")
    print(f"passed {counts['passed']} of {len(results)}{rest}")


def _progress(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """Go through items behind a progress bar, where somebody sees it."""
    console = Console(stderr=True)
    if not sys.stderr.isatty():
        yield from items
        return
    yield from track(items, description=what, total=total, console=console, transient=True)
