"""What docs/feats.md shows is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ludus.core.events import ALIASES
from ludus.feats.feat import USUAL_SCORES
from ludus.feats.loader import SCHEMA, parse_feats
from ludus.feats.parse import OPERATORS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "feats.md").read_text()


def blocks(language: str) -> list[str]:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return found


def test_every_feat_and_predicate_that_the_page_shows_is_one() -> None:
    shown = [json.loads(block) for block in blocks("json")]
    assert len(shown) == 5
    for told in shown:
        bare = {"id": "a", "name": "A", "predicate": told}
        assert parse_feats(json.dumps([told if "id" in told else bare]))


def test_the_page_names_every_operator_field_score_and_older_name() -> None:
    schema = json.loads(SCHEMA.read_text())["$defs"]
    assert set(OPERATORS) | {"reset_if"} == schema["predicate"]["properties"].keys()
    for name in [*schema["predicate"]["properties"], *schema["feat"]["properties"], *USUAL_SCORES, *ALIASES]:
        assert re.search(rf'[`"]{name}[`"]', PAGE), name


def test_the_python_of_the_page_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (block,) = blocks("python")
    exec(block, {})
    unlocked, progress = capsys.readouterr().out.rsplit(" ", 1)
    assert "minor.pots.20_in_run" in unlocked and float(progress) == 0.0
