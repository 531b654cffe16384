"""The site is built of the pages and of the code, whole, and fetches nothing."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ludus.cli import VERBS, main
from ludus.core.config import VARIABLES
from ludus.learn.ppo import PpoConfig

ROOT = Path(__file__).parents[1]
FETCHED = re.compile(
    r"<(?:script|img|iframe|source|video)\b[^>]*\bsrc=[\"']?(https?:)?//|<link\b[^>]*href=[\"']?https?://"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the site, built without a network: a page, link or anchor that is missing is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", "configs/mkdocs.yml"]
    away = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        [*command, "--site-dir", str(folder)], cwd=ROOT, capture_output=True, text=True, env=away | {"PATH": ""}
    )
    assert done.returncode == 0, done.stderr
    return folder


def words(page: Path) -> str:
    """Give what a page says, without its markup."""
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text()))


def test_every_page_is_there(site: Path) -> None:
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")} | {"LOG"}
    assert pages <= {path.stem for path in site.glob("*.html")}


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 20
    assert [path.name for path in pages if FETCHED.search(path.read_text())] == []
    assert "@import" not in (site / "site.css").read_text()


def test_the_command_line_is_told_as_it_helps_itself(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = words(site / "reference/cli.html")
    assert all(f"ludus {verb}" in told and summary[1:] in told for verb, summary in VERBS.items())
    for command in ("eval", "serve", "goal capture"):
        with pytest.raises(SystemExit):
            main([*command.split(), "--help"])
        options = set(re.findall(r"^\W*(--\w[\w-]+)", capsys.readouterr().out, flags=re.MULTILINE))
        assert len(options) > 5
        assert {option for option in options if option not in told} == set()


def test_settings_and_variables_are_those_of_the_code(site: Path) -> None:
    settings, variables = words(site / "reference/settings.html"), words(site / "reference/environment.html")
    assert all(f"ppo.{name}" in settings for name in PpoConfig.model_fields)
    assert str(PpoConfig().epochs) in settings
    assert all(known.name in variables and known.meaning.replace("`", "") in variables for known in VARIABLES)


def test_every_route_and_body_is_told(site: Path) -> None:
    told = words(site / "reference/http.html")
    document = json.loads((site / "reference/openapi.json").read_text())
    for path, methods in document["paths"].items():
        assert all(f"{method.upper()} {path}" in told for method in methods), path
    assert "POST /events" in told
    assert all(name in told for name in ("BatchBody", "Refusal", "Unlock"))


def test_python_is_told_by_its_docstrings(site: Path) -> None:
    told = words(site / "reference/python/core.html")
    assert "What a step or a reset led to, for all lanes." in told
    for room in ("gameboy", "episodes", "feats", "goals", "learn", "run"):
        assert f"ludus.{room}." in words(site / f"reference/python/{room}.html")


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium to open the site")
def test_search_works_from_disk(site: Path) -> None:
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", "--dump-dom"]
    address = f"{(site / 'index.html').as_uri()}?q=dedupe"
    done = subprocess.run(["chromium", *options, address], capture_output=True, text=True, timeout=120, check=True)
    found = re.findall(r'href="[^"?]*/(\w+\.html)[^"]*" class="md-search-result__link"', done.stdout)
    assert "feats.html" in found
