"""Coast: a sun over layered water, with islands, a sail or palms."""

from __future__ import annotations

import numpy as np

from ..canvas import Canvas, Colour, mix
from ..composition import Composition
from .sky import paint_birds, paint_clouds, paint_sky, paint_stars, paint_sun

WAVES = 8


def paint_coast(canvas: Canvas, comp: Composition) -> None:
    dice = comp.dice
    horizon = canvas.bottom * dice.between("horizon", 0.60, 0.66)
    radius = dice.between("sun", 0.2, 0.25) if comp.wide else dice.between("sun", 0.165, 0.2)
    cx = comp.focal[0] * canvas.right
    cy = horizon - radius * dice.between("rise", 0.25, 0.62)
    slits = bool(comp.motifs & {"retro", "neon", "synthwave"})
    paint_sky(canvas, comp, horizon)
    if comp.palette.dark:
        paint_stars(canvas, dice, horizon * 0.8, 160)
    paint_sun(canvas, comp, cx, cy, radius, slits=slits)
    paint_clouds(canvas, comp, horizon - 0.05, horizon * 0.42, 6)
    _islands(canvas, comp, horizon, cx)
    _sea(canvas, comp, horizon, cx, radius)
    if dice.chance("sail", 0.55) or comp.motifs & {"sail", "boat"}:
        away = 0.2 if cx < canvas.right / 2 else -0.2
        _sail(canvas, comp, cx + away * dice.between("sail at", 1.0, 1.5), horizon + 0.03)
    paint_birds(
        canvas,
        comp,
        cx + dice.between("flock", 0.15, 0.25),
        max(cy - radius * 0.9, canvas.bottom * 0.38),
        canvas.detail(5, 3),
    )
    if comp.motifs & {"palm", "tropical", "beach"} or (
        comp.palette.name in {"summer", "candy"} and dice.chance("palms", 0.5)
    ):
        _palms(canvas, comp)


def _islands(canvas: Canvas, comp: Composition, horizon: float, cx: float) -> None:
    """Two headlands that fall into the sea before they reach the sun."""
    for side, height, shade in ((-1, 0.12, 0.12), (1, 0.085, 0.28)):
        start = cx + side * comp.dice.between(f"island{side}", 0.22, 0.34)
        outward = np.clip((canvas.x[0] - np.float32(start)) * side * np.float32(2.2), 0, 1)
        shape = outward * (2 - outward)
        rough = canvas.line_noise(comp.dice, f"island{side}", waves=5, octaves=canvas.detail(5, 2))
        crest = horizon - shape * np.float32(height) * (np.float32(0.72) + rough * np.float32(0.3))
        colour = mix(mix(comp.palette.far, comp.palette.near, shade), comp.palette.sky[3], 0.2)
        crest = np.where(shape > 0, crest, np.float32(horizon + 0.01)).astype(np.float32)
        canvas.relief(crest, (colour, mix(colour, comp.palette.sky[3], 0.5)), height, until=horizon)


def _sea(canvas: Canvas, comp: Composition, horizon: float, cx: float, radius: float) -> None:
    palette = comp.palette
    light = mix(palette.sky[3], palette.far, 0.45)
    canvas.gradient(
        (light, mix(palette.far, palette.near, 0.25), mix(palette.far, palette.near, 0.7)), horizon, canvas.bottom
    )
    depth = canvas.bottom - horizon
    for wave in range(WAVES):
        nearness = (wave + 0.6) / WAVES
        y = horizon + depth * nearness * (0.3 + 0.7 * nearness)
        swell = canvas.line_noise(comp.dice, f"swell{wave}", waves=6.5 - 4.4 * nearness, octaves=canvas.detail(2, 1))
        crest = y + swell * np.float32(0.004 + 0.022 * nearness)
        body = mix(mix(light, palette.far, min(1.0, nearness * 2.2)), palette.near, max(0.0, nearness - 0.12) * 0.95)
        lit = mix(body, palette.light[0], 0.42 - 0.14 * nearness)
        canvas.relief(
            crest, (lit, mix(body, lit, 0.35), body, mix(body, palette.near, 0.5)), depth * (0.08 + 0.2 * nearness)
        )
        canvas.rim(crest, 0.004 + 0.005 * nearness, mix(lit, palette.light[0], 0.5), alpha=0.7)
        spread = radius * (0.75 + 0.5 * nearness)
        _glitter(canvas, comp, wave, (cx, y), spread=spread, band=depth / WAVES * (0.35 + nearness))


def _glitter(
    canvas: Canvas, comp: Composition, wave: int, at: tuple[float, float], *, spread: float, band: float
) -> None:
    """The sun's road on the water: short bars, denser in the middle."""
    nearness = wave / WAVES
    for across, down, long, bright in comp.dice.grid(f"glitter{wave}", canvas.detail(20, 8), 4):
        centred = (float(across) - 0.5) * 2
        x = at[0] + spread * centred * abs(centred)
        half = (0.008 + 0.05 * float(long) * (1 - 0.6 * abs(centred))) * (0.6 + 0.7 * nearness)
        thick = 0.0012 + 0.0024 * nearness
        top = at[1] + band * float(down)
        colour = mix(comp.palette.light[1], comp.palette.light[0], float(bright))
        canvas.slab(x - half, top - thick, x + half, top + thick, colour, radius=thick, alpha=0.3 + 0.5 * float(bright))


