"""What a repaint under a mask may not do: leave a seam at its edge, or touch what lies outside.

Hides how lines of pixels on both sides of the edge are compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from PIL import ImageChops

from shared.artifacts.frame import Floats, Frame, PixelBox, Pixels
from shared.models import ArtifactFinding, Box

SEAM_LIMIT: Final = 4.0
"""With the original: 0 of 180 good pictures and 1 of 180 feathered repaints reach it; of another picture pasted in
178 of 180 do, of a box made 20 levels lighter or darker 173, by 10 levels 151 (November 2026, as all below)."""
UNAIDED_SEAM_LIMIT: Final = 8.0
"""Without it, boxes may lie on edges of the design: 4 of 180 good pictures, 177 pasted, 152 changed by 20 levels."""
OUTSIDE_LIMIT: Final = 0.002
"""Nothing of 180 pictures stored as JPEG at quality 85, 1 at 75. A hundredth of the picture replaced, or 12 levels
lighter or darker, is found in all 180."""

_REACH: Final = 8
_SHORTEST: Final = 16
_TILE_PX: Final = 8
_TOLERATED_LUMA: Final = 4
_TOLERATED_COLOUR: Final = 12


def seam(frame: Frame, mask: Box, *, original: Frame | None = None) -> ArtifactFinding:
    """Levels (of 255) by which the picture jumps at the worst side of the mask, beyond what it varies there anyway.

    With `original`, of the same size, an edge that was there before the repaint does not count.
    """
    before = original.pixels if original is not None and original.rgb.size == frame.rgb.size else None
    jump = max(_jumps(frame.pixels, before, frame.at(mask)), default=0.0)
    return ArtifactFinding(
        kind="seam",
        score=round(max(0.0, jump), 4),
        limit=SEAM_LIMIT if before is not None else UNAIDED_SEAM_LIMIT,
        box=mask,
        detail=f"the edge of the repainted box shows: the picture jumps there by {jump:.0f} levels of 255",
    )


def outside_changed(frame: Frame, original: Frame, mask: Box) -> ArtifactFinding:
    """Share of the picture outside the mask that differs from the original by more than lossy storing explains."""
    changed, box = _changed(frame, original, mask)
    detail = f"{changed:.1%} of the picture outside the mask is not the original's any more"
    if (frame.picture.width, frame.picture.height) != (original.picture.width, original.picture.height):
        changed, box = 1.0, None
        detail = (
            f"the picture has {frame.picture.width} x {frame.picture.height} px, the original "
            f"{original.picture.width} x {original.picture.height}: no pixel outside the mask can be the original's"
        )
    return ArtifactFinding(kind="outside_changed", score=round(changed, 6), limit=OUTSIDE_LIMIT, box=box, detail=detail)


def _jumps(now: Pixels, before: Pixels | None, mask: PixelBox) -> Iterator[float]:
    """For each side of the mask inside the picture, the median jump along it."""
    for profile, old in zip(_profiles(now, mask), _profiles(now if before is None else before, mask), strict=True):
        jump = _step(profile, 6, 9)
        if before is None:
            yield float(np.median(jump - np.maximum.reduce([_step(profile, *at) for at in _BESIDE])))
            continue
        beyond_texture = jump - np.maximum(_step(profile, 9, 12), _step(profile, 3, 6))
        change = np.abs(profile - old).mean(2)
        yield float(np.median(np.minimum(beyond_texture, change[:, 9] - change[:, 6])))


_BESIDE: Final = ((0, 3), (3, 6), (9, 12), (12, 15))
"""Pairs of lines wholly outside or wholly inside; the edge lies between lines 7 and 8."""


def _profiles(pixels: Pixels, mask: PixelBox) -> Iterator[Floats]:
    """Lines of pixels beside each side, (along the side, 16 from outside to inside, channels)."""
    left, top, right, bottom = mask
    height, width = pixels.shape[:2]
    if right - left < _SHORTEST or bottom - top < _SHORTEST:
        return
    sides = [
        (left, width, pixels[top:bottom], False),
        (right, width, pixels[top:bottom], True),
        (top, height, pixels[:, left:right].swapaxes(0, 1), False),
        (bottom, height, pixels[:, left:right].swapaxes(0, 1), True),
    ]
    for edge, length, lines, inwards in sides:
        if _REACH <= edge <= length - _REACH:
            beside = lines[:, edge - _REACH : edge + _REACH]
            yield (beside[:, ::-1] if inwards else beside).astype(np.float32)


def _step(profile: Floats, one: int, other: int) -> Floats:
    return np.asarray(np.abs(profile[:, other] - profile[:, one]).mean(1))


def _changed(frame: Frame, original: Frame, mask: Box) -> tuple[float, Box | None]:
    """Share of the tiles outside that changed, and the box around them in fractions of the picture."""
    if frame.rgb.size != original.rgb.size:
        return 1.0, None
    # Lossy storing moves single pixels by dozens of levels and the mean of 8 x 8 by few, fewest in luma.
    here, there = frame.rgb.reduce(_TILE_PX), original.rgb.reduce(_TILE_PX)
    colour = np.asarray(ImageChops.difference(here, there)).max(2)
    luma = np.asarray(ImageChops.difference(here.convert("L"), there.convert("L")))
    changed = (luma > _TOLERATED_LUMA) | (colour > _TOLERATED_COLOUR)
    left, top, right, bottom = frame.at(mask)
    touched = (slice(top // _TILE_PX, -(-bottom // _TILE_PX)), slice(left // _TILE_PX, -(-right // _TILE_PX)))
    changed[touched] = False
    outside = changed.size - changed[touched].size
    if not changed.any():
        return 0.0, None
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    width, height = (side / _TILE_PX for side in frame.rgb.size)
    x, y = columns[0] / width, rows[0] / height
    right_edge, bottom_edge = min(1.0, (columns[-1] + 1) / width), min(1.0, (rows[-1] + 1) / height)
    box = (round(x, 4), round(y, 4), round(right_edge - x, 4), round(bottom_edge - y, 4))
    return float(changed.sum() / outside), box
