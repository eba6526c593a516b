"""Sizes: how large the network paints what was asked for, and the way there and back.

Hides the arithmetic of sizes and scaling. A picture is painted small, doubled until it is large enough, and brought to
its size by a filter at the end.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image

from ..masks import Floats, PixelBox, Pixels, extent

STEP: Final = 8
"""Both sides of a painted picture are multiples of this."""
AREA: Final = 64 * 64
"""Pixels of the smallest pictures painted, in whatever shape."""
LEAST: Final = 24
MOST: Final = 160
BESIDE: Final = 4
GRAIN: Final = 2
"""Levels of 255 by which the grain of a finished picture goes up and down."""


def painted_size(width: int, height: int, *, times: int) -> tuple[int, int]:
    """Width and height to paint at: the ratio asked for as near as may be; `times` as wide and high as the smallest
    pictures, whose area is near the one trained on."""
    options = [
        (w, h)
        for w in range(LEAST, MOST + STEP, STEP)
        for h in range(LEAST, MOST + STEP, STEP)
        if 0.75 * AREA <= w * h <= 1.2 * AREA
    ]

    def unlike(size: tuple[int, int]) -> tuple[float, float]:
        ratio = size[0] * height / (size[1] * width)
        return round(max(ratio, 1 / ratio), 3), abs(size[0] * size[1] - AREA)

    width, height = min(options, key=unlike)
    return width * times, height * times


def doublings(painted: tuple[int, int], width: int, height: int, *, most: int) -> int:
    """How often to double: until the picture is as large as asked for, at most `most` times."""
    times = 0
    while times < most and (painted[0] << times < width or painted[1] << times < height):
        times += 1
    return times


def around(cover: Floats) -> PixelBox:
    """The part of a painted picture that a mask reaches, with what the doubling looks at beside it."""
    left, top, right, bottom = extent(cover) or (0, 0, 1, 1)
    height, width = cover.shape
    return max(0, left - BESIDE), max(0, top - BESIDE), min(width, right + BESIDE), min(height, bottom + BESIDE)


def numbers(pixels: Pixels, size: tuple[int, int]) -> Floats:
    """Pixels as the networks see them: (3, height, width) in -1..1, at `size` (width, height)."""
    image = Image.fromarray(pixels)
    if image.size != size:
        image = image.resize(size, Image.Resampling.BOX if size[0] < image.width else Image.Resampling.BICUBIC)
    return np.asarray(np.asarray(image, np.float32).transpose(2, 0, 1) / np.float32(127.5) - np.float32(1))


def pixels_of(picture: Floats, size: tuple[int, int], *, seed: int) -> Pixels:
    """The way back, with a seed's grain in it: flat colours without any are cut into bands by eight bits."""
    whole = np.clip(picture.transpose(1, 2, 0) * np.float32(127.5) + np.float32(128), 0, 255).astype(np.uint8)
    image = Image.fromarray(whole)
    if image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    grain = np.random.Generator(np.random.Philox(seed)).integers(-GRAIN, GRAIN, (size[1], size[0], 1), endpoint=True)
    return np.asarray(np.clip(np.asarray(image, np.int64) + grain, 0, 255), np.uint8)


def covering(mask: Floats, size: tuple[int, int]) -> Floats:
    """A mask at `size`, 1 for every pixel that any of the mask touches."""
    image = Image.fromarray((mask > 0).astype(np.uint8) * 255).resize(size, Image.Resampling.BOX)
    return (np.asarray(image) > 0).astype(np.float32)
