"""Banding: smooth tones cut into steps, as a picture with too few levels shows them.

Hides how steps are told from flat artwork: its colours are arbitrary, a banded picture's stand at equal distances.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shared.artifacts.frame import Floats, Frame, spread
from shared.models import ArtifactFinding

BANDING_LIMIT: Final = 0.44
"""1 of 180 good pictures reaches it (November 2026). Cut to 16 levels, 94 % do, and 99 % of those that have calm tones
on a tenth of their area; stored as JPEG after that, 83 % and 93 %. Simulated renders stay below 0.13."""

_LEVELS: Final = 256
_STILL: Final = 4
_SPACINGS: Final = tuple(spacing / 2 for spacing in range(14, 97))
"""Levels between two bands: below 7 they are hardly seen, above 48 the picture is a poster."""
_TOOTH: Final = 3
_MIN_TEETH: Final = 4
_TOOTH_SHARE: Final = 0.02
_MOST_OF_A_LEVEL: Final = 0.001
_LEAST_LEVELS: Final = 6
_AS_GOOD: Final = 0.95


def banding(frame: Frame) -> ArtifactFinding:
    """How much better the tones of the calm parts fit an even comb than chance: 0.0 any tone, 1.0 only the comb's."""
    calm = spread(frame.pixels, 2) <= _STILL
    combs = [_comb(frame.pixels[..., channel][calm[..., channel]], calm[..., channel].size) for channel in range(3)]
    strength, spacing = sorted(combs)[1]  # the middle one: a single channel may fit by chance
    return ArtifactFinding(
        kind="banding",
        score=round(strength, 4),
        limit=BANDING_LIMIT,
        detail=f"smooth tones are cut into bands, about {spacing:.0f} levels of 255 apart",
    )


def _comb(values: NDArray[np.uint8], area: int) -> tuple[float, float]:
    """Strength and spacing of the comb that fits `values` best; (0.0, 0.0) where no comb has four teeth."""
    levels = np.bincount(values, minlength=_LEVELS) / area
    # White paper and black ink fill two levels with most of a page: no level counts for more than a sliver.
    levels = np.minimum(levels, _MOST_OF_A_LEVEL)
    levels[:3] = levels[-3:] = 0
    total = float(levels.sum())
    if total == 0.0:
        return 0.0, 0.0
    smeared = np.convolve(levels, np.ones(_TOOTH), "same").astype(np.float32)
    combs, spacings = _combs()
    fit = combs @ smeared / total
    teeth = combs @ (smeared > _TOOTH_SHARE * total).astype(np.float32)
    by_chance = _TOOTH / spacings
    strength = np.where(teeth >= _MIN_TEETH, (fit - by_chance) / (1 - by_chance), 0.0)
    # Half the spacing fits as well: the widest of the combs that fit is the true one.
    best = int(np.flatnonzero(strength >= _AS_GOOD * strength.max())[-1])
    evidence = min(1.0, total / (_MOST_OF_A_LEVEL * _LEAST_LEVELS))
    return max(0.0, float(strength[best])) * evidence, float(spacings[best])


@cache
def _combs() -> tuple[Floats, Floats]:
    """Every comb as a row of 256 levels, 1 at its teeth; and the spacing of each."""
    rows, spacings = [], []
    for spacing in _SPACINGS:
        for start in range(int(np.ceil(spacing))):
            row = np.zeros(_LEVELS, np.float32)
            row[np.round(np.arange(start, _LEVELS - 0.5, spacing)).astype(int)] = 1
            rows.append(row)
            spacings.append(spacing)
    return np.stack(rows), np.array(spacings, np.float32)
