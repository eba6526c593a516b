"""The judge: a small classifier that says what a picture shows, choice by choice; used by the evaluation alone.

Hides its network, and how what it learns from is spoiled. It learns from posters drawn for it (other seeds than the
painter's), never from painted ones, made as soft and unsteady as a hand might: it is to say what is shown, not how
neatly. It is itself measured on drawn ones first: what it misses there, it cannot grant a painter.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from infra.inference.container.mini.vocabulary import SLOTS

from .corpus.posters import Poster, invent
from .network import Conv

SEED: Final = "mini-judge-1"
BATCH: Final = 64
SIDE: Final = 64
SOFT: Final = 1.5
"""Blur of a lesson at most, standard deviation in pixels as the judge sees them."""
UNSTEADY: Final = 0.03
"""What a lesson's pixels are out of place by at most, standard deviation in halves of the picture."""
WAVES: Final = 12
"""Places across, between which they are out of place smoothly."""
GRAIN: Final = 0.1
"""Standard deviation of a lesson's noise at most, white to black being 2."""
JUDGED: Final = ("ground", "first", "second", "subject", "subject_colour", "place")


class Judge(nn.Module):
    """Pictures (batch, 3, SIDE, SIDE) in -1..1 -> scores of every word of each slot."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        widths = (width, 2 * width, 4 * width, 6 * width)
        layers: list[nn.Module] = [Conv(3, width), nn.SiLU()]
        for into, out in itertools.pairwise(widths):
            layers += [Conv(into, out), nn.BatchNorm2d(out), nn.SiLU(), nn.MaxPool2d(2)]
        layers += [Conv(widths[-1], widths[-1]), nn.BatchNorm2d(widths[-1]), nn.SiLU()]
        self.look = nn.Sequential(*layers)
        # Where something is matters: the last maps are not averaged away.
        self.sum = nn.Sequential(nn.Flatten(), nn.Linear(widths[-1] * (SIDE // 8) ** 2, 256), nn.SiLU())
        self.say = nn.ModuleDict({slot: nn.Linear(256, len(SLOTS[slot])) for slot in JUDGED})

    def forward(self, pictures: Tensor) -> dict[str, Tensor]:
        seen = self.sum(self.look(pictures))
        return {slot: layer(seen) for slot, layer in self.say.items()}

    def verdict(self, picture: NDArray[np.uint8]) -> Mapping[str, str]:
        """What is seen in each slot of a picture, RGB (height, width, 3)."""
        with torch.inference_mode():
            said = self(seen(picture)[None])
        return {slot: SLOTS[slot][int(scores[0].argmax())] for slot, scores in said.items()}


def seen(picture: NDArray[np.uint8]) -> Tensor:
    """A picture as the judge sees it."""
    small = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BOX)
    return torch.from_numpy(np.asarray(small, np.float32).transpose(2, 0, 1) / 127.5 - 1)


def lessons(judge: Judge, *, batch: int = BATCH) -> Callable[[int], Tensor]:
    """Step -> its loss."""

    def learn(step: int) -> Tensor:
        posters = [invent(f"{SEED}/{step}/{place}") for place in range(batch)]
        pictures = torch.stack([seen(poster.draw(2 * SIDE, 2 * SIDE)) for poster in posters])
        said = judge.train()(spoiled(pictures, torch.Generator().manual_seed(step)))
        return torch.stack([functional.cross_entropy(said[slot], _right(posters, slot)) for slot in JUDGED]).sum()

    return learn


def spoiled(pictures: Tensor, dice: torch.Generator) -> Tensor:
    """Pictures (batch, 3, SIDE, SIDE) out of place, out of focus and grainy: each as much as falls to it."""
    count = len(pictures)
    amount = torch.rand(3, count, 1, 1, 1, generator=dice)
    waves = torch.randn(count, 2, WAVES, WAVES, generator=dice) * amount[0] * UNSTEADY
    moved = functional.interpolate(waves, (SIDE, SIDE), mode="bicubic").permute(0, 2, 3, 1)
    still = functional.affine_grid(torch.eye(2, 3).expand(count, 2, 3), [*pictures.shape], align_corners=False)
    pictures = functional.grid_sample(pictures, still + moved, padding_mode="border", align_corners=False)
    # A bell of each picture's own width, along the rows and then the columns.
    reach = torch.arange(-4, 5, dtype=torch.float32)
    bell = torch.softmax(-0.5 * (reach / (amount[1].view(count, 1) * SOFT + 0.05)).square(), 1)
    rows = functional.pad(pictures, (4, 4, 4, 4), mode="reflect").transpose(0, 1)
    across = functional.conv2d(rows, bell.view(count, 1, 1, 9), groups=count)
    both = functional.conv2d(across, bell.view(count, 1, 9, 1), groups=count).transpose(0, 1)
    return both + torch.randn(both.shape, generator=dice) * amount[2] * GRAIN


def _right(posters: list[Poster], slot: str) -> Tensor:
    """The numbers of the words; -100, which the loss passes over, where the picture cannot show the choice."""
    return torch.tensor([SLOTS[slot].index(p.choices[slot]) if slot in p.visible else -100 for p in posters])
