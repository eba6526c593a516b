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
BATCH: Final = 64
COMPOSING: Final = 1_500
"""Steps at the beginning with whole examples and nothing but noise to start from: choices alone help, and say all."""
FULL: Final = 0.4
"""Share of lessons from nothing but noise afterwards."""


def lessons(painter: Painter, *, batch: int = BATCH, fast: bool = False) -> Callable[[int], Tensor]:
    """Step -> its loss. `fast` compiles the network first, which takes half a minute for each size of picture."""
    forward = torch.compile(painter, dynamic=False) if fast else painter
    ahead = ThreadPoolExecutor(1)
    drawn: dict[int, Future[examples.Batch]] = {}

    def draw(step: int) -> Future[examples.Batch]:
        return ahead.submit(examples.batch, SEED, step, batch, whole=step < COMPOSING)

    def learn(step: int) -> Tensor:
        now = drawn.pop(step, None) or draw(step)
        drawn[step + 1] = draw(step + 1)
        clean, condition, codes, frames, weights = map(torch.from_numpy, vars(now.result()).values())
        dice = torch.Generator().manual_seed(step)
        noise = torch.randn(clean.shape, generator=dice)
        level = flow.levels(batch, dice, full=1.0 if step < COMPOSING else FULL)
        with torch.autocast("cpu", torch.bfloat16):
            predicted = forward(flow.noised(clean, noise, level), condition, level, codes, frames)
        return flow.loss(predicted, clean, level, weights)

    return learn
