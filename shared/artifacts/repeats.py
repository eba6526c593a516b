"""Repeats: a picture that shows the same thing side by side, as a tiled render does.

Hides the search for the shift. A motif that returns (letters, a row of windows) is design; most of the picture
returning at one shift is not.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from shared.artifacts.frame import Floats, Frame
from shared.models import ArtifactFinding

REPEATED_LIMIT: Final = 0.65
"""The most repetitive of 180 good pictures (four panels of one motif) has 0.46; of 540 tilings, 2 x 2 to 4 x 4, 539 are
above (November 2026). A copy of a ninth of the picture is not told from design that repeats itself."""

_PATTERN: Final = re.compile(
    r"\b(patterns?|tiled|tiles|seamless|grid|mosaic|wallpaper|polka|dots|dotted|halftone|stripes?|striped|stripy|"
    r"checks|checked|checkered|checkerboard|chequered|plaid|gingham|tartan|zig-?zags?|chevrons?)\b",
    re.IGNORECASE,
)
_SIDE: Final = 256
_MIN_SHIFT: Final = 32
_MIN_OVERLAP: Final = 0.15
_CANDIDATES: Final = 5
_PEAK: Final = 2
_REACH: Final = 12
_SAME: Final = 0.06
_DETAIL: Final = 5.0
_LEAST_DETAILED: Final = 0.05
_WHITENING: Final = 1.3


def pattern_wanted(prompt: str) -> bool:
    """Whether the prompt asks for something that is made of its own repetition: then repeating is no defect."""
    return bool(_PATTERN.search(prompt))


def repeated(frame: Frame) -> ArtifactFinding:
    """Share of the detailed area that is there twice, at the one shift that explains most."""
    detail = _detail(frame)
    energy = _local_mean(detail * detail)
    detailed = energy > _DETAIL
    twice = max((_seen_twice(detail, energy, shift) & detailed).sum() for shift in _shifts(detail))
    share = float(twice / max(detailed.sum(), _LEAST_DETAILED * detailed.size))
    return ArtifactFinding(
        kind="repeated",
        score=round(share, 4),
        limit=REPEATED_LIMIT,
        detail=f"the picture repeats itself: {share:.0%} of its detail is there twice",
    )


def _detail(frame: Frame) -> Floats:
    """Luma at 256 x 256 px without what is coarser than 4 px or finer than 1."""
    shrink = max(frame.grey.size) > _SIDE
    small = frame.grey.resize((_SIDE, _SIDE), Image.Resampling.BOX if shrink else Image.Resampling.BICUBIC)
    fine, coarse = (np.asarray(small.filter(ImageFilter.GaussianBlur(px)), np.float32) for px in (1, 4))
    return np.asarray(fine - coarse)


def _shifts(detail: Floats) -> list[tuple[int, int]]:
    """The likeliest shifts (down, right) in pixels: peaks of the autocorrelation, its spectrum partly whitened."""
    padded = 2 * _SIDE
    spectrum = np.abs(np.fft.rfft2(detail, s=(padded, padded)))
    whitened = spectrum**2 / (spectrum + np.median(spectrum) + 1e-6) ** _WHITENING
    agreement = np.fft.irfft2(whitened)
    away = np.minimum(np.arange(padded), padded - np.arange(padded))
    room = np.maximum(_SIDE - away, 1) / _SIDE
    overlap = room[:, None] * room[None, :]
    far = (away[:, None] ** 2 + away[None, :] ** 2 >= _MIN_SHIFT**2) & (overlap > _MIN_OVERLAP)
    # The autocorrelation is symmetric: one half of the shifts says it all.
    agreement = np.where(far, agreement / np.sqrt(overlap), -np.inf)[: _SIDE + 1]
    found = []
    for _ in range(_CANDIDATES):
        down, right = (int(at) for at in np.unravel_index(np.argmax(agreement), agreement.shape))
        found.append((down, right if right <= _SIDE else right - padded))
        agreement[max(0, down - _PEAK) : down + _PEAK + 1, max(0, right - _PEAK) : right + _PEAK + 1] = -np.inf
    return found


def _seen_twice(detail: Floats, energy: Floats, shift: tuple[int, int]) -> NDArray[np.bool_]:
    """Where the picture equals itself moved by `shift`: both the one place and the other."""
    down, right = shift
    rows, columns = (
        (slice(0, _SIDE - down), slice(down, _SIDE)),
        (
            slice(max(0, -right), _SIDE - max(0, right)),
            slice(max(0, right), _SIDE - max(0, -right)),
        ),
    )
    here, there = (rows[0], columns[0]), (rows[1], columns[1])
    apart = _local_mean(np.square(detail[here] - detail[there]))
    both = energy[here] + energy[there]
    enough = (both > 2 * _DETAIL) & (np.minimum(energy[here], energy[there]) > _DETAIL / 2)
    same = enough & (apart < _SAME * both)
    twice = np.zeros(detail.shape, bool)
    twice[here] |= same
    twice[there] |= same
    return twice


def _local_mean(values: Floats) -> Floats:
    """Mean over 25 x 25 pixels, by summed areas; beyond the border counts as 0."""
    window = 2 * _REACH + 1
    padded = np.pad(values, ((_REACH + 1, _REACH), (_REACH + 1, _REACH))).astype(np.float64)
    sums = padded.cumsum(0).cumsum(1)
    area = sums[window:, window:] - sums[:-window, window:] - sums[window:, :-window] + sums[:-window, :-window]
    return np.asarray(area / window**2, np.float32)
