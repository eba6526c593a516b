"""What several scenes share above the horizon: gradient, sun, stars, clouds, birds.

Hides their drawing. Places nothing by itself: callers say where.
"""

from __future__ import annotations

import numpy as np

from ..canvas import Canvas, mix
from ..composition import Composition
from ..dice import Dice


def paint_sky(canvas: Canvas, comp: Composition, horizon: float) -> None:
    canvas.gradient(comp.palette.sky, 0, horizon)
    if not canvas.rough:
        at = canvas.window(0, 0, canvas.right, horizon)
        haze = canvas.cloud(comp.dice, "haze", across=1.3, down=4.5, octaves=3, at=at) - np.float32(0.5)
        canvas.lay(np.maximum(haze, 0) * np.float32(0.55), comp.palette.sky[3], at)


def paint_sun(
    canvas: Canvas, comp: Composition, cx: float, cy: float, radius: float, *, slits: bool = False, halo: float = 0.75
) -> None:
    """A disc of light with its glow; `slits` cut it into the bars of an eighties poster."""
    top, foot = comp.palette.light
    canvas.glow(cx, cy, radius * 1.55, mix(foot, top, 0.5), halo)
    at = canvas.window(cx - radius, cy - radius, cx + radius, cy + radius)
    cover = canvas.cover(canvas.ellipse_distance(at, cx, cy, radius, radius))
    if slits:
        for bar in range(6):
            y = cy + radius * (0.06 + 0.165 * bar)
            thick = radius * (0.012 + 0.0125 * bar)
            cover = cover * (1 - canvas.cover(abs(canvas.y[at[0]] - y) - thick))
    share = ((canvas.y[at[0]] - (cy - radius)) / (2 * radius)).clip(0, 1)
    canvas.lay(cover, canvas.ramp((top, mix(top, foot, 0.35), foot), share), at)


def paint_moon(canvas: Canvas, comp: Composition, cx: float, cy: float, radius: float) -> None:
    top, foot = comp.palette.light
    canvas.glow(cx, cy, radius * 1.9, foot, 0.55)
    canvas.disc(cx, cy, radius, top)
    dice = comp.dice.under("craters")
    for crater in range(canvas.detail(7, 3)):
        angle_x, angle_y = dice.between(f"x{crater}", -0.6, 0.6), dice.between(f"y{crater}", -0.6, 0.6)
        size = dice.between(f"r{crater}", 0.07, 0.2)
        canvas.disc(cx + radius * angle_x, cy + radius * angle_y, radius * size, mix(top, foot, 0.7), alpha=0.75)


def paint_stars(canvas: Canvas, dice: Dice, horizon: float, count: int) -> None:
    """Points of several sizes, thinning out towards the horizon."""
    places = dice.grid("stars", canvas.detail(count, count // 3), 4)
    for across, down, size, glow in places:
        y = float(down * down) * horizon
        radius = 0.0007 + 0.0017 * float(size * size * size)
        canvas.disc(float(across) * canvas.right, y, radius, (255.0, 252.0, 240.0), alpha=0.35 + 0.6 * float(glow))


def paint_clouds(canvas: Canvas, comp: Composition, low: float, high: float, count: int) -> None:
    """Flat poster clouds: stacks of round bars between two heights."""
    dice = comp.dice.under("clouds")
    for cloud in range(count):
        draw = dice.under(str(cloud))
        depth = (cloud + draw.unit("depth")) / count
        cx, cy = draw.between("x", -0.05, 1.05) * canvas.right, high + (low - high) * depth
        if in_zone(canvas, comp, cx, cy):
            continue
        scale = draw.between("scale", 0.5, 1.0) * (0.55 + 0.6 * (1 - depth))
        colour = mix(comp.palette.light[0], comp.palette.sky[2], 0.2 + 0.4 * depth)
        for bar in range(canvas.detail(4, 2)):
            half = scale * draw.between(f"half{bar}", 0.07, 0.15) * (1 - 0.16 * bar)
            offset = scale * draw.between(f"off{bar}", -0.09, 0.09)
            thick = scale * 0.0125
            y = cy - bar * thick * 1.75
            canvas.slab(cx + offset - half, y - thick, cx + offset + half, y + thick, colour, radius=thick, alpha=0.62)


def in_zone(canvas: Canvas, comp: Composition, x: float, y: float) -> bool:
    """True where a cloud or a moon would stand behind the words."""
    left, top, wide, tall = comp.zone
    across, down = x / canvas.right, y / canvas.bottom
    return left - 0.1 < across < left + wide + 0.1 and top < down < top + tall + 0.035


def paint_birds(canvas: Canvas, comp: Composition, cx: float, cy: float, count: int) -> None:
    dice = comp.dice.under("birds")
    for bird in range(count):
        x, y = cx + dice.between(f"x{bird}", -0.13, 0.13), cy + dice.between(f"y{bird}", -0.05, 0.05)
        span = dice.between(f"s{bird}", 0.009, 0.017)
        wing = [(x - span, y - span * 0.35), (x - span * 0.5, y - span * 0.55), (x, y)]
        canvas.stroke(wing, span * 0.05, span * 0.13, comp.palette.near)
        canvas.stroke([(2 * x - px, py) for px, py in wing], span * 0.05, span * 0.13, comp.palette.near)


def paint_snowfall(canvas: Canvas, dice: Dice, count: int) -> None:
    for across, down, size in dice.grid("flakes", canvas.detail(count, count // 3), 3):
        radius = 0.0014 + 0.0042 * float(size * size * size)
        alpha = 0.9 - 0.5 * float(size)
        canvas.disc(
            float(across) * canvas.right, float(down) * canvas.bottom, radius, (255.0, 255.0, 255.0), alpha=alpha
        )
