"""Places in flat layers: mountains, hills, sea, city, forest, desert, a night sky, a table.

Hides their geometry. Each takes the canvas, already in the first colour (the sky, the wall), and lays shades of the
second over it, far ones first; `behind` draws what stands in the sky, before the land hides its foot.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from .canvas import Canvas, Colour, Floats, disc, luma, mixed

Scene = Callable[[Canvas, Colour, Colour, random.Random, Callable[[], None]], None]
Skyline = Callable[[Floats, random.Random], Floats]
"""Coordinates along the horizon -> height of the layer there, above its foot."""


def mountains(canvas: Canvas, first: Colour, second: Colour, dice: random.Random, behind: Callable[[], None]) -> None:
    _sky(canvas, first, dice)
    behind()
    _layers(canvas, first, second, dice, skyline=_ridge, feet=(0.52, 0.64, 0.78))


def hills(canvas: Canvas, first: Colour, second: Colour, dice: random.Random, behind: Callable[[], None]) -> None:
    _sky(canvas, first, dice)
    behind()
    _layers(canvas, first, second, dice, skyline=_rolling, feet=(0.58, 0.68, 0.8))


def desert(canvas: Canvas, first: Colour, second: Colour, dice: random.Random, behind: Callable[[], None]) -> None:
    _sky(canvas, first, dice)
    behind()
    _layers(canvas, first, second, dice, skyline=_dune, feet=(0.6, 0.72, 0.84))


def forest(canvas: Canvas, first: Colour, second: Colour, dice: random.Random, behind: Callable[[], None]) -> None:
    _sky(canvas, first, dice)
    behind()
    _layers(canvas, first, second, dice, skyline=_firs, feet=(0.56, 0.68, 0.82))


def sea(canvas: Canvas, first: Colour, second: Colour, dice: random.Random, behind: Callable[[], None]) -> None:
    _sky(canvas, first, dice)
    behind()
    _layers(canvas, first, second, dice, skyline=_swell, feet=(0.6, 0.7, 0.8, 0.9))


def city(canvas: Canvas, first: Colour, second: Colour, dice: random.Random, behind: Callable[[], None]) -> None:
    _sky(canvas, first, dice)
    behind()
    for foot, share in ((0.5, 0.45), (0.62, 0.0)):
        colour = mixed(second, first, share)
        for left, right, top in _blocks(canvas, dice, foot):
            middle, half = (left + right) / 2, (right - left) / 2
            inside = np.maximum(np.abs(canvas.x - np.float32(middle)) - np.float32(half), np.float32(top) - canvas.y)
            canvas.lay(canvas.inside(inside), colour)
            if not share:
                _windows(canvas, (left, right, top), mixed(second, first, 0.7))


def night(canvas: Canvas, first: Colour, second: Colour, dice: random.Random, behind: Callable[[], None]) -> None:
    canvas.lay(np.clip(canvas.y / np.float32(canvas.height), 0, 1), mixed(first, second, 0.35))
    for _ in range(int(26 * canvas.width * canvas.height)):
        x = canvas.x - np.float32(dice.uniform(0, canvas.width))
        y = canvas.y - np.float32(dice.uniform(0, canvas.height * 0.85))
        canvas.lay(canvas.inside(disc(x, y, dice.uniform(0.006, 0.014))), second)
    behind()
    _layers(canvas, first, mixed(first, (0, 0, 0), 0.5), dice, skyline=_rolling, feet=(0.84,))


def table(canvas: Canvas, first: Colour, second: Colour, dice: random.Random, behind: Callable[[], None]) -> None:
    away = np.hypot(canvas.x - np.float32(canvas.width / 2), canvas.y - np.float32(canvas.height * 0.5))
    canvas.lay(np.clip(1 - away / np.float32(0.8), 0, 1), mixed(first, (1, 1, 1), 0.25))
    foot = canvas.height * dice.uniform(0.72, 0.8)
    canvas.lay(canvas.inside(np.float32(foot) - canvas.y), second)
    canvas.lay(canvas.inside(np.abs(canvas.y - np.float32(foot)) - np.float32(0.008)), mixed(second, (1, 1, 1), 0.3))
    behind()


SCENES: Final[Mapping[str, Scene]] = {
    "mountains": mountains,
    "hills": hills,
    "sea": sea,
    "city": city,
    "forest": forest,
    "desert": desert,
    "night": night,
    "table": table,
}


def _sky(canvas: Canvas, first: Colour, dice: random.Random) -> None:
    """Lighter towards the horizon."""
    share = np.clip(canvas.y / np.float32(canvas.height * 0.75), 0, 1)
    towards = (1.0, 1.0, 1.0) if luma(first) < 0.85 else (0.9, 0.85, 0.8)
    canvas.lay(share, mixed(first, towards, dice.uniform(0.2, 0.45)))


def _layers(
    canvas: Canvas, first: Colour, second: Colour, dice: random.Random, *, skyline: Skyline, feet: tuple[float, ...]
) -> None:
    """Silhouettes one before the other: the farther, the more of the sky's colour."""
    along = canvas.x[0]
    for number, foot in enumerate(feet, start=1):
        haze = (1 - number / len(feet)) * 0.6
        top = np.float32(canvas.height * (foot + dice.uniform(-0.02, 0.02))) - skyline(along, dice)
        canvas.lay(canvas.inside(top[None, :] - canvas.y), mixed(second, mixed(first, (1, 1, 1), 0.3), haze))


