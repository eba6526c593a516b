"""Patterns behind everything: stripes, checks, dots, sunbursts and the like, in two colours.

Hides their geometry. A ground takes the canvas, already in the first colour, and lays the second over it; one that
repeats answers the distance to its second colour, from a point's place in its frame and in the frame's unit.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from .canvas import Canvas, Colour, Floats, mixed

Ground = Callable[[Canvas, Colour, Colour, random.Random], None]
Repeat = Callable[[Floats, Floats], Floats]


def plain(canvas: Canvas, first: Colour, _second: Colour, dice: random.Random) -> None:
    """Hardly darker towards the foot: an even colour, not a dead one."""
    canvas.lay(_ramp(canvas.y / np.float32(canvas.height)), mixed(first, (0, 0, 0), dice.uniform(0.02, 0.08)))


def gradient(canvas: Canvas, _first: Colour, second: Colour, dice: random.Random) -> None:
    tilt = dice.choice((0.0, 0.0, 0.5, -0.5))
    along = canvas.y / np.float32(canvas.height) + (canvas.x / np.float32(canvas.width) - 0.5) * np.float32(tilt)
    canvas.lay(_ramp(along), second)


def glow(canvas: Canvas, _first: Colour, second: Colour, dice: random.Random) -> None:
    x, y = _centred(canvas, dice, 0.15)
    away = np.asarray(np.hypot(x, y) / np.float32(dice.uniform(0.55, 0.75)), np.float32)
    canvas.lay(1 - _ramp(away), second)


def halves(canvas: Canvas, _first: Colour, second: Colour, dice: random.Random) -> None:
    turn = dice.choice((0.0, 0.25, 0.35, -0.35)) * math.pi
    x, y = canvas.x - np.float32(canvas.width / 2), canvas.y - np.float32(canvas.height / 2)
    canvas.lay(canvas.inside(x * np.float32(math.sin(turn)) - y * np.float32(math.cos(turn))), second)


def confetti(canvas: Canvas, _first: Colour, second: Colour, dice: random.Random) -> None:
    cell = 0.16
    for row in range(math.ceil(canvas.height / cell)):
        for column in range(math.ceil(canvas.width / cell)):
            cx, cy = (column + dice.uniform(0.2, 0.8)) * cell, (row + dice.uniform(0.2, 0.8)) * cell
            turn, length = dice.uniform(0, math.pi), dice.uniform(0.018, 0.034)
            part = _window(canvas, cx, cy, 0.06)
            x, y = canvas.x[part] - np.float32(cx), canvas.y[part] - np.float32(cy)
            along = x * np.float32(math.cos(turn)) + y * np.float32(math.sin(turn))
            across = y * np.float32(math.cos(turn)) - x * np.float32(math.sin(turn))
            away = np.hypot(np.maximum(np.abs(along) - np.float32(length), 0), across) - np.float32(0.013)
            cover = canvas.inside(away)[..., None]
            canvas.pixels[part] += cover * (np.asarray(second, np.float32) - canvas.pixels[part])


def stripes(u: Floats, _v: Floats) -> Floats:
    return _bands(u)


def checks(u: Floats, v: Floats) -> Floats:
    one, other = _bands(u), _bands(v)
    return np.maximum(np.minimum(one, other), -np.maximum(one, other))


def dots(u: Floats, v: Floats) -> Floats:
    """Two rows and two columns, every other row half a column along."""
    row = np.floor(2 * v)
    x, y = np.mod(2 * u + np.float32(0.5) * row, 1) - np.float32(0.5), np.mod(2 * v, 1) - np.float32(0.5)
    return np.asarray((np.hypot(x, y) - np.float32(0.26)) / 2, np.float32)


def sunburst(u: Floats, v: Floats) -> Floats:
    rays = 12
    turn = np.arctan2(v, u) * np.float32(rays / (2 * math.pi))
    return _bands(turn) * np.hypot(u, v) * np.float32(2 * math.pi / rays)


def rings(u: Floats, v: Floats) -> Floats:
    return _bands(np.hypot(u, v))


def waves(u: Floats, v: Floats) -> Floats:
    return _bands(np.asarray(v + np.float32(0.2) * np.sin(u * np.float32(math.pi)), np.float32))


def zigzag(u: Floats, v: Floats) -> Floats:
    tooth = np.abs(np.mod(u, 1) - np.float32(0.5))
    return _bands(np.asarray(v + np.float32(0.9) * tooth, np.float32))


GROUNDS: Final[Mapping[str, Ground]] = {
    "plain": plain,
    "gradient": gradient,
    "glow": glow,
    "halves": halves,
    "confetti": confetti,
}
REPEATS: Final[Mapping[str, Repeat]] = {
    "stripes": stripes,
    "checks": checks,
    "dots": dots,
    "sunburst": sunburst,
    "rings": rings,
    "waves": waves,
    "zigzag": zigzag,
}
QUIET: Final = frozenset({"plain", "gradient", "glow"})
"""Grounds that letters can stand on as they are."""


def _ramp(share: Floats) -> Floats:
    share = np.clip(share, 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def _bands(along: Floats) -> Floats:
    """Distance to every other band along a coordinate, one pair to a unit."""
    return np.abs(np.mod(along, 1) - np.float32(0.5)) - np.float32(0.25)


def _centred(canvas: Canvas, dice: random.Random, reach: float) -> tuple[Floats, Floats]:
    x = canvas.width / 2 + dice.uniform(-reach, reach) * canvas.width
    y = canvas.height * 0.55 + dice.uniform(-reach, reach) * canvas.height
    return canvas.x - np.float32(x), canvas.y - np.float32(y)


def _window(canvas: Canvas, cx: float, cy: float, reach: float) -> tuple[slice, slice]:
    left, top = (max(0, int((value - reach) * canvas.side)) for value in (cx, cy))
    return slice(top, int((cy + reach) * canvas.side) + 1), slice(left, int((cx + reach) * canvas.side) + 1)
