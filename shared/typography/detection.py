"""Where text stands: turned rectangles around words and lines.

Hides the detector network (a DB head: Liao et al., "Real-time Scene Text Detection with Differentiable
Binarization", AAAI 2020, arXiv:1911.08947) and its three scales. Never reads what stands there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shared.typography.geometry import Region, connected_pixels, smallest_rectangle
from shared.typography.sessions import DETECTOR, network


@dataclass(frozen=True, slots=True)
class View:
    """One scale to look at: the short side is brought up to `min_side`, the long one never above `max_side` (px)."""

    min_side: int
    max_side: int
    min_score: float


# In the order they are tried: most pictures are decided by the first; then small print; last, lettering so large
# or soft that the others take it for a drawing.
VIEWS: Final = (View(480, 640, 0.40), View(736, 1536, 0.50), View(1280, 2048, 0.40), View(320, 448, 0.40))

_INK: Final = 0.30
_UNCLIP: Final = 1.6  # the network paints the core of a line; this restores its full height (DB, section 3.5)
_MIN_CORE_PX: Final = 3
_MIN_REGION_PX: Final = 5
_MAX_REGIONS: Final = 200  # of a page of noise; the largest are kept
_GRID: Final = 32  # the network's sides are multiples of this
_MAX_PIXELS: Final = 2_500_000  # keeps the process below 0.7 GB: onnxruntime takes 200 bytes a pixel


def detect(picture: Image.Image, view: View) -> list[Region]:
    """The regions of `picture` (RGB) that hold text at the scale of `view`, largest first, in its pixels."""
    width, height = pixel_size(picture.size, view)
    heat = _heat(picture.resize((width, height), Image.Resampling.BILINEAR))
    stretch = picture.width / width, picture.height / height
    found = [region.scaled(*stretch) for region in _regions(heat, view.min_score)]
    return sorted(found, key=lambda region: -region.length * region.thickness)[:_MAX_REGIONS]


def pixel_size(size: tuple[int, int], view: View) -> tuple[int, int]:
    """Width and height at which `view` shows a picture of `size`."""
    short, long = min(size), max(size)
    scale = max(1.0, view.min_side / short)
    scale = min(scale, view.max_side / long, math.sqrt(_MAX_PIXELS / (short * long)))
    width, height = (max(_GRID, round(side * scale / _GRID) * _GRID) for side in size)
    return width, height


def _heat(picture: Image.Image) -> NDArray[np.float32]:
    """Probability of text per pixel, (height, width)."""
    pixels = np.asarray(picture, dtype=np.float32)[:, :, ::-1] / 127.5 - 1.0  # BGR in -1 ... 1, as it was trained
    heat: NDArray[np.float32] = network(DETECTOR).run(np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]))[0, 0]
    return heat


def _regions(heat: NDArray[np.float32], min_score: float) -> Iterator[Region]:
    ink = heat > _INK
    ink[1:] |= ink[:-1].copy()  # two pixels wide at least, so that hairlines stay connected
    ink[:, 1:] |= ink[:, :-1].copy()
    for points in connected_pixels(ink):
        core = smallest_rectangle(points).grown(0.5)
        if min(core.length, core.thickness) < _MIN_CORE_PX or _mean(heat, core) < min_score:
            continue
        margin = core.length * core.thickness * _UNCLIP / (2 * (core.length + core.thickness))
        region = core.grown(margin)
        if min(region.length, region.thickness) >= _MIN_REGION_PX:
            yield region


def _mean(heat: NDArray[np.float32], region: Region) -> float:
    """Mean of `heat` inside `region`, from a grid of samples."""
    across = np.linspace(-0.5, 0.5, min(64, max(4, int(region.length))), dtype=np.float64)
    deep = np.linspace(-0.5, 0.5, min(24, max(3, int(region.thickness))), dtype=np.float64)
    points = (
        region.centre
        + across[None, :, None] * 0.98 * region.length * region.along
        + deep[:, None, None] * 0.98 * region.thickness * region.down
    )
    x = np.clip(points[..., 0].round().astype(int), 0, heat.shape[1] - 1)
    y = np.clip(points[..., 1].round().astype(int), 0, heat.shape[0] - 1)
    return float(heat[y, x].mean())
