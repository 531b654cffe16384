"""A run at a glance: one static page beside the manifest that opens from disk, with relative links and no script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from ludus.core import files
from ludus.core.types import Episode
from ludus.episodes.plot import returns_plot
from ludus.episodes.store import REPORT, THUMBS
from ludus.episodes.summary import Summary, summarize

STYLE = Path(__file__).with_name("report.css")


def write_report(root: Path, told: Mapping[str, Any], episodes: Sequence[Episode]) -> Path:
    """Write the page of a run and give its path. told: what `run.json` holds; there is at least one episode."""
    thumbs = {path.stem for path in (root / THUMBS).glob("*.png")}
    path = root / REPORT
    files.write_atomic(path, page(told, episodes, thumbs).encode())
    return path


def page(told: Mapping[str, Any], episodes: Sequence[Episode], thumbs: set[str]) -> str:
    """Give the page as HTML. thumbs: ids of the episodes that have a thumbnail."""
    summary, first = summarize(episodes), episodes[0]
    game = str(told["facts"]["world"]["id"]).removeprefix("gameboy:")
    cards = "\n".join(_card(episode, told, pictured=episode.id in thumbs) for episode in episodes)
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(game)} by {escape(first.policy)}</title>
<style>
{files.read_text(STYLE)}</style>
<header>
<h1>{escape(game)} <small>by {escape(first.policy)}</small></h1>
<p>{_origin(told, episodes)}</p>
</header>
<main>
{_figures(summary)}
{returns_plot(episodes, summary)}
{_legend(episodes, summary)}
{_verdicts(summary)}<h2>Episodes</h2>
<ul class="episodes">
{cards}
</ul>
</main>
<footer><code>ludus verify</code> plays these episodes again and compares them. The lines behind this page are in
<a href="episodes.jsonl">episodes.jsonl</a>, the settings in <a href="run.json">run.json</a>.</footer>
</html>
"""


def _origin(told: Mapping[str, Any], episodes: Sequence[Episode]) -> str:
    session = told["sessions"][-1]
    seeds = [episode.seed for episode in episodes]
    parts = [
        told["run_id"],
        f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {min(seeds)} to {max(seeds)}",
        session["started"][:16].replace("T", " ") + " UTC",
        f"ludus {session['versions']['ludus']}",
    ]
    if git := session["git"]:
        parts.append(f"git {git['commit'][:10]}{', with changes' if git['dirty'] else ''}")
    return " · ".join(map(escape, parts))


def _figures(summary: Summary) -> str:
    sure = "of one episode" if summary.low is None else f"95 %: {summary.low:.2f} to {summary.high:.2f}"
    ends = [f"{count} {name}" for name, count in summary.ends.items() if count]
    videos = [f"{count} {name}" for name, count in summary.videos.items()]
    figures = [
        ("Mean return", _number(f"{summary.mean:.2f}"), _number(sure)),
        ("Least and most", _number(f"{summary.least:g} · {summary.most:g}"), f"{summary.episodes} episodes"),
        ("Mean length", f"{summary.mean_steps:.1f}", f"steps, {summary.steps:,} in all"),
        ("Ends", *_first_and_rest(ends or ["none"])),
        ("Video", *_first_and_rest(videos)),
    ]
    if summary.verdicts:
        figures.append(("Verdicts", f"{sum(summary.verdicts.values())}", f"{len(summary.verdicts)} kinds"))
    rows = [
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(more)}</small></dd></div>"
        for name, value, more in figures
    ]
    return "\n".join(['<dl class="figures">', *rows, "</dl>"])


def _first_and_rest(told: Sequence[str]) -> tuple[str, str]:
    return told[0], ", ".join(told[1:])


def _legend(episodes: Sequence[Episode], summary: Summary) -> str:
    parts = []
    if any(episode.terminated for episode in episodes):
        parts.append("<i></i>the game ended")
    if any(not episode.terminated for episode in episodes):
        parts.append('<i class="truncated"></i>cut off')
    if summary.low is not None:
        parts.append('<i class="band"></i>mean and its 95 % interval')
    return f'<p class="legend">{"".join(parts)}</p>'


def _verdicts(summary: Summary) -> str:
    if not summary.verdicts:
        return ""
    named = sorted(summary.verdicts.items(), key=lambda item: (-item[1], item[0]))
    chips = "".join(f"<li>{escape(name)} <b>{count}</b></li>" for name, count in named)
    return f'<h2>Verdicts</h2>\n<ul class="verdicts">{chips}</ul>\n'


def _card(episode: Episode, told: Mapping[str, Any], *, pictured: bool) -> str:
    seconds = episode.ticks / told["facts"]["world"]["tick_hz"]
    end = "ended" if episode.terminated else '<span class="cut">cut off</span>'
    named = dict.fromkeys(verdict["name"] for verdict in episode.verdicts)
    clips = {clip.tag: clip.path for clip in reversed(episode.clips) if clip.path}
    verdicts = "".join(f"<li>{_verdict(name, clips.get(name))}</li>" for name in named)
    links = " · ".join(
        f'<a href="{escape(artefact.path)}">{escape(name)}</a>' for name, artefact in episode.files.items()
    )
    return f"""<li id="{escape(episode.id)}">
{_screen(episode, pictured=pictured)}
<div class="told">
<h3><b>{_number(f"{episode.total:g}")}</b><span>episode {episode.index}, seed {episode.seed}</span></h3>
<p>{episode.steps:,} steps, {_clock(seconds)}, {end}</p>
{_video_told(episode.video)}{f"<ul>{verdicts}</ul>" if verdicts else ""}<p>{links}</p>
</div>
</li>"""


def _verdict(name: str, clip: str | None) -> str:
    """Give a verdict's name, with its film where there is one."""
    return (
        escape(name)
        if clip is None
        else f'<a href="{escape(clip)}">{escape(name)} \N{BLACK RIGHT-POINTING TRIANGLE}</a>'
    )


def _screen(episode: Episode, *, pictured: bool) -> str:
    thumb = f"{THUMBS}/{escape(episode.id)}.png"
    video = episode.video
    if video["status"] == "ok":
        poster = f' poster="{thumb}" preload="none"' if pictured else ' preload="metadata"'
        source = escape(video["path"])
        film = f'<video src="{source}"{poster} controls loop muted playsinline></video>'
        return f'<div class="screen film{"" if pictured else " none"}">{film}</div>'
    if pictured:
        return f'<div class="screen"><img src="{thumb}" alt="a frame of {escape(episode.id)}" loading="lazy"></div>'
    return '<div class="screen none">this World shows no pictures</div>'


def _video_told(video: Mapping[str, Any]) -> str:
    """Give what there is to say of the video: why there is none, or why it is not what was asked for."""
    if fallback := video.get("fallback_reason"):
        return f"<p>{escape(video['renderer'])} video: {escape(fallback['detail'])}</p>\n"
    reason = video.get("reason")
    if not reason or reason["code"] == "disabled":
        return ""
    return f'<p class="bad">no video, {escape(reason["code"])}: {escape(reason["detail"])}</p>\n'


def _number(text: str) -> str:
    """Give text with its minus signs as they are printed."""
    return text.replace("-", "\N{MINUS SIGN}")


def _clock(seconds: float) -> str:
    """Give game time as people say it."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02} s"
