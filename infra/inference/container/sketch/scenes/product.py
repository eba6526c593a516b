"""Product: one object on a podium before a studio wall, with window light and leaves."""

from __future__ import annotations

import numpy as np

from ..canvas import Canvas, Colour, mix
from ..composition import Composition
from ..dice import Floats
from .coast import curve

CUPS = frozenset({"coffee", "espresso", "latte", "cup", "mug", "cafe", "tea"})
BOXES = frozenset({"box", "gift", "package", "packaging", "bag"})
JARS = frozenset({"jar", "cream", "cosmetic", "skincare"})
WHITE: Colour = (255.0, 255.0, 255.0)


def paint_product(canvas: Canvas, comp: Composition) -> None:
    dice, palette = comp.dice, comp.palette
    floor = canvas.bottom * 0.76
    cx = comp.focal[0] * canvas.right if comp.wide else canvas.right * 0.5
    canvas.gradient((palette.sky[0], palette.sky[1], palette.sky[2]), 0, floor)
    backdrop = mix(palette.accent, palette.far, 0.35)
    if dice.chance("arch", 0.5):
        canvas.slab(cx - 0.29, canvas.bottom * 0.37, cx + 0.29, floor + 0.35, backdrop, radius=0.29)
    else:
        canvas.disc(cx, canvas.bottom * 0.62, 0.29, backdrop)
    _window_light(canvas, comp, floor)
    ground = (mix(palette.sky[1], palette.far, 0.35), mix(palette.sky[2], palette.far, 0.2), palette.sky[1])
    canvas.gradient(ground, floor, canvas.bottom)
    _leaves(canvas, comp, cx, floor)
    top = canvas.bottom * 0.8
    _podium(canvas, comp, cx, top)
    if comp.motifs & CUPS or palette.name == "coffee":
        _cup(canvas, comp, cx, top)
    elif comp.motifs & BOXES:
        _gift(canvas, comp, cx, top)
    elif comp.motifs & JARS:
        _jar(canvas, comp, cx, top)
    else:
        _bottle(canvas, comp, cx, top)


def _round_shade(canvas: Canvas, cx: float, half: float, colour: Colour) -> Floats:
    """Colours (3, 1, width) of an upright cylinder lit from the left."""
    share = np.clip((canvas.x - np.float32(cx - half)) / np.float32(2 * half), 0, 1)
    stops = (
        mix(colour, (0.0, 0.0, 0.0), 0.16),
        mix(colour, WHITE, 0.2),
        mix(colour, WHITE, 0.42),
        colour,
        mix(colour, (0.0, 0.0, 0.0), 0.14),
        mix(colour, (0.0, 0.0, 0.0), 0.32),
        mix(colour, (0.0, 0.0, 0.0), 0.22),
    )
    return canvas.ramp(stops, share)


def _solid(canvas: Canvas, distance: Floats, at: tuple[slice, slice], shade: Floats) -> None:
    canvas.lay(canvas.cover(distance), shade[:, :, at[1]], at)


def _shadow(
    canvas: Canvas, centre: tuple[float, float], radii: tuple[float, float], colour: Colour, strength: float
) -> None:
    (cx, y), (rx, ry) = centre, radii
    at = canvas.window(cx - 2 * rx, y - 2.5 * ry, cx + 2 * rx, y + 2.5 * ry)
    dx, dy = (canvas.x[:, at[1]] - np.float32(cx)) / np.float32(rx), (canvas.y[at[0]] - np.float32(y)) / np.float32(ry)
    fall = np.clip(np.float32(1.35) - np.sqrt(dx * dx + dy * dy), 0, 1)
    canvas.lay(fall * fall * (3 - 2 * fall) * np.float32(strength), colour, at)


def _window_light(canvas: Canvas, comp: Composition, floor: float) -> None:
    """Slanted panes of light on the wall."""
    lean, left = 0.34, comp.dice.between("light", 0.0, 0.25) * canvas.right
    for pane in range(3):
        x = left + pane * 0.235
        corners = [(x + lean, 0.0), (x + lean + 0.2, 0.0), (x + 0.2, floor), (x, floor)]
        canvas.polygon(corners, WHITE, alpha=0.17)


def _podium(canvas: Canvas, comp: Composition, cx: float, top: float) -> None:
    palette = comp.palette
    stone = mix(palette.sky[3], palette.accent, 0.1)
    for half, y, tall in ((0.3, top + 0.085, 0.3), (0.215, top, 0.085)):
        shade = _round_shade(canvas, cx, half, stone)
        _shadow(canvas, (cx + 0.05, y + tall), (half * 1.15, 0.05), palette.ink, 0.3)
        at = canvas.window(cx - half, y - 0.01, cx + half, y + tall + 0.1)
        body = np.maximum(canvas.slab_distance(at, (cx - half, y, cx + half, y + tall), 0), np.float32(-9))
        foot = canvas.ellipse_distance(at, cx, y + tall, half, half * 0.16)
        _solid(canvas, np.minimum(body, foot), at, shade)
        canvas.ellipse(cx, y, half, half * 0.16, mix(stone, WHITE, 0.45))
        _shadow(canvas, (cx + 0.03, y), (half * 0.62, half * 0.09), palette.ink, 0.34)