def _ridge(along: Floats, dice: random.Random) -> Floats:
    """Straight slopes between peaks."""
    x, high, places, heights = -0.2, dice.random() < 0.5, [], []
    while x < along[-1] + 0.4:
        places.append(x)
        heights.append(dice.uniform(0.12, 0.24) if high else dice.uniform(-0.02, 0.06))
        x, high = x + dice.uniform(0.12, 0.24), not high
    return np.interp(along, places, heights).astype(np.float32)


def _rolling(along: Floats, dice: random.Random) -> Floats:
    return _sines(along, dice, ((0.06, dice.uniform(0.7, 1.3)), (0.02, dice.uniform(0.3, 0.5))))


def _dune(along: Floats, dice: random.Random) -> Floats:
    return np.asarray(np.abs(_sines(along, dice, ((0.12, dice.uniform(1.2, 2.0)),))))


def _swell(along: Floats, dice: random.Random) -> Floats:
    period = dice.uniform(0.16, 0.3)
    return np.asarray(np.abs(_sines(along, dice, ((0.035, period),))))


def _firs(along: Floats, dice: random.Random) -> Floats:
    """A row of pointed trees."""
    height = np.full(along.shape, 0.0, np.float32)
    x = -0.05
    while x < along[-1] + 0.1:
        tall, wide = dice.uniform(0.1, 0.2), dice.uniform(0.05, 0.08)
        height = np.maximum(height, np.float32(tall) * (1 - np.abs(along - np.float32(x)) / np.float32(wide)))
        x += dice.uniform(0.06, 0.1)
    return np.asarray(height)


def _sines(along: Floats, dice: random.Random, parts: tuple[tuple[float, float], ...]) -> Floats:
    total = np.zeros(along.shape, np.float32)
    for height, period in parts:
        turn = along * np.float32(2 * math.pi / period) + np.float32(dice.uniform(0, 6.28))
        total += np.sin(turn) * np.float32(height)
    return total


def _blocks(canvas: Canvas, dice: random.Random, foot: float) -> list[tuple[float, float, float]]:
    """Left, right and top of every building of a row."""
    x, blocks = dice.uniform(-0.08, 0.0), []
    while x < canvas.width:
        wide = dice.uniform(0.1, 0.18)
        blocks.append((x, x + wide, canvas.height * (foot + dice.uniform(-0.08, 0.2))))
        x += wide + dice.choice((0.0, 0.0, 0.015))
    return blocks


def _windows(canvas: Canvas, block: tuple[float, float, float], colour: Colour) -> None:
    left, right, top = block
    step = (right - left) / 3.2
    x = np.mod(canvas.x - np.float32(left + step * 0.1), np.float32(step)) - np.float32(step / 2)
    y = np.mod(canvas.y - np.float32(top), np.float32(0.06)) - np.float32(0.035)
    panes = np.maximum(np.abs(x) - np.float32(step * 0.2), np.abs(y) - np.float32(0.013))
    edge = np.maximum(np.float32(left + step * 0.1) - canvas.x, canvas.x - np.float32(right - step * 0.1))
    canvas.lay(canvas.inside(np.maximum(np.maximum(panes, edge), np.float32(top + 0.02) - canvas.y)), colour)
