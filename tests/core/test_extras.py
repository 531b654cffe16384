from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from ludus import cli
from ludus.core.errors import MissingExtraError
from ludus.core.extras import PACKAGES, from_extra

ROOT = Path(__file__).parents[2]
CALLED = {"av": "av", "starlette": "fastapi", "torch": "torch"}
"""How an extra names what is called otherwise, or comes with another package."""


@pytest.mark.parametrize("module", PACKAGES)
def test_the_extra_that_is_named_brings_the_package(module: str) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    package, extra = PACKAGES[module]
    brought = {re.split(r"[\[>=<]", line)[0].lower() for line in extras[extra]}
    assert CALLED.get(module, package).lower() in brought


def test_a_package_that_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    told = r"Pillow is not installed; run: pip install 'ludus\[pictures\]'"
    with pytest.raises(MissingExtraError, match=told), from_extra():
        from PIL import Image  # noqa: F401


@pytest.mark.parametrize("name", ["ludus.nowhere", "fastapi.nowhere", "json.nowhere"])
def test_an_import_that_no_extra_mends_is_raised_as_it_is(name: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=name), from_extra():
        __import__(name)


def test_a_fault_in_an_import_is_raised_as_it_is() -> None:
    with pytest.raises(ImportError, match="cannot import name 'Nobody'"), from_extra():
        from ludus.core.errors import Nobody  # type: ignore[attr-defined]  # noqa: F401


def test_a_verb_whose_import_fails_by_our_fault_is_not_called_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ludus.cli.up", raising=False)
    monkeypatch.setitem(sys.modules, "ludus.serve.lab.up", None)
    with pytest.raises(ModuleNotFoundError, match=r"ludus\.serve\.lab\.up"):
        cli.main(["up", "potyard"])


def test_a_verb_that_lacks_a_package_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "ludus.cli.train", raising=False)
    monkeypatch.delitem(sys.modules, "ludus.run.train", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert cli.main(["train", "potyard"]) == 2
    assert capsys.readouterr().err == "ludus: PyTorch is not installed; run: pip install 'ludus[learn]'\n"