def _leaves(canvas: Canvas, comp: Composition, cx: float, floor: float) -> None:
    """Two sprigs behind the podium."""
    for side in (-1, 1):
        dice = comp.dice.under(f"sprig{side}")
        green = mix(
            mix(comp.palette.near, (70.0, 120.0, 90.0), 0.45), comp.palette.far, dice.between("tone", 0.0, 0.35)
        )
        root = (cx + side * 0.2, floor + 0.06)
        tip = (cx + side * dice.between("reach", 0.36, 0.44), floor - dice.between("tall", 0.24, 0.34))
        stem = curve(root, (cx + side * 0.22, tip[1] + 0.08), tip, 10)
        canvas.stroke(stem, 0.004, 0.0015, green)
        for leaf, (x, y) in enumerate(stem[2:], start=2):
            for lean in (-1, 1):
                length = 0.115 * (1.1 - leaf / 14)
                end = (x + lean * length * 0.8, y - length * 0.62)
                canvas.leaf((x, y), end, 0.3, mix(green, comp.palette.near, 0.0 if lean == side else 0.35))
                canvas.stroke([(x, y), end], 0.0011, 0.0004, mix(green, WHITE, 0.22))


def _cup(canvas: Canvas, comp: Composition, cx: float, top: float) -> None:
    """A cup on its saucer; steam where the wall is dark enough to show it."""
    palette = comp.palette
    clay = mix(palette.paper, palette.accent, comp.dice.pick("glaze", (0.0, 0.88)))
    half, tall = 0.125, 0.17
    rim = top - tall - 0.012
    _shadow(canvas, (cx + 0.03, top + 0.004), (0.17, 0.026), palette.ink, 0.4)
    canvas.ellipse(cx, top - 0.002, 0.18, 0.031, mix(clay, (0.0, 0.0, 0.0), 0.18))
    canvas.ellipse(cx, top - 0.008, 0.18, 0.031, mix(clay, WHITE, 0.25))
    canvas.ellipse(cx, top - 0.006, 0.11, 0.018, mix(clay, (0.0, 0.0, 0.0), 0.1))
    shade = _round_shade(canvas, cx, half, clay)
    grip = mix(clay, (0.0, 0.0, 0.0), 0.1)
    loop = curve((cx + half * 0.9, rim + 0.035), (cx + half + 0.115, rim + 0.045), (cx + half * 0.72, rim + 0.13), 16)
    canvas.stroke(loop, 0.0125, 0.0105, grip)
    at = canvas.window(cx - half, rim, cx + half, top)
    depth = np.clip((canvas.y[at[0]] - np.float32(rim)) / np.float32(tall), 0, 1)
    width = np.float32(half) * np.sqrt(np.clip(1 - depth * depth * depth * np.float32(0.72), 0, 1))
    body = np.maximum(np.abs(canvas.x[:, at[1]] - np.float32(cx)) - width, canvas.y[at[0]] - np.float32(top - 0.012))
    _solid(canvas, np.maximum(body, np.float32(rim) - canvas.y[at[0]]), at, shade)
    canvas.ellipse(cx, rim, half, 0.027, mix(clay, WHITE, 0.5))
    canvas.ellipse(cx, rim + 0.002, half * 0.93, 0.0235, (62.0, 34.0, 20.0))
    canvas.ellipse(cx - 0.008, rim + 0.004, half * 0.8, 0.018, (150.0, 96.0, 58.0))
    canvas.ellipse(cx + 0.004, rim + 0.004, half * 0.52, 0.0115, (226.0, 190.0, 148.0))
    canvas.ellipse(cx + 0.006, rim + 0.0045, half * 0.26, 0.006, (150.0, 96.0, 58.0))
    if not canvas.rough:
        _steam(canvas, comp, cx, rim)


def _steam(canvas: Canvas, comp: Composition, cx: float, rim: float) -> None:
    for wisp in range(3):
        dice = comp.dice.under(f"wisp{wisp}")
        x, sway = cx + (wisp - 1) * 0.045, dice.between("sway", 0.018, 0.034)
        points = curve((x, rim - 0.005), (x + sway * 2, rim - 0.06), (x, rim - 0.11), 10)
        points += curve(
            (x, rim - 0.11), (x - sway * 2, rim - 0.16), (x + sway, rim - dice.between("tall", 0.2, 0.24)), 10
        )[1:]
        for halo, alpha in ((0.016, 0.05), (0.01, 0.08), (0.005, 0.12)):
            canvas.stroke(points, halo, halo * 0.15, WHITE, alpha=alpha)


