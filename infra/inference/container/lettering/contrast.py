"""Colours that can be read: the ink for a ground, and how much support it needs there.

Hides luminance and the search for the least support. Draws nothing. Contrast is that of WCAG 2.2, 1.4.3
(https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio, read 2026-11); sRGB is linearised by a table rounded to six
digits, so that every machine chooses alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..masks import Pixels

Colour = tuple[int, int, int]
"""sRGB, 0..255."""
ENOUGH: Final = 4.5
"""WCAG's AA for text of any size."""
OUTLIERS: Final = 0.03
"""Share of the ground at its darkest and at its lightest end that may be worse than what was chosen for."""
PAPER: Final = 0.92
INK: Final = 0.9
"""How far the ground's mean colour is taken towards white and towards black to become an ink."""
STEP: Final = 0.05
"""Of the opacity of a support."""


def _linear(value: int) -> float:
    share = value / 255
    return round(share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4, 6)  # noqa: PLR2004 - sRGB


_LINEAR: Final[NDArray[np.float64]] = np.array([_linear(value) for value in range(256)])


@dataclass(frozen=True)
class Choice:
    """Letters of `ink`, on `support` laid over the ground with `opacity` (0 where the ground does without)."""

    ink: Colour
    support: Colour
    opacity: float
    contrast: float
    """The worst, outliers apart, with the support in place."""


def choose(ground: Pixels, *, least: float = 0.0) -> Choice:
    """The ink that reads better on most of the ground, a light or a dark tint of it, and the least support it needs.

    `least` is an opacity the support must have at any rate.
    """
    flat = ground.reshape(-1, 3)
    order = np.argsort(_luminances(flat), kind="stable")
    outliers = int(order.size * OUTLIERS)
    darkest, usual, lightest = (
        _colour(flat[order[place]]) for place in (outliers, order.size // 2, order.size - 1 - outliers)
    )
    mean = _colour(flat.astype(np.int64).sum(axis=0) // flat.shape[0])
    paper, ink = mixed(mean, (255, 255, 255), PAPER), mixed(mean, (0, 0, 0), INK)
    if contrast(paper, usual) < contrast(ink, usual):
        paper, ink = ink, paper
    return _supported(paper, ink, (darkest, lightest), least)


def contrast(one: Colour, other: Colour) -> float:
    """1 (equal) to 21 (black on white)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: Colour) -> float:
    """Relative luminance, 0 black to 1 white."""
    return float(_luminances(np.array([colour], np.uint8))[0])


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """`one` at share 0, `other` at share 1."""
    red, green, blue = (int(a + (b - a) * share + 0.5) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _supported(ink: Colour, support: Colour, ends: tuple[Colour, Colour], least: float) -> Choice:
    """Both ends of the ground count: the one is like the ink, the other may be."""

    def worst(opacity: float) -> float:
        return min(contrast(ink, mixed(end, support, opacity)) for end in ends)

    steps = (round(step * STEP, 2) for step in range(int(1 / STEP)))
    opacity = next((step for step in steps if step >= least and worst(step) >= ENOUGH), 1.0)
    return Choice(ink, support, opacity, round(worst(opacity), 2))


def _luminances(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    red, green, blue = (_LINEAR[pixels[:, plane]] for plane in range(3))
    return np.asarray(red * 0.2126 + green * 0.7152 + blue * 0.0722)


def _colour(pixel: NDArray[np.generic]) -> Colour:
    red, green, blue = (int(value) for value in pixel.tolist())
    return red, green, blue
