"""Land: mountains with pines and a lake, rolling hills, desert dunes; each in layers that fade with distance."""

from __future__ import annotations

import numpy as np

from ..canvas import Canvas, Colour, mix
from ..composition import Composition
from ..dice import Dice, Floats
from .sky import paint_birds, paint_clouds, paint_moon, paint_sky, paint_snowfall, paint_stars, paint_sun

COLD = frozenset({"winter", "snow", "ski", "christmas"})
WHITE: Colour = (250.0, 252.0, 255.0)


def paint_mountains(canvas: Canvas, comp: Composition) -> None:
    dice, palette = comp.dice, comp.palette
    cold = palette.name == "winter" or bool(comp.motifs & COLD)
    lake = bool(comp.motifs & {"lake", "reflection", "river"}) or dice.chance("lake", 0.4)
    shore = canvas.bottom * (0.74 if lake else 1.0)
    paint_sky(canvas, comp, canvas.bottom * 0.72)
    _orb(canvas, comp, canvas.bottom * 0.36)
    paint_clouds(canvas, comp, canvas.bottom * 0.46, canvas.bottom * 0.3, 5)
    _peaks(canvas, comp, snow=cold or palette.name in {"ocean", "dawn", "night"})
    layers = 4
    for layer in range(layers):
        nearness = (layer + 1) / layers
        y = canvas.bottom * (0.6 + (0.1 if lake else 0.28) * nearness)
        fold = canvas.line_noise(dice, f"ridge{layer}", waves=2.6, octaves=canvas.detail(4, 2))
        ground = crest = y - np.float32(0.06) * fold
        if layer:
            crest = _pine_line(
                canvas, dice.under(f"pines{layer}"), crest, 0.02 + 0.035 * nearness, int(90 - 45 * nearness)
            )
        body = mix(palette.far, palette.near, 0.22 + 0.7 * nearness)
        if cold:
            body = mix(body, WHITE, 0.12 * (1 - nearness))
        mist = mix(palette.sky[3], body, 0.35 + 0.4 * nearness)
        canvas.relief(crest, (body, mix(body, mist, 0.6), mist), 0.2, until=shore, shade_from=ground - np.float32(0.03))
    if lake:
        _lake(canvas, comp, shore)
    for pine in range(canvas.detail(7, 7)):
        draw = dice.under(f"pine{pine}")
        edge = draw.unit("x") * 0.2
        x = (edge if pine % 2 else 1 - edge) * canvas.right
        _pine(
            canvas,
            x,
            canvas.bottom + draw.between("foot", 0.0, 0.06),
            draw.between("tall", 0.2, 0.36),
            mix(palette.near, palette.ink, 0.4),
            snow=cold,
        )
    if comp.motifs & {"snow", "christmas", "ski"} or (cold and dice.chance("snowfall", 0.6)):
        paint_snowfall(canvas, dice, 240)
    paint_birds(canvas, comp, comp.focal[0] * canvas.right, canvas.bottom * 0.42, canvas.detail(4, 2))


def paint_hills(canvas: Canvas, comp: Composition) -> None:
    dice, palette = comp.dice, comp.palette
    paint_sky(canvas, comp, canvas.bottom * 0.62)
    _orb(canvas, comp, canvas.bottom * 0.47)
    paint_clouds(canvas, comp, canvas.bottom * 0.5, canvas.bottom * 0.34, 6)
    layers = 6
    for layer in range(layers):
        nearness = layer / (layers - 1)
        y = canvas.bottom * (0.56 + 0.33 * nearness)
        crest = y - np.float32(0.035 + 0.05 * nearness) * canvas.line_noise(
            dice, f"hill{layer}", waves=1.9 - 0.9 * nearness, octaves=1
        )
        body = mix(palette.far, palette.near, 0.08 + 0.8 * nearness * nearness)
        canvas.relief(crest, (mix(body, palette.light[1], 0.42), body, mix(body, palette.near, 0.35)), 0.22)
        if layer % 2 and not canvas.rough:
            _furrows(canvas, crest, mix(body, palette.near, 0.5), 0.012 + 0.015 * nearness)
        for tree in range(int(9 - 5 * nearness)):
            draw = dice.under(f"tree{layer}-{tree}")
            column = int(draw.unit("x") * (canvas.width - 1))
            size = draw.between("size", 0.012, 0.02) * (0.7 + 2.2 * nearness)
            _round_tree(
                canvas,
                (float(canvas.x[0, column]), float(crest[column])),
                size,
                mix(body, palette.near, 0.75),
                mix(body, palette.accent if draw.chance("bloom", 0.3) else palette.light[1], 0.5),
            )
    paint_birds(canvas, comp, comp.focal[0] * canvas.right, canvas.bottom * 0.4, canvas.detail(5, 3))


