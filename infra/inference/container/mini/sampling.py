"""From noise to a small picture: the steps of the rectified flow, with guidance, a start picture and a mask.

Hides the schedule and the noise. Knows no session: whatever implements Denoiser predicts the clean picture. The same
arguments give the same numbers: noise comes from the seed alone, whatever else is painted.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ..masks import Floats
from .arrangement import Frame

SHIFT: Final = 3.0
"""Steps are denser where there is much noise: level = shift * u / (1 + (shift - 1) * u)."""


GUIDED_ABOVE: Final = 0.5
"""Noise under which guidance changes nothing but burns colours (Kynkaanniemi et al., arXiv 2404.07724)."""


class Denoiser(Protocol):
    """The painter or its student."""

    def __call__(
        self, noisy: Floats, condition: Floats, level: Floats, codes: NDArray[np.int64], frames: Floats
    ) -> Floats:
        """The clean pictures, (batch, 3, height, width) in about -1..1. `level` is the noise of each, 0..1."""


@dataclass(frozen=True, eq=False)
class Sitting:
    """One picture to paint, at the painter's size: pictures (3, height, width) in -1..1, the others (height, width).

    `codes` and `frames` are what the choices come to. `against` are the choices guidance leads away from, whose frames
    are open: all open, or those of a negative prompt. `mask` 1 is painted
    and 0 kept from `kept`. `start` is what an img2img begins with; `strength` how much noise is laid over it, 1 all.
    """

    codes: tuple[int, ...]
    frames: Sequence[Frame]
    seed: int
    glyph: Floats
    steps: int
    guidance: float
    against: tuple[int, ...]
    kept: Floats | None = None
    mask: Floats | None = None
    start: Floats | None = None
    strength: float = 1.0


def levels(steps: int, strength: float) -> list[float]:
    """The noise before each step, and 0 at the end. A weak strength takes its share of the steps, at least one."""
    taken = max(1, round(steps * strength))
    shares = [strength * (taken - done) / taken for done in range(taken + 1)]
    # The ladder is shifted as a whole and scaled back, so that it begins exactly at the strength.
    top = SHIFT * strength / (1 + (SHIFT - 1) * strength)
    return [SHIFT * share / (1 + (SHIFT - 1) * share) * strength / top for share in shares]


def condition(sitting: Sitting) -> Floats:
    """What the network is shown beside the noise: mask, what is kept, glyphs; (5, height, width)."""
    mask = np.ones_like(sitting.glyph) if sitting.mask is None else sitting.mask
    kept = np.zeros((3, *mask.shape), np.float32) if sitting.kept is None else sitting.kept
    return np.concatenate([mask[None], kept * (1 - mask), sitting.glyph[None]]).astype(np.float32)


def noise(seed: int, shape: tuple[int, int]) -> Floats:
    """Of a seed: (3, height, width)."""
    return np.random.Generator(np.random.Philox(seed)).standard_normal((3, *shape), dtype=np.float32)


def paint(sitting: Sitting, denoiser: Denoiser) -> Floats:
    """The picture, (3, height, width) in -1..1."""
    shown = condition(sitting)[None]
    grain = noise(sitting.seed, sitting.glyph.shape)[None]
    ladder = levels(sitting.steps, sitting.strength if sitting.start is not None else 1.0)
    picture = grain
    if sitting.start is not None:
        picture = (1 - np.float32(ladder[0])) * sitting.start[None] + np.float32(ladder[0]) * grain
    for level, lower in itertools.pairwise(ladder):
        clean = _predicted(picture, shown, level, sitting, denoiser)
        picture = clean + np.float32(lower / level) * (picture - clean)
    if sitting.mask is not None and sitting.kept is not None:
        picture = sitting.mask * picture + (1 - sitting.mask) * sitting.kept[None]
    return np.asarray(np.clip(picture[0], -1, 1), np.float32)


def _predicted(picture: Floats, shown: Floats, level: float, sitting: Sitting, denoiser: Denoiser) -> Floats:
    """While composition is decided two thoughts, and further from the second one by the guidance; then one."""
    codes, frames = np.array([sitting.codes], np.int64), np.array([sitting.frames], np.float32)
    if sitting.guidance == 1 or level <= GUIDED_ABOVE:
        return denoiser(picture, shown, np.array([level], np.float32), codes, frames)
    both = denoiser(
        np.concatenate([picture, picture]),
        np.concatenate([shown, shown]),
        np.array([level, level], np.float32),
        np.concatenate([codes, np.array([sitting.against], np.int64)]),
        np.concatenate([frames, np.zeros_like(frames)]),
    )
    told, other = both[:1], both[1:]
    return np.asarray(other + np.float32(sitting.guidance) * (told - other))
