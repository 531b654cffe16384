from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ludus.core.types import Episode
from ludus.episodes import manifest
from ludus.episodes.plot import ticks
from ludus.episodes.report import page, write_report
from tests.episodes.lines import clip, clip_file, line, no_video, video_file

SESSION = {"started": "2026-01-31T23:59:59.000Z", "versions": {"ludus": "0.1.0"}, "git": None}
TOLD: dict[str, Any] = {
    "run_id": "walk-00000000",
    "facts": {"world": {"id": "walk", "tick_hz": 24.0}},
    "sessions": [SESSION],
}
VOID = {"meta", "link", "img", "br"}


class Tree(HTMLParser):
    """Checks that what is opened is closed, and keeps what is linked."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("href", "src", "poster") and value:
                self.links.append(value)
            if name == "id" and value:
                self.ids.append(value)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def episodes(count: int = 3, **more: Any) -> list[Episode]:
    one = manifest.from_json(line(**more))
    return [replace(one, id=f"walk__{k}__{k}", seed=k, index=k, total=float(k - 1)) for k in range(count)]


def parsed(told: list[Episode], thumbs: set[str] | None = None) -> tuple[str, Tree]:
    text, tree = page(TOLD, told, thumbs or set()), Tree()
    tree.feed(text)
    assert tree.open == []
    return text, tree


def test_a_page_has_a_card_for_every_episode_and_a_dot_that_leads_there() -> None:
    text, tree = parsed(episodes())
    assert tree.ids == ["walk__0__0", "walk__1__1", "walk__2__2"]
    assert {f"#{name}" for name in tree.ids} <= set(tree.links)
    assert text.count("<circle") == 3
    for word in ("<b>1</b>", "<b>\N{MINUS SIGN}1</b>", "arrived", "3 steps, 3.0 s, ended", "seeds 0 to 2"):
        assert word in text


def test_nothing_is_fetched_and_nothing_runs() -> None:
    text, tree = parsed(episodes(video=video_file()), {"walk__0__0"})
    assert not re.search(r"<script|https?://|@import|url\(", text)
    assert all(not link.startswith(("/", "file:", "..")) for link in tree.links)


def test_a_film_is_shown_with_a_thumbnail_before_it() -> None:
    text, _ = parsed(episodes(1, video=video_file()), {"walk__0__0"})
    assert '<video src="videos/walk__7__0.mp4" poster="thumbs/walk__0__0.png" preload="none" controls' in text


def test_without_a_film_the_thumbnail_stands_alone() -> None:
    text, _ = parsed(episodes(1), {"walk__0__0"})
    assert '<img src="thumbs/walk__0__0.png"' in text
    assert "this World shows no pictures" in parsed(episodes(1))[0]


def test_a_video_that_failed_tells_its_reason_and_one_that_was_not_asked_for_does_not() -> None:
    assert "no video, disk-full: why" in parsed(episodes(1, video=no_video("disk-full")))[0]
    assert "no video, " not in parsed(episodes(1))[0]
    told = video_file(renderer="synthetic", fallback_reason={"code": "renderer-unavailable", "detail": "only vectors"})
    assert "synthetic video: only vectors" in parsed(episodes(1, video=told))[0]


def test_a_verdict_leads_to_its_clip() -> None:
    _, tree = parsed(episodes(1, clips=[clip_file()]))
    assert "clips/walk__7__0__f0-3__arrived.mp4" in tree.links
    assert "<li>arrived</li>" in parsed(episodes(1, clips=[clip()]))[0]


def test_what_games_and_judges_say_is_text_not_markup() -> None:
    verdict = line()["verdicts"][0] | {"name": "<script>alert(1)</script>"}
    text, _ = parsed(episodes(1, verdicts=[verdict], policy="<b>mine</b>"))
    assert "&lt;script&gt;" in text and "<script>" not in text
    assert "&lt;b&gt;mine" in text


def test_a_thousand_episodes_are_one_page_of_moderate_size() -> None:
    text, _ = parsed(episodes(1000))
    assert len(text) < 1_500_000


def test_the_page_lies_beside_the_manifest(tmp_path: Path) -> None:
    assert write_report(tmp_path, TOLD, episodes()) == tmp_path / "report.html"
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 0, [0.0, 0.5, 1.0]), (-5, 4, [-5, 0, 5]), (0, 27, [0, 10, 20, 30]), (-0.3, 0.1, [-0.3, -0.2, -0.1, 0, 0.1])],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    found = ticks(low, high, 4)
    assert found[0] <= low and high <= found[-1]
    if (low, high) != (0, 0):
        assert found == expected


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9))
def test_ticks_cover_what_there_is(low: float, span: float) -> None:
    found = ticks(low, low + span, 4)
    slack = 1e-6 * max(abs(low), span, 1.0)
    assert found[0] <= low + slack and low + span <= found[-1] + slack
    assert 2 <= len(found) <= 8
