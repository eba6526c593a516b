"""The picture as every check looks at it: at most 1024 px a side, as pixels and as luma.

Hides the scale at which pictures are judged, so that a limit means the same for a 256 px thumbnail and a
12-megapixel print. Never judges.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shared.models import Box
from shared.pictures import Picture, open_picture

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
PixelBox = tuple[int, int, int, int]

SIDE_PX: Final = 1024
"""What a designer sees at once, and the largest side of the pictures the limits were measured on."""
_LEAST_PX: Final = 32


@dataclass(frozen=True)
class Frame:
    """One opened picture at the scale it is judged at. Never narrower than 32 px, so that windows fit."""

    picture: Picture

    @classmethod
    def of(cls, image: bytes) -> Frame:
        """Raises ImageUnreadable for bytes that are no still picture we accept."""
        return cls(open_picture(image, max_side_px=SIDE_PX))

    @cached_property
    def rgb(self) -> Image.Image:
        small = self.picture.rgb
        if min(small.size) >= _LEAST_PX:
            return small
        return small.resize((max(_LEAST_PX, small.width), max(_LEAST_PX, small.height)), Image.Resampling.NEAREST)

    @cached_property
    def grey(self) -> Image.Image:
        return self.rgb.convert("L")

    @cached_property
    def pixels(self) -> Pixels:
        """RGB, (height, width, 3)."""
        return np.asarray(self.rgb)

    @cached_property
    def luma(self) -> Floats:
        """0..255, (height, width)."""
        return np.asarray(self.grey, np.float32)

    def at(self, box: Box) -> PixelBox:
        """Left, top, right and bottom of `box` in pixels of this frame, inside it."""
        x, y, w, h = box
        width, height = self.rgb.size
        left, top = min(width, round(x * width)), min(height, round(y * height))
        return left, top, min(width, round((x + w) * width)), min(height, round((y + h) * height))

    def within(self, size_px: int) -> Pixels:
        """RGB pixels, scaled down by averaging to at most `size_px` a side."""
        small = self.rgb.copy()
        small.thumbnail((size_px, size_px), Image.Resampling.BOX)
        return np.asarray(small)


def spread(pixels: Pixels, reach: int) -> Pixels:
    """Highest minus lowest value within `reach` pixels, for every pixel and channel; the shape of `pixels`."""
    around = ((reach, reach), (reach, reach), (0, 0))[: pixels.ndim]
    padded = np.pad(pixels, around, mode="edge")
    highest, lowest = padded, padded
    for axis in (0, 1):
        highest, lowest = _window(highest, axis, reach, np.maximum), _window(lowest, axis, reach, np.minimum)
    return highest - lowest


def _window(values: Pixels, axis: int, reach: int, pick: np.ufunc) -> Pixels:
    """`pick` over 2 * reach + 1 neighbours along `axis`, by doubling: a handful of passes, not one a neighbour."""
    width, wanted = 1, 2 * reach + 1
    while width < wanted:
        step = min(width, wanted - width)
        length = values.shape[axis] - step
        values = pick(_slice(values, axis, 0, length), _slice(values, axis, step, step + length))
        width += step
    return values


def _slice(values: Pixels, axis: int, start: int, stop: int) -> Pixels:
    return values[start:stop] if axis == 0 else values[:, start:stop]
