"""Where things stand: the frame in which a ground repeats, and the one its subject fills.

Hides the geometry. Lengths are in parts of the picture's shorter side, from its top left corner. Painter and posters
share it, so that what a seed settled is where the painter was taught to paint it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor
from typing import Final, NamedTuple

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in parts of the picture's width and height."""


class Frame(NamedTuple):
    """`(u, v)` of a point is its way from the origin (x, y), turned and measured in the frame's own size: `along` and
    `across` are the cosine and sine of the turn over that size."""

    x: float
    y: float
    along: float
    across: float


NOWHERE: Final = Frame(0.0, 0.0, 0.0, 0.0)
COUNT: Final = 2
"""Frames of a picture: the ground's, then the subject's."""


@dataclass(frozen=True)
class _Repeat:
    """Turns (of a full one) and sizes a ground repeats in; how far from the middle its origin may lie."""

    sizes: tuple[float, float]
    turns: tuple[float, ...] = (0.0,)
    reach: float = 0.5


_REPEATS: Final[Mapping[str, _Repeat]] = {
    "stripes": _Repeat((0.14, 0.22), (0.0, 0.125, -0.125, 0.25)),
    "checks": _Repeat((0.25, 0.4)),
    "dots": _Repeat((0.24, 0.34)),
    "sunburst": _Repeat((1.0, 1.0), tuple(part / 48 for part in range(4)), reach=0.18),
    "rings": _Repeat((0.16, 0.26), reach=0.15),
    "waves": _Repeat((0.18, 0.26)),
    "zigzag": _Repeat((0.2, 0.28)),
}
_LEAST_ROOM: Final = 0.15
_ACROSS: Final = {"left": 0.26, "centre": 0.5, "right": 0.74}


def frames(choices: Mapping[str, str], size: tuple[float, float], ink: Box | None) -> tuple[Frame, Frame]:
    """Those that follow from the choices (vocabulary.TOLD) made; NOWHERE where they are open or nothing stands."""
    width, height = size[0] / min(size), size[1] / min(size)
    ground = repeat(choices["layout"], width, height) if "layout" in choices else NOWHERE
    subject = NOWHERE
    if choices.keys() >= {"subject", "place", "pose"} and choices["subject"] != "nothing":
        x, y, radius = stand(choices["place"], choices["pose"], (width, height), ink)
        subject = Frame(x, y, 1 / radius, 0.0)
    return ground, subject


def repeat(layout: str, width: float, height: float) -> Frame:
    """Of a layout (vocabulary.DETAILS); NOWHERE for a ground that does not repeat."""
    ground, dice = layout.split(maxsplit=1)[0], random.Random(f"repeat {layout}")  # noqa: S311 - the same everywhere
    if ground not in _REPEATS:
        return NOWHERE
    way = _REPEATS[ground]
    x, y = (side * (0.5 + dice.uniform(-way.reach, way.reach)) for side in (width, height))
    size, turn = dice.uniform(*way.sizes), dice.choice(way.turns) * 2 * math.pi
    return Frame(x, y, math.cos(turn) / size, math.sin(turn) / size)


def stand(place: str, pose: str, size: tuple[float, float], ink: Box | None) -> tuple[float, float, float]:
    """Middle and radius of a subject, in the larger room that the letters' `ink` leaves."""
    (width, height), dice = size, random.Random(f"pose {pose}")  # noqa: S311 - the same everywhere
    top, bottom = _room(ink)
    room = (bottom - top) * height
    radius = min(room * 0.46, dice.uniform(0.24, 0.32))
    x = width * _ACROSS[place] + dice.uniform(-0.03, 0.03)
    x = min(width - radius * 0.9, max(radius * 0.9, x))
    return x, (top + bottom) / 2 * height + dice.uniform(-0.5, 0.5) * (room - 2 * radius) * 0.5, radius


def _room(ink: Box | None) -> tuple[float, float]:
    """Top and bottom of what the letters leave; all of it where that is next to nothing."""
    if ink is not None:
        _, above, _, below = ink
        # In tenths: letters a little larger leave the subject where it was.
        over, under = (0.04, floor(10 * above) / 10 - 0.02), (ceil(10 * below) / 10 + 0.02, 0.96)
        top, bottom = under if above < 1 - below else over
        if bottom - top >= _LEAST_ROOM:
            return top, bottom
    return 0.05, 0.95
