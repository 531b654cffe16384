"""The rules of the house that no other tool checks."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAX_ROOT_NAMES = 14
MAX_FILE_LINES = 340
MAX_FUNCTION_LINES = 60
LISTINGS = ROOT / "tests" / "gameboy" / "micro_roms"  # assembly programs: as long as they are many
SOURCES = sorted({*ROOT.glob("src/**/*.py"), *ROOT.glob("tests/**/*.py")} - {*LISTINGS.glob("*.py")})


def test_the_root_holds_few_visible_names() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: build products cannot be told from what is committed")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = {Path(line).parts[0] for line in listed.splitlines()}
    visible = sorted(name for name in names if not name.startswith("."))
    assert 0 < len(visible) <= MAX_ROOT_NAMES, visible


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_short(path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) <= MAX_FILE_LINES
    long = [f"{node.name} has {lines}" for node, lines in _functions(ast.parse(source)) if lines > MAX_FUNCTION_LINES]
    assert not long


def _functions(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node, (node.end_lineno or node.lineno) - node.lineno + 1
