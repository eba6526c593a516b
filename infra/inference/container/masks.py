"""Where a masked pass may paint: boxes in pixels, and how much of every pixel is new.

Hides rounding and feathering. A weight of 0 means the original's pixel, exactly; whoever pastes keeps that promise
with `paste`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
"""RGB, uint8, (height, width, 3)."""
Box = tuple[float, float, float, float]
"""`(x, y, w, h)` in fractions of the image, origin top left."""
PixelBox = tuple[int, int, int, int]
"""left, top, right, bottom."""
SOLID: Final = 0.98
"""Weight above which a mask has no feather left."""


def pixel_box(box: Box, width: int, height: int) -> PixelBox:
    """The box in whole pixels, at least one wide and high, inside the image."""
    left, top = min(width - 1, int(box[0] * width + 0.5)), min(height - 1, int(box[1] * height + 0.5))
    right, bottom = int((box[0] + box[2]) * width + 0.5), int((box[1] + box[3]) * height + 0.5)
    return left, top, min(width, max(left + 1, right)), min(height, max(top + 1, bottom))


def feather_width(box: PixelBox) -> int:
    """Pixels over which a box without a mask image goes from old to new: a twelfth of its shorter side, at most 24."""
    return max(1, min(24, (box[2] - box[0]) // 12, (box[3] - box[1]) // 12))


def feather(box: PixelBox, width: int) -> Floats:
    """Weights (rows, cols) of the new pixels: 0 next to the box's border, 1 from `width` pixels inwards."""
    rows, columns = box[3] - box[1], box[2] - box[0]
    ramps = []
    for length in (rows, columns):
        steps = np.arange(length, dtype=np.float32)
        edge = np.minimum(steps, steps[::-1])
        share = np.clip(edge / np.float32(max(1, width)), 0, 1)
        ramps.append(share * share * (3 - 2 * share))
    return np.asarray(ramps[0][:, None] * ramps[1][None, :])


def boxed_weights(box: PixelBox, width: int, height: int) -> Floats:
    """Weights (height, width) of a mask that is only a box."""
    weights = np.zeros((height, width), np.float32)
    weights[box[1] : box[3], box[0] : box[2]] = feather(box, feather_width(box))
    return weights


def extent(weights: Floats, *, above: float = 0.0) -> PixelBox | None:
    """The smallest box around all weights greater than `above`; None when there is none."""
    there = weights > above
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    if not rows.size:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def solid(weights: Floats) -> PixelBox:
    """The smallest box around all that is renewed without a feather; around all weights where there is only feather.

    Raises ValueError for weights that are 0 everywhere.
    """
    box = extent(weights, above=SOLID) or extent(weights)
    if box is None:
        raise ValueError("the mask is 0 everywhere: there is nothing to repaint")
    return box


def within(box: PixelBox, room: PixelBox) -> PixelBox:
    """The part of the box inside the room; all of the room where they do not meet."""
    common = (max(box[0], room[0]), max(box[1], room[1]), min(box[2], room[2]), min(box[3], room[3]))
    return common if common[0] < common[2] and common[1] < common[3] else room


def paste(original: Pixels, painted: Pixels, weights: Floats) -> Pixels:
    """`painted` over `original` by weight, both of one size: exactly `original` at 0, exactly `painted` at 1."""
    old, share = original.astype(np.float32), weights[..., None]
    mixed = old + (painted.astype(np.float32) - old) * share
    return np.clip(mixed + np.float32(0.5), 0, 255).astype(np.uint8)