def paint_desert(canvas: Canvas, comp: Composition) -> None:
    dice, palette = comp.dice, comp.palette
    paint_sky(canvas, comp, canvas.bottom * 0.64)
    if palette.dark:
        paint_stars(canvas, dice, canvas.bottom * 0.5, 200)
    cx, radius = comp.focal[0] * canvas.right, dice.between("sun", 0.14, 0.19)
    paint_sun(canvas, comp, cx, canvas.bottom * 0.55, radius, slits=bool(comp.motifs & {"retro", "synthwave"}))
    mesa = canvas.line_noise(dice, "mesa", waves=2.2, octaves=canvas.detail(3, 2))
    steps = np.floor(np.clip(mesa * 2 + 0.5, 0, 2.99)) * np.float32(0.05) + np.clip(mesa * np.float32(0.03), 0, 1)
    stone = mix(palette.far, palette.near, 0.3)
    canvas.relief(
        canvas.bottom * np.float32(0.645) - steps.astype(np.float32), (stone, mix(stone, palette.sky[3], 0.6)), 0.14
    )
    canvas.gradient((palette.sky[3], palette.far), canvas.bottom * 0.632, canvas.bottom)
    for layer in range(6):
        nearness = layer / 5
        _dune(canvas, comp, layer, canvas.bottom * (0.635 + 0.29 * nearness), nearness)
    for cactus in range(3):
        draw = dice.under(f"cactus{cactus}")
        x = (draw.between("x", 0.03, 0.22) if cactus % 2 else draw.between("x", 0.8, 0.96)) * canvas.right
        _cactus(
            canvas,
            x,
            canvas.bottom * draw.between("y", 0.87, 0.97),
            draw.between("tall", 0.09, 0.17),
            mix(palette.near, palette.ink, 0.35),
        )
    paint_birds(canvas, comp, cx, canvas.bottom * 0.42, 3)


# ── parts ────────────────────────────────────────────────────────────────────────────────────────


def _orb(canvas: Canvas, comp: Composition, y: float) -> None:
    cx, radius = comp.focal[0] * canvas.right, comp.dice.between("orb", 0.105, 0.145)
    if comp.palette.dark:
        paint_stars(canvas, comp.dice, canvas.bottom * 0.55, 260)
        paint_moon(canvas, comp, cx, y, radius * 0.8)
    else:
        paint_sun(canvas, comp, cx, y, radius, halo=0.6)


def _peaks(canvas: Canvas, comp: Composition, *, snow: bool) -> None:
    """Two far ranges with a lit and a shaded face, and snow above a ragged line."""
    palette = comp.palette
    for layer, (base, height, shade) in enumerate(((0.58, 0.17, 0.05), (0.64, 0.24, 0.3))):
        fold = canvas.line_noise(comp.dice, f"peak{layer}", waves=2.3 + layer, octaves=canvas.detail(6, 3))
        ridged = 1 - np.abs(fold)
        centre = np.abs(canvas.x[0] - np.float32(comp.focal[0] * canvas.right))
        rise = np.float32(0.55) + np.float32(0.6) / (1 + centre * centre * 9) if layer else np.float32(0.85)
        crest = (
            canvas.bottom * np.float32(base) - np.float32(height) * np.maximum(ridged, np.float32(-0.4)) * rise
        ).astype(np.float32)
        body = mix(mix(palette.far, palette.near, shade), palette.sky[3], 0.28 - 0.2 * layer)
        canvas.relief(crest, (body, mix(body, palette.sky[3], 0.75)), 0.3)
        _lit_faces(canvas, crest, palette.light[0], 0.3)
        if snow:
            _snow(canvas, comp, layer, crest)