def _sail(canvas: Canvas, comp: Composition, x: float, y: float) -> None:
    size = comp.dice.between("sail size", 0.05, 0.075)
    white, shade = comp.palette.paper, mix(comp.palette.paper, comp.palette.accent, 0.85)
    canvas.polygon([(x, y - size * 1.5), (x + size * 0.62, y - size * 0.14), (x, y - size * 0.14)], white)
    canvas.polygon(
        [(x - size * 0.06, y - size * 1.3), (x - size * 0.06, y - size * 0.14), (x - size * 0.45, y - size * 0.14)],
        shade,
    )
    hull = [
        (x - size * 0.55, y - size * 0.08),
        (x + size * 0.7, y - size * 0.08),
        (x + size * 0.45, y + size * 0.1),
        (x - size * 0.38, y + size * 0.1),
    ]
    canvas.polygon(hull, comp.palette.near)
    canvas.slab(
        x - size * 0.5, y + size * 0.13, x + size * 0.6, y + size * 0.16, comp.palette.paper, radius=0.002, alpha=0.4
    )


def _beach(canvas: Canvas, comp: Composition, side: int) -> None:
    """Sand rising towards one side, with two lines of foam."""
    palette = comp.palette
    sand = mix(palette.sky[3], palette.light[1], 0.3)
    across = canvas.x[0] / np.float32(canvas.right)
    rise = across if side > 0 else 1 - across
    shape = canvas.line_noise(comp.dice, "beach", waves=1.6, octaves=2) * np.float32(0.012)
    crest = canvas.bottom * np.float32(0.985) - rise * rise * rise * np.float32(0.15) + shape
    canvas.relief(crest - np.float32(0.03), (palette.paper, palette.paper), 1.0, alpha=0.22)
    canvas.relief(crest - np.float32(0.012), (palette.paper, palette.paper), 1.0, alpha=0.75)
    canvas.relief(crest, (mix(sand, palette.far, 0.22), sand, mix(sand, palette.light[1], 0.35)), 0.13)


def _palms(canvas: Canvas, comp: Composition) -> None:
    """Two palms on the beach, leaning in from the side without the sun, or beyond it on a wide picture."""
    side = 1 if comp.wide or comp.focal[0] < 0.5 else -1  # noqa: PLR2004 - the middle
    edge = canvas.right if side > 0 else 0.0
    _beach(canvas, comp, side)
    shade = mix(comp.palette.near, comp.palette.ink, 0.7)
    for palm, (root, crown, height) in enumerate(((0.05, 0.17, 0.5), (0.11, 0.3, 0.36))):
        dice = comp.dice.under(f"palm{palm}")
        base = (edge - side * root, canvas.bottom + 0.02)
        top = (edge - side * (crown + dice.between("lean", -0.02, 0.03)), canvas.bottom * (1 - height))
        bend = (base[0] - side * 0.005, canvas.bottom - canvas.bottom * height * 0.6)
        canvas.stroke(curve(base, bend, top, 16), 0.0135, 0.007, shade)
        for frond, aim in enumerate(_FRONDS):
            _frond(canvas, dice.between(f"reach{frond}", 0.125, 0.16), top, aim, shade)
        for nut, (x, y) in enumerate(((-0.011, 0.008), (0.009, 0.011), (0.0, 0.016))):
            canvas.disc(top[0] + x, top[1] + y, 0.0085 - 0.001 * nut, mix(shade, comp.palette.accent, 0.2))


_FRONDS = (
    (-1.0, 0.42),
    (-1.05, -0.02),
    (-0.72, -0.42),
    (-0.2, -0.58),
    (0.4, -0.52),
    (0.85, -0.3),
    (1.08, 0.1),
    (0.92, 0.5),
    (-0.5, 0.62),
    (0.5, 0.66),
)


def _frond(canvas: Canvas, reach: float, top: tuple[float, float], aim: tuple[float, float], colour: Colour) -> None:
    """A bowed rib with leaves hanging from it, longest in the middle."""
    tip = (top[0] + aim[0] * reach, top[1] + aim[1] * reach)
    bow = (top[0] + aim[0] * reach * 0.5, top[1] + (aim[1] * 0.5 - 0.42) * reach)
    rib = curve(top, bow, tip, 12)
    canvas.stroke(rib, 0.003, 0.0012, colour)
    way = 1 if aim[0] > 0 else -1
    for step, (x, y) in enumerate(rib[1:], start=1):
        length = reach * (0.16 + 0.3 * step / 12 * (2.1 - 2 * step / 12))
        canvas.leaf((x, y), (x + way * length * 0.62, y + length * 0.85), 0.16, colour)
        if not canvas.rough:
            canvas.leaf((x, y), (x + way * length * 0.85, y - length * 0.12), 0.14, colour)


def curve(
    start: tuple[float, float], bend: tuple[float, float], end: tuple[float, float], steps: int
) -> list[tuple[float, float]]:
    """Points of a quadratic Bézier curve."""
    points = []
    for step in range(steps + 1):
        t = step / steps
        a, b, c = (1 - t) * (1 - t), 2 * t * (1 - t), t * t
        points.append((a * start[0] + b * bend[0] + c * end[0], a * start[1] + b * bend[1] + c * end[1]))
    return points
