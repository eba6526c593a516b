"""Charts as SVG: figures with whiskers, distributions, points over time. Colours are the page's, by class.

Hides scales, ticks and layout. Every chart says in words what it shows (`role="img"`, `aria-label`), and every mark
tells its value to the mouse. Knows no jobs: names, numbers and how to write them are given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from markupsafe import Markup

from shared.bench.stats import Estimate

COLOURS: Final = 6
_WIDTH: Final = 560
_LEFT: Final = 188
_RIGHT: Final = 48
_ROW: Final = 30
_MARK: Final = 18
_TOP: Final = 14
_AXIS: Final = 30
_PLOT_HEIGHT: Final = 220
_FITS: Final = 27
"""Letters that fit left of the plot."""

Words = Callable[[float], str]
"""A value as it is written at a tick or a mark."""


@dataclass(frozen=True)
class Row:
    """A named line of a whisker chart with its figures; `series` picks the colour."""

    name: str
    marks: Sequence[tuple[str, Estimate]]
    series: int = 0


@dataclass(frozen=True)
class Line:
    """A named series: points in any order."""

    name: str
    points: Sequence[tuple[float, float]]
    series: int = 0


@dataclass(frozen=True)
class Bar:
    """A named bar of parts laid end to end."""

    name: str
    parts: Sequence[tuple[str, float]]


def whiskers(rows: Sequence[Row], *, title: str, words: Words, centre: float | None = None) -> Markup:
    """A dot for each figure and its interval; from nought on, or with a line at `centre` that all is seen against."""
    ends = [edge for row in rows for _, mark in row.marks for edge in (mark.low, mark.high)]
    low = min([*ends, centre]) if centre is not None else 0.0
    across = _Scale(low, max([*ends, centre or 0.0], default=1.0), _LEFT, _WIDTH - _RIGHT)
    height = _TOP + sum(_row_height(row) for row in rows) + _AXIS
    parts = list(_ticks(across, height=height, words=words))
    if centre is not None:
        parts.append(_line(across(centre), _TOP - 6, across(centre), height - _AXIS, "centre"))
    top = float(_TOP)
    for row in rows:
        parts.append(_label(row.name, top + _row_height(row) / 2))
        for number, (name, mark) in enumerate(row.marks):
            y = top + _MARK * (number + 0.5) + (_ROW - _MARK) / 2
            told = f"{row.name} {name}: {words(mark.value)} ({words(mark.low)} to {words(mark.high)})"
            parts.append(
                f'<g class="s{row.series % COLOURS}"><title>{escape(told)}</title>'
                f"{_line(across(mark.low), y, across(mark.high), y, 'whisker')}"
                f'<circle cx="{across(mark.value):.1f}" cy="{y:.1f}" r="4.5"/>'
                f'<text class="mark" x="{across(mark.high) + 8:.1f}" y="{y + 4:.1f}">{escape(name)}</text></g>'
            )
        top += _row_height(row)
    return _svg(parts, height=height, title=title)


def _row_height(row: Row) -> float:
    return _ROW + _MARK * (max(len(row.marks), 1) - 1)


def distribution(lines: Sequence[Line], *, title: str, words: Words) -> Markup:
    """For each series the share of values up to x; `points` are (value, anything)."""
    across = _Scale(0.0, max((x for line in lines for x, _ in line.points), default=1.0), 56, _WIDTH - _RIGHT)
    up = _Scale(0.0, 1.0, _TOP + _PLOT_HEIGHT, _TOP)
    parts = _frame(across, up, words=words, shares=True)
    for line in lines:
        values = sorted(x for x, _ in line.points)
        path, reached = f"M{across(0):.1f},{up(0):.1f}", 0.0
        for number, value in enumerate(values, start=1):
            path += f"L{across(value):.1f},{up(reached):.1f}L{across(value):.1f},{up(number / len(values)):.1f}"
            reached = number / len(values)
        parts.append(
            f'<g class="s{line.series % COLOURS}"><title>{escape(line.name)}</title>'
            f'<path class="curve" d="{path}"/></g>'
        )
    return _svg(parts, height=_TOP + _PLOT_HEIGHT + _AXIS, title=title)


def scatter(lines: Sequence[Line], *, title: str, across_words: Words, up_words: Words) -> Markup:
    """A dot for every point."""
    points = [point for line in lines for point in line.points]
    across = _Scale(0.0, max((x for x, _ in points), default=1.0), 56, _WIDTH - _RIGHT)
    up = _Scale(0.0, max((y for _, y in points), default=1.0), _TOP + _PLOT_HEIGHT, _TOP)
    parts = _frame(across, up, words=across_words, up_words=up_words)
    for line in lines:
        dots = "".join(f'<circle cx="{across(x):.1f}" cy="{up(y):.1f}" r="3"/>' for x, y in line.points)
        parts.append(f'<g class="s{line.series % COLOURS} dots"><title>{escape(line.name)}</title>{dots}</g>')
    return _svg(parts, height=_TOP + _PLOT_HEIGHT + _AXIS, title=title)


def stacked(bars: Sequence[Bar], *, title: str, words: Words) -> Markup:
    """Parts of a whole, end to end, one bar a name."""
    across = _Scale(0.0, max((sum(v for _, v in bar.parts) for bar in bars), default=1.0), _LEFT, _WIDTH - _RIGHT)
    height = _TOP + _ROW * len(bars) + _AXIS
    parts = list(_ticks(across, height=height, words=words))
    for number, bar in enumerate(bars):
        y, start = _TOP + _ROW * number + 6, 0.0
        parts.append(_label(bar.name, y + _ROW / 2 - 6))
        for series, (name, value) in enumerate(bar.parts):
            told = f"{bar.name}, {name}: {words(value)}"
            wide = across(start + value) - across(start)
            parts.append(
                f'<g class="s{series % COLOURS}"><title>{escape(told)}</title>'
                f'<rect x="{across(start):.1f}" y="{y}" width="{max(wide, 0):.1f}" height="{_ROW - 12}"/></g>'
            )
            start += value
    return _svg(parts, height=height, title=title)


def legend(names: Iterable[str]) -> Markup:
    """The names in their colours, in order of the series."""
    items = "".join(f'<li class="s{n % COLOURS}"><i></i>{escape(name)}</li>' for n, name in enumerate(names))
    return Markup(f'<ul class="legend">{items}</ul>')  # noqa: S704 - escaped above


class _Scale:
    """Values to pixels, straight; ends on round numbers."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self._step = _step((high - low) or abs(high) or 1.0)
        self._low = math.floor(low / self._step) * self._step
        self._high = max(math.ceil(high / self._step), round(self._low / self._step) + 1) * self._step
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        return self._start + (value - self._low) / (self._high - self._low) * (self._end - self._start)

    @property
    def ticks(self) -> list[float]:
        return [self._low + n * self._step for n in range(round((self._high - self._low) / self._step) + 1)]


