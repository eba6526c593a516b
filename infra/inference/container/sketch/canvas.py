"""Pixels: fields, shapes and layers on a float canvas, antialiased by coverage.

Hides the arrays. Only operations that IEEE 754 rounds exactly are used (+ - * / sqrt min max floor),
one at a time and elementwise: no sine, power, dot product or float sum, whose last bit depends on the
processor numpy finds. That is what makes a picture the same to the byte on every machine.

Lengths are in units of the image's shorter side; (0, 0) is the top left corner.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from .dice import Dice, Floats

Colour = tuple[float, float, float]
Window = tuple[slice, slice]
BANDS: Final = 14
"""Steps a gradient has on a rough canvas."""


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`one` at share 0, `other` at share 1."""
    a, b, c = (p + (q - p) * share for p, q in zip(one, other, strict=True))
    return (a, b, c)


class Canvas:
    """RGB, float32, planar (3, height, width), 0..255. `rough` asks painters for flat shapes, little detail."""

    def __init__(self, width: int, height: int, *, rough: bool = False) -> None:
        self.width, self.height, self.rough = width, height, rough
        self.side = min(width, height)
        self.right, self.bottom = width / self.side, height / self.side
        self.rgb: Floats = np.zeros((3, height, width), np.float32)
        self.x = self._centres(width)[None, :]
        self.y = self._centres(height)[:, None]

    def _centres(self, count: int) -> Floats:
        """Where the pixels of one row or column lie."""
        return np.asarray((np.arange(count, dtype=np.float32) + np.float32(0.5)) / np.float32(self.side))

    def detail(self, full: int, rough: int) -> int:
        return rough if self.rough else full

    def window(self, left: float, top: float, right: float, bottom: float) -> Window:
        """Rows and columns that cover the rectangle, clipped to the canvas; may be empty."""
        rows = slice(self._index(top, -1, self.height), self._index(bottom, 2, self.height))
        return rows, slice(self._index(left, -1, self.width), self._index(right, 2, self.width))

    def _index(self, at: float, margin: int, limit: int) -> int:
        return min(limit, max(0, int(at * self.side) + margin))

    def cover(self, distance: Floats) -> Floats:
        """Coverage 0..1 of a shape from the signed distance to its edge (inside is negative)."""
        return np.asarray(np.clip(np.float32(0.5) - distance * np.float32(self.side), 0, 1))

    def lay(self, alpha: Floats | float, colour: Colour | Floats, at: Window = (slice(None), slice(None))) -> None:
        """Blend a colour, or a (3, rows, cols)-broadcastable field of colours, over the window."""
        region = self.rgb[:, at[0], at[1]]
        if not region.size:
            return
        field = np.array(colour, np.float32)[:, None, None] if isinstance(colour, tuple) else colour
        change = field - region
        change *= np.float32(alpha) if isinstance(alpha, float) else alpha
        region += change

    def lighten(self, amount: Floats, colour: Colour, at: Window = (slice(None), slice(None))) -> None:
        """Screen a light over the window: bright stays bright, dark takes the colour."""
        region = self.rgb[:, at[0], at[1]]
        for index, value in enumerate(colour):
            region[index] += (255 - region[index]) * (amount * np.float32(value / 255))

    # ── shapes ───────────────────────────────────────────────────────────────────────────────────

    def gradient(self, stops: Sequence[Colour], top: float, bottom: float, *, alpha: float = 1.0) -> None:
        """Vertical run through the stops, evenly spaced; flat bands on a rough canvas."""
        at = self.window(-1, top, self.right + 1, bottom)
        share = np.clip((self.y[at[0]] - np.float32(top)) / np.float32(max(bottom - top, 1e-6)), 0, 1)
        self.lay(alpha, self.ramp(stops, share), at)

    def ramp(self, stops: Sequence[Colour], share: Floats) -> Floats:
        """Colours (3, *share.shape) at `share` 0..1 of the run through the stops."""
        if self.rough:
            share = np.floor(share * BANDS + np.float32(0.5)) / BANDS
        table = np.array(stops, np.float32).T
        scaled = share * (len(stops) - 1)
        low = np.minimum(np.floor(scaled), len(stops) - 2).astype(np.intp)
        part = scaled - low
        start = table[:, low]
        return np.asarray(start + (table[:, low + 1] - start) * part)

    def disc(self, cx: float, cy: float, radius: float, colour: Colour, *, alpha: float = 1.0) -> None:
        self.ellipse(cx, cy, radius, radius, colour, alpha=alpha)

    def ellipse(self, cx: float, cy: float, rx: float, ry: float, colour: Colour, *, alpha: float = 1.0) -> None:
        at = self.window(cx - rx, cy - ry, cx + rx, cy + ry)
        self.lay(self.cover(self.ellipse_distance(at, cx, cy, rx, ry)) * np.float32(alpha), colour, at)

    def ellipse_distance(self, at: Window, cx: float, cy: float, rx: float, ry: float) -> Floats:
        """Exact for circles; for ellipses right at the edge, which is where it is used."""
        dx, dy = (self.x[:, at[1]] - np.float32(cx)), (self.y[at[0]] - np.float32(cy))
        if rx == ry:
            return np.asarray(np.sqrt(dx * dx + dy * dy) - np.float32(rx))
        qx, qy = dx / np.float32(rx), dy / np.float32(ry)
        gx, gy = qx / np.float32(rx), qy / np.float32(ry)
        level = np.sqrt(qx * qx + qy * qy)
        slope = np.sqrt(gx * gx + gy * gy) / np.maximum(level, np.float32(1e-6))
        return np.asarray((level - 1) / np.maximum(slope, np.float32(1e-6)))

    def slab(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        colour: Colour | Floats,
        *,
        radius: float = 0.0,
        alpha: float = 1.0,
    ) -> None:
        """Rectangle with round corners."""
        at = self.window(left, top, right, bottom)
        cover = self.cover(self.slab_distance(at, (left, top, right, bottom), radius)) * np.float32(alpha)
        self.lay(cover, colour, at)

    def slab_distance(self, at: Window, edges: tuple[float, float, float, float], radius: float) -> Floats:
        """From the outline of a rectangle given as left, top, right, bottom."""
        left, top, right, bottom = edges
        radius = min(radius, (right - left) / 2, (bottom - top) / 2)
        dx = np.abs(self.x[:, at[1]] - np.float32((left + right) / 2)) - np.float32((right - left) / 2 - radius)
        dy = np.abs(self.y[at[0]] - np.float32((top + bottom) / 2)) - np.float32((bottom - top) / 2 - radius)
        ox, oy = np.maximum(dx, 0), np.maximum(dy, 0)
        return np.asarray(np.sqrt(ox * ox + oy * oy) + np.minimum(np.maximum(dx, dy), 0) - np.float32(radius))

    def stroke(
        self, points: Sequence[tuple[float, float]], thick: float, thin: float, colour: Colour, *, alpha: float = 1.0
    ) -> None:
        """A line with round ends through the points, its half-width running from `thick` to `thin`."""
        last = max(len(points) - 2, 1)
        for step, ((ax, ay), (bx, by)) in enumerate(pairwise(points)):
            width = thick + (thin - thick) * step / last
            at = self.window(min(ax, bx) - width, min(ay, by) - width, max(ax, bx) + width, max(ay, by) + width)
            px, py = self.x[:, at[1]] - np.float32(ax), self.y[at[0]] - np.float32(ay)
            ux, uy = bx - ax, by - ay
            along = (px * np.float32(ux) + py * np.float32(uy)) / np.float32(max(ux * ux + uy * uy, 1e-9))
            along = np.clip(along, 0, 1)
            ex, ey = px - along * np.float32(ux), py - along * np.float32(uy)
            self.lay(self.cover(np.sqrt(ex * ex + ey * ey) - np.float32(width)) * np.float32(alpha), colour, at)

    def leaf(
        self, start: tuple[float, float], end: tuple[float, float], plump: float, colour: Colour, *, alpha: float = 1.0
    ) -> None:
        """A pointed lens between two points, `plump` times as wide as long: where two discs overlap."""
        (ax, ay), (bx, by) = start, end
        dx, dy = bx - ax, by - ay
        # Half the length is 1: circles of radius r, their centres r - plump to either side of the middle.
        radius = (1 + plump * plump) / (2 * plump)
        aside = radius - plump
        length = float(np.sqrt(np.float64(dx * dx + dy * dy))) / 2
        mx, my, nx, ny = (ax + bx) / 2, (ay + by) / 2, -dy / 2, dx / 2
        margin = plump * length
        at = self.window(min(ax, bx) - margin, min(ay, by) - margin, max(ax, bx) + margin, max(ay, by) + margin)
        one = self.ellipse_distance(at, mx + nx * aside, my + ny * aside, radius * length, radius * length)
        other = self.ellipse_distance(at, mx - nx * aside, my - ny * aside, radius * length, radius * length)
        self.lay(self.cover(np.maximum(one, other)) * np.float32(alpha), colour, at)

    def polygon(self, points: Sequence[tuple[float, float]], colour: Colour | Floats, *, alpha: float = 1.0) -> None:
        """Convex; either way round."""
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        at = self.window(min(xs), min(ys), max(xs), max(ys))
        twice_area = sum(ax * by - bx * ay for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True))
        outward = 1 if twice_area > 0 else -1
        distance = np.full((1, 1), -9, np.float32)
        for (ax, ay), (bx, by) in zip(points, [*points[1:], points[0]], strict=True):
            length = float(np.sqrt(np.float64((bx - ax) ** 2 + (by - ay) ** 2)))
            nx, ny = outward * (by - ay) / length, outward * (ax - bx) / length
            edge = (self.x[:, at[1]] - np.float32(ax)) * np.float32(nx) + (self.y[at[0]] - np.float32(ay)) * np.float32(
                ny
            )
            distance = np.maximum(distance, edge)
        self.lay(self.cover(distance) * np.float32(alpha), colour, at)

    def glow(self, cx: float, cy: float, radius: float, colour: Colour, strength: float) -> None:
        """Soft light around a point, half as strong at `radius`."""
        if self.rough:
            for ring in (2.2, 1.6, 1.15):
                self.disc(cx, cy, radius * ring, colour, alpha=strength * 0.16)
            return
        dx, dy = (self.x - np.float32(cx)) / np.float32(radius), (self.y - np.float32(cy)) / np.float32(radius)
        fall = np.float32(1) / (1 + dx * dx + dy * dy)
        self.lighten(np.asarray(fall * np.sqrt(fall), np.float32) * np.float32(strength), colour)

    def relief(
        self,
        crest: Floats,
        stops: Sequence[Colour],
        depth: float,
        *,
        alpha: float = 1.0,
        until: float | None = None,
        shade_from: Floats | None = None,
    ) -> None:
        """Everything below a crest line (one y for each column), its colour running down over `depth`.

        `shade_from` is the line the colours run from where that is a smoother one.
        """
        at = self.window(-1, float(crest.min()), self.right + 1, self.bottom if until is None else until)
        below = self.y[at[0]] - crest[None, :]
        depths = below if shade_from is None else self.y[at[0]] - shade_from[None, :]
        share = np.clip(depths / np.float32(depth), 0, 1)
        self.lay(self.cover(-below) * np.float32(alpha), self.ramp(stops, share), at)

    def rim(self, crest: Floats, thick: float, colour: Colour, *, alpha: float) -> None:
        """A line along a crest, fading downwards over `thick`."""
        at = self.window(-1, float(crest.min()), self.right + 1, float(crest.max()) + thick)
        below = self.y[at[0]] - crest[None, :]
        fade = np.clip(1 - below / np.float32(thick), 0, 1)
        self.lay(self.cover(-below) * fade * np.float32(alpha), colour, at)

    # ── noise ────────────────────────────────────────────────────────────────────────────────────

    def line_noise(self, dice: Dice, name: str, *, waves: float, octaves: int, shift: Floats | float = 0.0) -> Floats:
        """One value in about -1..1 for each column: `waves` swings over one unit, finer ones on top."""
        total = np.zeros(self.width, np.float32)
        weight = 1.0
        for octave in range(octaves):
            lattice = dice.grid(f"{name}/{octave}", 512) * 2 - 1
            position = (self.x[0] + np.float32(3) + shift) * np.float32(waves * 2**octave)
            cell = np.floor(position)
            part = position - cell
            ease = part * part * (3 - 2 * part)
            low = cell.astype(np.intp) % 512
            total += (lattice[low] + (lattice[(low + 1) % 512] - lattice[low]) * ease) * np.float32(weight)
            weight *= 0.5
        return total

    def cloud(self, dice: Dice, name: str, *, across: float, down: float, octaves: int, at: Window) -> Floats:
        """Smooth noise 0..1 over the window, `across` and `down` swings over one unit."""
        xs, ys = self.x[0, at[1]], self.y[at[0], 0]
        total = np.zeros((ys.size, xs.size), np.float32)
        weight, norm = 1.0, 0.0
        for octave in range(octaves):
            scale = 2**octave
            lattice = dice.grid(f"{name}/{octave}", 64, 64)
            columns = _ease_along(lattice, xs * np.float32(across * scale))
            total += _ease_along(columns.T.copy(), ys * np.float32(down * scale)).T * np.float32(weight)
            norm += weight
            weight *= 0.5
        return np.asarray(total / np.float32(norm))


def _ease_along(lattice: Floats, position: Floats) -> Floats:
    """Columns of the lattice, eased between neighbours at the positions: (rows, positions)."""
    cell = np.floor(position)
    part = position - cell
    ease = part * part * (3 - 2 * part)
    low = cell.astype(np.intp) % lattice.shape[1]
    start = lattice[:, low]
    return np.asarray(start + (lattice[:, (low + 1) % lattice.shape[1]] - start) * ease)
