"""What a poster shows: a star, a cup, a rocket … as distances in a box from -1 to 1, y downwards.

Hides their geometry. Each answers how far every point is from its edge (below 0 inside); it knows no colour and no
place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from .canvas import Floats, box, disc, polygon

Shape = Callable[[Floats, Floats], Floats]
_ROUND: Final = 40


def _polar(radius: Callable[[float], float], points: int) -> list[tuple[float, float]]:
    turns = [2 * math.pi * number / points for number in range(points)]
    return [(radius(turn) * math.sin(turn), -radius(turn) * math.cos(turn)) for turn in turns]


def _rays(radii: tuple[float, float], count: int) -> list[tuple[float, float]]:
    """Points by turns at the one radius and the other."""
    return _polar(lambda turn: radii[round(turn * count / math.pi) % 2], 2 * count)


def _lens(x: Floats, y: Floats, apart: tuple[float, float], radius: float) -> Floats:
    """Where two circles meet, their middles this far to either side."""
    dx, dy = np.float32(apart[0]), np.float32(apart[1])
    return np.maximum(disc(x - dx, y - dy, radius), disc(x + dx, y + dy, radius))


def _both(*parts: Floats) -> Floats:
    """Everything that any part covers."""
    joined = parts[0]
    for part in parts[1:]:
        joined = np.minimum(joined, part)
    return joined


def _star(x: Floats, y: Floats) -> Floats:
    return polygon(x, y, _rays((1.0, 0.42), 5))


def _heart(x: Floats, y: Floats) -> Floats:
    points = []
    for number in range(_ROUND):
        turn = 2 * math.pi * number / _ROUND
        height = 13 * math.cos(turn) - 5 * math.cos(2 * turn) - 2 * math.cos(3 * turn) - math.cos(4 * turn)
        points.append((math.sin(turn) ** 3, -height / 16 - 0.1))
    return polygon(x, y, points)


def _cross(x: Floats, y: Floats) -> Floats:
    return _both(box(x, y, (0.9, 0.3), 0.08), box(x, y, (0.3, 0.9), 0.08))


def _sun(x: Floats, y: Floats) -> Floats:
    rays = polygon(x, y, _rays((1.0, 0.72), 12))
    gap = np.maximum(rays, np.float32(0.66) - np.hypot(x, y))
    return _both(gap, disc(x, y, 0.56))


def _moon(x: Floats, y: Floats) -> Floats:
    return np.maximum(disc(x, y, 0.9), -disc(x - np.float32(0.42), y + np.float32(0.2), 0.76))


def _cloud(x: Floats, y: Floats) -> Floats:
    puffs = ((-0.5, 0.15, 0.38), (0.0, -0.12, 0.5), (0.5, 0.12, 0.4))
    round_tops = _both(*(disc(x - np.float32(cx), y - np.float32(cy), radius) for cx, cy, radius in puffs))
    return _both(np.maximum(round_tops, y - np.float32(0.5)), box(x, y - np.float32(0.34), (0.85, 0.18), 0.17))


def _leaf(x: Floats, y: Floats) -> Floats:
    blade = _lens(x, y, (0.55, 0), 1.1)
    vein = np.maximum(np.abs(x) - np.float32(0.035), np.float32(-0.55) - y)
    return _both(np.maximum(blade, -vein), box(x, y - np.float32(0.85), (0.045, 0.2)))


def _flower(x: Floats, y: Floats) -> Floats:
    petals = _polar(lambda turn: 0.68 + 0.26 * math.cos(6 * turn), 72)
    return np.maximum(polygon(x, y, petals), np.float32(0.22) - np.hypot(x, y))


def _tree(x: Floats, y: Floats) -> Floats:
    tiers = [polygon(x, y, [(0, top), (half, top + tall), (-half, top + tall)]) for top, half, tall in _TIERS]
    return _both(*tiers, box(x, y - np.float32(0.85), (0.1, 0.15)))


_TIERS: Final = ((-1.0, 0.42, 0.7), (-0.55, 0.56, 0.75), (-0.1, 0.7, 0.82))


def _cup(x: Floats, y: Floats) -> Floats:
    body = polygon(x, y, [(-0.62, -0.3), (0.5, -0.3), (0.36, 0.62), (-0.48, 0.62)])
    handle = np.abs(disc(x - np.float32(0.52), y - np.float32(0.08), 0.27)) - np.float32(0.075)
    saucer = box(x + np.float32(0.03), y - np.float32(0.78), (0.78, 0.07), 0.07)
    steam = [
        np.maximum(
            np.abs(x - np.float32(cx) - np.sin(y * np.float32(9)) * np.float32(0.06)) - np.float32(0.045),
            np.abs(y + np.float32(0.66)) - np.float32(0.22),
        )
        for cx in (-0.25, 0.15)
    ]
    return _both(body, handle, saucer, *steam)


def _house(x: Floats, y: Floats) -> Floats:
    roof = polygon(x, y, [(0, -0.95), (0.95, -0.1), (-0.95, -0.1)])
    walls = box(x, y - np.float32(0.35), (0.68, 0.5))
    return np.maximum(_both(roof, walls), -box(x, y - np.float32(0.55), (0.17, 0.32)))


def _drop(x: Floats, y: Floats) -> Floats:
    return _both(disc(x, y - np.float32(0.35), 0.58), polygon(x, y, [(0, -1), (0.53, 0.12), (-0.53, 0.12)]))


def _bottle(x: Floats, y: Floats) -> Floats:
    shoulder = polygon(x, y, [(-0.14, -0.45), (0.14, -0.45), (0.36, -0.12), (-0.36, -0.12)])
    body = box(x, y - np.float32(0.42), (0.36, 0.56), 0.08)
    label = box(x, y - np.float32(0.42), (0.37, 0.2))
    edge = np.abs(label) - np.float32(0.025)
    return np.maximum(_both(box(x, y + np.float32(0.7), (0.14, 0.3), 0.04), shoulder, body), -edge)


def _fish(x: Floats, y: Floats) -> Floats:
    body = _lens(x + np.float32(0.15), y, (0, 0.5), 0.95)
    tail = polygon(x, y, [(0.45, 0), (1.0, -0.42), (0.85, 0), (1.0, 0.42)])
    return np.maximum(_both(body, tail), -disc(x + np.float32(0.55), y + np.float32(0.1), 0.07))


def _balloon(x: Floats, y: Floats) -> Floats:
    knot = polygon(x, y, [(0, 0.36), (0.12, 0.54), (-0.12, 0.54)])
    bent = x - np.sin(y * np.float32(8)) * np.float32(0.05)
    skin = disc(x / np.float32(0.85), y + np.float32(0.3), 0.68) * np.float32(0.85)
    return _both(skin, knot, box(bent, y - np.float32(0.76), (0.03, 0.24)))


def _note(x: Floats, y: Floats) -> Floats:
    flat = ((-0.45, 0.65), (0.5, 0.45))
    heads = [disc(x - np.float32(cx), (y - np.float32(cy)) * np.float32(1.25), 0.27) for cx, cy in flat]
    stems = [box(x - np.float32(cx), y - np.float32(cy), (0.06, 0.68)) for cx, cy in ((-0.24, 0.0), (0.71, -0.2))]
    beam = polygon(x, y, [(-0.3, -0.7), (0.77, -0.92), (0.77, -0.6), (-0.3, -0.38)])
    return _both(*heads, *stems, beam)


def _crown(x: Floats, y: Floats) -> Floats:
    right = [(0.45, -0.05), (0.9, -0.55), (0.72, 0.4)]
    teeth = polygon(x, y, [(0, -0.75), *right, *((-px, py) for px, py in reversed(right))])
    return _both(teeth, box(x, y - np.float32(0.6), (0.72, 0.1), 0.03))


def _rocket(x: Floats, y: Floats) -> Floats:
    hull = np.maximum(_lens(x, y, (0.85, 0), 1.2), y - np.float32(0.55))
    fins = polygon(x, y, [(0, 0), (0.62, 0.5), (0.55, 0.85), (0, 0.5), (-0.55, 0.85), (-0.62, 0.5)])
    flame = polygon(x, y, [(-0.14, 0.62), (0.14, 0.62), (0, 1.0)])
    return np.maximum(_both(hull, fins, flame), -disc(x, y + np.float32(0.2), 0.14))


def _gift(x: Floats, y: Floats) -> Floats:
    parts = _both(box(x, y - np.float32(0.45), (0.66, 0.48), 0.04), box(x, y + np.float32(0.2), (0.78, 0.17), 0.04))
    ribbon = np.maximum(np.abs(np.abs(x) - np.float32(0.13)) - np.float32(0.025), np.float32(-0.4) - y)
    bow = [np.abs(disc(x - np.float32(cx), y + np.float32(0.62), 0.22)) - np.float32(0.07) for cx in (-0.26, 0.26)]
    return _both(np.maximum(parts, -ribbon), *bow)


def _apple(x: Floats, y: Floats) -> Floats:
    flesh = [disc(x - np.float32(cx), y - np.float32(0.22), 0.6) for cx in (-0.26, 0.26)]
    leaf = _lens(x - np.float32(0.26), y + np.float32(0.685), (-0.16, -0.165), 0.34)
    return _both(*flesh, leaf, box(x, y + np.float32(0.5), (0.05, 0.2)))


def _shoe(x: Floats, y: Floats) -> Floats:
    top = [(-0.95, -0.5), (-0.6, -0.38), (-0.25, -0.5), (0.2, -0.02), (0.75, 0.08)]
    upper = polygon(x, y, [*top, (0.98, 0.34), (-0.95, 0.34)])
    sole = box(x - np.float32(0.01), y - np.float32(0.52), (0.99, 0.11), 0.1)
    return _both(upper, sole)


def _bolt(x: Floats, y: Floats) -> Floats:
    left = [(0.15, -1), (-0.6, 0.15), (-0.08, 0.15), (-0.2, 1)]
    return polygon(x, y, [*left, (0.6, -0.25), (0.05, -0.25), (0.4, -1)])


SHAPES: Final[Mapping[str, Shape]] = {
    "circle": lambda x, y: disc(x, y, 0.9),
    "square": lambda x, y: box(x, y, (0.8, 0.8)),
    "triangle": lambda x, y: polygon(x, y, [(0, -0.9), (0.95, 0.75), (-0.95, 0.75)]),
    "star": _star,
    "heart": _heart,
    "diamond": lambda x, y: polygon(x, y, [(0, -1), (0.72, 0), (0, 1), (-0.72, 0)]),
    "ring": lambda x, y: np.abs(disc(x, y, 0.7)) - np.float32(0.2),
    "cross": _cross,
    "sun": _sun,
    "moon": _moon,
    "cloud": _cloud,
    "leaf": _leaf,
    "flower": _flower,
    "tree": _tree,
    "cup": _cup,
    "house": _house,
    "bolt": _bolt,
    "drop": _drop,
    "bottle": _bottle,
    "fish": _fish,
    "balloon": _balloon,
    "note": _note,
    "crown": _crown,
    "rocket": _rocket,
    "gift": _gift,
    "apple": _apple,
    "shoe": _shoe,
}
