"""Training examples: posters with what the network is told about them and which part it has to paint.

Hides what is left out and how often: choices nobody made, letters seen at a glance, masks. Every example follows from
the seed and its number, so that training can stop and go on anywhere.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from infra.inference.container.mini.arrangement import frames
from infra.inference.container.mini.vocabulary import DETAILS, TOLD, codes

from .corpus.canvas import Floats
from .corpus.posters import Poster, invent

SIZES: Final = (*[(64, 64)] * 4, (80, 48), (48, 72), (96, 40))
"""Width and height of a batch, drawn anew for each."""
UNTOLD: Final = 0.06
"""Examples told nothing: what guidance pushes away from."""
PARTLY: Final = 0.06
"""Examples told some of it."""
UNSETTLED: Final = (0.05, 0.7)
"""Examples told no details (vocabulary.DETAILS): whole pictures, and those of which a part is kept and shows them."""
MASKED: Final = 0.2
IN_FULL: Final = 0.5
"""Headlines shown in full; the others at a glance."""
GLANCES: Final = (18, 110)
LETTER_WEIGHT: Final = 1.5
SUBJECT_WEIGHT: Final = 3.0


Example = tuple[Floats, Floats, NDArray[np.int64], Floats, Floats]
"""Picture, condition (network.CONDITION), codes, frames and weights."""


@dataclass(frozen=True, eq=False)
class Batch:
    """float32, pictures in -1..1: (batch, channels, height, width); codes int64 (batch, slots); frames (batch, 2, 4);
    weight for the loss."""

    pictures: Floats
    conditions: Floats
    codes: NDArray[np.int64]
    frames: Floats
    weights: Floats


def batch(seed: str, number: int, count: int, *, times: int = 1, whole: bool = False) -> Batch:
    """The examples of one step, `times` as wide and high as SIZES; `whole` ones are told everything, shown their
    letters in full and painted all over: nothing in them cannot be known, and what the choices mean is learned many
    times faster."""
    width, height = random.Random(f"{seed} size {number}").choice(SIZES)
    size = (width * times, height * times)
    return stacked([example(f"{seed}/{number}/{place}", size, whole=whole) for place in range(count)])


def stacked(rows: Sequence[Example]) -> Batch:
    pictures, conditions, codes, frames, weights = (np.stack(column) for column in zip(*rows, strict=True))
    return Batch(pictures, conditions, codes, frames, weights)


def example(seed: str, size: tuple[int, int], *, whole: bool = False) -> Example:
    dice = random.Random(f"example {seed}")
    poster = invent(seed, size)
    width, height = size
    picture = poster.draw(width, height).astype(np.float32).transpose(2, 0, 1) / 127.5 - 1
    across = None if whole or dice.random() < IN_FULL else round(math.exp(dice.uniform(*map(math.log, GLANCES))))
    glyph = poster.glyph(width, height, across=across)
    mask = np.ones((height, width), np.float32) if whole else _mask(poster, size, dice)
    condition = np.concatenate([mask[None], picture * (1 - mask), glyph[None]]).astype(np.float32)
    told = poster.choices if whole else _told(poster, dice, masked=not mask.all())
    stands = np.array(frames(told, size, poster.ink), np.float32)
    return picture, condition, np.array(codes(told), np.int64), stands, _weights(poster, size)


def _told(poster: Poster, dice: random.Random, *, masked: bool) -> dict[str, str]:
    """The choices, some of them left open."""
    missing = dice.choices((0.0, 0.35, 1.0), (1 - UNTOLD - PARTLY, PARTLY, UNTOLD))[0]
    open_slots = {slot for slot in TOLD if dice.random() < missing}
    if "ground" in open_slots or dice.random() < UNSETTLED[masked]:
        open_slots |= set(DETAILS)
    return {slot: choice for slot, choice in poster.choices.items() if slot not in open_slots}


def _mask(poster: Poster, size: tuple[int, int], dice: random.Random) -> Floats:
    """1 where the network paints: mostly everywhere, else around the letters or somewhere."""
    width, height = size
    if dice.random() >= MASKED:
        return np.ones((height, width), np.float32)
    mask = np.zeros((height, width), np.float32)
    if poster.headline is not None and dice.random() < 0.7:
        left, top, right, bottom = poster.headline.ink
        grow = [dice.uniform(0.01, 0.08) for _ in range(4)]
        left, top, right, bottom = left - grow[0], top - grow[1], right + grow[2], bottom + grow[3]
    else:
        wide, high = dice.uniform(0.15, 0.9), dice.uniform(0.15, 0.9)
        left, top = dice.uniform(0, 1 - wide), dice.uniform(0, 1 - high)
        right, bottom = left + wide, top + high
    rows = slice(max(0, round(top * height)), max(1, round(bottom * height)))
    mask[rows, max(0, round(left * width)) : max(1, round(right * width))] = 1
    return mask


def _weights(poster: Poster, size: tuple[int, int]) -> Floats:
    width, height = size
    weights = np.ones((1, height, width), np.float32)
    stand = poster.stand(width, height)
    if stand is not None:
        cx, cy, radius = stand
        rows = slice(max(0, int(cy - radius) - 1), int(cy + radius) + 2)
        weights[:, rows, max(0, int(cx - radius) - 1) : int(cx + radius) + 2] = SUBJECT_WEIGHT
    if poster.headline is not None:
        left, top, right, bottom = poster.headline.ink
        rows = slice(max(0, int(top * height) - 1), int(bottom * height) + 2)
        weights[:, rows, max(0, int(left * width) - 1) : int(right * width) + 2] = LETTER_WEIGHT
    return weights
