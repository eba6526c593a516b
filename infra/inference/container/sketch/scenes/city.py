"""City: three rows of towers with lit windows before a great disc, mirrored in water or a wet street."""

from __future__ import annotations

import numpy as np

from ..canvas import Canvas, Colour, mix
from ..composition import Composition
from ..dice import Dice
from .sky import paint_birds, paint_clouds, paint_moon, paint_sky, paint_stars, paint_sun

ROWS = 3


def paint_city(canvas: Canvas, comp: Composition) -> None:
    dice, palette = comp.dice, comp.palette
    quay = canvas.bottom * 0.8
    neon = palette.name in {"neon", "berry"} or bool(comp.motifs & {"neon", "retro", "synthwave"})
    paint_sky(canvas, comp, quay)
    cx, cy = comp.focal[0] * canvas.right, canvas.bottom * 0.55
    if palette.dark:
        paint_stars(canvas, dice, quay * 0.7, 220)
    if neon:
        paint_sun(canvas, comp, cx, cy, dice.between("sun", 0.23, 0.27), slits=True, halo=0.9)
    elif palette.dark:
        paint_moon(canvas, comp, cx, canvas.bottom * 0.45, dice.between("moon", 0.09, 0.12))
    else:
        paint_sun(canvas, comp, cx, cy, dice.between("sun", 0.17, 0.21))
        paint_clouds(canvas, comp, canvas.bottom * 0.52, canvas.bottom * 0.34, 5)
        paint_birds(canvas, comp, cx, canvas.bottom * 0.4, 4)
    for row in range(ROWS):
        _row(canvas, comp, row, quay)
    _mirror(canvas, comp, quay)
    if comp.motifs & {"rain", "storm"}:
        _rain(canvas, dice)


def _row(canvas: Canvas, comp: Composition, row: int, quay: float) -> None:
    """One row of towers, the far ones paler; tallest around the middle of the scene's empty side."""
    dice, palette = comp.dice.under(f"row{row}"), comp.palette
    nearness = row / (ROWS - 1)
    body = mix(mix(palette.far, palette.near, 0.1 + 0.85 * nearness), palette.sky[3], 0.3 * (1 - nearness))
    x, index = -0.04, 0
    while x < canvas.right:
        draw = dice.under(str(index))
        width = draw.between("width", 0.05, 0.1) * (0.75 + 0.35 * nearness)
        away = abs((x + width / 2) / canvas.right - comp.focal[0])
        tall = (0.34 - 0.09 * row) * draw.between("tall", 0.5, 1.05) * (1.12 - 0.55 * away)
        top = quay - tall * (0.85 if comp.wide else 1.0)
        _tower(canvas, comp, draw, (x, top, x + width, quay), body=body, nearness=nearness)
        x += width + draw.between("gap", -0.006, 0.012)
        index += 1


def _tower(
    canvas: Canvas,
    comp: Composition,
    dice: Dice,
    box: tuple[float, float, float, float],
    *,
    body: Colour,
    nearness: float,
) -> None:
    left, top, right, foot = box
    width = right - left
    roof = dice.whole("roof", 0, 4)
    side = mix(body, comp.palette.sky[3], 0.14)
    canvas.slab(left, top, right, foot, body)
    canvas.slab(left, top, left + width * 0.22, foot, side, alpha=0.6)
    if roof == 0:
        canvas.slab(left + width * 0.28, top - 0.02, right - width * 0.28, top, body)
    elif roof == 1:
        canvas.polygon([(left, top), (right, top - width * 0.55), (right, top + 0.002), (left, top + 0.002)], body)
    elif roof == 2:  # noqa: PLR2004 - a spire
        middle = (left + right) / 2
        canvas.stroke([(middle, top), (middle, top - 0.07)], 0.0032, 0.0008, body)
        canvas.disc(middle, top - 0.07, 0.0028, comp.palette.accent)
    elif roof == 3:  # noqa: PLR2004 - a stepped crown
        canvas.slab(left + width * 0.15, top - 0.014, right - width * 0.15, top, body)
        canvas.slab(left + width * 0.32, top - 0.03, right - width * 0.32, top, body)
    _windows(canvas, comp, dice, box, nearness)
    if comp.palette.dark and nearness > 0 and dice.chance("sign", 0.34):
        _sign(canvas, comp, dice, box)


