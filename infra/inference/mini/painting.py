"""Training the painter: the network that makes the picture, 64 pixels square or as many in another shape.

Hides how a step's examples become tensors, drawn one step ahead while the network learns. See training.train.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import torch
from torch import Tensor

from . import examples, flow
from .network import Painter

SEED: Final = "mini-1"
BATCH: Final = 64
LOOKS: Final = 2
"""At each picture of a batch, with other noise: drawing costs a fifth as much as learning."""


def lessons(painter: Painter, *, batch: int = BATCH, fast: bool = False) -> Callable[[int], Tensor]:
    """Step -> its loss. `fast` compiles the network first, which takes half a minute for each size of picture."""
    forward = torch.compile(painter, dynamic=False) if fast else painter
    ahead = ThreadPoolExecutor(1)
    drawn: dict[int, Future[examples.Batch]] = {}

    def learn(step: int) -> Tensor:
        now = drawn.pop(step, None) or ahead.submit(examples.batch, SEED, step, batch // LOOKS)
        drawn[step + 1] = ahead.submit(examples.batch, SEED, step + 1, batch // LOOKS)
        clean, condition, codes, weights = _looked_at(now.result())
        dice = torch.Generator().manual_seed(step)
        noise, level = torch.randn(clean.shape, generator=dice), flow.levels(batch, dice)
        with torch.autocast("cpu", torch.bfloat16):
            predicted = forward(flow.noised(clean, noise, level), condition, level, codes)
        return flow.loss(predicted, clean, level, weights)

    return learn


def _looked_at(lesson: examples.Batch) -> Iterator[Tensor]:
    parts = (lesson.pictures, lesson.conditions, lesson.codes, lesson.weights)
    return (torch.from_numpy(part).repeat(LOOKS, *[1] * (part.ndim - 1)) for part in parts)
