"""Defects anyone sees at once: nothing painted, noise all over, nothing sharp.

Hides the three measures. Limits: measured on 180 good pictures (posters, products, signs, logos; November 2026)
and on the same pictures damaged; each limit says what it lets pass and what it finds.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image, ImageFilter

from shared.artifacts.frame import Floats, Frame
from shared.models import ArtifactFinding

BLANK_LIMIT: Final = 0.85
"""Good pictures stay below 0.54. One colour everywhere is 1.0, a picture darkened to 12 % at least 0.88."""
NOISE_LIMIT: Final = 7.0
"""Good pictures stay below 6.7. Noise of 20 levels is always above, of 12 levels in 89 of 100 pictures."""
BLUR_LIMIT: Final = 0.84
"""Good pictures stay below 0.83. A Gaussian blur of 3 px is always above, of 2 px in 89 of 100 pictures."""

_COARSE_PX: Final = 64
_TILE_PX: Final = 16
_CLIPPED: Final = (12.0, 243.0)
_MIN_TILES: Final = 4
_QUIET: Final = 25
_MAD_TO_SIGMA: Final = 0.6745
_LEAST_ENERGY: Final = 0.05


def blank(frame: Frame) -> ArtifactFinding:
    """1 minus the span of tones, seen at 64 px and as a share of black to white; 1.0 is one colour everywhere."""
    coarse = np.asarray(frame.rgb.resize((_COARSE_PX, _COARSE_PX), Image.Resampling.BOX)).reshape(-1, 3)
    span = int(np.max(coarse.max(0).astype(int) - coarse.min(0)))
    return ArtifactFinding(
        kind="blank",
        score=round(1 - span / 255, 4),
        limit=BLANK_LIMIT,
        detail=f"the picture is almost one colour: its lightest and darkest parts differ by {span} of 255 levels",
    )


def noise(frame: Frame) -> ArtifactFinding:
    """Standard deviation of the grain in 8-bit levels, in the quietest quarter of the picture: noise is everywhere,
    texture is not.

    From the median of the diagonal Haar coefficients (Donoho and Johnstone, Biometrika 81(3), 1994).
    """
    sigma = _grain(frame.luma)
    return ArtifactFinding(
        kind="noise",
        score=round(sigma, 4),
        limit=NOISE_LIMIT,
        detail=f"grainy all over: even its calmest parts flicker by {sigma:.0f} levels of 255",
    )


def blur(frame: Frame) -> ArtifactFinding:
    """How much of the edges' energy survives one more blur of 1 px: near 1.0 there was nothing sharp left to lose.

    After Crete et al., "The blur effect", SPIE 6492, 2007: blurring a blurred picture changes little.
    """
    again = np.asarray(frame.grey.filter(ImageFilter.GaussianBlur(1)), np.float32)
    before, after = _edge_energy(frame.luma), _edge_energy(again)
    kept = after / before if before > _LEAST_ENERGY * frame.luma.size else 0.0
    return ArtifactFinding(
        kind="blur",
        score=round(kept, 4),
        limit=BLUR_LIMIT,
        detail=f"nothing in it is sharp: blurring it once more leaves {kept:.0%} of its edges as they are",
    )


def _grain(luma: Floats) -> float:
    height, width = (side - side % 2 for side in luma.shape)
    a, b = luma[:height:2, :width:2], luma[:height:2, 1:width:2]
    c, d = luma[1:height:2, :width:2], luma[1:height:2, 1:width:2]
    diagonal, average = np.abs(a - b - c + d) / np.float32(2), (a + b + c + d) / np.float32(4)
    detail, mean = _tiles(diagonal), _tiles(average).mean(1)
    # Clipping at black or white hides half of the noise.
    usable = (mean > _CLIPPED[0]) & (mean < _CLIPPED[1])
    if usable.sum() < _MIN_TILES:
        return 0.0
    return float(np.percentile(np.median(detail[usable], axis=1), _QUIET)) / _MAD_TO_SIGMA


def _tiles(values: Floats) -> Floats:
    """(tiles, pixels of a tile); what does not fill a tile is left out."""
    rows, columns = values.shape[0] // _TILE_PX, values.shape[1] // _TILE_PX
    whole = values[: rows * _TILE_PX, : columns * _TILE_PX]
    return whole.reshape(rows, _TILE_PX, columns, _TILE_PX).swapaxes(1, 2).reshape(-1, _TILE_PX * _TILE_PX)


def _edge_energy(luma: Floats) -> float:
    across, down = np.diff(luma, axis=1), np.diff(luma, axis=0)
    return float(np.vdot(across, across) + np.vdot(down, down))
