"""Shapes in a picture: connected pixels, and the smallest turned rectangle around them.

Hides the arithmetic that OpenCV would do (findContours, minAreaRect): its wheel alone is too heavy for the
Lambda bundle. Coordinates are pixels, x to the right and y down. Knows nothing of text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A turned rectangle: `along` is the unit vector in which its text reads, `thickness` runs across it."""

    centre: Array
    along: Array
    length: float
    thickness: float

    @property
    def down(self) -> Array:
        """Unit vector from the top of the letters to their feet."""
        return np.array([-self.along[1], self.along[0]])

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the upright rectangle around it."""
        half = np.abs(self.along) * self.length / 2 + np.abs(self.down) * self.thickness / 2
        (left, top), (right, bottom) = self.centre - half, self.centre + half
        return float(left), float(top), float(right), float(bottom)

    def turned(self, quarters: int) -> Region:
        """The same rectangle read after `quarters` clockwise quarter turns."""
        region = self
        for _ in range(quarters % 4):
            region = Region(region.centre, region.down, region.thickness, region.length)
        return region

    def grown(self, pixels: float) -> Region:
        return Region(self.centre, self.along, self.length + 2 * pixels, self.thickness + 2 * pixels)

    def recut(self, *, wider: float = 0.0, longer: float = 0.0, tilted_deg: float = 0.0) -> Region:
        """Nearly the same: `wider` on all sides and `longer` at both ends (in thicknesses), turned clockwise."""
        angle = math.radians(tilted_deg)
        along = self.along * math.cos(angle) + self.down * math.sin(angle)
        region = Region(self.centre, along, self.length + 2 * longer * self.thickness, self.thickness)
        return region.grown(wider * self.thickness)

    def scaled(self, x: float, y: float) -> Region:
        """In a picture stretched by `x` and `y`, which are nearly equal: the angle is kept right, not the corners."""
        along, down = self.along * (x, y), self.down * (x, y)
        size = float(np.linalg.norm(along))
        return Region(
            self.centre * (x, y), along / size, self.length * size, self.thickness * float(np.linalg.norm(down))
        )


def connected_pixels(mask: NDArray[np.bool_]) -> Iterator[Array]:
    """The outline points (n, 2) of each 8-connected group of true pixels in `mask` (height, width)."""
    rows, starts, ends = _runs(mask)
    if not len(rows):
        return
    group = _joined(rows, starts, ends, height=mask.shape[0])
    order = np.argsort(group, kind="stable")
    for members in np.split(order, np.nonzero(np.diff(group[order]))[0] + 1):
        y = rows[members]
        yield np.concatenate([np.stack([starts[members], y], 1), np.stack([ends[members], y], 1)]).astype(np.float64)


def smallest_rectangle(points: Array) -> Region:
    """The turned rectangle of least area around `points`, `along` within 45 degrees of level.

    One side of it lies on the convex hull: Freeman and Shapira, CACM 18(7), 1975.
    """
    hull = _convex_hull(points)
    if len(hull) < 3:  # noqa: PLR2004 - no triangle: a point or a line
        low, high = points.min(0), points.max(0)
        width, height = (high - low).tolist()
        return Region((low + high) / 2, np.array([1.0, 0.0]), width, height)
    edges = np.roll(hull, -1, axis=0) - hull
    edges = edges / np.maximum(np.linalg.norm(edges, axis=1, keepdims=True), 1e-9)
    across = np.stack([-edges[:, 1], edges[:, 0]], 1)
    on_edges, on_across = hull @ edges.T, hull @ across.T
    lengths, depths = np.ptp(on_edges, axis=0), np.ptp(on_across, axis=0)
    best = int(np.argmin(lengths * depths))
    middle = (on_edges[:, best].max() + on_edges[:, best].min()) / 2 * edges[best]
    middle = middle + (on_across[:, best].max() + on_across[:, best].min()) / 2 * across[best]
    region = Region(middle, edges[best], float(lengths[best]), float(depths[best]))
    return next(turn for turn in map(region.turned, range(4)) if turn.along[0] >= abs(turn.along[1]) - 1e-9)


def _runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Row, first and last column of each horizontal run of true pixels, in reading order."""
    steps = np.diff(np.pad(mask.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, starts = np.nonzero(steps == 1)
    return rows, starts, np.nonzero(steps == -1)[1] - 1


def _joined(
    rows: NDArray[np.intp], starts: NDArray[np.intp], ends: NDArray[np.intp], *, height: int
) -> NDArray[np.intp]:
    """The group of each run: runs that touch, also by a corner, in neighbouring rows are one (union-find)."""
    parent = list(range(len(rows)))

    def root(run: int) -> int:
        while parent[run] != run:
            parent[run] = parent[parent[run]]
            run = parent[run]
        return run

    first_of = np.searchsorted(rows, np.arange(height + 1)).tolist()
    left, right = starts.tolist(), ends.tolist()
    for row in range(1, height):
        above, here = first_of[row - 1], first_of[row]
        while above < first_of[row] and here < first_of[row + 1]:
            if left[above] <= right[here] + 1 and left[here] <= right[above] + 1:
                parent[root(here)] = root(above)
            if right[above] < right[here]:
                above += 1
            else:
                here += 1
    return np.array([root(run) for run in range(len(rows))], dtype=np.intp)


def _convex_hull(points: Array) -> Array:
    """Andrew's monotone chain, Information Processing Letters 9(5), 1979."""
    ordered = points[np.lexsort((points[:, 1], points[:, 0]))].tolist()

    def chain(sequence: list[list[float]]) -> list[list[float]]:
        kept: list[list[float]] = []
        for x, y in sequence:
            while len(kept) > 1 and (kept[-1][0] - kept[-2][0]) * (y - kept[-2][1]) <= (kept[-1][1] - kept[-2][1]) * (
                x - kept[-2][0]
            ):
                kept.pop()
            kept.append([x, y])
        return kept

    return np.array(chain(ordered)[:-1] + chain(ordered[::-1])[:-1], dtype=np.float64)
