"""Distillation: a student that paints in four steps, without guidance, what the painter paints in many with it.

Hides how a student's step is taught: from where the painter or the student itself has got to, two guided steps of the
painter are one of the student's (progressive distillation, arXiv 2202.00512, on the student's own path).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from infra.inference.container.mini.sampling import levels

from . import examples, flow
from .network import Painter

SEED: Final = "mini-student-1"
BATCH: Final = 16
STEPS: Final = 4
SUBSTEPS: Final = 2
GUIDANCE: Final = 2.0
OWN_PATH: Final = 0.6
"""Lessons that start where the student's own steps lead; the others start from a noised poster."""

Told = tuple[Tensor, Tensor]
"""Codes and frames."""


def lessons(student: Painter, painter: Painter, *, batch: int = BATCH) -> Callable[[int], Tensor]:
    """Step -> its loss. The painter only answers."""
    ladder = levels(STEPS, 1.0)

    def learn(step: int) -> Tensor:
        lesson = examples.batch(SEED, step, batch)
        dice, coin = torch.Generator().manual_seed(step), random.Random(f"{SEED} {step}")
        clean, condition = torch.from_numpy(lesson.pictures), torch.from_numpy(lesson.conditions)
        told = (torch.from_numpy(lesson.codes), torch.from_numpy(lesson.frames))
        noise = torch.randn(clean.shape, generator=dice)
        rung = coin.randrange(STEPS)
        high, low = ladder[rung], ladder[rung + 1]
        with torch.no_grad():
            start = flow.noised(clean, noise, _full(high, batch))
            if coin.random() < OWN_PATH:
                start = noise
                for above, below in itertools.pairwise(ladder[: rung + 1]):
                    start = _stepped(start, _asked(student, start, condition, above, told), above, below)
            goal = start
            marks = [high + (low - high) * part / SUBSTEPS for part in range(SUBSTEPS + 1)]
            for above, below in itertools.pairwise(marks):
                goal = _stepped(goal, _guided(painter, goal, condition, above, told), above, below)
            velocity = (start - goal) / (high - low)
        made = _asked(student, start, condition, high, told)
        return ((start - made) / high - velocity).square().mean()

    return learn


def _full(level: float, count: int) -> Tensor:
    return torch.full((count,), level)


def _stepped(picture: Tensor, clean: Tensor, level: float, lower: float) -> Tensor:
    return clean + (lower / level) * (picture - clean)


def _asked(network: Painter, picture: Tensor, condition: Tensor, level: float, told: Told) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        answer: Tensor = network(picture, condition, _full(level, len(picture)), *told)
    return answer.float()


def _guided(painter: Painter, picture: Tensor, condition: Tensor, level: float, told: Told) -> Tensor:
    nothing = (torch.zeros_like(told[0]), torch.zeros_like(told[1]))
    wanted, other = (_asked(painter, picture, condition, level, choices) for choices in (told, nothing))
    return other + GUIDANCE * (wanted - other)
