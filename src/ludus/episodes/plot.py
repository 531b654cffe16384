"""A small plot of returns as SVG that stands inside a page and takes its colours from there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from ludus.core.types import Episode
from ludus.episodes.summary import Summary

WIDTH, HEIGHT = 920, 220
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 10, 22
TICKS = 4
DOT, DOT_LEAST = 4.0, 1.6


def returns_plot(episodes: Sequence[Episode], summary: Summary) -> str:
    """Give a dot for every episode, in their order, with the mean and its 95 % interval; a dot links to its card."""
    levels = ticks(min(summary.least, 0.0), max(summary.most, 0.0), TICKS)
    low, high = levels[0], levels[-1]

    def x(index: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (index + 0.5) / len(episodes)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - value) / (high - low)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Returns of {len(episodes)} episodes">']
    for level in levels:
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(level):.1f}" y2="{y(level):.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(level) + 4:.1f}" text-anchor="end">{_plain(level)}</text>')
    if summary.low is not None and summary.high is not None:
        top, height = y(summary.high), max(y(summary.low) - y(summary.high), 1.0)
        parts.append(
            f'<rect class="band" x="{LEFT}" width="{WIDTH - LEFT - RIGHT}" y="{top:.1f}" height="{height:.1f}"/>'
        )
    mean = y(summary.mean)
    parts.append(f'<line class="mean" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{mean:.1f}" y2="{mean:.1f}"/>')
    radius = max(DOT_LEAST, min(DOT, 0.35 * (WIDTH - LEFT - RIGHT) / len(episodes)))
    for place, episode in enumerate(episodes):
        kind = "terminated" if episode.terminated else "truncated"
        told = f"{episode.id}: return {episode.total:g}, {episode.steps} steps, {kind}"
        parts.append(
            f'<a href="#{escape(episode.id)}"><circle class="{kind}" cx="{x(place):.1f}" cy="{y(episode.total):.1f}" '
            f'r="{radius:.1f}"><title>{escape(told)}</title></circle></a>'
        )
    for place in sorted({0, len(episodes) - 1}):
        anchor = "start" if place == 0 else "end"
        edge = LEFT if place == 0 else WIDTH - RIGHT
        parts.append(f'<text x="{edge}" y="{HEIGHT - 4}" text-anchor="{anchor}">{episodes[place].index}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle:.1f}" y="{HEIGHT - 4}" text-anchor="middle">return by episode</text>')
    return "\n".join([*parts, "</svg>"])


def _plain(number: float) -> str:
    return f"{number:g}".replace("-", "\N{MINUS SIGN}")


def ticks(low: float, high: float, count: int) -> list[float]:
    """Give round numbers from at most low to at least high, some `count` steps: 1, 2 or 5 times a power of 10."""
    least = 1e-9 * max(abs(low), abs(high), 1e-9)
    span = high - low if high - low > least else max(abs(low), 1.0)
    raw = span / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    return [round(number * step, 12) for number in range(first, last + 1)]
