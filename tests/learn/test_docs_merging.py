"""What docs/merging.md shows runs as it stands there, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import tyro

from ludus.cli import merge as verb
from ludus.learn.merge import METHODS
from ludus.learn.merge.methods import Method

PAGE = (Path(__file__).parents[2] / "docs" / "merging.md").read_text()


def test_the_page_runs_and_gives_what_it_says() -> None:
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL):
        exec(block, names)
    assert names["merged"]["w"].tolist() == [1.75, 1.0]
    assert names["similarity"].pairs[0].cosine == pytest.approx(0.0)


def test_the_page_has_every_method_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]*(?:\\\|[^|]*)*\|[^|]*\|$", PAGE, flags=re.MULTILINE)
    assert set(rows) == set(METHODS) == set(get_args(Method))


def test_every_option_that_the_page_names_exists(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        tyro.cli(verb.main, args=["--help"])
    offered = set(re.findall(r"--[\w.-]+", capsys.readouterr().out))
    elsewhere = {"--minutes", "--role", "--out", "--policy", "--mergekit-python"}  # of other commands that it names
    assert set(re.findall(r"--[a-z][\w.-]*", PAGE)) - elsewhere <= offered
