"""Patterns behind everything: stripes, checks, dots, sunbursts and the like, in two colours.

Hides their geometry. Each takes the canvas, already in the first colour, and lays the second over it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from .canvas import Canvas, Colour, Floats, mixed

Ground = Callable[[Canvas, Colour, Colour, random.Random], None]


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


def stripes(canvas: Canvas, _first: Colour, second: Colour, dice: random.Random) -> None:
    lean = dice.choice((0.0, 0.7071, 0.7071, -0.7071, 1.0))
    along = canvas.x * np.float32(math.sqrt(1 - lean * lean)) + canvas.y * np.float32(lean)
    canvas.lay(_bands(canvas, along, dice.uniform(0.11, 0.2), dice.random()), second)


def checks(canvas: Canvas, _first: Colour, second: Colour, dice: random.Random) -> None:
    size, dx, dy = 1 / dice.choice((5, 6, 7, 8)), dice.random(), dice.random()
    one, other = _bands(canvas, canvas.x, size * 2, dx), _bands(canvas, canvas.y, size * 2, dy)
    canvas.lay(one + other - 2 * one * other, second)


def dots(canvas: Canvas, _first: Colour, second: Colour, dice: random.Random) -> None:
    size, dx, dy = dice.uniform(0.11, 0.17), dice.random(), dice.random()
    row = np.floor(canvas.y / np.float32(size) + np.float32(dy))
    x = np.mod(canvas.x / np.float32(size) + np.float32(dx) + row * np.float32(0.5), 1) - np.float32(0.5)
    y = np.mod(canvas.y / np.float32(size) + np.float32(dy), 1) - np.float32(0.5)
    canvas.lay(canvas.inside((np.hypot(x, y) - np.float32(dice.uniform(0.2, 0.3))) * np.float32(size)), second)


def sunburst(canvas: Canvas, _first: Colour, second: Colour, dice: random.Random) -> None:
    x, y = _centred(canvas, dice, 0.2)
    rays = dice.choice((8, 10, 12, 14))
    turn = np.arctan2(y, x) * np.float32(rays / (2 * math.pi)) + np.float32(dice.random())
    edge = np.abs(np.mod(turn, 1) - np.float32(0.5)) - np.float32(0.25)
    canvas.lay(canvas.inside(edge * np.hypot(x, y) * np.float32(2 * math.pi / rays)), second)


def rings(canvas: Canvas, _first: Colour, second: Colour, dice: random.Random) -> None:
    x, y = _centred(canvas, dice, 0.15)
    canvas.lay(_bands(canvas, np.hypot(x, y), dice.uniform(0.14, 0.24), dice.random()), second)


def waves(canvas: Canvas, _first: Colour, second: Colour, dice: random.Random) -> None:
    period, depth = dice.uniform(0.3, 0.5), dice.uniform(0.02, 0.045)
    bend = np.sin(canvas.x * np.float32(2 * math.pi / period) + np.float32(dice.uniform(0, 6.28)))
    along = canvas.y + bend * np.float32(depth)
    canvas.lay(_bands(canvas, along, dice.uniform(0.15, 0.22), dice.random()), second)


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


def zigzag(canvas: Canvas, _first: Colour, second: Colour, dice: random.Random) -> None:
    period, depth = dice.choice((0.2, 0.25, 1 / 3)), dice.uniform(0.3, 0.45)
    tooth = np.abs(np.mod(canvas.x / np.float32(period) + np.float32(dice.random()), 1) - np.float32(0.5))
    along = canvas.y + tooth * np.float32(2 * period * depth)
    canvas.lay(_bands(canvas, along, dice.uniform(0.16, 0.24), dice.random()), second)


GROUNDS: Final[Mapping[str, Ground]] = {
    "plain": plain,
    "gradient": gradient,
    "glow": glow,
    "stripes": stripes,
    "checks": checks,
    "dots": dots,
    "sunburst": sunburst,
    "rings": rings,
    "waves": waves,
    "halves": halves,
    "confetti": confetti,
    "zigzag": zigzag,
}
QUIET: Final = frozenset({"plain", "gradient", "glow"})
"""Grounds that letters can stand on as they are."""


def _ramp(share: Floats) -> Floats:
    share = np.clip(share, 0, 1)
    return np.asarray(share * share * (3 - 2 * share))


def _bands(canvas: Canvas, along: Floats, period: float, phase: float) -> Floats:
    """Coverage of every other band along a coordinate."""
    edge = np.abs(np.mod(along / np.float32(period) + np.float32(phase), 1) - np.float32(0.5)) - np.float32(0.25)
    return canvas.inside(edge * np.float32(period))


def _centred(canvas: Canvas, dice: random.Random, reach: float) -> tuple[Floats, Floats]:
    x = canvas.width / 2 + dice.uniform(-reach, reach) * canvas.width
    y = canvas.height * 0.55 + dice.uniform(-reach, reach) * canvas.height
    return canvas.x - np.float32(x), canvas.y - np.float32(y)


def _window(canvas: Canvas, cx: float, cy: float, reach: float) -> tuple[slice, slice]:
    left, top = (max(0, int((value - reach) * canvas.side)) for value in (cx, cy))
    return slice(top, int((cy + reach) * canvas.side) + 1), slice(left, int((cx + reach) * canvas.side) + 1)
