"""Training the painter: the network that makes the picture, 64 pixels square or as many in another shape.

Hides how a step's examples become tensors, drawn one step ahead while the network learns. See training.train.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import torch
from torch import Tensor

from . import examples, flow
from .network import Painter

SEED: Final = "mini-1"
BATCH: Final = 32


def lessons(painter: Painter, *, batch: int = BATCH, fast: bool = False) -> Callable[[int], Tensor]:
    """Step -> its loss. `fast` compiles the network first, which takes half a minute for each size of picture."""
    forward = torch.compile(painter, dynamic=False) if fast else painter
    ahead = ThreadPoolExecutor(1)
    drawn: dict[int, Future[examples.Batch]] = {}

    def learn(step: int) -> Tensor:
        now = drawn.pop(step, None) or ahead.submit(examples.batch, SEED, step, batch)
        drawn[step + 1] = ahead.submit(examples.batch, SEED, step + 1, batch)
        lesson = now.result()
        dice = torch.Generator().manual_seed(step)
        clean, condition = torch.from_numpy(lesson.pictures), torch.from_numpy(lesson.conditions)
        noise, level = torch.randn(clean.shape, generator=dice), flow.levels(batch, dice)
        with torch.autocast("cpu", torch.bfloat16):
            predicted = forward(flow.noised(clean, noise, level), condition, level, torch.from_numpy(lesson.codes))
        return flow.loss(predicted, clean, level, torch.from_numpy(lesson.weights))

    return learn
