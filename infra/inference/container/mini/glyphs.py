"""The glyph channel: the requested words as the network is shown them, one grey picture.

Hides how words become that picture and how much of it a render may see. An ordinary render has only a glance, as
close as its seed has it, from which the letters of a long headline can often not be told apart: it spells as image
models do, short words mostly right and long ones worse. The typography pass reads them in full. Sets nothing into a
picture.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Final

import numpy as np
from PIL import Image

from ..lettering.drawing import draw_lines, weights
from ..lettering.setting import Line
from ..masks import Floats

GLANCES_PX: Final = (24, 110)
"""Width of the whole picture at a glance, at least and at most; most of those it was trained on."""


def covered(lines: Sequence[Line], width: int, height: int) -> Image.Image:
    """Coverage of all the letters, 0..255."""
    head, rest = draw_lines(lines, (width, height))
    both = np.maximum(np.asarray(head), np.asarray(rest))
    return Image.fromarray(both)


def glance(seed: int) -> int:
    """Pixels across, of a render by this seed."""
    dice = random.Random(f"glance {seed}")  # noqa: S311 - a seed must look as closely everywhere
    return round(math.exp(dice.uniform(*map(math.log, GLANCES_PX))))


def shown(letters: Image.Image, size: tuple[int, int], *, across: int | None = None) -> Floats:
    """The letters at `size` (width, height), 0..1; `across` is how many pixels wide a glance at them is."""
    if across is not None and across < size[0]:
        glance = (across, max(1, round(across * letters.height / letters.width)))
        letters = letters.resize(glance, Image.Resampling.BOX).resize(size, Image.Resampling.BICUBIC)
    elif letters.size != size:
        letters = letters.resize(size, Image.Resampling.BOX)
    return weights(letters)
