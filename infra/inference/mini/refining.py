"""The refiner: a picture at twice its size, edges sharp, letters as the glyph channel shows them; and its training.

Hides what is done to a picture so that the refiner learns to mend it. It doubles any picture, one made by itself too.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Final

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor, nn
from torch.nn import functional

from .corpus.canvas import Floats
from .corpus.posters import Poster, invent
from .examples import GLANCES, IN_FULL
from .network import Conv

SEED: Final = "mini-refiner-1"
BATCH: Final = 16
CROP: Final = 128
"""Side of a lesson, in pixels of the doubled picture."""
CROPS: Final = 4
"""Lessons from one poster."""
SIDES: Final = (128, 256, 512)
"""Shorter side of the doubled posters."""
WIDTH: Final = 48
BLOCKS: Final = 5


class Refiner(nn.Module):
    """`forward`: pictures (batch, 3, height, width) and glyphs of twice that size -> pictures of twice that size."""

    def __init__(self, width: int = WIDTH, blocks: int = BLOCKS) -> None:
        super().__init__()
        self.stem = Conv(3 + 4, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(Conv(width, width), nn.SiLU(), Conv(width, width, zero=True)) for _ in range(blocks)
        )
        self.exit = Conv(width, 2 * 3 * 4, zero=True)

    def forward(self, picture: Tensor, glyph: Tensor) -> Tensor:
        hidden = self.stem(torch.cat([picture, functional.pixel_unshuffle(glyph, 2)], 1))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        ground, letters = functional.pixel_shuffle(self.exit(hidden), 2).chunk(2, 1)
        # Every pixel four times, without a resize: the same bytes on every runtime.
        coarse = functional.pixel_shuffle(picture.repeat_interleave(4, 1), 2)
        return coarse + ground + glyph * letters


def lessons(refiner: Refiner, *, batch: int = BATCH) -> Callable[[int], Tensor]:
    """Step -> its loss."""
    ahead = ThreadPoolExecutor(1)
    drawn: dict[int, Future[tuple[Floats, Floats, Floats]]] = {}

    def learn(step: int) -> Tensor:
        now = drawn.pop(step, None) or ahead.submit(_batch, step, batch)
        drawn[step + 1] = ahead.submit(_batch, step + 1, batch)
        small, glyph, large = (torch.from_numpy(part) for part in now.result())
        with torch.autocast("cpu", torch.bfloat16):
            made = refiner(small, glyph)
        # Charbonnier: absolute error, smooth at 0; a square would blur the edges (arXiv 1710.01992).
        return (made.float() - large).square().add(1e-4).sqrt().mean()

    return learn


def _batch(step: int, count: int) -> tuple[Floats, Floats, Floats]:
    rows = list(islice(_crops(f"{SEED}/{step}"), count))
    small, glyph, large = (np.stack(column) for column in zip(*rows, strict=True))
    return small, glyph, large


def _crops(seed: str) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Small picture, glyph and doubled picture of one lesson after the other."""
    number = 0
    while True:
        dice = random.Random(f"refine {seed}/{number}")
        poster, side = invent(f"{seed}/{number}"), dice.choice(SIDES)
        yield from _of(poster, side, dice)
        number += 1


def _of(poster: Poster, side: int, dice: random.Random) -> Iterator[tuple[Floats, Floats, Floats]]:
    large = poster.draw(side, side)
    across = None if dice.random() < IN_FULL else dice.randint(*GLANCES)
    glyph = poster.glyph(side, side, across=across)
    small = Image.fromarray(large).resize((side // 2, side // 2), Image.Resampling.BOX)
    small = small.filter(ImageFilter.GaussianBlur(dice.choice((0, 0, 0.4, 0.7))))
    spoiled = np.asarray(small, np.float32) / 127.5 - 1
    grain = np.random.Generator(np.random.Philox(dice.getrandbits(32)))
    spoiled = spoiled + grain.standard_normal(spoiled.shape, np.float32) * np.float32(dice.uniform(0, 0.05))
    for _ in range(CROPS):
        top, left = (2 * dice.randint(0, (side - CROP) // 2) for _ in range(2))
        if poster.headline is not None and dice.random() < 0.6:
            x0, y0, x1, y1 = (int(edge * side) for edge in poster.headline.ink)
            left = _even(dice.randint(x0 - CROP // 2, max(x0, x1 - CROP // 2)), side)
            top = _even(dice.randint(y0 - CROP // 2, max(y0, y1 - CROP // 2)), side)
        half = CROP // 2
        part = spoiled[top // 2 : top // 2 + half, left // 2 : left // 2 + half]
        whole = large[top : top + CROP, left : left + CROP].astype(np.float32) / 127.5 - 1
        shown = glyph[None, top : top + CROP, left : left + CROP]
        yield part.transpose(2, 0, 1).copy(), shown.copy(), whole.transpose(2, 0, 1).copy()


def _even(place: int, side: int) -> int:
    return max(0, min(side - CROP, place)) // 2 * 2
