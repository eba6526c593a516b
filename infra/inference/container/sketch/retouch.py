"""Inpainting: what stands behind a mask when the letters on it are taken away.

Hides how the ground is restored. Every pixel outside the mask stays what it was, exactly.
"""

from __future__ import annotations

import numpy as np

from ..masks import Floats, PixelBox, Pixels

ALIKE = 18
"""Mean difference (0..255) up to which a picture counts as a painting of the same scene."""


def same_scene(picture: Pixels, scene: Pixels, mask: PixelBox) -> bool:
    """True when the small pictures agree outside the mask, given in their own pixels."""
    outside = np.ones(picture.shape[:2], bool)
    outside[mask[1] : mask[3], mask[0] : mask[2]] = False
    if not outside.any():
        return False
    apart = np.abs(picture[outside].astype(np.int64) - scene[outside].astype(np.int64))
    return int(apart.sum()) <= ALIKE * apart.size


def restored(picture: Pixels, mask: PixelBox, scene: Pixels | None) -> Floats:
    """The ground of the mask, float32 (3, rows, cols): the scene, or smooth colour, fitted to the mask's border."""
    left, top, right, bottom = mask
    guide = scene.astype(np.float32) if scene is not None else np.zeros(picture.shape, np.float32)
    gap = picture.astype(np.float32) - guide
    patch = np.stack([_spanned(gap[..., plane], mask) for plane in range(3)])
    return np.asarray(guide[top:bottom, left:right].transpose(2, 0, 1) + patch)


def _spanned(plane: Floats, mask: PixelBox) -> Floats:
    """A Coons patch over the mask from the four lines of pixels around it (Coons, MIT MAC-TR-41, 1967)."""
    left, top, right, bottom = mask
    height, width = plane.shape
    above, below = plane[max(0, top - 1), left:right], plane[min(height - 1, bottom), left:right]
    before, after = plane[top:bottom, max(0, left - 1)], plane[top:bottom, min(width - 1, right)]
    above, below, before, after = (_calm(line) for line in (above, below, before, after))
    u = ((np.arange(right - left, dtype=np.float32) + 1) / np.float32(right - left + 1))[None, :]
    v = ((np.arange(bottom - top, dtype=np.float32) + 1) / np.float32(bottom - top + 1))[:, None]
    lofted = above[None, :] * (1 - v) + below[None, :] * v + before[:, None] * (1 - u) + after[:, None] * u
    corners = [
        (above[0] + before[0]) / 2,
        (above[-1] + after[0]) / 2,
        (below[0] + before[-1]) / 2,
        (below[-1] + after[-1]) / 2,
    ]
    bilinear = (corners[0] * (1 - u) + corners[1] * u) * (1 - v) + (corners[2] * (1 - u) + corners[3] * u) * v
    return np.asarray(lofted - bilinear, np.float32)


def _calm(line: Floats) -> Floats:
    """The line without its grain: three passes of a short mean, added up in a fixed order."""
    reach = max(1, line.size // 40)
    for _ in range(3):
        padded = np.concatenate([np.repeat(line[:1], reach), line, np.repeat(line[-1:], reach)])
        total = np.zeros_like(line)
        for offset in range(2 * reach + 1):
            total += padded[offset : offset + line.size]
        line = total / np.float32(2 * reach + 1)
    return line
