"""Curves and dots as an SVG file that stands by itself, on light pages and on dark ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from ludus.episodes.plot import ticks

WIDTH, HEIGHT = 440, 280
LEFT, RIGHT, TOP, BOTTOM = 52, 26, 30, 44
COLUMNS = 2
LINES = 18
"""Pixels of a line of the legend."""
COLOURS = ("#2f6fde", "#d9572b", "#2a9d68", "#9a5bd0", "#b8860b", "#5f6b7a")
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #333 } .title { font-weight: 600 } .grid { stroke: #8884 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } }"""


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one name."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    band: tuple[Sequence[float], Sequence[float]] | None = None
    """The least and the most that y may be at each x."""
    dots: bool = False
    """Points by themselves, rather than a line through them."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes. At least one series has a point."""

    title: str
    series: Sequence[Series]
    x_name: str = ""
    log: bool = False
    """x goes by powers of ten; it is above 0 then."""
    x_labels: Mapping[float, str] = field(default_factory=dict)
    """What to write below these x instead of numbers."""


def svg(panels: Sequence[Panel]) -> str:
    """Give a picture of all panels, two in a row, and below them a legend where there are names."""
    rows = -(-len(panels) // COLUMNS)
    names = list(dict.fromkeys(each.name for panel in panels for each in panel.series if each.name))
    width, height = min(len(panels), COLUMNS) * WIDTH, rows * HEIGHT + LINES * len(names)
    colours = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)} | {"": COLOURS[0]}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(", ".join(panel.title for panel in panels))}"><style>{STYLE}</style>'
    ]
    for place, panel in enumerate(panels):
        at = f"translate({place % COLUMNS * WIDTH} {place // COLUMNS * HEIGHT})"
        parts += [f'<g transform="{at}">', *_panel(panel, colours), "</g>"]
    for place, name in enumerate(names):
        y = rows * HEIGHT + LINES * place
        parts.append(f'<rect x="{LEFT}" y="{y}" width="12" height="12" rx="2" fill="{colours[name]}"/>')
        parts.append(f'<text x="{LEFT + 18}" y="{y + 11}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _panel(panel: Panel, colours: Mapping[str, str]) -> list[str]:
    bands = [values for each in panel.series if each.band for values in each.band]
    ys = [y for values in (*(each.y for each in panel.series), *bands) for y in values]
    xs = [_x(x, panel) for each in panel.series for x in each.x]
    levels = ticks(min(ys), max(ys), 5)
    marks = _marks(min(xs), max(xs), panel)
    left, right = min([*marks, *xs]), max([*marks, *xs])
    if panel.x_labels or left == right:
        left, right = left - 0.5, right + 0.5

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - left) / (right - left)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (levels[-1] - value) / (levels[-1] - levels[0])

    parts = [f'<text class="title" x="{LEFT}" y="16">{escape(panel.title)}</text>']
    for level in levels:
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(level):.1f}" y2="{y(level):.1f}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y(level) + 4:.1f}" text-anchor="end">{_told(level)}</text>')
    for mark, text in marks.items():
        parts.append(f'<text x="{x(mark):.1f}" y="{HEIGHT - 28}" text-anchor="middle">{escape(text)}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle:.1f}" y="{HEIGHT - 10}" text-anchor="middle">{escape(panel.x_name)}</text>')
    for each in panel.series:
        colour, places = colours[each.name], [x(_x(value, panel)) for value in each.x]
        if each.band:
            low, high = ([*zip(places, map(y, values), strict=True)] for values in each.band)
            parts.append(f'<polygon points="{_points([*high, *reversed(low)])}" fill="{colour}" fill-opacity="0.18"/>')
        if each.dots:
            dots = zip(places, map(y, each.y), strict=True)
            parts += [
                f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" fill="{colour}" fill-opacity="0.8"/>' for a, b in dots
            ]
        else:
            line = _points([*zip(places, map(y, each.y), strict=True)])
            parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return parts


def _x(value: float, panel: Panel) -> float:
    return math.log10(value) if panel.log else value


def _marks(low: float, high: float, panel: Panel) -> dict[float, str]:
    """Give what is written below the axis, by place."""
    if panel.x_labels:
        return dict(panel.x_labels)
    if panel.log:
        found = {float(power): f"1e{power}" for power in range(math.floor(low), math.ceil(high) + 1)}
    else:
        found = {value: _told(value) for value in ticks(low, high, 4)}
    return {value: text for value, text in found.items() if low <= value <= high} or found


def _told(number: float) -> str:
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if abs(number) >= size:
            return f"{number / size:g} {unit}"
    return f"{number:g}"


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
