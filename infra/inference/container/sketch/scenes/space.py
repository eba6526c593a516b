"""Space: a ringed planet over a nebula, moons, and the ridge of the world one stands on."""

from __future__ import annotations

import numpy as np

from ..canvas import Canvas, mix
from ..composition import Composition
from .sky import in_zone, paint_stars


def paint_space(canvas: Canvas, comp: Composition) -> None:
    dice, palette = comp.dice, comp.palette
    canvas.gradient((palette.near, *palette.sky), 0, canvas.bottom * 1.05)
    _nebula(canvas, comp)
    paint_stars(canvas, dice, canvas.bottom, 420)
    paint_stars(canvas, dice.under("more"), canvas.bottom * 0.6, 160)
    cx, cy = (comp.focal[0] + 0.03 * comp.wide) * canvas.right, canvas.bottom * (0.54 if comp.wide else 0.585)
    radius = dice.between("planet", 0.21, 0.25)
    canvas.glow(cx, cy, radius * 1.25, palette.light[1], 0.42)
    ring = dice.chance("ring", 0.65) or bool(comp.motifs & {"ring", "saturn"})
    if ring:
        _ring(canvas, comp, cx, cy, radius, front=False)
    _planet(canvas, comp, cx, cy, radius)
    if ring:
        _ring(canvas, comp, cx, cy, radius, front=True)
    for moon in range(2):
        side = -1 if moon else 1
        mx, my = (
            cx + side * radius * dice.between(f"moon{moon}", 1.25, 1.7),
            cy - radius * dice.between(f"up{moon}", 0.35, 1.0),
        )
        if in_zone(canvas, comp, mx, my):
            continue
        size = radius * dice.between(f"size{moon}", 0.07, 0.17)
        canvas.disc(mx, my, size, mix(palette.far, palette.light[0], 0.55))
        canvas.disc(mx + size * 0.3, my + size * 0.3, size * 0.72, palette.far, alpha=0.4)
    _ground(canvas, comp)


def _nebula(canvas: Canvas, comp: Composition) -> None:
    at = canvas.window(0, 0, canvas.right, canvas.bottom)
    octaves = canvas.detail(5, 2)
    for name, colour, strength in (
        ("warm", comp.palette.far, 2.2),
        ("cool", comp.palette.accent, 0.75),
        ("glow", comp.palette.light[1], 0.9),
    ):
        veil = canvas.cloud(comp.dice, name, across=1.6, down=2.3, octaves=octaves, at=at)
        amount = np.clip((veil - np.float32(0.5)) * np.float32(strength), 0, np.float32(0.6))
        canvas.lighten(amount, colour)


def _planet(canvas: Canvas, comp: Composition, cx: float, cy: float, radius: float) -> None:
    """A banded ball lit from the upper left, with a thin bright atmosphere."""
    palette = comp.palette
    at = canvas.window(cx - radius, cy - radius, cx + radius, cy + radius)
    dx, dy = (
        (canvas.x[:, at[1]] - np.float32(cx)) / np.float32(radius),
        (canvas.y[at[0]] - np.float32(cy)) / np.float32(radius),
    )
    away = dx * dx + dy * dy
    facing = np.sqrt(np.clip(1 - away, 0, 1))
    tilt = dy + dx * np.float32(0.28)
    storm = canvas.cloud(comp.dice, "bands", across=5, down=26, octaves=canvas.detail(4, 1), at=at)
    band = tilt * np.float32(3.4) + (storm - np.float32(0.5)) * np.float32(0.9)
    wave = np.abs(band - 2 * np.floor(band / 2 + np.float32(0.5)))
    stops = (
        mix(palette.light[1], palette.far, 0.15),
        palette.light[0],
        palette.light[1],
        mix(palette.far, palette.accent, 0.2),
        palette.far,
    )
    surface = canvas.ramp(stops, np.clip(wave, 0, 1))
    light = np.clip(dx * np.float32(-0.55) + dy * np.float32(-0.45) + facing * np.float32(0.72), 0, 1)
    if canvas.rough:
        light = np.floor(light * 5) / 5
    night = np.array(palette.near, np.float32)[:, None, None]
    shaded = night + (surface - night) * (np.float32(0.06) + np.float32(0.94) * light)
    cover = canvas.cover((np.sqrt(away) - 1) * np.float32(radius))
    canvas.lay(cover, shaded, at)
    rim = np.clip((away - np.float32(0.8)) * 4, 0, 1) * cover * np.clip(light * 2, 0, 1)
    canvas.lighten(rim * np.float32(0.5), palette.accent, at)


def _ring(canvas: Canvas, comp: Composition, cx: float, cy: float, radius: float, *, front: bool) -> None:
    """One half of a tilted ring of grooves: the back is drawn before the planet, the front after it."""
    reach = radius * 2.15
    at = canvas.window(cx - reach, cy - reach, cx + reach, cy + reach)
    px, py = (
        (canvas.x[:, at[1]] - np.float32(cx)) / np.float32(radius),
        (canvas.y[at[0]] - np.float32(cy)) / np.float32(radius),
    )
    along, across = px * np.float32(0.94) - py * np.float32(0.34), px * np.float32(0.34) + py * np.float32(0.94)
    across = across * np.float32(3.6)
    distance = np.sqrt(along * along + across * across)
    inside = np.clip((distance - np.float32(1.32)) * 60, 0, 1) * np.clip((np.float32(2.05) - distance) * 60, 0, 1)
    grooves = comp.dice.grid("grooves", 64)
    groove = grooves[np.clip((distance - np.float32(1.3)) * np.float32(canvas.detail(58, 12)), 0, 63).astype(np.intp)]
    half = np.clip(across * 40 + np.float32(0.5), 0, 1) if front else np.clip(np.float32(0.5) - across * 40, 0, 1)
    canvas.lay(
        inside * half * (np.float32(0.35) + np.float32(0.55) * groove),
        mix(comp.palette.light[0], comp.palette.light[1], 0.35),
        at,
    )


def _ground(canvas: Canvas, comp: Composition) -> None:
    palette = comp.palette
    for layer, (base, height, waves) in enumerate(((0.86, 0.07, 2.2), (0.93, 0.06, 1.6))):
        fold = canvas.line_noise(comp.dice, f"ground{layer}", waves=waves, octaves=canvas.detail(6, 2))
        crest = canvas.bottom * np.float32(base) - fold * np.float32(height)
        body = mix(palette.far, palette.near, 0.55 + 0.4 * layer)
        canvas.relief(crest - np.float32(0.002), (mix(body, palette.light[1], 0.6), body), 0.006)
        canvas.relief(crest, (body, mix(body, palette.near, 0.8)), 0.12)
