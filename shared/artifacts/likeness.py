"""How like two pictures are: the draft that was approved and the final made from it.

Hides the scales and formulas of likeness. Never says which of the two is the better.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image

from shared.artifacts.colour import ColourShift
from shared.artifacts.frame import Floats, Frame
from shared.images import perceptual_hash
from shared.models import ArtifactFinding, Similarity

COMPOSITION_LIMIT: Final = 0.4
"""JPEG, scale, light and noise stay below 0.01 on 180 pictures, simulated drafts and their finals below 0.25. Above are
178 of 180 other pictures, 180 of 180 moved by a sixth, 174 of 180 zoomed in by five thirds (November 2026)."""

_SSIM_PX: Final = 256
_WINDOW: Final = 11
_SIGMA: Final = 1.5
_C1: Final = (0.01 * 255) ** 2
_C2: Final = (0.03 * 255) ** 2
_LAYOUT_PX: Final = 32
_LEAST_VARIATION: Final = 1.0


def similarity(a: bytes, b: bytes) -> Similarity:
    """How like two pictures are, whatever their sizes; symmetric but for rounding.

    SSIM: Wang, Bovik, Sheikh and Simoncelli, IEEE Transactions on Image Processing 13(4), 2004, with their
    Gaussian window of 11 px and sigma 1.5. Raises ImageUnreadable where either is no still picture.
    """
    one, other = Frame.of(a), Frame.of(b)
    apart = int(perceptual_hash(one.rgb), 16) ^ int(perceptual_hash(other.rgb), 16)
    return Similarity(
        phash_distance=apart.bit_count(),
        ssim=round(_ssim(_luma(one), _luma(other)), 4),
        colour_shift=round(ColourShift(one, other).distance, 4),
    )


def composition_change(frame: Frame, reference: Frame) -> ArtifactFinding:
    """1 minus the correlation of the two pictures' light and shade at 32 px: 0.0 the same layout, 1.0 another one.

    Contrast and colour do not count, so that a burnt picture is not called another one.
    """
    here, there = (_layout(each) for each in (frame, reference))
    spread = float(np.sqrt(np.vdot(here, here) * np.vdot(there, there)))
    # Without light and shade there is no layout: two blank pictures agree.
    changed = 1 - float(np.vdot(here, there)) / spread if spread > _LEAST_VARIATION * here.size else 0.0
    return ArtifactFinding(
        kind="composition_change",
        score=round(max(0.0, changed), 4),
        limit=COMPOSITION_LIMIT,
        detail="the composition is not the approved draft's: light and dark stand elsewhere",
    )


def _layout(frame: Frame) -> Floats:
    coarse = np.asarray(frame.grey.resize((_LAYOUT_PX, _LAYOUT_PX), Image.Resampling.BOX), np.float32)
    return np.asarray(coarse - coarse.mean())


def _luma(frame: Frame) -> Floats:
    return np.asarray(frame.grey.resize((_SSIM_PX, _SSIM_PX), Image.Resampling.BOX), np.float32)


def _ssim(a: Floats, b: Floats) -> float:
    """Mean over the windows that lie wholly inside."""
    mean_a, mean_b = _windowed(a), _windowed(b)
    var_a, var_b = _windowed(a * a) - mean_a**2, _windowed(b * b) - mean_b**2
    cov = _windowed(a * b) - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + _C1) * (2 * cov + _C2)
    return float((likeness / ((mean_a**2 + mean_b**2 + _C1) * (var_a + var_b + _C2))).mean())


def _windowed(values: Floats) -> Floats:
    """Gaussian-weighted mean, separable; the result is 10 px smaller each way."""
    away = np.arange(_WINDOW, dtype=np.float32) - _WINDOW // 2
    weights = np.exp(-np.square(away) / np.float32(2 * _SIGMA**2))
    weights /= weights.sum()
    size = values.shape[0] - _WINDOW + 1
    rows = sum(weight * values[at : at + size] for at, weight in enumerate(weights))
    width = values.shape[1] - _WINDOW + 1
    return np.asarray(sum(weight * rows[:, at : at + width] for at, weight in enumerate(weights)))