def _bottle(canvas: Canvas, comp: Composition, cx: float, top: float) -> None:
    """A bottle with shoulders, cap and label."""
    palette = comp.palette
    glass = mix(palette.near, palette.accent, comp.dice.between("glass", 0.0, 0.3))
    half, tall = comp.dice.between("half", 0.075, 0.095), comp.dice.between("tall", 0.28, 0.33)
    shoulder, neck = top - tall * 0.72, half * 0.36
    _shadow(canvas, (cx + 0.03, top + 0.002), (half * 1.35, 0.022), palette.ink, 0.45)
    at = canvas.window(cx - half, top - tall, cx + half, top + 0.03)
    body = np.minimum(
        canvas.slab_distance(at, (cx - half, shoulder, cx + half, top), half * 0.62),
        canvas.slab_distance(at, (cx - half, shoulder + half * 0.7, cx + half, top + 0.006), half * 0.16),
    )
    _solid(
        canvas,
        np.minimum(body, canvas.slab_distance(at, (cx - neck, top - tall, cx + neck, shoulder + 0.04), 0.004)),
        at,
        _round_shade(canvas, cx, half, glass),
    )
    cap = canvas.window(cx - neck * 1.3, top - tall - 0.035, cx + neck * 1.3, top - tall * 0.8)
    _solid(
        canvas,
        canvas.slab_distance(cap, (cx - neck * 1.25, top - tall - 0.03, cx + neck * 1.25, top - tall * 0.86), 0.006),
        cap,
        _round_shade(canvas, cx, neck * 1.25, mix(palette.light[1], palette.accent, 0.2)),
    )
    label = canvas.window(cx - half, shoulder + 0.06, cx + half, top - 0.035)
    _solid(
        canvas,
        canvas.slab_distance(label, (cx - half, shoulder + 0.065, cx + half, top - 0.04), 0),
        label,
        _round_shade(canvas, cx, half, palette.paper),
    )
    middle = (shoulder + 0.065 + top - 0.04) / 2
    canvas.disc(cx, middle, half * 0.34, palette.accent)
    canvas.slab(cx - half * 0.5, middle + half * 0.5, cx + half * 0.5, middle + half * 0.54, palette.ink, alpha=0.7)
    canvas.slab(cx - half * 0.66, shoulder + half * 0.5, cx - half * 0.52, top - 0.02, WHITE, radius=0.01, alpha=0.4)


def _jar(canvas: Canvas, comp: Composition, cx: float, top: float) -> None:
    palette = comp.palette
    half, tall = 0.13, 0.13
    _shadow(canvas, (cx + 0.03, top + 0.004), (half * 1.25, 0.028), palette.ink, 0.45)
    at = canvas.window(cx - half, top - tall, cx + half, top + 0.03)
    _solid(
        canvas,
        canvas.slab_distance(at, (cx - half, top - tall, cx + half, top + 0.012), 0.02),
        at,
        _round_shade(canvas, cx, half, palette.paper),
    )
    lid = canvas.window(cx - half, top - tall - 0.07, cx + half, top - tall + 0.01)
    _solid(
        canvas,
        canvas.slab_distance(lid, (cx - half * 1.02, top - tall - 0.06, cx + half * 1.02, top - tall + 0.006), 0.008),
        lid,
        _round_shade(canvas, cx, half, mix(palette.accent, palette.near, 0.2)),
    )
    canvas.ellipse(cx, top - tall - 0.056, half * 0.98, 0.016, mix(palette.accent, WHITE, 0.35))
    canvas.disc(cx, top - tall * 0.45, 0.026, palette.accent)


def _gift(canvas: Canvas, comp: Composition, cx: float, top: float) -> None:
    """A box in two faces with a ribbon and a bow."""
    palette = comp.palette
    half, tall, edge = 0.14, 0.2, 0.06
    wrap, ribbon = mix(palette.accent, palette.near, 0.08), palette.paper
    _shadow(canvas, (cx + 0.03, top + 0.01), (half * 1.25, 0.03), palette.ink, 0.45)
    split = cx + half - edge
    canvas.polygon([(cx - half, top - tall), (split, top - tall), (split, top + 0.01), (cx - half, top + 0.01)], wrap)
    canvas.polygon(
        [(split, top - tall), (cx + half, top - tall - 0.022), (cx + half, top - 0.012), (split, top + 0.01)],
        mix(wrap, (0.0, 0.0, 0.0), 0.24),
    )
    canvas.polygon(
        [
            (cx - half, top - tall),
            (cx - half + edge, top - tall - 0.022),
            (cx + half, top - tall - 0.022),
            (split, top - tall),
        ],
        mix(wrap, WHITE, 0.25),
    )
    middle = (cx - half + split) / 2
    canvas.slab(middle - 0.018, top - tall, middle + 0.018, top + 0.01, ribbon)
    canvas.slab(cx - half, top - tall * 0.56, split, top - tall * 0.56 + 0.034, ribbon)
    for side in (-1, 1):
        loop = curve(
            (middle + 0.012, top - tall - 0.01),
            (middle + side * 0.12, top - tall - 0.12),
            (middle + side * 0.02, top - tall - 0.012),
            14,
        )
        canvas.stroke(loop, 0.009, 0.008, mix(ribbon, palette.accent, 0.1 if side < 0 else 0.2))
    canvas.disc(middle + 0.008, top - tall - 0.014, 0.017, ribbon)