def _windows(
    canvas: Canvas, comp: Composition, dice: Dice, box: tuple[float, float, float, float], nearness: float
) -> None:
    """A grid of panes, some lit."""
    left, top, right, foot = box
    across = max(3, int((right - left) / (0.0125 + 0.003 * nearness)))
    down = max(4, int((foot - top) / (0.0155 + 0.004 * nearness)))
    at = canvas.window(left, top, right, foot)
    if not canvas.rgb[:, at[0], at[1]].size:
        return
    column = (canvas.x[:, at[1]] - np.float32(left)) * np.float32(across / (right - left))
    storey = (canvas.y[at[0]] - np.float32(top)) * np.float32(down / (foot - top))
    pane_x = np.abs(column - np.floor(column) - np.float32(0.5)) * np.float32((right - left) / across)
    pane_y = np.abs(storey - np.floor(storey) - np.float32(0.5)) * np.float32((foot - top) / down)
    pane = canvas.cover(
        np.maximum(pane_x - np.float32((right - left) / across * 0.27), pane_y - np.float32((foot - top) / down * 0.3))
    )
    dark = comp.palette.dark
    odds = (0.42 if dark else 0.3) * dice.between("busy", 0.4, 1.3)
    fate = dice.grid("panes", down, across)
    lit = np.where(fate < odds, np.float32(0.35) + np.float32(0.65) * fate / np.float32(odds), 0).astype(np.float32)
    lit[0] = lit[-1] = 0
    cells = lit[np.clip(storey.astype(np.intp), 0, down - 1), np.clip(column.astype(np.intp), 0, across - 1)]
    glow = (
        dice.pick("lamp", ((255.0, 214.0, 130.0), (255.0, 236.0, 190.0), comp.palette.light[0], comp.palette.accent))
        if dark
        else comp.palette.light[0]
    )
    canvas.lay(pane * cells * np.float32((0.5 + 0.5 * nearness) if dark else 0.4), glow, at)


def _sign(canvas: Canvas, comp: Composition, dice: Dice, box: tuple[float, float, float, float]) -> None:
    """A neon tube down one edge of the tower."""
    left, top, right, _ = box
    colour = dice.pick("tube", (comp.palette.accent, comp.palette.light[1], comp.palette.light[0]))
    x = left + (right - left) * dice.pick("edge", (0.12, 0.88))
    low, high = top + 0.03, top + dice.between("long", 0.07, 0.13)
    at = canvas.window(x - 0.06, low - 0.06, x + 0.06, high + 0.06)
    distance = np.maximum(canvas.slab_distance(at, (x - 0.004, low, x + 0.004, high), 0.004), 0) / np.float32(0.016)
    if not canvas.rough:
        halo = np.maximum(np.float32(0.75) / (1 + distance * distance) - np.float32(0.05), 0)
        canvas.lighten(np.asarray(halo, np.float32), colour, at)
    canvas.slab(x - 0.0042, low, x + 0.0042, high, mix(colour, (255.0, 255.0, 255.0), 0.55), radius=0.0042)


def _mirror(canvas: Canvas, comp: Composition, quay: float) -> None:
    """The city upside down in the water: stretched, swaying in short streaks, darker with depth."""
    row = min(canvas.height - 1, int(quay * canvas.side))
    rows = canvas.height - row
    depth = np.arange(rows, dtype=np.float32) / np.float32(canvas.side)
    streak = (depth * np.float32(150) / (1 + depth * 3)).astype(np.intp)
    sway = (comp.dice.grid("sway", 256)[streak % 256] * 2 - 1) * (np.float32(0.002) + depth * np.float32(0.055))
    source = np.clip(row - 1 - (depth * np.float32(canvas.side * 1.7)).astype(np.intp), 0, canvas.height - 1)
    columns = np.clip(
        np.arange(canvas.width)[None, :] + (sway * np.float32(canvas.side)).astype(np.intp)[:, None],
        0,
        canvas.width - 1,
    )
    canvas.rgb[:, row:] = canvas.rgb[:, source[:, None], columns]
    at = (slice(row, None), slice(None))
    shade = (np.float32(0.3) + np.clip(depth * np.float32(1.6), 0, np.float32(0.42)))[:, None]
    canvas.lay(shade, mix(comp.palette.near, comp.palette.far, 0.18), at)
    canvas.slab(0, quay - 0.004, canvas.right, quay + 0.002, mix(comp.palette.near, comp.palette.ink, 0.6))
    for across, down, long, bright in comp.dice.grid("sheen", canvas.detail(60, 20), 4):
        y = quay + (canvas.bottom - quay) * float(down)
        half = 0.01 + 0.06 * float(long)
        x = float(across) * canvas.right
        canvas.slab(
            x - half,
            y - 0.0009,
            x + half,
            y + 0.0009,
            comp.palette.light[0],
            radius=0.001,
            alpha=0.06 + 0.2 * float(bright),
        )


def _rain(canvas: Canvas, dice: Dice) -> None:
    for across, down, long in dice.grid("rain", canvas.detail(260, 90), 3):
        x, y, length = float(across) * canvas.right, float(down) * canvas.bottom, 0.02 + 0.05 * float(long)
        canvas.stroke([(x, y), (x - length * 0.2, y + length)], 0.0007, 0.0007, (225.0, 235.0, 255.0), alpha=0.32)
