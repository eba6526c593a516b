"""Geometry: a Bauhaus grid of discs, quarters, arcs and bars beside a quiet field for words."""

from __future__ import annotations

import numpy as np

from ..canvas import Canvas, Colour, Window
from ..composition import Composition
from ..dice import Dice, Floats


def paint_geometry(canvas: Canvas, comp: Composition) -> None:
    palette = comp.palette
    canvas.gradient((palette.sky[3], palette.paper), 0, canvas.bottom)
    columns, rows = (8, 6) if comp.wide else (6, 6)
    if canvas.bottom > 1.2:  # noqa: PLR2004 - a portrait has room for more rows
        rows = 8
    first = 0 if comp.wide else 2
    start = columns - rows + 1 if comp.wide else 0
    start = max(start, 4) if comp.wide else 0
    wide, tall = canvas.right / columns, canvas.bottom / rows
    colours = (palette.accent, palette.near, palette.far, palette.light[1], palette.sky[0], palette.sky[1])
    for row in range(first, rows):
        for column in range(start, columns):
            cell = (column * wide, row * tall, (column + 1) * wide, (row + 1) * tall)
            _cell(canvas, comp.dice.under(f"{row}/{column}"), cell, colours, palette.paper)


def _cell(
    canvas: Canvas, dice: Dice, cell: tuple[float, float, float, float], colours: tuple[Colour, ...], paper: Colour
) -> None:
    left, top, right, bottom = cell
    ground = dice.pick("ground", (*colours, paper))
    others = [colour for colour in (*colours, paper) if colour != ground]
    figure, second = dice.pick("figure", others), dice.pick("second", others)
    # Cells overlap by a hair: no seam of background between them.
    canvas.slab(left - 0.0005, top - 0.0005, right + 0.0005, bottom + 0.0005, ground)
    at = canvas.window(left, top, right, bottom)
    inside = canvas.slab_distance(at, (left, top, right, bottom), 0)
    wide, tall = right - left, bottom - top
    size = min(wide, tall)
    corner_x, corner_y = dice.pick("cx", (left, right)), dice.pick("cy", (top, bottom))
    middle = ((left + right) / 2, (top + bottom) / 2)
    kind = dice.pick(
        "kind", ("quarter", "quarter", "rings", "disc", "half", "bars", "arch", "dots", "triangle", "plain")
    )
    if kind == "quarter":
        _clip(canvas, at, inside, canvas.ellipse_distance(at, corner_x, corner_y, wide, tall), figure)
    elif kind == "rings":
        for step, colour in enumerate((figure, ground, second, ground)):
            share = 1 - 0.24 * step
            _clip(
                canvas, at, inside, canvas.ellipse_distance(at, corner_x, corner_y, wide * share, tall * share), colour
            )
    elif kind == "disc":
        canvas.disc(*middle, size * 0.4, figure)
        canvas.disc(*middle, size * dice.pick("eye", (0.14, 0.2)), second)
    elif kind == "half":
        x = dice.pick("side", (left, right))
        _clip(canvas, at, inside, canvas.ellipse_distance(at, x, middle[1], wide * 0.5, tall * 0.5), figure)
    elif kind == "bars":
        for bar in range(4):
            y = top + tall * (0.06 + 0.25 * bar)
            canvas.slab(left, y, right, y + tall * 0.125, figure)
    elif kind == "arch":
        for step, colour in enumerate((figure, ground, second)):
            half = size * (0.44 - 0.14 * step)
            edges = (middle[0] - half, bottom - half * 1.9, middle[0] + half, bottom + half)
            _clip(canvas, at, inside, canvas.slab_distance(at, edges, half), colour)
    elif kind == "dots":
        for spot in range(9):
            canvas.disc(
                left + wide * (0.2 + 0.3 * (spot % 3)), top + tall * (0.2 + 0.3 * (spot // 3)), size * 0.075, figure
            )
    elif kind == "triangle":
        rising = [(left, bottom), (left, top), (right, bottom)]
        falling = [(left, top), (right, top), (right, bottom)]
        canvas.polygon(dice.pick("turn", (rising, falling)), figure)


def _clip(canvas: Canvas, at: Window, inside: Floats, distance: Floats, colour: Colour) -> None:
    canvas.lay(canvas.cover(np.maximum(inside, distance)), colour, at)