def _lit_faces(canvas: Canvas, crest: Floats, light: Colour, alpha: float) -> None:
    """Lighten what slopes towards the left, along slanted facets below the crest."""
    at = canvas.window(0, float(crest.min()), canvas.right, float(crest.min()) + 0.34)
    step = max(2, canvas.side // 45)
    slope = np.roll(crest, -step) - np.roll(crest, step)
    below = canvas.y[at[0]] - crest[None, :]
    column = np.arange(canvas.width)[None, :] - (below * np.float32(0.42 * canvas.side)).astype(np.intp)
    facing = slope[np.clip(column, 0, canvas.width - 1)]
    lit = np.clip(-facing * np.float32(canvas.side) / np.float32(step) * np.float32(1.6), 0, 1)
    fade = np.clip(1 - below * np.float32(6.5), 0, 1)
    canvas.lay(canvas.cover(-below) * lit * fade * np.float32(alpha), light, at)


def _snow(canvas: Canvas, comp: Composition, layer: int, crest: Floats) -> None:
    jag = canvas.line_noise(comp.dice, f"snow{layer}", waves=16, octaves=canvas.detail(3, 1))
    top = float(crest.min())
    line = np.float32(top + 0.085) + jag * np.float32(0.024)
    at = canvas.window(0, top, canvas.right, top + 0.16)
    inside = np.maximum(crest[None, :] - canvas.y[at[0]], canvas.y[at[0]] - line[None, :])
    canvas.lay(canvas.cover(inside) * np.float32(0.55), WHITE, at)


def _pine_line(canvas: Canvas, dice: Dice, crest: Floats, tall: float, count: int) -> Floats:
    """The crest with a wood on it, seen from afar."""
    x = canvas.x[0]
    line = crest.copy()
    for at, size, _ in dice.grid("wood", int(count * canvas.right), 3):
        centre, height = float(at) * canvas.right, tall * (0.45 + 0.75 * float(size))
        foot = crest[min(canvas.width - 1, int(centre * canvas.side))]
        away = np.abs(x - np.float32(centre)) / np.float32(height * 0.26)
        tiers = (away * 5 - np.floor(away * 5)) * np.float32(0.13)
        tree = foot + np.float32(0.008) - np.float32(height) * (1 - away + tiers)
        line = np.where(away < 1, np.minimum(line, tree), line)
    return np.asarray(line, np.float32)


def _pine(canvas: Canvas, x: float, foot: float, tall: float, colour: Colour, *, snow: bool) -> None:
    canvas.slab(x - tall * 0.025, foot - tall * 0.2, x + tall * 0.025, foot, colour)
    tiers = 6
    for tier in range(tiers):
        low = foot - tall * (0.1 + 0.135 * tier)
        half = tall * 0.25 * (1 - tier / (tiers + 0.7))
        peak = low - tall * 0.24
        canvas.polygon([(x, peak), (x + half, low), (x - half, low)], colour)
        if snow:
            canvas.polygon(
                [(x, peak), (x + half * 0.12, low - tall * 0.07), (x - half * 0.82, low - tall * 0.012)],
                WHITE,
                alpha=0.85,
            )


def _lake(canvas: Canvas, comp: Composition, shore: float) -> None:
    """The picture above the shore, upside down, rippled and darker."""
    row = min(canvas.height - 1, int(shore * canvas.side))
    rows = canvas.height - row
    source = np.clip(row - 1 - (np.arange(rows) * 1.25).astype(np.intp), 0, canvas.height - 1)
    sway = (
        (comp.dice.grid("ripples", rows) * 2 - 1)
        * np.float32(canvas.side / 260)
        * np.linspace(0.2, 2.2, rows, dtype=np.float32)
    )
    columns = np.clip(np.arange(canvas.width)[None, :] + sway[:, None].astype(np.intp), 0, canvas.width - 1)
    canvas.rgb[:, row:] = canvas.rgb[:, source[:, None], columns]
    at = (slice(row, None), slice(None))
    canvas.lay(0.3, mix(comp.palette.far, comp.palette.near, 0.6), at)
    for across, down, long in comp.dice.grid("sheen", canvas.detail(46, 14), 3):
        y = shore + (canvas.bottom - shore) * float(down * down)
        half = 0.02 + 0.12 * float(long)
        x = float(across) * canvas.right
        canvas.slab(x - half, y - 0.0009, x + half, y + 0.0009, comp.palette.light[0], radius=0.001, alpha=0.3)


def _furrows(canvas: Canvas, crest: Floats, colour: Colour, gap: float) -> None:
    """Planted rows that follow the hill."""
    top = float(crest.min())
    at = canvas.window(0, top, canvas.right, top + 0.2)
    below = canvas.y[at[0]] - crest[None, :]
    row = below / np.float32(gap)
    line = np.abs(row - np.floor(row) - np.float32(0.5)) * np.float32(gap)
    fade = np.clip(1 - below * 6, 0, 1) * np.clip(below * 40, 0, 1)
    canvas.lay(canvas.cover(line - np.float32(0.0016)) * fade * np.float32(0.5), colour, at)


def _round_tree(canvas: Canvas, root: tuple[float, float], size: float, shade: Colour, lit: Colour) -> None:
    x, foot = root
    canvas.slab(x - size * 0.09, foot - size, x + size * 0.09, foot + size * 0.2, shade)
    canvas.ellipse(x, foot - size * 1.75, size * 0.78, size, shade)
    canvas.ellipse(x - size * 0.16, foot - size * 1.88, size * 0.5, size * 0.68, lit, alpha=0.75)


def _dune(canvas: Canvas, comp: Composition, layer: int, y: float, nearness: float) -> None:
    """A lit back, and a shadow that fills the lee under a second, crossing curve."""
    palette = comp.palette
    fold = canvas.line_noise(comp.dice, f"dune{layer}", waves=1.7 - 0.5 * nearness, octaves=1)
    crest = np.float32(y) - fold * np.float32(0.022 + 0.045 * nearness)
    body = mix(mix(palette.sky[3], palette.light[1], 0.25), palette.far, 0.2 + 0.8 * nearness)
    canvas.relief(
        crest, (mix(body, palette.light[0], 0.4), body, mix(body, palette.near, 0.12 + 0.25 * nearness)), 0.16
    )
    lee = canvas.line_noise(comp.dice, f"lee{layer}", waves=2.3, octaves=1)
    edge = np.maximum(crest, crest + lee * np.float32(0.05 + 0.06 * nearness) + np.float32(0.012))
    shade = mix(body, palette.near, 0.34 + 0.16 * nearness)
    canvas.relief(edge.astype(np.float32), (shade, mix(shade, body, 0.85)), 0.1 + 0.05 * nearness, alpha=0.85)


def _cactus(canvas: Canvas, x: float, foot: float, tall: float, colour: Colour) -> None:
    width = tall * 0.085
    canvas.stroke([(x, foot), (x, foot - tall)], width, width, colour)
    for side, low, high in ((-1, 0.42, 0.72), (1, 0.55, 0.9)):
        elbow = x + side * tall * 0.27
        canvas.stroke(
            [(x, foot - tall * low), (elbow, foot - tall * low), (elbow, foot - tall * high)],
            width * 0.72,
            width * 0.72,
            colour,
        )