def _step(extent: float) -> float:
    """1, 2 or 5 times a power of ten, so that there are four to eight of them."""
    rough = extent / 5
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)


def _frame(
    across: _Scale, up: _Scale, *, words: Words, up_words: Words | None = None, shares: bool = False
) -> list[str]:
    parts = list(_ticks(across, height=_TOP + _PLOT_HEIGHT + _AXIS, words=words))
    for tick in up.ticks:
        said = f"{tick:.0%}" if shares or up_words is None else up_words(tick)
        parts.append(_line(56, up(tick), _WIDTH - _RIGHT, up(tick), "grid"))
        parts.append(f'<text class="tick up" x="50" y="{up(tick) + 4:.1f}">{escape(said)}</text>')
    return parts


def _ticks(across: _Scale, *, height: float, words: Words) -> Iterable[str]:
    for tick in across.ticks:
        x = across(tick)
        yield _line(x, _TOP - 6, x, height - _AXIS, "grid")
        yield f'<text class="tick" x="{x:.1f}" y="{height - 10:.1f}">{escape(words(tick))}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _label(name: str, y: float) -> str:
    short = name if len(name) <= _FITS else f"{name[: _FITS - 1]}…"
    return f'<text class="name" x="{_LEFT - 12}" y="{y + 4:.1f}">{escape(short)}<title>{escape(name)}</title></text>'


def _svg(parts: Iterable[str], *, height: float, title: str) -> Markup:
    label = escape(title, quote=True)
    svg = f'<svg viewBox="0 0 {_WIDTH} {height:g}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    return Markup(svg)  # noqa: S704 - every part is escaped where it is made
