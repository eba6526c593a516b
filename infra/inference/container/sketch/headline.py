"""The headline in the picture: which face, which colour, how it stays readable on any ground.

Hides the contrast rule. Sets the words it is given, right or wrong.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image, ImageFilter

from ..lettering.drawing import draw_lines, weights
from ..lettering.setting import ink_box, set_lines
from ..masks import PixelBox, Pixels
from .canvas import Canvas, Colour
from .composition import Composition
from .dice import Floats
from .flaws import spoiling
from .misprint import Spelling

CONTRAST: Final = 104
"""Least difference of luma (0..255) between the letters and all but the extremes of what they stand on."""
PAPER_FIRST: Final = 30
"""Light letters look better on a colour than dark ones of the same contrast: what they may lack, in luma."""
_FACES: Final = {
    "coast": ("geometric", "modern", "poster"),
    "mountains": ("poster", "geometric"),
    "hills": ("modern", "elegant", "geometric"),
    "desert": ("poster", "geometric"),
    "city": ("geometric", "poster", "modern"),
    "space": ("modern", "geometric"),
    "product": ("elegant", "modern"),
    "geometry": ("geometric", "poster"),
}
_SERIF_MOODS: Final = frozenset({"coffee", "luxe"})


def draw_headline(
    canvas: Canvas, comp: Composition, spelling: Spelling, box: PixelBox, *, beneath: Pixels, centred: bool
) -> PixelBox:
    """Set the words in the pixel box; returns the rectangle of the ink.

    Colours are chosen on `beneath`, the picture without words at any size. Raises TextDoesNotFit.
    """
    faces = ("elegant",) if comp.palette.name in _SERIF_MOODS else _FACES[comp.scene]
    lines = set_lines(spelling.content, box, face=comp.dice.pick("face", faces), centred=centred)
    layers = draw_lines(lines, (canvas.width, canvas.height), touch=spoiling(spelling.flaws))
    head, rest = (weights(_softened(layer) if canvas.rough else layer) for layer in layers)
    ink = ink_box(lines)
    ground = _grounds(
        beneath, (ink[0] / canvas.width, ink[1] / canvas.height, ink[2] / canvas.width, ink[3] / canvas.height)
    )
    colour, other, veil = _colours(comp, ground)
    if veil:
        _veil(canvas, ink, other, veil)
    _shade(canvas, np.maximum(head, rest), ink, other, lines[0].size)
    accent = comp.palette.accent
    second = accent if min(abs(_luma(accent) - side) for side in ground) >= CONTRAST and not veil else colour
    canvas.lay(head, colour)
    canvas.lay(rest, second)
    return ink


def _softened(layer: Image.Image) -> Image.Image:
    """A draft's edges."""
    half = (max(1, layer.width // 2), max(1, layer.height // 2))
    return layer.resize(half, Image.Resampling.BOX).resize(layer.size, Image.Resampling.BILINEAR)


def _grounds(pixels: Pixels, edges: tuple[float, float, float, float]) -> tuple[int, int]:
    """Luma of the darkest and lightest ground between the edges, less 3 % outliers at each end."""
    height, width = pixels.shape[:2]
    left, top = min(width - 1, int(edges[0] * width)), min(height - 1, int(edges[1] * height))
    part = pixels[top : max(top + 1, int(edges[3] * height)), left : max(left + 1, int(edges[2] * width))]
    weights = np.array((77, 150, 29), np.int64)
    luma = np.sort((part.reshape(-1, 3).astype(np.int64) * weights).sum(axis=1) >> 8)
    return int(luma[luma.size * 3 // 100]), int(luma[luma.size - 1 - luma.size * 3 // 100])


def _luma(colour: Colour) -> int:
    return (int(colour[0]) * 77 + int(colour[1]) * 150 + int(colour[2]) * 29) >> 8


def _colours(comp: Composition, ground: tuple[int, int]) -> tuple[Colour, Colour, float]:
    """Letter colour, its opposite, and how much of the opposite must veil the ground (0..1)."""
    paper, ink = comp.palette.paper, comp.palette.ink
    room_paper, room_ink = _luma(paper) - ground[1], ground[0] - _luma(ink)
    if room_paper >= room_ink - PAPER_FIRST:
        short, span = CONTRAST - room_paper, max(1, ground[1] - _luma(ink))
        return paper, ink, min(0.85, max(0.0, short / span))
    short, span = CONTRAST - room_ink, max(1, _luma(paper) - ground[0])
    return ink, paper, min(0.85, max(0.0, short / span))


def _veil(canvas: Canvas, ink: PixelBox, colour: Colour, strength: float) -> None:
    """A soft panel behind the words."""
    left, top, right, bottom = (edge / canvas.side for edge in ink)
    reach = 0.3
    at = canvas.window(left - reach, top - reach, right + reach, bottom + reach)
    away = canvas.slab_distance(at, (left - 0.02, top - 0.02, right + 0.02, bottom + 0.02), 0.03)
    fall = np.clip(1 - np.maximum(away, 0) / np.float32(reach - 0.02), 0, 1)
    canvas.lay(np.asarray(fall * fall * (3 - 2 * fall), np.float32) * np.float32(strength), colour, at)


def _shade(canvas: Canvas, letters: Floats, ink: PixelBox, colour: Colour, size: int) -> None:
    """A blurred shadow (or light) around the letters: lifts them off a busy ground."""
    reach = max(2, size // 14)
    left, top = max(0, ink[0] - 4 * reach), max(0, ink[1] - 4 * reach)
    at = (slice(top, min(canvas.height, ink[3] + 4 * reach)), slice(left, min(canvas.width, ink[2] + 4 * reach)))
    cut = Image.fromarray((letters[at] * np.float32(255)).astype(np.uint8))
    blurred = np.asarray(cut.filter(ImageFilter.BoxBlur(reach)).filter(ImageFilter.BoxBlur(reach)), np.float32)
    canvas.lay(blurred * np.float32(0.36 / 255), colour, at)
