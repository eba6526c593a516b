"""What the colour words look like, and which colours go together where nobody asked for one.

Hides the numbers. A colour word means a family: every poster varies it a little.
"""

from __future__ import annotations

import random
from typing import Final

from .canvas import Colour, luma, mixed

RGB: Final = {
    "red": (0.84, 0.18, 0.20),
    "orange": (0.96, 0.53, 0.16),
    "yellow": (0.98, 0.80, 0.24),
    "green": (0.18, 0.60, 0.34),
    "teal": (0.10, 0.58, 0.60),
    "blue": (0.17, 0.40, 0.80),
    "navy": (0.08, 0.13, 0.34),
    "purple": (0.46, 0.24, 0.66),
    "pink": (0.95, 0.52, 0.66),
    "white": (0.97, 0.97, 0.95),
    "black": (0.08, 0.08, 0.10),
    "grey": (0.53, 0.55, 0.58),
    "cream": (0.96, 0.89, 0.76),
    "brown": (0.45, 0.28, 0.17),
}
JITTER: Final = 0.035
READABLE: Final = 0.38
"""Difference of luma from which letters stand out from a colour."""


def shade(name: str, dice: random.Random) -> Colour:
    """The colour a word means, in one of its shades."""
    lighter = dice.uniform(-0.08, 0.08)
    tinted = mixed(RGB[name], (1, 1, 1) if lighter > 0 else (0, 0, 0), abs(lighter))
    red, green, blue = (min(1.0, max(0.0, part + dice.uniform(-JITTER, JITTER))) for part in tinted)
    return red, green, blue


def nearest(colour: Colour) -> str:
    """The word for a colour: the nearest family, by the weighted distance of T. Riemersma (compuphase.com/cmetric)."""

    def apart(name: str) -> float:
        red = (RGB[name][0] + colour[0]) / 2
        dr, dg, db = (a - b for a, b in zip(RGB[name], colour, strict=True))
        return (2 + red) * dr * dr + 4 * dg * dg + (3 - red) * db * db

    return min(RGB, key=apart)


def readable(inks: tuple[str, ...], grounds: tuple[Colour, ...]) -> list[str]:
    """Those of the inks that stand out from every ground."""
    return [ink for ink in inks if all(abs(luma(RGB[ink]) - luma(ground)) >= READABLE for ground in grounds)]
