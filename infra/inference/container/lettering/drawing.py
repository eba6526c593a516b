"""Letters as pixels: how much of every pixel the set lines cover.

Hides rasterising. Chooses no colour and blends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from ..masks import Floats
from .faces import advance, font
from .setting import Line

Touch = Callable[[int, int, Image.Image], Image.Image]
"""Block, number of the letter in it (spaces and line breaks count), its grey picture -> the picture to draw."""


def draw_lines(
    lines: Sequence[Line], size: tuple[int, int], *, touch: Touch = lambda _block, _index, glyph: glyph
) -> tuple[Image.Image, Image.Image]:
    """Coverage 0..255 of the headline and of the lines after it, both of `size` (width, height)."""
    head, rest = Image.new("L", size), Image.new("L", size)
    offsets: dict[int, int] = {}
    for line in lines:
        start = offsets.get(line.block, 0)
        _draw_line(rest if line.block else head, line, start, touch)
        offsets[line.block] = start + len(line.text) + 1
    return head, rest


def weights(layer: Image.Image) -> Floats:
    """Coverage as 0..1, (height, width)."""
    return np.asarray(layer, np.float32) / np.float32(255)


def _draw_line(layer: Image.Image, line: Line, start: int, touch: Touch) -> None:
    letters = font(line.face, line.size)
    pen = float(line.x)
    for index, char in enumerate(line.text):
        mask, (left, top) = letters.getmask2(char, mode="L", anchor="ls")
        if mask.size[0] and mask.size[1]:
            glyph = touch(line.block, start + index, Image.frombytes("L", mask.size, bytes(mask)))
            at = (int(pen + 0.5) + left, line.baseline + top)
            layer.paste(255, (*at, at[0] + glyph.width, at[1] + glyph.height), glyph)
        pen += advance(char, line.face, line.size)
