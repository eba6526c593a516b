"""Colour gone wrong: burnt out by too much guidance, cut into bands, or no longer the draft's.

Hides the measures of colour. Guidance raised too far is the article's failed fix: it shows as colour pressed
against the end of a channel.
"""

from __future__ import annotations

from functools import cache, cached_property
from typing import Final

import numpy as np
from PIL import Image, ImageCms

from shared.artifacts.frame import Floats, Frame, Pixels, spread
from shared.models import ArtifactFinding

OVERSATURATED_LIMIT: Final = 0.065
"""2 of 180 good pictures reach it (November 2026). Saturated 2.5 times, 81 % do, and 89 % of those it changed by more
than 20 levels; burnt as by guidance 20, 94 %. Muted pictures have colour to spare: only their draft gives them away.
Simulated renders up to guidance 8 stay below 0.02; at guidance 20, 15 of 18 reach it."""
COLOUR_SHIFT_LIMIT: Final = 6.0
"""JPEG at quality 60, half the size, 6 % more light or noise stay below 5.3 on 180 pictures, a simulated draft and its
final below 3.3. Saturated 2.5 times, all 134 that it changed by more than 20 levels are above; a colour cast, 97 %."""

_SIDE_PX: Final = 512
_ENDS: Final = (2, 253)
_STILL: Final = 3
_MOVING: Final = 8
_COLOURED: Final = 40
_LEAST_COLOURED: Final = 0.1
_PROFILE_PX: Final = 64


def oversaturated(frame: Frame, *, guidance: float | None = None) -> ArtifactFinding:
    """Share of the coloured area where one channel stands still at its end while another still has detail.

    Flat artwork in pure red has no detail to lose and does not count, nor does white paper or black ink.
    """
    lost = _lost_detail(frame.within(_SIDE_PX))
    cause = f"; guidance {guidance:g} is the likely cause, lower it" if guidance is not None else ""
    return ArtifactFinding(
        kind="oversaturated",
        score=round(lost, 4),
        limit=OVERSATURATED_LIMIT,
        detail=f"colours are burnt out: {lost:.0%} of the coloured area has lost its detail{cause}",
    )


def colour_shift(frame: Frame, reference: Frame) -> ArtifactFinding:
    """How far the colours of the picture have moved from those of `reference`, wherever in the picture they are."""
    shift = ColourShift(frame, reference)
    return ArtifactFinding(
        kind="colour_shift",
        score=round(shift.distance, 4),
        limit=COLOUR_SHIFT_LIMIT,
        detail=f"colours differ from the approved draft by {shift.distance:.0f} (CIELAB): {shift.in_words}",
    )


class ColourShift:
    """The difference between two pictures' colours, as sorted values of each CIELAB axis: their earth mover's
    distance (Rubner et al., IJCV 40(2), 2000), which forgets where a colour stood.
    """

    def __init__(self, frame: Frame, reference: Frame) -> None:
        self._now, self._then = _profile(frame), _profile(reference)

    @cached_property
    def distance(self) -> float:
        """Root of the summed squares of the three axes, in CIELAB units: 2 can just be seen, 10 is plain."""
        axes = np.abs(np.sort(self._now, axis=0) - np.sort(self._then, axis=0)).mean(0)
        return float(np.sqrt(np.square(axes).sum()))

    @property
    def in_words(self) -> str:
        light, green_red, blue_yellow = (self._now - self._then).mean(0)
        colour = np.hypot(self._now[:, 1], self._now[:, 2]).mean() - np.hypot(self._then[:, 1], self._then[:, 2]).mean()
        moves = [
            (abs(light), "lighter" if light > 0 else "darker"),
            (abs(colour), "more colourful" if colour > 0 else "duller"),
            (abs(green_red), "redder" if green_red > 0 else "greener"),
            (abs(blue_yellow), "yellower" if blue_yellow > 0 else "bluer"),
        ]
        plain = [word for size, word in sorted(moves, reverse=True) if size >= 1.0]
        return " and ".join(plain[:2]) or "other tones"


def _lost_detail(pixels: Pixels) -> float:
    around = spread(pixels, 2)
    chroma = pixels.max(2) - pixels.min(2)
    pressed = (((pixels <= _ENDS[0]) | (pixels >= _ENDS[1])) & (around <= _STILL)).any(2)
    lost = pressed & (around.max(2) >= _MOVING) & (chroma > _COLOURED)
    return float(lost.sum() / max((chroma > _COLOURED).sum(), _LEAST_COLOURED * chroma.size))


def _profile(frame: Frame) -> Floats:
    """CIELAB values of the picture at 64 x 64 px, (4096, 3): L 0..100, a and b around 0."""
    coarse = frame.rgb.resize((_PROFILE_PX, _PROFILE_PX), Image.Resampling.BOX)
    converted = ImageCms.applyTransform(coarse, _to_lab())
    lab = np.asarray(converted).reshape(-1, 3)
    signed = lab[:, 1:].astype(np.int8)
    return np.column_stack([lab[:, 0] / np.float32(2.55), signed]).astype(np.float32)


@cache
def _to_lab() -> ImageCms.ImageCmsTransform:
    return ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
