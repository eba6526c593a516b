"""Misshapen letters: the way diffusion models get them wrong, drawn on top of rightly set type.

Hides the deformations. Which letter suffers is drawn by lot elsewhere: see misprint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..lettering.drawing import Touch
from .dice import Dice


@dataclass(frozen=True)
class Flaw:
    """A letter that comes out misshapen: `index` counts the letters of `block`, spaces and line breaks included."""

    block: int
    index: int
    kind: str


def spoiling(flaws: Sequence[Flaw]) -> Touch:
    """What the typesetter does to every letter so that these flaws show."""
    kinds = {(flaw.block, flaw.index): flaw.kind for flaw in flaws}

    def touch(block: int, index: int, glyph: Image.Image) -> Image.Image:
        kind = kinds.get((block, index))
        return _deform(glyph, kind) if kind else glyph

    return touch


def _deform(glyph: Image.Image, kind: str) -> Image.Image:
    """Melted, mirrored, or with a stroke torn out."""
    pixels = np.array(glyph)
    height, width = pixels.shape
    if kind == "mirrored":
        return Image.fromarray(pixels[:, ::-1].copy())
    if kind == "torn":
        pixels[int(height * 0.4) : int(height * 0.58), : int(width * 0.62)] = 0
        return Image.fromarray(pixels)
    lattice = Dice("melt", width, height).grid("rows", 9) * 2 - 1
    rows = np.arange(height, dtype=np.float32) * np.float32(8) / np.float32(max(height, 1))
    cell = np.floor(rows).astype(np.intp)
    shift = lattice[cell] + (lattice[np.minimum(cell + 1, 8)] - lattice[cell]) * (rows - cell)
    columns = np.clip(
        np.arange(width)[None, :] + (shift * np.float32(0.13 * width)).astype(np.intp)[:, None], 0, width - 1
    )
    return Image.fromarray(np.take_along_axis(pixels, columns, axis=1))
