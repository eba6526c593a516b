"""Training the painter: the network that makes the picture, 64 pixels square or as many in another shape; then on
pictures twice as wide and high, which it composes as it learned to and draws more finely.

Hides how a step's examples become tensors, drawn one step ahead while the network learns. See training.train.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from . import examples, flow
from .network import Painter

FULL: Final = 0.4
"""Share of lessons from nothing but noise, once composing is over."""


@dataclass(frozen=True)
class Course:
    """What is painted: pictures `times` as wide and high as examples.SIZES, `batch` of them at a step.

    The first `composing` steps have whole examples and nothing but noise to start from: choices alone help, and say
    all.
    """

    seed: str
    batch: int
    times: int = 1
    composing: int = 0


SMALL: Final = Course("mini-1", batch=64, composing=1_500)
LARGE: Final = Course("mini-large-1", batch=24, times=2)


def lessons(painter: Painter, course: Course, *, fast: bool = False) -> Callable[[int], Tensor]:
    """Step -> its loss. `fast` compiles the network first, which takes half a minute for each size of picture."""
    forward = torch.compile(painter, dynamic=False) if fast else painter
    ahead = ThreadPoolExecutor(1)
    drawn: dict[int, Future[examples.Batch]] = {}

    def draw(step: int) -> Future[examples.Batch]:
        whole = step < course.composing
        return ahead.submit(examples.batch, course.seed, step, course.batch, times=course.times, whole=whole)

    def learn(step: int) -> Tensor:
        now = drawn.pop(step, None) or draw(step)
        drawn[step + 1] = draw(step + 1)
        clean, condition, codes, frames, weights = map(torch.from_numpy, vars(now.result()).values())
        dice = torch.Generator().manual_seed(step)
        noise = torch.randn(clean.shape, generator=dice)
        level = flow.levels(len(clean), dice, full=1.0 if step < course.composing else FULL)
        with torch.autocast("cpu", torch.bfloat16):
            predicted = forward(flow.noised(clean, noise, level), condition, level, codes, frames)
        return flow.loss(predicted, clean, level, weights)

    return learn
