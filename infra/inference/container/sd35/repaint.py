"""Repainting part of a picture: the crop around the mask, painted at a size the model was trained for, pasted back.

Hides cropping, scaling and pasting. Every pixel whose weight is 0 stays the original's, exactly. Knows no model:
whatever implements Painter does the painting.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from PIL import Image

from ..masks import Floats, PixelBox, Pixels, extent, paste
from .canvas import Canvas, Painter

SHAPES: Final = (
    (1.0, 1.0), (1.125, 0.875), (1.1875, 0.8125), (1.3125, 0.75), (1.5, 0.625),
    (0.875, 1.125), (0.8125, 1.1875), (0.75, 1.3125), (0.625, 1.5),
)  # fmt: skip
"""Width and height of a working picture in parts of the trained side: few, because each shape is a batch, and a
compiled graph, of its own. Multiples of 64 at 1024, near its area: the sizes SDXL and SD3 were trained on (SDXL
report, arXiv 2307.01952, appendix I)."""
GRID_PX: Final = 16
"""An SD3 picture is a whole number of these: eight pixels to a latent, two latents to a patch."""
CONTEXT: Final = 0.35
"""What is shown of the picture on each side of the mask, in parts of the mask's shorter side; at least CONTEXT_PX."""
CONTEXT_PX: Final = 32
MAX_ENLARGED: Final = 3.0
"""Beyond that a model invents detail which the way back throws away."""
LONGEST: Final = 2.0
"""Longer side of a working picture, in parts of the trained side, where no shape fits."""
LATENT_PX: Final = 8
AS_IT_IS: Final = 1.25
"""Enlargement not worth the blur of scaling: the crop takes in more of the picture instead."""


@dataclass(frozen=True)
class Crop:
    """A part of the picture, in its pixels, and the size at which it is painted."""

    box: PixelBox
    width: int
    height: int

    @property
    def window(self) -> tuple[slice, slice]:
        left, top, right, bottom = self.box
        return slice(top, bottom), slice(left, right)

    @property
    def enlarged(self) -> float:
        """How much larger than life it is painted."""
        return self.width / (self.box[2] - self.box[0])


@dataclass(frozen=True, eq=False)
class Repainted:
    """The whole picture, and what was painted for it."""

    pixels: Pixels
    crop: Crop


def repaint(canvas: Canvas, painter: Painter, *, side_px: int, spare: bool = False) -> Repainted:
    """The canvas's `init` with what its `mask` covers painted anew.

    `side_px` is the side of the square the model was trained on. `spare` paints at half of that where the crop
    loses nothing by it: a quarter of the work, for passes that set no fine detail.
    """
    if canvas.init is None or canvas.mask is None:
        raise ValueError("a picture is repainted from an init and a mask")
    covered = extent(canvas.mask)
    if covered is None:
        raise ValueError("the mask is 0 everywhere: there is nothing to repaint")
    crop = crop_around(covered, canvas.width, canvas.height, side_px=side_px)
    if spare:
        small = crop_around(covered, canvas.width, canvas.height, side_px=side_px // 2)
        crop = small if small.enlarged >= 1 else crop
    window = crop.window
    painted = painter.paint(
        replace(
            canvas,
            width=crop.width,
            height=crop.height,
            init=_resized(canvas.init[window], crop.width, crop.height),
            mask=_covering(canvas.mask[window], crop.width, crop.height),
        )
    )
    pixels = canvas.init.copy()
    rows, columns = canvas.mask[window].shape
    pixels[window] = paste(canvas.init[window], _resized(painted, columns, rows), canvas.mask[window])
    return Repainted(pixels, crop)


def crop_around(covered: PixelBox, width: int, height: int, *, side_px: int) -> Crop:
    """The smallest part of a picture of width x height that shows the box in its surroundings, as a working shape.

    A picture too small or too oblong for every shape is painted whole, in its own shape.
    """
    shown = _with_context(covered, width, height)
    fitting = list(_fitting(shown, width, height, side_px))
    if not fitting:
        return _whole(width, height, side_px)
    return min(fitting, key=lambda crop: (crop.box[2] - crop.box[0]) * (crop.box[3] - crop.box[1]))


def _with_context(covered: PixelBox, width: int, height: int) -> PixelBox:
    left, top, right, bottom = covered
    margin = max(CONTEXT_PX, int(min(right - left, bottom - top) * CONTEXT))
    return max(0, left - margin), max(0, top - margin), min(width, right + margin), min(height, bottom + margin)


def _fitting(shown: PixelBox, width: int, height: int, side_px: int) -> Iterator[Crop]:
    """A crop for every shape that fits into the picture and holds what is to be shown."""
    for across, down in SHAPES:
        wide, high = _on_grid(side_px * across), _on_grid(side_px * down)
        scale = max((shown[2] - shown[0]) / wide, (shown[3] - shown[1]) / high, 1 / MAX_ENLARGED)
        if 1 / AS_IT_IS <= scale < 1 and wide <= width and high <= height:
            scale = 1.0
        columns, rows = int(wide * scale + 0.999), int(high * scale + 0.999)
        if columns <= width and rows <= height:
            left, top = _around(shown[0], shown[2], columns, width), _around(shown[1], shown[3], rows, height)
            yield Crop((left, top, left + columns, top + rows), wide, high)


def _around(start: int, end: int, length: int, limit: int) -> int:
    """Where a stretch of `length` begins that has start..end in its middle, as far as the limits allow."""
    return min(max(0, (start + end - length) // 2), limit - length)


def _whole(width: int, height: int, side_px: int) -> Crop:
    scale = min(MAX_ENLARGED, side_px / (width * height) ** 0.5, LONGEST * side_px / max(width, height))
    return Crop((0, 0, width, height), _on_grid(width * scale), _on_grid(height * scale))


def _on_grid(length: float) -> int:
    return max(GRID_PX, int(length / GRID_PX + 0.5) * GRID_PX)


def _resized(pixels: Pixels, width: int, height: int) -> Pixels:
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))


def _covering(weights: Floats, width: int, height: int) -> Floats:
    """1 in every latent that any of the mask falls into: the feather blends what is painted, so all of it must be."""
    hard = Image.fromarray(np.where(weights > 0, np.uint8(255), np.uint8(0)))
    if hard.size != (width, height):
        hard = hard.resize((width, height), Image.Resampling.BILINEAR)
    cells = np.asarray(hard).reshape(height // LATENT_PX, LATENT_PX, width // LATENT_PX, LATENT_PX).max(axis=(1, 3))
    return np.kron(cells > 0, np.ones((LATENT_PX, LATENT_PX), np.float32)).astype(np.float32)
