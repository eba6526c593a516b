"""Flat shapes on a canvas: layers of colour laid by signed distance, sharp at any size.

Hides antialiasing and the unit of length: the shorter side of the picture is 1, the origin its top left corner.
Decides nothing about what is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from infra.inference.container.mini.arrangement import Frame

Floats = NDArray[np.float32]
Colour = tuple[float, float, float]
"""sRGB, 0..1."""


class Canvas:
    """RGB float32 (height, width, 3) in 0..1 with the coordinates of its pixels' centres."""

    def __init__(self, width: int, height: int, colour: Colour) -> None:
        self.side = min(width, height)
        self.width, self.height = width / self.side, height / self.side
        xs = (np.arange(width, dtype=np.float32) + 0.5) / self.side
        ys = (np.arange(height, dtype=np.float32) + 0.5) / self.side
        self.x: Floats = np.broadcast_to(xs[None, :], (height, width))
        self.y: Floats = np.broadcast_to(ys[:, None], (height, width))
        self.pixels: Floats = np.empty((height, width, 3), np.float32)
        self.pixels[:] = np.asarray(colour, np.float32)

    def within(self, frame: Frame) -> tuple[Floats, Floats]:
        """The place of every pixel in a frame."""
        x, y = self.x - np.float32(frame.x), self.y - np.float32(frame.y)
        along, across = np.float32(frame.along), np.float32(frame.across)
        return along * x + across * y, along * y - across * x

    def lay(self, cover: Floats, colour: Colour) -> None:
        """Colour over the picture, as much as `cover` (0..1) says."""
        self.pixels += cover[..., None] * (np.asarray(colour, np.float32) - self.pixels)

    def inside(self, distance: Floats, softness: float = 0.0) -> Floats:
        """Coverage of what lies at a distance below 0; `softness` blurs the edge over that length."""
        return np.asarray(np.clip(0.5 - distance / np.float32(max(softness, 1 / self.side)), 0, 1), np.float32)


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """`one` at share 0, `other` at share 1."""
    return (
        one[0] + (other[0] - one[0]) * share,
        one[1] + (other[1] - one[1]) * share,
        one[2] + (other[2] - one[2]) * share,
    )


def luma(colour: Colour) -> float:
    """Lightness as the eye weighs it, 0..1."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def disc(x: Floats, y: Floats, radius: float) -> Floats:
    return np.hypot(x, y) - np.float32(radius)


def box(x: Floats, y: Floats, half: tuple[float, float], corner: float = 0.0) -> Floats:
    """A rectangle around the origin with round corners."""
    dx, dy = np.abs(x) - np.float32(half[0] - corner), np.abs(y) - np.float32(half[1] - corner)
    outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    return outside + np.minimum(np.maximum(dx, dy), 0) - np.float32(corner)


def polygon(x: Floats, y: Floats, points: Sequence[tuple[float, float]]) -> Floats:
    """Distance to a simple polygon (I. Quilez, "2D distance functions", read 2026-11)."""
    nearest = np.full(x.shape, 1e9, np.float32)
    sign = np.ones(x.shape, np.float32)
    for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
        ex, ey = np.float32(bx - ax), np.float32(by - ay)
        wx, wy = x - np.float32(ax), y - np.float32(ay)
        along = np.clip((wx * ex + wy * ey) / (ex * ex + ey * ey), 0, 1)
        nearest = np.minimum(nearest, (wx - ex * along) ** 2 + (wy - ey * along) ** 2)
        above, below, left = y >= np.float32(ay), y < np.float32(by), ex * wy > ey * wx
        crossing = (above & below & left) | (~above & ~below & ~left)
        sign = np.where(crossing, -sign, sign)
    return sign * np.sqrt(nearest)
